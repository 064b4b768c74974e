"""One analytic against one numeric derivative, and its acceptance from one or two differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from needle_cli.checking.model import Array, Verdict
from needle_cli.checking.numerics.differences import Line
from needle_cli.checking.numerics.steps import FAST_STEP, REFINED_STEP
from needle_cli.checking.numerics.tolerance import AGREEMENT, difference_rounding, norm
from needle_cli.checking.point import inner


@dataclass(frozen=True)
class Comparison:
    """Two projections of one derivative, what was allowed between them, and the verdict."""

    verdict: Verdict
    analytic: float
    numeric: float
    allowed: float
    note: str = ""
    scale: float = float("nan")

    @property
    def sharp(self) -> bool:
        """Whether so little was allowed, relative to the slope, that no other line is needed."""
        return self.allowed <= 1e-6 * self.scale

    @property
    def share(self) -> float:
        """The error divided by what is allowed; 0 where there is nothing to compare."""
        error = abs(self.analytic - self.numeric)
        return error / self.allowed if self.allowed > 0 and np.isfinite(error) else 0.0


HIDDEN = 2.0**-20
"""Share of a typical entry's slope below which an entry may be wrong by much and not show.

Tuned, see benchmarks.
"""

LEVELS = 3
"""How often the hidden part of a hidden part is compared; tuned, see benchmarks."""


def hides(
    direction: Sequence[Array], gradients: Sequence[Array], size: Any, names: Any = np
) -> Any:
    """Return whether a direction has a part whose slope is lost beside the rest.

    A whole leaf counts, also one whose gradient is zero; of other leaves the entries whose gradient
    is small but not zero, since most zeros are meant (the other entries of a maximum). `size` is
    the norm of the slope. Arrays may be a device's, `names` being its namespace: the answer is a
    number there, 0 for no.
    """
    count, limit = names.count_nonzero, _visible(direction, size)
    found: Any = False
    for g, u in zip(gradients, direction, strict=True):
        share = abs(g * u)
        lost = count(share < limit)
        if names is np and not lost:  # of a device's number nothing is known yet
            continue
        found |= (lost + count(share) > share.size) | ((lost == share.size) & (count(u) > 0))
    return found


def hidden_part(
    direction: Sequence[Array], gradients: Sequence[Array], size: Any, names: Any = np
) -> list[Array]:
    """Return the part of a direction whose slope is lost beside the rest, zero elsewhere."""
    limit = _visible(direction, size)
    parts: list[Array] = []
    for g, u in zip(gradients, direction, strict=True):
        share = abs(g * u)
        lost = share < limit
        parts.append(names.where(lost & ((share > 0) | lost.all()), u, 0.0))
    return parts


def _visible(direction: Sequence[Array], size: Any) -> Any:
    """Return the slope of one entry from which on it is seen beside the others.

    Of many entries some are small by chance; those that are small by nature are smaller still.
    """
    return size * (HIDDEN / math.sqrt(max(1, sum([u.size for u in direction]))))


DECISIVE = 1e-6
"""Rounding of the quick difference, as a share of the slope, above which better steps are asked.

Tuned, see benchmarks.
"""

HEADROOM = 0.25
"""Share of the bound that a comparison may use up where evaluations are cheap; tuned."""


class CentralDifference:
    """One central difference, of which any number of cotangents can be asked.

    `moved` is the direction that was really taken: the difference of the two rounded points.
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
        """Return a passing comparison where the two agree too closely for luck, else None.

        `limit` is the share of the bound that may be used up. Where evaluations are cheap a lower
        one leaves the rest to better steps, so that what is reported is the gradient's error and
        not the difference's.
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
        """Return both projections, what is allowed between them, and whether that decides."""
        weighted = cotangent * self.slope
        numeric = float(np.add.reduce(weighted))
        analytic = inner(gradients, self.line.direction)
        scale = norm(weighted)
        eps = self.line.subject.rounding
        floor = difference_rounding(cotangent, self.line.origin, self.step, eps)
        decisive = floor <= DECISIVE * scale or numeric == analytic == scale == 0.0
        return numeric, analytic, AGREEMENT * scale + floor, decisive


class ExtrapolatedDifference(CentralDifference):
    """Two central differences, extrapolated: for functions too curved for one of them.

    The error of a fourth order and the rounding of a larger step are both far below the agreement
    that is asked for, where the numbers are of one size.
    """

    step = REFINED_STEP / 2

    def __init__(self, line: Line) -> None:
        self.line = line
        line.fetch(side * step for step in (REFINED_STEP, self.step) for side in (1, -1))
        self.slope = (4 * line.slope(self.step) - line.slope(REFINED_STEP)) / 3
