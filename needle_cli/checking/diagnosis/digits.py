"""Recognise a gradient that has few right digits because it was computed in a narrower dtype."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.diagnosis.jacobian import MOST_PROBES
from needle_cli.checking.model import Array, Case, Garbage, OperatorError
from needle_cli.checking.numerics.localise import elements
from needle_cli.checking.point import is_floating

NEARBY = 2.0**-10
"""Relative change of the numbers, to see whether an error is a rounding error. Chosen: large
compared with float32's rounding, and too small to change an error of the formula by much."""

NARROW = (2e-9, 4e-6)
"""The range of relative errors of most entries of a gradient computed in float32. Derived: float32
rounds by 6e-8, up to about sixty roundings add up, and few entries are right by chance."""


def few_digits(cases: Sequence[Case], inquiry: Inquiry) -> bool:
    """Return True if the errors of a gradient's entries look like float32 rounding.

    A rounding error differs from entry to entry; a factor of 1.000001 does not. It also changes
    completely when the numbers move a little, while an extra term stays nearly the same.
    """
    here, there = [], []
    compared = 0
    for case in sorted(cases, key=Case.size)[:MOST_PROBES]:
        try:
            errors = _relative_errors(case, inquiry)
            beside = _relative_errors(_beside(case, inquiry), inquiry)
        except (OperatorError, Garbage):
            return False
        compared += len(errors)
        off = [place for place, error in errors.items() if abs(error) > NARROW[0]]
        here += [errors[place] for place in off]
        there += [beside.get(place, 0.0) for place in off]
    if len(here) < 2 or len(here) <= compared / 2:
        return False
    off_here, off_there = np.array(here), np.array(there)
    largest = np.max(np.abs(off_here))
    alike = np.abs(off_there - off_here) <= 64 * NEARBY * np.abs(off_here)
    return bool(largest < NARROW[1] and np.ptp(off_here) > 0.1 * largest and alike.mean() < 0.5)


def _beside(case: Case, inquiry: Inquiry) -> Case:
    """Return the case with all its numbers and the output gradient moved by up to `NEARBY`."""
    question = inquiry.question(case)
    rng = question.rng("few digits")

    def moved(array: Array) -> Array:
        near: Array = array * (1 + NEARBY * rng.uniform(0.5, 1.0, array.shape)).astype(array.dtype)
        return near

    leaves = [moved(leaf) if is_floating(leaf) else leaf for leaf in case.leaves()]
    cotangent = question.wide.cotangents(moved(question.cotangent))
    return replace(case.with_leaves(leaves), cotangent=tuple(cotangent))


def _relative_errors(case: Case, inquiry: Inquiry) -> dict[tuple[str, tuple[int, ...]], float]:
    """Return the relative errors of the entries whose finite differences are accurate enough."""
    question = inquiry.question(case)
    found = {}
    for entry in elements(question.wide, question.cotangent, question.tangent):
        size = max(abs(entry.analytic), abs(entry.numeric))
        if size > 0 and entry.allowed <= NARROW[0] * size:
            found[entry.input, entry.index] = (entry.analytic - entry.numeric) / size
    return found
