"""Cases for the exact check: the size of their integers, and the test that nothing rounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from needle_cli.checking.claims import Claims, SpecFunctionFailed
from needle_cli.checking.domains.base import Generator
from needle_cli.checking.model import Array, Case
from needle_cli.checking.parameters.numbers import is_exact
from needle_cli.checking.reference import values

INTEGERS = 4
"""The largest magnitude of an entry of an exact case; for dtypes of two bytes it is 2. Derived:
products and sums of a few of them fit the eleven bits of a float16."""

_RESOLUTION = 64.0
"""Outputs have to be multiples of one over this, since parameters may be halves or quarters."""


def largest_integer(dtype: np.dtype[Any]) -> int:
    """Return the largest magnitude of an entry of an exact case in a dtype."""
    return 2 if dtype.itemsize < 4 else INTEGERS


def is_exact_case(claims: Claims, case: Case, dtype: np.dtype[Any]) -> bool:
    """Return True if nothing rounds: integer inputs, exact parameters, outputs on a coarse grid.

    The grid is tested at the case and one step away, which finds a mean over three or a division
    for any parameters. The outputs for the absolute values of the inputs bound every partial sum,
    and these must fit the significand with a margin for a cotangent and a step.
    """
    leaves = case.leaves()
    if not all(bool(np.all(a == np.round(a))) for a in leaves if a.dtype.kind == "f"):
        return False
    if not all(is_exact(v) for v in case.params.values()):
        return False
    rng = np.random.Generator(np.random.PCG64(case.seed + 1))
    wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in leaves]
    for moved in (wide, [_moved(a, rng) for a in wide]):
        found = reference_outputs(claims, case.with_leaves(moved))
        if found is None or not all(_on_grid(part) for part in found):
            return False
    magnitudes = [np.abs(a) + 1 if a.dtype.kind == "f" else a for a in wide]
    sums = reference_outputs(claims, case.with_leaves(magnitudes))
    limit = 2.0 ** (np.finfo(dtype).nmant + 1) / 16.0
    return sums is not None and all(
        part.size == 0 or float(np.max(np.abs(part))) <= limit for part in sums
    )


def _moved(array: Array, rng: Generator) -> Array:
    """Return the entries moved by one up or down."""
    if array.dtype.kind != "f":
        return array
    return np.asarray(array + rng.choice((-1.0, 1.0), array.shape))


def _on_grid(array: Array) -> bool:
    """Return True if all numbers are multiples of 1 / `_RESOLUTION`."""
    if array.dtype.kind != "f":
        return True
    fine = array * _RESOLUTION
    return bool(np.all(np.isfinite(fine)) and np.all(fine == np.round(fine)))


def reference_outputs(claims: Claims, case: Case) -> list[Array] | None:
    """Return the outputs of a spec's reference for a case, or None if it raises."""
    try:
        with np.errstate(all="ignore"):
            return values(claims, case)
    except SpecFunctionFailed:
        return None
