"""Compare one analytic with one numeric derivative, and accept it from one or two differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from needle_cli.checking.model import Array, Verdict
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.steps import FAST_STEP, REFINED_STEP
from needle_cli.checking.numerics.tolerance import AGREEMENT, difference_rounding, norm
from needle_cli.checking.point import inner


@dataclass(frozen=True)
class Comparison:
    """Two projections of one derivative, the allowed difference, and the verdict.

    `disagrees` says of an undecided one that the two are further apart than allowed.
    """

    verdict: Verdict
    analytic: float
    numeric: float
    allowed: float
    note: str = ""
    scale: float = float("nan")
    disagrees: bool = False

    @property
    def sharp(self) -> bool:
        """Whether the bound is so small, relative to the slope, that no other line is needed."""
        return self.allowed <= 1e-6 * self.scale

    @property
    def share(self) -> float:
        """The error divided by the bound; 0 if there is nothing to compare."""
        error = abs(self.analytic - self.numeric)
        return error / self.allowed if self.allowed > 0 and np.isfinite(error) else 0.0


DECISIVE = 1e-6
"""Above this rounding of the quick difference, as a share of the slope, other steps are tried.

Tuned, see benchmarks.
"""

HEADROOM = 0.25
"""Share of the bound that a comparison may use if evaluations are cheap; tuned."""


class CentralDifference:
    """One central difference, which can be projected on any number of cotangents.

    `moved` is the actual direction: the difference of the two rounded points.
    """

    step = FAST_STEP

    def __init__(self, line: Line, plus: Array | None = None, minus: Array | None = None) -> None:
        self.line = line
        self.plus = line.at(FAST_STEP) if plus is None else plus
        self.minus = line.at(-FAST_STEP) if minus is None else minus
        self.slope = (self.plus - self.minus) * (0.5 / FAST_STEP)

    def accept(
        self, cotangent: Array, gradients: Sequence[Array], limit: float = 1.0
    ) -> Comparison | None:
        """Return a passing comparison if the two agree too closely for chance, else None.

        `limit` is the share of the bound that may be used. If evaluations are cheap, a lower limit
        leaves the other cases to better steps, so that the reported error is that of the gradient
        and not that of the difference.
        """
        numeric, analytic, allowed, decisive = self._measure(cotangent, gradients)
        if decisive and abs(numeric - analytic) <= limit * allowed:
            return Comparison(Verdict.PASS, analytic, numeric, allowed)
        return None

    def agrees(self, cotangent: Array, gradients: Sequence[Array]) -> bool:
        """Whether `accept` would return a comparison."""
        numeric, analytic, allowed, decisive = self._measure(cotangent, gradients)
        return decisive and abs(numeric - analytic) <= allowed

    def _measure(
        self, cotangent: Array, gradients: Sequence[Array]
    ) -> tuple[float, float, float, bool]:
        """Return both projections, the bound, and whether that decides."""
        weighted = cotangent * self.slope
        numeric = float(np.add.reduce(weighted))
        analytic = inner(gradients, self.line.direction)
        scale = norm(weighted)
        eps = self.line.subject.rounding
        floor = difference_rounding(cotangent, self.line.origin, self.step, eps)
        decisive = floor <= DECISIVE * scale
        decisive = decisive or (numeric == analytic == scale == 0.0 and self.line.constant())
        return numeric, analytic, AGREEMENT * scale + floor, decisive


class ExtrapolatedDifference(CentralDifference):
    """Two central differences, extrapolated: for functions too curved for one of them.

    If the numbers are of similar size, the error of fourth order and the rounding at a larger step
    are both far below the required agreement.
    """

    step = REFINED_STEP / 2

    def __init__(self, line: Line) -> None:
        self.line = line
        line.fetch(side * step for step in (REFINED_STEP, self.step) for side in (1, -1))
        self.slope = (4 * line.slope(self.step) - line.slope(REFINED_STEP)) / 3
