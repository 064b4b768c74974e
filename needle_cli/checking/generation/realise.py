"""Turn a structure into a case: draw its numbers from its seed, inside the domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from needle_cli.checking.claims import Claims, InputClaim
from needle_cli.checking.domains.base import DomainKind, Generator, rms, some_of
from needle_cli.checking.domains.numbers import BESIDE
from needle_cli.checking.domains.registry import domain_of, drawn_from, family
from needle_cli.checking.generation.exact import is_exact_case, largest_integer
from needle_cli.checking.generation.layouts import arrange, repeatable_axis
from needle_cli.checking.kinks.base import Draw, KinkKind
from needle_cli.checking.kinks.registry import clear_of_kinks, kink_of, put_on_kinks
from needle_cli.checking.model import Array, Case, GeneratorError, InputValue, Structure
from needle_cli.checking.parameters.registry import kind_of
from needle_cli.checking.shapes import Shape

SPECIALS = ("zeros", "units", "ties", "edges", "parameters")
UNITS = (1.0, -1.0)


Drawn = dict[str, list[Array]]
"""The arrays of every input; one unless the input is a list."""


@dataclass(frozen=True)
class _Plan:
    """One realisation: claims and structure, the dtype and the kind of values."""

    claims: Claims
    inputs: Mapping[str, InputClaim]
    structure: Structure
    dtype: np.dtype[Any]
    kind: str

    def members(self, name: str) -> tuple[Shape, ...]:
        """Return the shapes of an input's members; one unless it is a list or tuple."""
        shape: Any = self.structure.shapes[name]
        return shape if self.inputs[name].members is not None else (shape,)

    def layout(self, name: str) -> str:
        """Return the memory layout of an input."""
        return self.structure.layouts.get(name, "C")


def realise(
    claims: Claims,
    structure: Structure,
    dtype: npt.DTypeLike = np.float64,
    kind: str | None = None,
) -> Case:
    """Return the case of a structure: arrays drawn from its seed, inside every domain.

    Args:
        claims: what the operator claims.
        structure: shapes, parameters, layouts, special values, scale and seed.
        dtype: of the floating inputs; values are drawn in float64 and rounded.
        kind: "generic", "integer", "extreme" or "kink" (on declared kinks and right beside them);
            the structure's own by default. The tags "exact", "extreme" and "kink" say that the
            values are of the requested kind, "near kink" that they could not be kept away from a
            kink, and "lane:NAME" names their lane.

    Raises:
        GeneratorError: if a value is outside its domain: a bug here or in the spec.
    """
    inputs = claims.inputs_of(structure.lane)
    order = {name: inputs[name] for name in claims.args if name in inputs}
    plan = _Plan(claims, order, structure, np.dtype(dtype), kind or structure.values)
    rng = np.random.Generator(np.random.PCG64(structure.seed))
    drawn = {name: _drawn(plan, name, rng) for name in order}
    tags = _refine(plan, drawn, rng)
    finished = {name: _finished(plan, name, arrays) for name, arrays in drawn.items()}
    params = {name: _real_object(value) for name, value in structure.params.items()}
    case = Case(
        inputs=finished,
        params=params,
        judged=frozenset(n for n, c in order.items() if c.differentiable and _floats(c)),
        silent=_silent(claims, order),
        seed=structure.seed,
        label=structure.label or describe(structure),
    )
    if plan.kind == "integer" and is_exact_case(claims, case, plan.dtype):
        tags = tags | {"exact"}
    if structure.lane:
        tags = tags | {f"lane:{structure.lane}"}
    return replace(case, tags=tags)


def _floats(claim: InputClaim) -> bool:
    return family(claim) == "float"


def _silent(claims: Claims, order: Mapping[str, InputClaim]) -> frozenset[str]:
    """Return the inputs whose gradient has to be `None`: integers, bools, and declared ones."""
    main = claims.inputs
    return frozenset(n for n in order if not _floats(main[n]) or not main[n].differentiable)


def _real_object(value: Any) -> Any:
    """Return a parameter in the form of a call: lists in an index become integer arrays."""
    if isinstance(value, list):
        return np.asarray(value, dtype=np.intp)
    return tuple(_real_object(item) for item in value) if isinstance(value, tuple) else value


def describe(structure: Structure) -> str:
    """Return a short label that says what is special about a structure."""
    words = [structure.lane] if structure.lane else []
    if structure.special != "none":
        words.append(structure.special)
    if structure.scale != 1.0:
        words.append(f"scaled by {structure.scale:g}")
    words += sorted(set(structure.layouts.values()) - {"C"})
    return ", ".join(words) or "generic"


def _drawn(plan: _Plan, name: str, rng: Generator) -> list[Array]:
    """Draw the members of one input, in float64, integers or bools."""
    claim = plan.inputs[name]
    return [_one(plan, claim, shape, rng) for shape in plan.members(name)]


def _one(plan: _Plan, claim: InputClaim, shape: Shape, rng: Generator) -> Array:
    """Draw one array, with length 1 along the axis that the layout "broadcast" repeats."""
    if plan.layout(claim.name) == "broadcast":
        axis = repeatable_axis(claim, plan.claims.kinks, shape)
        if axis is not None:
            shape = (*shape[:axis], 1, *shape[axis + 1 :])
    if claim.values is not None:
        array = rng.choice(np.asarray(claim.values, dtype=np.float64), shape)
    elif plan.kind == "integer" and _floats(claim):
        array = domain_of(claim.domain).whole(rng, shape, largest_integer(plan.dtype))
    else:
        domain = drawn_from(claim)
        array = domain.draw(rng, shape, domain.length(plan.structure.shapes))
    array = np.asarray(array)
    if _floats(claim) and array.dtype.kind != "f":
        array = array.astype(np.float64)
    return array


def _refine(plan: _Plan, drawn: Drawn, rng: Generator) -> frozenset[str]:
    """Scale, mix in special values, move away from kinks or onto them; return the tags."""
    free = {n: c for n, c in plan.inputs.items() if _floats(c) and c.values is None}
    tags: set[str] = set()
    if plan.kind == "integer":
        return frozenset()
    if plan.kind == "extreme":
        for name, claim in free.items():
            domain = domain_of(claim.domain)
            found = [domain.extreme(a, plan.dtype, rng) for a in drawn[name]]
            if all(a is not None for a in found):
                drawn[name] = [a for a in found if a is not None]
                tags.add("extreme")
        return frozenset(tags | _nearness(*_moving(plan, free, drawn, rng)))
    scale = _scale(plan)
    for name, claim in free.items():
        if scale != 1.0 and domain_of(claim.domain).scalable:
            drawn[name] = [a * scale for a in drawn[name]]
    _mix_in(plan, free, drawn, rng)
    _spread(free, drawn)
    draw, kinks = _moving(plan, free, drawn, rng)
    if plan.kind == "kink":
        placed = put_on_kinks(draw, kinks)
        drawn.update(draw.values)
        return frozenset({"kink"} if placed else ())
    clear_of_kinks(draw, kinks)
    drawn.update(draw.values)
    return frozenset(tags | _nearness(draw, kinks))


def _moving(
    plan: _Plan, free: Mapping[str, InputClaim], drawn: Drawn, rng: Generator
) -> tuple[Draw, list[KinkKind]]:
    """Return the values that may be moved, and the kinks declared for them."""
    values = {name: drawn[name] for name in free}
    domains = {name: domain_of(claim.domain) for name, claim in free.items()}
    kinks = [kink_of(k) for k in plan.claims.kinks if any(name in free for name in k.of)]
    return Draw(values, domains, plan.structure.params, rng, plan.dtype), kinks


def _nearness(draw: Draw, kinks: Sequence[KinkKind]) -> set[str]:
    """Return the tag "near kink" if a finite-difference step could cross a declared kink."""
    return {"near kink"} if any(kink.touched(draw) for kink in kinks) else set()


def _scale(plan: _Plan) -> float:
    """Return the structure's scale, limited for dtypes of two bytes."""
    scale = plan.structure.scale
    return min(max(scale, 1e-2), 1e2) if plan.dtype.itemsize < 4 else scale


def _spread(free: Mapping[str, InputClaim], drawn: Drawn) -> None:
    """Stretch rows whose standard deviation is smaller than the spec's `min_std`."""
    for name, claim in free.items():
        if claim.spread is None:
            continue
        axis, least = claim.spread.axis, 1.05 * claim.spread.min_std
        for i, array in enumerate(drawn[name]):
            if array.size == 0 or array.shape[axis] < 2:
                continue
            std = array.std(axis=axis, keepdims=True)
            ramp = np.linspace(-1.0, 1.0, array.shape[axis])
            ramp = ramp.reshape([-1 if k == axis % array.ndim else 1 for k in range(array.ndim)])
            flat = std < 1e-6 * least
            centred = np.where(flat, ramp, array - array.mean(axis=axis, keepdims=True))
            std = np.where(flat, ramp.std(), std)
            stretched = array.mean(axis=axis, keepdims=True) + centred * (least / std)
            drawn[name][i] = np.where(std * ~flat >= least, array, stretched)


def specials(claims: Claims, lane: str) -> tuple[str, ...]:
    """Return the special values that some floating input of a lane can take."""
    inputs = claims.inputs_of(lane)
    return tuple(
        word for word in SPECIALS if any(_takes(claims, claim, word) for claim in inputs.values())
    )


def _takes(claims: Claims, claim: InputClaim, word: str) -> bool:
    """Return True if an input can take exact zeros or ones, ties, or entries near its edges."""
    if not _floats(claim) or claim.values is not None:
        return False
    kinks = [kink_of(kink) for kink in claims.kinks if claim.name in kink.of]
    domain = domain_of(claim.domain)
    if word == "edges":
        return domain.has_edge
    if not domain.mixable:
        return False
    if word == "ties":
        return not domain.mirrored and not any(kink.shared for kink in kinks)
    if word == "parameters":
        return any(kind_of(param).number for param in claims.params.values())
    if word == "units":
        return any(_unit_fits(domain, unit, kinks, BESIDE) for unit in UNITS)
    low, high, *_ = domain.ends
    inside = low < 0 < high and bool(domain.inside(np.zeros(())))
    return inside and not any(kink.meets(0.0) for kink in kinks)


def _unit_fits(domain: DomainKind, unit: float, kinks: Sequence[KinkKind], reach: float) -> bool:
    """Return True if 1 or -1 is on no kink, and a step of `reach` from it stays in the domain."""
    at_kink = any(kink.meets(unit) for kink in kinks)
    return not at_kink and reach < 1 and _is_inside(domain, unit, reach)


def _mix_in(plan: _Plan, free: Mapping[str, InputClaim], drawn: Drawn, rng: Generator) -> None:
    """Replace about a third of the entries by special values."""
    word = plan.structure.special
    for name, claim in free.items():
        if word == "none" or not _takes(plan.claims, claim, word):
            continue
        kinks = [kink_of(kink) for kink in plan.claims.kinks if name in kink.of]
        domain = domain_of(claim.domain)
        at = _thresholds(plan, domain) if word == "parameters" else ()
        drawn[name] = [_special(word, domain, a, kinks, rng, at) for a in drawn[name]]


def _thresholds(plan: _Plan, domain: DomainKind) -> list[float]:
    """Return the numbers among the parameters, and those of other sign, in the domain's interior.

    A parameter may be a threshold, and an operator may be wrong at exactly that value.
    """
    given = [
        float(plan.structure.params[name])
        for name, claim in plan.claims.params.items()
        if kind_of(claim).number and isinstance(plan.structure.params.get(name), int | float)
    ]
    signed = dict.fromkeys(sign * value for value in given for sign in (1.0, -1.0))
    return [at for at in signed if _is_inside(domain, at, BESIDE * max(abs(at), 1.0))]


def _is_inside(domain: DomainKind, at: float, reach: float) -> bool:
    """Return True if steps of `reach` to both sides of a number stay in the domain."""
    return bool(domain.inside(at + reach * np.array([-1.0, 0.0, 1.0])).all())


def _special(
    word: str,
    domain: DomainKind,
    array: Array,
    kinks: Sequence[KinkKind],
    rng: Generator,
    thresholds: Sequence[float] = (),
) -> Array:
    """Return the array with special values in about a third of its entries, at least one."""
    if array.size == 0 or (word == "ties" and array.size < 2):
        return array
    mask = some_of(array.shape, 0.33, rng)
    if domain.mirrored:
        mask = mask | mask.swapaxes(-1, -2)
    if word == "zeros":
        return np.where(mask, 0.0, array)
    if word == "parameters":
        at = rng.choice(thresholds, array.shape) if thresholds else array
        return domain.restored(array, np.where(mask, at, array))
    if word == "units":
        reach = BESIDE * max(rms(array), 1.0)
        fitting = [unit for unit in UNITS if _unit_fits(domain, unit, kinks, reach)]
        if not fitting:
            return array
        return np.where(mask, np.where(array < 0, fitting[-1], fitting[0]), array)
    if word == "ties":
        chosen = array.flat[int(rng.integers(array.size))]
        mask.flat[rng.permutation(array.size)[:2]] = True
        return np.where(mask, chosen, array)
    return np.where(mask, domain.near_edge(array, rng), array)


def _finished(plan: _Plan, name: str, arrays: list[Array]) -> InputValue:
    """Round to the dtype, verify the domain, and lay out in memory."""
    claim = plan.inputs[name]
    done = tuple(
        _laid_out(plan.layout(name), _rounded(plan, claim, array), shape)
        for array, shape in zip(arrays, plan.members(name), strict=True)
    )
    return done if claim.members is not None else done[0]


def _rounded(plan: _Plan, claim: InputClaim, array: Array) -> Array:
    """Round to the dtype without leaving the domain, and verify that."""
    kind = family(claim)
    if kind != "float":
        result = array.astype(np.bool_ if kind == "bool" else np.intp)
    else:
        result = _nudged(claim, array.astype(plan.dtype), array)
    domain = domain_of(claim.domain)
    if claim.values is not None:
        good = bool(np.all(np.isin(result, np.asarray(claim.values).astype(result.dtype))))
    else:
        good = domain.contains(result, domain.length(plan.structure.shapes))
    if not good:
        raise GeneratorError(
            f"{plan.claims.op}, input {claim.name}: drew {result!r}, which is outside its domain "
            f"({claim.domain.name}); structure {plan.structure}"
        )
    return result


def _nudged(claim: InputClaim, rounded: Array, exact: Array) -> Array:
    """Move entries that left the domain by rounding back by one unit in the last place."""
    outside = ~domain_of(claim.domain).inside(rounded)
    if not np.any(outside):
        return rounded
    return np.where(outside, np.nextafter(rounded, exact.astype(rounded.dtype) * 0), rounded)


def _laid_out(layout: str, array: Array, shape: Shape) -> Array:
    """Return the array in a layout, or contiguous if its shape does not allow the layout."""
    if array.shape != shape:
        return np.broadcast_to(arrange(array, "C"), shape)
    long = sum(n > 1 for n in shape)
    plain = layout == "broadcast" or array.size == 0 or not long
    if plain or (layout == "transposed" and array.ndim < 2):
        layout = "C"
    return arrange(array, layout)
