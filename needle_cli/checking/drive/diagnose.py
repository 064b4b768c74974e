"""A likely cause, from the entries of a failing case: printed only where it fits all of them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from needle_cli.checking.model import Element, Finding

SPREAD = 1e-5
"""Relative scatter of a ratio that still counts as one number."""


def likely_cause(findings: Sequence[Finding], table: Sequence[Element]) -> str:
    """Return a cause in words, or "" where no simple pattern fits every entry."""
    for finding in findings:
        _, colon, hint = finding.message.rpartition(": ")
        if colon and hint.startswith("missing sum"):
            return hint
    if not any(f.check in ("gradient", "second_order") for f in findings):
        return ""
    return _pattern([e for e in table if np.isfinite(e.analytic) and np.isfinite(e.numeric)])


def _pattern(entries: Sequence[Element]) -> str:
    """Name a pattern that every entry shows; at least two telling entries are needed."""
    analytic = np.array([e.analytic for e in entries])
    numeric = np.array([e.numeric for e in entries])
    allowed = np.array([e.allowed for e in entries])
    telling = np.abs(numeric) > 100 * allowed
    if telling.sum() < 2:
        return ""
    if np.all(np.abs(analytic[telling]) <= allowed[telling]):
        return "the gradient is zero"
    ratios = analytic[telling] / numeric[telling]
    middle = float(np.median(ratios))
    if np.all(np.abs(ratios - middle) <= SPREAD * abs(middle)) and abs(middle - 1) > 10 * SPREAD:
        return f"the gradient is exactly {_shown(middle)} \N{MULTIPLICATION SIGN} the numeric one"
    wrong = {e.input for e in entries if e.wrong}
    if 0 < len(wrong) < len({e.input for e in entries}):
        return f"only the gradient of {', '.join(sorted(wrong))} is wrong"
    return ""


def _shown(ratio: float) -> str:
    """Write a ratio as a small fraction where it is one."""
    near = Fraction(ratio).limit_denominator(64)
    if abs(float(near) - ratio) <= SPREAD * abs(ratio) and near.denominator > 1:
        return f"{near.numerator}/{near.denominator}"
    return f"{ratio:.6g}"
