"""Values for the exact lane: small whole numbers, and the test that nothing rounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from needle_cli.checking.claims import Claims, Domain
from needle_cli.checking.domains.domains import Generator, draw, limits
from needle_cli.checking.model import Array, Case
from needle_cli.checking.parameters.numbers import is_exact
from needle_cli.checking.reference import values
from needle_cli.checking.shapes import Shape

INTEGERS = 4
"""The largest magnitude of an entry in the exact lane; 2 for dtypes of two bytes."""

_WHOLE = ("real", "positive", "nonnegative", "nonzero", "interval", "integer")
_RESOLUTION = 64.0
"""Outputs are multiples of one over this where halves and quarters stand among the parameters."""


def whole_numbers(domain: Domain, rng: Generator, shape: Shape, dtype: np.dtype[Any]) -> Array:
    """Draw small whole numbers of a domain, as float64; generic values where it has too few."""
    most = 2 if dtype.itemsize < 4 else INTEGERS
    if domain.name == "distinct":
        count = math.prod(shape)
        return (rng.permutation(count) - count // 2).astype(np.float64).reshape(shape)
    if domain.name in ("symmetric", "triangular"):
        return _matrices(domain, rng, shape, most)
    if domain.name not in _WHOLE:
        return draw(domain, rng, shape)
    low, high = limits(domain)
    first = math.floor(low) + 1 if domain.open_low or domain.name == "positive" else low
    last = math.ceil(high) - 1 if domain.open_high else high
    options = [v for v in range(-most, most + 1) if first <= v <= last]
    if domain.name == "nonzero":
        options.remove(0)
    if len(options) < 2 and domain.name == "interval":
        middle = range(math.ceil(low), min(math.floor(high), math.ceil(low) + 4) + 1)
        options = [v for v in middle if first <= v <= last and abs(v) <= 64]
    return (
        np.asarray(rng.choice(options, shape), dtype=np.float64)
        if options
        else draw(domain, rng, shape)
    )


def _matrices(domain: Domain, rng: Generator, shape: Shape, most: int) -> Array:
    """Draw whole symmetric or triangular matrices."""
    lower = np.tril(rng.integers(-most, most + 1, shape)).astype(np.float64)
    if domain.name == "symmetric":
        return np.asarray(lower + np.tril(lower, -1).swapaxes(-1, -2))
    place = np.arange(shape[-1])
    lower[..., place, place] = rng.choice((-2.0, -1.0, 1.0, 2.0), shape[:-1])
    return np.asarray(lower if domain.lower else lower.swapaxes(-1, -2))


def is_exact_case(claims: Claims, case: Case, dtype: np.dtype[Any]) -> bool:
    """Tell whether nothing rounds: whole inputs, harmless parameters, outputs on a coarse grid.

    The grid is tested at the case and one step beside it, so that a mean over three or a division
    is found whatever its parameters are called; and the outputs for the magnitudes bound every
    partial sum, which must fit the significand with room for a cotangent and a step.
    """
    leaves = case.leaves()
    if not all(bool(np.all(a == np.round(a))) for a in leaves if a.dtype.kind == "f"):
        return False
    if not all(is_exact(v) for v in case.params.values()):
        return False
    rng = np.random.Generator(np.random.PCG64(case.seed + 1))
    wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in leaves]
    for moved in (wide, [_moved(a, rng) for a in wide]):
        found = _reference(claims, case, moved)
        if found is None or not all(_on_grid(part) for part in found):
            return False
    sums = _reference(claims, case, [np.abs(a) + 1 if a.dtype.kind == "f" else a for a in wide])
    room = 2.0 ** (np.finfo(dtype).nmant + 1) / 16.0
    return sums is not None and all(
        part.size == 0 or float(np.max(np.abs(part))) <= room for part in sums
    )


def _moved(array: Array, rng: Generator) -> Array:
    """Return the entries one step up or down."""
    if array.dtype.kind != "f":
        return array
    return np.asarray(array + rng.choice((-1.0, 1.0), array.shape))


def _on_grid(array: Array) -> bool:
    """Tell whether all numbers are multiples of a coarse power of two."""
    if array.dtype.kind != "f":
        return True
    fine = array * _RESOLUTION
    return bool(np.all(np.isfinite(fine)) and np.all(fine == np.round(fine)))


def _reference(claims: Claims, case: Case, leaves: list[Array]) -> list[Array] | None:
    """Return the reference's outputs, or None where it refuses."""
    return reference_outputs(claims, case.with_leaves(leaves))


def reference_outputs(claims: Claims, case: Case) -> list[Array] | None:
    """Return what a spec's reference gives for a case as a list of arrays; None if it raises."""
    try:
        with np.errstate(all="ignore"):
            return values(claims, case)
    except Exception:  # whatever a reference raises, it refuses
        return None
