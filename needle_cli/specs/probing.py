"""Evaluate the reference outside the claimed domain, to find domains that are too narrow.

A domain that is narrower than the function hides wrong gradients (a slope of 1 is right for `abs`
on [1, 2]). So if the reference is finite outside the domain, the spec has to say why.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from needle_cli.checking.choosing import SeededChooser
from needle_cli.checking.claims import (
    INTEGERS,
    Claims,
    Dim,
    InputClaim,
    SpecFunctionFailed,
    whole_floats,
)
from needle_cli.checking.domains.registry import domain_of
from needle_cli.checking.generation.realise import realise
from needle_cli.checking.generation.structure_space import space_of
from needle_cli.checking.model import Array, Case, GeneratorError, InputValue, Structure
from needle_cli.checking.reference import values as reference_values
from needle_cli.specs.inputs import inside

POINTS = (-1.0, 0.0, 1.0, -0.25, 0.25, 2.5, -2.5, 100.0, -100.0)
SEEDS = range(6)


def probe_reference(claims: Claims) -> Iterator[tuple[str, str, str]]:
    """Yield key, rule and message for an unusable reference and for narrow claims."""
    try:
        call_functions(claims)
    except SpecFunctionFailed as failed:
        yield "reference", "reference", f"the reference {failed}"
        return
    cases = list(_cases(claims))
    problems = [_problem(claims, case) for case in cases]
    if cases and all(problems):
        yield "reference", "reference", f"the reference {problems[0]}"
    elif cases:
        yield from _narrow(claims, cases)
        yield from _thin(claims)


def call_functions(claims: Claims) -> None:
    """Call the functions that a spec names; raises `SpecFunctionFailed` if one cannot be used."""
    for case in _cases(claims):
        reference_values(claims, case)


def _narrow(claims: Claims, cases: list[Case]) -> Iterator[tuple[str, str, str]]:
    """Yield key, rule and message for every input or dimension that could be wider."""
    for name, claim in claims.inputs.items():
        point = None if claim.why else _accepted_outside(claims, claim, cases)
        if point is not None:
            whole = f"; for integers say {INTEGERS}" if name in whole_floats(claims) else ""
            yield (
                f"input.{name}",
                "narrow",
                f"the reference is finite at {name} = {point:g}, outside the claimed values; "
                f"widen the domain, add a lane, or say why = ...{whole}",
            )
    for name, dim in claims.dims.items():
        if dim.min > 1 and not dim.why and _accepts_size_one(claims, name):
            yield (
                f"dims.{name}",
                "narrow",
                f"the reference accepts {name} = 1; lower min, or say why = ...",
            )


def _thin(claims: Claims) -> Iterator[tuple[str, str, str]]:
    """Yield key, rule and message for an input whose values are too much alike.

    Where the slope does not vary by more than a numeric derivative is accurate to, a gradient that
    is a constant passes. That is right for a function whose slope does not vary elsewhere either.
    """
    for name, claim in claims.inputs.items():
        numbers = domain_of(claim.domain).numbers or claim.values is not None
        if claim.dtype != "float" or not claim.differentiable or not numbers:
            continue
        lanes = [
            inputs[name]
            for inputs in map(claims.inputs_of, ("", *(lane.name for lane in claims.lanes)))
        ]
        spans = [_span(lane) for lane in lanes]
        if any(span is None for span in spans):
            continue
        low, high = (end(span[k] for span in spans if span) for k, end in ((0, min), (1, max)))
        if high - low > THIN * max(abs(low), abs(high)) and high - low > THIN:
            continue
        middle = (low + high) / 2
        if _bends(claims, name, middle, (high - low) / 2):
            continue
        if any(_bends(claims, name, middle, width * (1 + abs(middle))) for width in WIDER):
            yield (
                f"input.{name}",
                "thin",
                f"the values of {name}, from {low:.10g} to {high:.10g}, are too much alike to tell "
                "a wrong gradient from a right one; widen the domain",
            )


THIN = 1e-2
"""A set of numbers this wide is not looked at: slopes differ in it by more than any bound."""

WIDER = (1e-2, 1e-1, 1.0)
"""Half widths, relative to the values, within which a function may bend that is straight inside."""

STRAIGHT = 256.0
"""A second difference of this many roundings of the values is none. Chosen: a numeric slope is not
accurate to much less."""


def _span(claim: InputClaim) -> tuple[float, float] | None:
    """Return the least and the largest number of an input; None if one end is open."""
    if claim.values is not None:
        return min(claim.values), max(claim.values)
    low, high, *_ = domain_of(claim.domain).ends
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def _bends(claims: Claims, name: str, middle: float, half: float) -> bool:
    """Whether the reference is measurably not straight within `half` of a number."""
    rng = np.random.default_rng(0)
    for case in _cases(claims):
        here = case.inputs[name]
        shapes = [leaf.shape for leaf in (here if isinstance(here, tuple) else (here,))]
        moves = [rng.uniform(-half, half, shape) for shape in shapes]
        values = []
        for side in (-1.0, 0.0, 1.0):
            moved = tuple(np.asarray(middle + side * move) for move in moves)
            there = replace(
                case, inputs={**case.inputs, name: moved if isinstance(here, tuple) else moved[0]}
            )
            if _problem(claims, there):
                break
            values.append(reference_values(claims, there))
        if len(values) < 3:
            continue
        for before, at, after in zip(*values, strict=True):
            second = np.abs(before - 2.0 * at + after)
            eps = float(np.finfo(float).eps)
            size = np.max(np.abs(at), initial=0.0) + np.finfo(float).tiny
            if np.any(second > STRAIGHT * eps * size):
                return True
    return False


def _cases(claims: Claims) -> Iterator[Case]:
    """Yield a few cases of the main lane; none if nothing can be drawn."""
    lane = space_of(claims).lane("")
    for seed in SEEDS:
        chooser = SeededChooser(seed)
        try:
            given = lane.given(chooser)
            shapes = lane.shapes(lane.solution(chooser, given), lane.lengths(chooser))
            params = lane.parameters(chooser, shapes, given)
            case = realise(claims, Structure(shapes, params, seed=seed))
        except GeneratorError:
            continue
        if all(leaf.size for leaf in case.leaves()):
            yield case


def _accepted_outside(claims: Claims, claim: InputClaim, cases: list[Case]) -> float | None:
    """Return a number outside every lane's claim at which the reference is finite, if any."""
    lanes = [claims.inputs_of(name)[claim.name] for name in ("", *(n.name for n in claims.lanes))]
    if claim.dtype != "float" or not domain_of(claim.domain).numbers:
        return None
    for point in POINTS:
        if any(_claims(lane, point) for lane in lanes):
            continue
        if all(_finite(claims, _filled(case, claim.name, point)) for case in cases):
            return point
    return None


def _claims(claim: InputClaim, point: float) -> bool:
    """Whether a claim covers a number; listed values count as samples of their domain."""
    if claim.values is not None and not min(claim.values) <= point <= max(claim.values):
        return False
    return not domain_of(claim.domain).numbers or inside(claim.domain, point)


def _filled(case: Case, name: str, point: float) -> Case:
    """Return the case with every entry of one input replaced."""

    def full(array: Array) -> Array:
        return np.full_like(array, point)

    def fill(value: InputValue) -> InputValue:
        return tuple(full(v) for v in value) if isinstance(value, tuple) else full(value)

    changed: Mapping[str, Any] = {**case.inputs, name: fill(case.inputs[name])}
    return replace(case, inputs=changed)


def _finite(claims: Claims, case: Case) -> bool:
    return not _problem(claims, case)


def _problem(claims: Claims, case: Case) -> str:
    """Return what is wrong with the reference's answer to a case, or an empty string."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outputs = reference_values(claims, case)
    except SpecFunctionFailed as error:
        return str(error)
    for out in outputs:
        if out.dtype.kind not in "fiub":
            return f"returns an array of {out.dtype}"
        if not np.all(np.isfinite(out)):
            return "gives no finite numbers"
    return ""


def _accepts_size_one(claims: Claims, name: str) -> bool:
    """Whether the reference accepts size 1 for a dimension that is claimed to be larger."""
    smaller = replace(claims, dims={**claims.dims, name: Dim(1, 1)})
    return any(_finite(smaller, case) for case in _cases(smaller))
