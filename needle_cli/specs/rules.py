"""What a readable spec still lacks: the rules of `needle check specs`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from needle_cli.checking.claims import SpecFunctionFailed, dotted
from needle_cli.checking.kinks.registry import kink_of
from needle_cli.problems import nearest
from needle_cli.specs.errors import SpecError, SpecIssue, shown
from needle_cli.specs.load import Spec
from needle_cli.specs.probing import probe_reference
from needle_cli.specs.reasons import explains
from needle_cli.specs.signature import classes_of

RULES = {
    "no-spec": "every operator has a spec",
    "no-operator": "every spec names an operator that exists",
    "class": "the Op class of a spec exists",
    "formula": "a spec states the forward value and the gradient",
    "source": "a spec says where its formula comes from",
    "reason": "a reason says why, in words",
    "convention": "a kink says what the gradient is there",
    "unwritten": "no TODO is left",
    "hooks": "a function that three specs use becomes a named strategy",
    "reference": "the reference takes the spec's arguments and gives finite numbers",
    "thin": "a domain is wide enough to tell a wrong gradient from a right one",
    "narrow": "a domain narrower than what the reference accepts says why",
}
"""The rules by name, in the order of their findings."""

HOOK_LIMIT = 3


def lint(
    specs: Sequence[Spec], catalogue: Collection[str] | None = None, *, probe: bool = True
) -> list[SpecIssue]:
    """Return the findings about specs that could be read.

    `catalogue` has the name of every operator, `family/function`; without it missing specs and
    operators are not reported. `probe=False` leaves out the rules that need arrays.
    """
    issues: list[SpecIssue] = []
    if catalogue is not None:
        issues += _missing(specs, catalogue)
    for spec in specs:
        issues += [*_words(spec), *_reasons(spec), *_conventions(spec), *_class(spec)]
        if probe:
            issues += [_issue(spec, *finding) for finding in probe_reference(spec.claims)]
    issues += _hooks(specs)
    order = list(RULES)
    return sorted(issues, key=lambda issue: (order.index(issue.rule), issue.name, issue.line or 0))


def _issue(spec: Spec, key: str, rule: str, message: str) -> SpecIssue:
    return SpecIssue(spec.name, spec.path, spec.line_of(key), rule, message)


def _missing(specs: Sequence[Spec], catalogue: Collection[str]) -> list[SpecIssue]:
    """Rule 1: operators without spec, specs without operator."""
    names = {spec.name for spec in specs}
    issues = [
        SpecIssue(
            name,
            None,
            None,
            "no-spec",
            f"the operator has no spec; start one: needle new op {name} --spec-only",
        )
        for name in sorted(set(catalogue) - names)
    ]
    for spec in specs:
        if spec.name not in catalogue:
            near = nearest(spec.name, set(catalogue) - names) or nearest(spec.name, catalogue)
            hint = f"; did you mean {near!r}?" if near else ""
            issues.append(
                _issue(spec, "op", "no-operator", f"there is no operator {spec.name}{hint}")
            )
    return issues


def _class(spec: Spec) -> list[SpecIssue]:
    """Rule 1 again: operators of foreign engines are found by their class."""
    module, family = spec.claims.op.partition(":")[0], spec.name.partition("/")[0]
    classes = classes_of(module, family)
    name = spec.claims.class_name
    if classes is None or not name or name in classes:
        return []
    near = nearest(name, classes)
    hint = f"; did you mean {near!r}?" if near else ""
    return [_issue(spec, "class", "class", f"{family} has no class {shown(name)}{hint}")]


def _words(spec: Spec) -> list[SpecIssue]:
    """Formula and source, with which a reviewer compares the gradient."""
    issues = []
    if "=" not in spec.claims.formula:
        text = 'no formula: formula = "y = ln a; da = dy / a"'
        issues.append(_issue(spec, "formula", "formula", text))
    if not spec.claims.source:
        issues.append(
            _issue(spec, "source", "source", "no source: where does the formula come from?")
        )
    return issues


def _reasons(spec: Spec) -> list[SpecIssue]:
    """Rule 3: a reason is more than a name."""
    claims = spec.claims
    names = {claims.function, *spec.name.split("/"), *claims.args, *CHECK_WORDS}
    reasons = [(f"tolerance[{i}].reason", t.reason) for i, t in enumerate(claims.tolerances)]
    reasons += [(f"immune[{i}].reason", entry.reason) for i, entry in enumerate(claims.immune)]
    reasons += [(f"kink[{i}].reason", k.reason) for i, k in enumerate(claims.kinks) if k.reason]
    reasons += [(f"input.{n}.why", claim.why) for n, claim in claims.inputs.items() if claim.why]
    reasons += [(f"dims.{n}.why", dim.why) for n, dim in claims.dims.items() if dim.why]
    return [
        _issue(spec, key, "reason", f"`{key}` is {shown(text)}, which explains nothing")
        for key, text in reasons
        if not explains(text, names)
    ]


def _conventions(spec: Spec) -> list[SpecIssue]:
    """Without a convention any value between the slopes passes, and may change unnoticed."""
    return [
        _issue(
            spec,
            f"kink[{i}].kind",
            "convention",
            f"the kink of {' and '.join(kink.of)} has no convention: what is the gradient there? "
            f"A number, or one of {', '.join(kink_of(kink).words)}; or a `reason` why it is open",
        )
        for i, kink in enumerate(spec.claims.kinks)
        if kink.convention is None and not kink.reason
    ]


CHECK_WORDS = frozenset(
    ("gradient", "forward", "contract", "linearity", "purity", "exact", "kink", "precision",
     "float16", "float32", "float64", "cpu", "cuda", "gpu", "second", "order")
)  # fmt: skip


def hooks_of(spec: Spec) -> list[tuple[str, str]]:
    """Return key and dotted name of the functions that a spec uses besides its reference."""
    claims = spec.claims
    found: list[tuple[str, Any]] = [
        (f"input.{n}.domain", claim.domain.hook) for n, claim in claims.inputs.items()
    ]
    found += [(f"param.{n}", claim.hook) for n, claim in claims.params.items()]
    for i, lane in enumerate(claims.lanes):
        found += [(f"lane[{i}].override.{n}", c.domain.hook) for n, c in lane.override.items()]
        found += [(f"lane[{i}].override.{n}", c.hook) for n, c in lane.params.items()]
    return [(key, dotted(hook)) for key, hook in found if hook is not None]


def function_error(spec: Spec, failed: SpecFunctionFailed) -> SpecError:
    """Return the error about a function of a spec, at the line that names it."""
    key = next((key for key, name in hooks_of(spec) if name == failed.name), "reference")
    what = "the reference" if key == "reference" else f"`{key}`: the function {failed.name}"
    return SpecError(spec.path, spec.line_of(key), f"{what} {failed}")


def _hooks(specs: Sequence[Spec]) -> list[SpecIssue]:
    """The rule for hooks: with the third use, a hook has to become a named strategy."""
    users: dict[str, list[tuple[Spec, str]]] = defaultdict(list)
    for spec in specs:
        for key, name in hooks_of(spec):
            users[name].append((spec, key))
    issues = []
    for name, uses in users.items():
        if len({spec.name for spec, _ in uses}) >= HOOK_LIMIT:
            spec, key = uses[-1]
            others = ", ".join(sorted({other.name for other, _ in uses if other is not spec}))
            text = f"{name} is used by {others} too: give it a name in the vocabulary"
            issues.append(_issue(spec, key, "hooks", text))
    return issues
