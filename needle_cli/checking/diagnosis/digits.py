"""A gradient that is right to few digits, because it was computed in a narrower dtype."""

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
"""Share of its size by which a number moves, to see whether an error is that of rounding. Chosen:
large beside float32's rounding, small beside what changes a formula."""

NARROW = (2e-9, 4e-6)
"""Relative errors between which a slope computed in float32 has most of its entries: float32 rounds
by 6e-8, up to some sixty roundings add up, and few entries are right by chance."""


def few_digits(cases: Sequence[Case], inquiry: Inquiry) -> bool:
    """Whether the entries of a gradient are all wrong by as little as float32 rounds away.

    Rounding differs from entry to entry; a factor of 1.000001 does not. And it is another one
    beside the same numbers, where a term that should not be there is nearly the same.
    """
    here, there = [], []
    asked = 0
    for case in sorted(cases, key=Case.size)[:MOST_PROBES]:
        try:
            errors = _relative_errors(case, inquiry)
            beside = _relative_errors(_beside(case, inquiry), inquiry)
        except (OperatorError, Garbage):
            return False
        asked += len(errors)
        off = [place for place, error in errors.items() if abs(error) > NARROW[0]]
        here += [errors[place] for place in off]
        there += [beside.get(place, 0.0) for place in off]
    if len(here) < 2 or len(here) <= asked / 2:
        return False
    off_here, off_there = np.array(here), np.array(there)
    largest = np.max(np.abs(off_here))
    alike = np.abs(off_there - off_here) <= 64 * NEARBY * np.abs(off_here)
    return bool(largest < NARROW[1] and np.ptp(off_here) > 0.1 * largest and alike.mean() < 0.5)


def _beside(case: Case, inquiry: Inquiry) -> Case:
    """Return the case with all its numbers, and the output gradient, moved by a small share."""
    question = inquiry.question(case)
    rng = question.rng("few digits")

    def moved(array: Array) -> Array:
        near: Array = array * (1 + NEARBY * rng.uniform(0.5, 1.0, array.shape)).astype(array.dtype)
        return near

    leaves = [moved(leaf) if is_floating(leaf) else leaf for leaf in case.leaves()]
    cotangent = question.wide.cotangents(moved(question.cotangent))
    return replace(case.with_leaves(leaves), cotangent=tuple(cotangent))


def _relative_errors(case: Case, inquiry: Inquiry) -> dict[tuple[str, tuple[int, ...]], float]:
    """Return entries' errors as shares of their sizes, where differences know them well."""
    question = inquiry.question(case)
    found = {}
    for entry in elements(question.wide, question.cotangent, question.tangent):
        size = max(abs(entry.analytic), abs(entry.numeric))
        if size > 0 and entry.allowed <= NARROW[0] * size:
            found[entry.input, entry.index] = (entry.analytic - entry.numeric) / size
    return found
