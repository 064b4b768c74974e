"""The exact lane: how large its whole numbers are, and the test that nothing rounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from needle_cli.checking.claims import Claims
from needle_cli.checking.domains.base import Generator
from needle_cli.checking.model import Array, Case
from needle_cli.checking.parameters.numbers import is_exact
from needle_cli.checking.reference import values

INTEGERS = 4
"""The largest magnitude of an entry in the exact lane, but 2 for dtypes of two bytes: products and
sums of a few of them fit the eleven bits of a float16."""

_RESOLUTION = 64.0
"""Outputs are multiples of one over this where halves and quarters stand among the parameters."""


def largest_integer(dtype: np.dtype[Any]) -> int:
    """Return the largest magnitude of an entry in the exact lane of a dtype."""
    return 2 if dtype.itemsize < 4 else INTEGERS


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
