"""Whether the slopes along parts of a direction add up to its slope, as they do without a kink."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from needle_cli.checking.model import Array
from needle_cli.checking.numerics.directional import halves
from needle_cli.checking.numerics.extrapolation import Slope, one_sided_slope
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.one_sided import (
    RELATIVE_FLOOR,
    OneSidedSlopes,
    one_sided_slopes,
    usable,
)
from needle_cli.checking.numerics.tolerance import CONFIDENCE
from needle_cli.checking.point import Subject

SPLITS = 12
"""Splits of a direction that are tried; tuned: at a tie of three about every other one adds up."""

SMALL_STEPS = (2.0**-17, 2.0**-18, -(2.0**-17), -(2.0**-18))
"""Two steps to each side that show whether all steps have to be evaluated.

The larger one is that of the fast path.
"""

MOST_SINGLE = 48
"""With at most this many entries each is moved alone; tuned, see benchmarks."""


def not_additive(
    subject: Subject, line: Line, measured: OneSidedSlopes, rng: np.random.Generator
) -> Array:
    """Return per component whether slopes along parts of a direction fail to add up.

    At a tie of a median every line looks smooth, but there is no derivative. One split may add up
    by chance (about every other one does at a tie of three), so many splits of this direction and
    of similar ones are tried.
    """
    broken = np.zeros(measured.left.slope.shape, dtype=bool)
    attempts = SPLITS if subject.case.size() <= 4096 else 3
    single = SingleEntries(line)
    for attempt in range(attempts):
        signs = [rng.integers(0, 2, size=u.shape) * 2.0 - 1.0 for u in line.direction]
        whole = [u * (s if attempt else 1) for u, s in zip(line.direction, signs, strict=True)]
        first, second = halves(whole, rng)
        if not all(any(u.any() for u in half) for half in (first, second)):
            continue
        lines = [Line(subject, direction) for direction in (whole, first, second)]
        if plainly_additive(lines, measured.right.noise):
            continue
        explained = single.explain(lines)
        if explained.all():
            continue
        right = one_sided_slope(lines[0], +1, measured.right.noise) if attempt else measured.right
        both = [one_sided_slopes(half, like=measured) for half in lines[1:]]
        broken |= ~explained & (_gap(right, both[0].right, both[1].right) > 1.0)
        # |a| - |b| adds up along (1, 1), but not smoothly.
        broken |= ~explained & (both[0].kinds[1] | both[1].kinds[1])
    return broken


class SingleEntries:
    """The outputs that depend on one entry only, and their values: there is nothing to add up.

    Their slopes may be too small relative to their values for a sum of slopes to decide, as those
    of `exp` near 1e-8. Moving that entry alone or all entries then gives the same number exactly.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._moved: list[tuple[int, int, Line]] | None = None

    def explain(self, lines: Sequence[Line]) -> Array:
        """Return a mask of the outputs that one entry alone determines along all lines."""
        origin = self._line.origin
        explained = np.zeros(origin.shape, dtype=bool)
        entries = self._entries()
        movers = np.sum([line.moving() for _, _, line in entries], axis=0, initial=0)
        for k, flat, alone in entries:
            mine = alone.moving() & (movers == 1)
            if mine.any():
                explained |= mine & np.all(
                    [self._is_alone(line, alone, k, flat) for line in lines], axis=0
                )
        return explained

    def _entries(self) -> list[tuple[int, int, Line]]:
        """Return a line for every entry that moves; none if there are too many."""
        if self._moved is None:
            direction = self._line.direction
            places = [(k, int(j)) for k, u in enumerate(direction) for j in np.flatnonzero(u)]
            self._moved = []
            for k, flat in places if len(places) <= MOST_SINGLE else ():
                unit = [np.zeros_like(u) for u in direction]
                unit[k].reshape(-1)[flat] = direction[k].reshape(-1)[flat]
                alone = Line(self._line.subject, unit)
                alone.fetch(SMALL_STEPS)
                self._moved.append((k, flat, alone))
        return self._moved

    def _is_alone(self, line: Line, alone: Line, k: int, flat: int) -> Array:
        """Return a mask of the outputs that one entry's part of a line determines."""
        share, unit = (float(one.direction[k].reshape(-1)[flat]) for one in (line, alone))
        same = np.ones(alone.origin.shape, dtype=bool)
        for t in SMALL_STEPS:
            there = alone.at(t * share / unit) if share else alone.origin
            same &= (line.at(t) == there) & np.isfinite(there)
        return same


def plainly_additive(lines: Sequence[Line], noise: Array | None) -> bool:
    """Whether two steps show that the changes along two directions add up smoothly to a third.

    A kink's error is proportional to the step, while errors proportional to its square are removed
    by extrapolation. All steps are needed only if this is not clear.
    """
    whole, first, second = lines
    origin = whole.origin
    steps = SMALL_STEPS[:2]
    for line in lines:
        line.fetch(SMALL_STEPS)

    def change(line: Line, t: float) -> Array:
        return line.at(t) - origin

    def is_left(rest: Callable[[float], Array]) -> Array:
        wide, narrow = (rest(t) / t for t in steps)
        left: Array = np.abs(2 * narrow - wide)
        return left

    def bends(half: Line) -> Array:
        return is_left(lambda t: change(half, t) + change(half, -t))

    adds_up = is_left(lambda t: change(whole, t) - change(first, t) - change(second, t))
    left = np.maximum(adds_up, np.maximum(bends(first), bends(second)))
    size = np.sum([np.abs(line.at(steps[1]) - origin) for line in lines], axis=0) / steps[1]
    rounding = whole.subject.rounding * np.abs(origin) + (0.0 if noise is None else noise)
    unclear = 64 * rounding / steps[1]
    allowed = np.maximum(10 * RELATIVE_FLOOR * size, unclear)
    clear = unclear <= 1e3 * RELATIVE_FLOOR * size
    still = np.all([line.at(t) == origin for line in lines for t in steps], axis=0)
    return bool((still | (clear & (left <= allowed))).all())


def _gap(whole: Slope, first: Slope, second: Slope) -> Array:
    """Return how far slopes are from adding up, as a multiple of the bound."""
    gap = np.abs(first.slope + second.slope - whole.slope)
    size = np.abs(first.slope) + np.abs(second.slope) + np.abs(whole.slope)
    allowed = CONFIDENCE * (first.error + second.error + whole.error) + 10 * RELATIVE_FLOOR * size
    known = usable(first) & usable(second) & usable(whole)
    return np.where(known & (gap > 0), gap / allowed, 0.0)
