"""Where a change asks for less: compares two states of specs, known failures and settings.

A gradient can be made to pass by a fix or by asking for less. Specs are compared as data, so that
wording, order and layout do not count. If one domain, dimension or parameter is not known to
contain another, the change is listed, and a reader decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from needle_cli.settings import BY_NAME, OUTPUT, SETTINGS

Spec = Mapping[str, Any]

PLAIN = ("op", "class", "reference", "args", "structure", "rename")
"""Keys for which every change is listed, except a first value."""

WORDS = ("formula", "source")
"""Keys of a spec that people read and no check asks."""

REASONS = ("why", "reason")
"""Those of its parts."""

HANDLED = frozenset(
    (*PLAIN, *WORDS, "elementwise", "order", "tags", "facts", "input", "param", "dims", "require",
     "kink", "lane", "error", "example", "tolerance", "nondeterministic", "immune")
)  # fmt: skip
"""Keys for which it is known which change asks for less; of any other, every change is listed."""

GROWING = ("select", "device", "dtype", "ops")
"""Settings that ask for more if they have more words."""

SMALLEST, LARGEST = 1, math.inf
"""Bounds of a dimension if a spec states none."""

HARMLESS = {"jobs", "earlier", *(setting.name for setting in SETTINGS if setting.group == OUTPUT)}
"""Settings that change how a run looks, not what it finds."""


@dataclass(frozen=True)
class Weakening:
    """One place where less is asked; `key` is its key in the spec or in pyproject.toml.

    `op` is empty for what affects all operators. `refused` means that no reason excuses it. `path`
    is the file, if that is neither the operator's spec nor pyproject.toml.
    """

    op: str
    key: str
    text: str
    refused: bool = False
    path: str = ""


def of_specs(before: Mapping[str, Spec], after: Mapping[str, Spec]) -> list[Weakening]:
    """Return where the specs of a change ask for less, operator by operator."""
    found: list[Weakening] = []
    for op, old in before.items():
        new = after.get(op)
        if new is None:
            found.append(Weakening(op, "", "the spec is gone"))
        elif new != old:
            try:
                found += [Weakening(op, key, text) for key, text in of_spec(old, new)]
            except (AttributeError, KeyError, TypeError, ValueError):
                found.append(Weakening(op, "", "the spec cannot be compared with what it was"))
    return found


def of_spec(old: Spec, new: Spec) -> Iterator[tuple[str, str]]:
    """Yield key and text for everything where a spec asks for less than before."""
    for key in PLAIN:
        if old.get(key) != new.get(key) and key in old:
            yield key, _changed(key, old.get(key), new.get(key))
    for key in sorted({*old, *new} - HANDLED):
        if old.get(key) != new.get(key):
            yield key, _changed(key, old.get(key), new.get(key))
    lost_tags = set(_listed(old.get("tags", ()))) - set(_listed(new.get("tags", ())))
    if lost_tags:
        yield "tags", f"--tag no longer selects it: without {', '.join(sorted(lost_tags))}"
    if old.get("elementwise") and not new.get("elementwise"):
        yield "elementwise", "elementwise is no longer claimed"
    if new.get("order", 2) < old.get("order", 2):
        yield "order", _changed("order", old.get("order"), new.get("order"))
    for fact, names in _mapping(old, "facts").items():
        lost = set(_listed(names)) - set(_listed(_mapping(new, "facts").get(fact, ())))
        if lost:
            yield f"facts.{fact}", f"{fact} is no longer claimed of {', '.join(sorted(lost))}"
    yield from _named(old, new, "input", _of_input)
    yield from _named(old, new, "param", _of_param)
    yield from _of_dims(old, new)
    for place, text in _added(old, new, "require"):
        yield place, f"cases are left out: require {text!r}"
    yield from _of_entries(old, new)


def _of_entries(old: Spec, new: Spec) -> Iterator[tuple[str, str]]:
    """Yield key and text for entries of arrays of tables that changed in the operator's favour."""
    for place, kink in _added(old, new, "kink"):
        like = [k for k in old.get("kink", ()) if _place(k) == _place(kink)]
        if like:
            yield place, f"the kink {_place(kink)} is declared differently: {_short(kink)}"
        else:
            yield place, f"one more kink is declared: {_short(kink)}"
    for _, lane in _added(new, old, "lane"):
        yield "lane", f"the lane {lane.get('name')!r} is gone or has changed"
    for _, case in _added(new, old, "error"):
        yield "error", f"an error case is gone: {case.get('why', _short(case))}"
    for _, example in _added(new, old, "example"):
        yield "example", f"a recorded case is gone: {example.get('why', 'once a failure')}"
    for place, entry in _added(old, new, "tolerance"):
        where = {k: v for k, v in entry.items() if k in ("dtype", "device", "check")}
        was = max([1.0, *(e["factor"] for e in old.get("tolerance", ()) if _covers(e, where))])
        if entry.get("factor", 1.0) > was:
            on = f" for {', '.join(where.values())}" if where else ""
            reason = entry.get("reason", "")
            yield f"{place}.factor", f"factor {was:g} → {entry['factor']:g}{on}: {reason!r}"
    for place, entry in _added(old, new, "nondeterministic"):
        yield place, f"equal calls may differ: {entry.get('reason')!r}"
    for place, entry in _added(old, new, "immune"):
        yield place, f"the fault {entry.get('fault')} is left out: {entry.get('reason')!r}"


def _of_input(name: str, old: Any, new: Any) -> Iterator[tuple[str, str]]:
    one, other = (x if isinstance(x, Mapping) else {"shape": x} for x in (old, new))
    key = f"input.{name}"
    for field in ("shape", "dtype", "list", "tuple"):
        if one.get(field) != other.get(field):
            yield f"{key}.{field}", _changed(f"{field} of {name}", one.get(field), other.get(field))
    if narrower(one.get("domain", "real"), other.get("domain", "real")):
        text = _changed(f"domain of {name}", one.get("domain", "real"), other.get("domain", "real"))
        yield f"{key}.domain", text
    if "values" in other and other["values"] != one.get("values"):
        yield f"{key}.values", f"{name} takes only the values {other['values']}"
    if "spread" in other and other["spread"] != one.get("spread"):
        yield (
            f"{key}.spread",
            f"rows of {name} are kept from being alike: {_short(other['spread'])}",
        )
    if one.get("differentiable", True) and not other.get("differentiable", True):
        yield f"{key}.differentiable", f"the gradient of {name} is no longer asked for"


def _of_param(name: str, old: Any, new: Any) -> Iterator[tuple[str, str]]:
    one, other = (x if isinstance(x, Mapping) else {"kind": x} for x in (old, new))
    for field in sorted({*one, *other}):
        was, now = one.get(field), other.get(field)
        if was == now or _wider(field, was, now):
            continue
        yield f"param.{name}.{field}", _changed(f"{field} of {name}", was, now)


def _wider(field: str, was: Any, now: Any) -> bool:
    """Whether a parameter's field is known to allow everything that it allowed before."""
    if field == "min":
        return now is None or (was is not None and now <= was)
    if field == "max":
        return now is None or (was is not None and now >= was)
    if field == "values" and isinstance(was, list) and isinstance(now, list):
        return all(value in now for value in was)
    return field == "why"


def _of_dims(old: Spec, new: Spec) -> Iterator[tuple[str, str]]:
    before, after = _mapping(old, "dims"), _mapping(new, "dims")
    for name in {**before, **after}:
        one, other = before.get(name, {}), after.get(name, {})
        low, was_low = other.get("min", SMALLEST), one.get("min", SMALLEST)
        high, was_high = other.get("max", LARGEST), one.get("max", LARGEST)
        if low > was_low or high < was_high:
            text = f"{name} {_span(was_low, was_high)} → {_span(low, high)}"
            yield f"dims.{name}", f"dimension {text}"


def _span(low: int, high: float) -> str:
    return f"from {low} to {high}" if high < LARGEST else f"from {low} on"


def _named(old: Spec, new: Spec, key: str, of_one: Any) -> Iterator[tuple[str, str]]:
    before, after = _mapping(old, key), _mapping(new, key)
    for name, was in before.items():
        if name not in after:
            yield key, f"{name} is gone"
        elif after[name] != was:
            yield from of_one(name, was, after[name])


def narrower(old: Any, new: Any) -> bool:
    """Whether a domain may leave out values that another contains."""
    if old == new:
        return False
    # Imported only here: domains need NumPy, which the tool's own process does not load.
    from needle_cli.checking.domains.registry import domain_as_written

    one, other = domain_as_written(old), domain_as_written(new)
    return one is None or other is None or not other.includes(one)


def of_known(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], new_ops: Sequence[str]
) -> list[Weakening]:
    """Return the known failures that were added or extended; a new operator may have none."""
    found = []
    for entry in after:
        if entry in before:
            continue
        op, check, issue = (str(entry.get(key, "")) for key in ("op", "check", "issue"))
        old = next((e for e in before if _pinned(e) == _pinned(entry)), None)
        if op in new_ops:
            text = f"a known failure of {check} for a new operator, which has to be right"
            found.append(Weakening(op, "known", text, refused=True))
        elif old is not None:
            if str(entry.get("until")) > str(old.get("until")):
                text = f"the known failure of {check} lasts longer, until {entry.get('until')}"
                found.append(Weakening(op, "known", text))
        else:
            found.append(Weakening(op, "known", f"one more known failure: {check}, {issue}"))
    return found


def _pinned(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an entry that decides what it masks, without issue, reason and date."""
    return {k: v for k, v in entry.items() if k not in ("until", "issue", "reason")}


def of_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Weakening]:
    """Return the changed settings of `[tool.needle]` that affect what a run finds."""
    one, other = _flat(before), _flat(after)
    found = []
    for key in {**one, **other}:
        name = key.rpartition(".")[2]
        usual = BY_NAME[key].default if key in BY_NAME else None
        usual = list(usual) if isinstance(usual, tuple) else usual
        was, now = one.get(key, usual), other.get(key, usual)
        if was == now or name in HARMLESS:
            continue
        if name in GROWING and was and set(_listed(was)) <= set(_listed(now or ())):
            continue
        if name == "select" and not now:
            continue  # without it every check is asked
        counts = isinstance(was, int) and isinstance(now, int) and key.endswith("max-examples")
        if counts and int(now or 0) > int(was or 0):
            continue
        found.append(
            Weakening("", f"tool.needle.{key}", _changed(f"[tool.needle] {key}", was, now))
        )
    return found


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _added(old: Spec, new: Spec, key: str) -> list[tuple[str, Any]]:
    """Return the entries of a list that the old spec does not have, each after its key.

    What only a reader sees may differ.
    """
    known = [_without(entry) for entry in old.get(key, ())]
    return [
        (f"{key}[{i}]", entry)
        for i, entry in enumerate(new.get(key, ()))
        if _without(entry) not in known
    ]


def without_words(spec: Spec) -> dict[str, Any]:
    """Return a spec without what only people read."""
    found: dict[str, Any] = {}
    for key, value in spec.items():
        if isinstance(value, list):
            found[key] = [_without(entry) for entry in value]
        elif key in ("input", "dims") and isinstance(value, Mapping):
            found[key] = {name: _without(claim) for name, claim in value.items()}
        elif key not in WORDS:
            found[key] = value
    return found


def _without(entry: Any) -> Any:
    """Return an entry of a spec without its reason."""
    if not isinstance(entry, Mapping):
        return entry
    return {k: v for k, v in entry.items() if k not in REASONS}


def of_new_spec(spec: Spec) -> list[tuple[str, str]]:
    """Return key and text for everything that a new spec asks less than one that states nothing.

    That is: any real numbers, every dimension from 1 on, bounds as computed, no kink.
    """
    usual = {key: spec[key] for key in spec if key not in LOOSENING}
    inputs = {name: claim if isinstance(claim, Mapping) else {"shape": claim}
              for name, claim in _mapping(spec, "input").items()}  # fmt: skip
    usual["input"] = {
        name: {k: v for k, v in claim.items() if k not in NARROWING or _needs_no_word(claim)}
        for name, claim in inputs.items()
    }
    try:
        return list(of_spec(usual, spec))
    except (AttributeError, KeyError, TypeError, ValueError):
        return []  # the spec is refused when it is read


LOOSENING = frozenset(
    ("order", "dims", "require", "kink", "tolerance", "nondeterministic", "immune")
)
"""Keys by which a spec asks for less than without them."""

NARROWING = frozenset(("domain", "values", "spread", "differentiable"))
"""Keys of an input by which its gradient is asked at fewer values."""


def _needs_no_word(claim: Mapping[str, Any]) -> bool:
    """Whether an input holds positions or truth values, which have no gradient."""
    domain = claim.get("domain")
    name = domain.get("name") if isinstance(domain, Mapping) else domain
    return name in ("bool", "index") or claim.get("dtype", "float") != "float"


def _covers(entry: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    return all(entry.get(k) in (None, where.get(k)) for k in ("dtype", "device", "check"))


def _place(kink: Mapping[str, Any]) -> str:
    of = kink.get("of")
    return f"{kink.get('kind')} of {of if isinstance(of, str) else ', '.join(of or ())}"


def _mapping(spec: Spec, key: str) -> Mapping[str, Any]:
    value = spec.get(key, {})
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _changed(what: str, was: Any, now: Any) -> str:
    return f"{what}: {_short(was)} → {_short(now)}"


def _short(value: Any) -> str:
    if value is None:
        return "not stated"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} = {_short(v)}" for k, v in value.items())
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return str(value)
