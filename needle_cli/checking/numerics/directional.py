"""One-sided slopes at a point along a set of directions, and the curvature that they show.

For a convex output the valid gradients at a kink are the g with g.d <= f'(x; d) for every direction
d (Clarke, "Optimization and Nonsmooth Analysis", 1983, prop. 2.2.7): the projection lies between
the left and the right slope. For a concave output the order is reversed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from needle_cli.checking.model import Array
from needle_cli.checking.numerics.extrapolation import Slope
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.one_sided import (
    RELATIVE_FLOOR,
    Allows,
    OneSidedSlopes,
    one_sided_slopes,
    slopes_together,
    usable,
)
from needle_cli.checking.numerics.probes import (
    WIDE,
    Tangent,
    power_of_two,
    powers_of_two,
    projected,
    rms,
    signed,
)
from needle_cli.checking.numerics.tolerance import CONFIDENCE
from needle_cli.checking.point import Subject, inner

MOST_COORDINATES = 24
"""How many coordinates are measured one by one; tuned, see benchmarks."""

RANDOM = 4
"""How many random directions follow the coordinates and all-ones."""

MORE_SPLITS = 16
"""Further splits of directions that are tried before a projection is refused.

Tuned on a median with one tie among many entries, which few splits show.
"""

Sum = tuple[OneSidedSlopes, list[tuple[float, OneSidedSlopes]]]
"""The slopes along a direction, and weights and slopes of directions that add up to it."""


@dataclass(frozen=True)
class Outside:
    """A projection that lies outside the one-sided slopes, and the allowed range.

    `place` is the (judged leaf, flat index) of a coordinate, None for another direction.
    """

    analytic: float
    nearest: float
    allowed: float
    low: float
    high: float
    place: tuple[int, int] | None = None


class DirectionalDerivatives:
    """The slopes of outputs along coordinates, all entries together, and random signs.

    `outputs` are the measured components of the output, all by default; the number of a component
    is its position among them. `places` are the (judged leaf, flat index) of the coordinates, whose
    directions come first.
    """

    def __init__(
        self,
        subject: Subject,
        rng: np.random.Generator,
        tangent: Tangent | None = None,
        allows: Allows | None = None,
        outputs: Array | None = None,
    ) -> None:
        self.subject = subject
        self._outputs = outputs
        self._rng = rng
        self._allows = allows
        self.places = _coordinates(subject, rng)
        self.directions = [
            projected(subject, d, tangent) for d in _directions(subject, self.places, rng)
        ]
        coordinates = self.directions[: len(self.places)]
        self.measured, self._apart = slopes_together(coordinates, self._line, allows)
        self.measured += [
            one_sided_slopes(self._line(d), allows) for d in self.directions[len(self.places) :]
        ]

    def _line(self, direction: Sequence[Array]) -> Line:
        if self._outputs is None:
            return Line(self.subject, direction)
        return Line(self.subject, direction, self._values)

    def _values(self, leaves: Sequence[Array]) -> Array:
        return self.subject.values(leaves)[self._outputs]

    def coordinates(self) -> list[tuple[tuple[int, int], OneSidedSlopes]]:
        """Return the slopes along every coordinate, by its place."""
        return list(zip(self.places, self.measured, strict=False))

    def outside(self, j: int, gradients: Sequence[Array]) -> Outside | None:
        """Return the first direction whose projection is outside component `j`'s slopes.

        Return None also if further splits of directions contradict the curvature that the slopes
        showed so far: a single tie of a median among many entries shows in few splits.
        """
        shape = (bool(self.curvature[0][j]), bool(self.curvature[1][j]))
        for k, (direction, side) in enumerate(zip(self.directions, self.measured, strict=True)):
            found = _outside(j, side, inner(gradients, direction), shape)
            if found is not None:
                if self._denies_curvature(j):
                    return None
                return replace(found, place=self.places[k]) if k < len(self.places) else found
        return None

    def _denies_curvature(self, j: int) -> bool:
        """Whether many splits show that component `j` is neither convex nor concave."""
        convex, concave = (bool(mask[j]) for mask in self.curvature)
        for direction, side in list(zip(self.directions, self.measured, strict=True))[-RANDOM:]:
            for whole, terms in self._splits(direction, side, MORE_SPLITS // RANDOM):
                held = _held(whole, terms)
                convex, concave = convex and bool(held[0][j]), concave and bool(held[1][j])
        return not (convex or concave)

    @cached_property
    def curvature(self) -> tuple[Array, Array]:
        """Return masks of the components that look convex and that look concave from the slopes."""
        convex = np.ones(self.measured[0].left.slope.shape, dtype=bool)
        concave = convex.copy()
        for side in self.measured:
            gap = side.right.slope - side.left.slope
            known = usable(side.left) & usable(side.right)
            convex &= ~known | (gap >= -side.tolerance)
            concave &= ~known | (gap <= side.tolerance)
            convex &= ~side.kinds[2]
            concave &= ~side.kinds[2]
        for whole, terms in self._sums():
            held = _held(whole, terms)
            convex &= held[0]
            concave &= held[1]
        return convex, concave

    def _sums(self) -> list[Sum]:
        """Return directions as sums: all-ones of coordinates, random ones of two halves."""
        sums = self._ones_and_coordinates()
        if self._apart and sums:
            return sums  # every output depends on one entry alone: halves would show nothing new
        for direction, whole in list(zip(self.directions, self.measured, strict=True))[-RANDOM:]:
            sums.extend(self._splits(direction, whole, 1))
        return sums

    def _splits(self, direction: Sequence[Array], whole: OneSidedSlopes, times: int) -> list[Sum]:
        """Return a direction as the sum of two halves, `times` times over."""
        sums: list[Sum] = []
        for _ in range(times):
            parts = halves(direction, self._rng)
            if all(any(u.any() for u in half) for half in parts):
                measured = [
                    one_sided_slopes(self._line(half), self._allows, whole) for half in parts
                ]
                sums.append((whole, [(1.0, side) for side in measured]))
        return sums

    def _ones_and_coordinates(self) -> list[Sum]:
        """Return the all-ones direction as a sum of coordinates, where all were measured."""
        entries = sum(u.size for u in self.directions[0])
        if entries > len(self.places):
            return []
        ones = self.directions[entries]
        terms = []
        for unit, side in zip(self.directions[:entries], self.measured[:entries], strict=True):
            own = sum(float(np.sum(u)) for u in unit)
            shared = sum(float(np.sum(o[u != 0])) for o, u in zip(ones, unit, strict=True))
            if sum(int(np.count_nonzero(u)) for u in unit) != 1:
                return []  # a projected direction is no longer a coordinate
            terms.append((shared / own, side))
        return [(self.measured[entries], terms)]


def halves(direction: Sequence[Array], rng: np.random.Generator) -> tuple[list[Array], list[Array]]:
    """Split a direction at random into two that add up to it."""
    masks = [rng.integers(0, 2, size=u.shape).astype(bool) for u in direction]
    return (
        [np.where(m, u, 0.0) for m, u in zip(masks, direction, strict=True)],
        [np.where(m, 0.0, u) for m, u in zip(masks, direction, strict=True)],
    )


def _coordinates(subject: Subject, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Return the places whose coordinates are measured: all, or a sample if there are many."""
    places = [(k, j) for k, i in enumerate(subject.judged) for j in range(subject.leaves[i].size)]
    if len(places) <= MOST_COORDINATES:
        return places
    chosen = rng.permutation(len(places))[:MOST_COORDINATES]
    return [places[int(c)] for c in np.sort(chosen)]


def _directions(
    subject: Subject, places: Sequence[tuple[int, int]], rng: np.random.Generator
) -> list[list[Array]]:
    """Return coordinates, all entries together over all leaves and per leaf, and random signs."""
    scales = _scales(subject)
    zeros = [np.zeros(scale.shape) for scale in scales]
    found: list[list[Array]] = []
    for k, j in places:
        unit = [zero.copy() for zero in zeros]
        x = abs(float(subject.leaves[subject.judged[k]].reshape(-1)[j]))
        unit[k].reshape(-1)[j] = power_of_two(x) if x > 0 else float(scales[k].reshape(-1)[j])
        found.append(unit)
    found.append(scales)
    if len(scales) > 1:
        found.extend(
            [u if k == position else np.zeros_like(u) for k, u in enumerate(scales)]
            for position in range(len(scales))
        )
    for _ in range(RANDOM):
        found.append([signed(rng, scale.shape) * scale for scale in scales])
    return found


def _scales(subject: Subject) -> list[Array]:
    """Return how far every entry moves: by its leaf's size, or by its own if sizes differ.

    With some entries near 1e8 and some near 1e-5, no common step shows both. Equal entries get
    equal moves, so that a tie can move together.
    """
    leaves = [subject.leaves[i].astype(np.float64) for i in subject.judged]
    present = np.concatenate([np.abs(leaf[leaf != 0]).reshape(-1) for leaf in leaves])
    present = present[np.isfinite(present)]
    if not present.size or present.max() <= WIDE * present.min():
        return [np.full(leaf.shape, power_of_two(rms(leaf))) for leaf in leaves]
    smallest = power_of_two(float(present.min()))
    own = [powers_of_two(np.abs(x)) for x in leaves]
    return [np.where(x == 0, smallest, size) for x, size in zip(leaves, own, strict=True)]


def _outside(
    j: int, side: OneSidedSlopes, analytic: float, shape: tuple[bool, bool]
) -> Outside | None:
    """Return a finding if the projection lies outside [left, right] along one direction.

    `shape` says whether the output is convex and whether it is concave. At the end of a domain only
    one slope is known; if the output is only convex or only concave, it is a one-sided bound.
    """
    smooth, kinked, _ = side.kinds
    if not (smooth[j] or kinked[j]) or not side.settled()[j]:
        return None
    slope, _ = side.slope()
    if kinked[j]:
        low, high = sorted((float(side.left.slope[j]), float(side.right.slope[j])))
    else:
        low = high = float(slope[j])
        alone = usable(side.left)[j] != usable(side.right)[j]
        if alone and shape != (True, True) and any(shape):
            above = shape[0] == bool(usable(side.right)[j])  # the known slope is the larger one
            low, high = (-np.inf, high) if above else (low, np.inf)
    margin = float(side.tolerance[j])
    if not np.isfinite(margin):
        errors = np.array([side.left.error[j], side.right.error[j]])
        finite = errors[np.isfinite(errors)]
        if not finite.size:
            return None  # edges on both sides: nothing is known
        margin = CONFIDENCE * float(finite.max()) + RELATIVE_FLOOR * abs(float(slope[j]))
    if low - margin <= analytic <= high + margin:
        return None
    return Outside(analytic, low if analytic < low else high, margin, low, high)


def _held(
    whole: OneSidedSlopes, terms: Sequence[tuple[float, OneSidedSlopes]]
) -> tuple[Array, Array]:
    """Whether a sum of directions is consistent with convex and with concave, per component.

    f'(x; d) of a convex f is subadditive in d; the left slope is -f'(x; -d).
    """
    convex = np.ones(whole.left.slope.shape, dtype=bool)
    concave = convex.copy()
    for pick, sign in (("right", 1.0), ("left", -1.0)):
        excess, margin, known = _excess(whole, terms, pick)
        convex &= ~known | (sign * excess <= margin)
        concave &= ~known | (sign * excess >= -margin)
    return convex, concave


def _excess(
    whole: OneSidedSlopes, terms: Sequence[tuple[float, OneSidedSlopes]], pick: str
) -> tuple[Array, Array, Array]:
    """Return by how much a slope exceeds a weighted sum of others, the margin, and a known mask."""
    total: Slope = getattr(whole, pick)
    excess, error, size = total.slope.copy(), total.error.copy(), np.abs(total.slope)
    known = usable(total)
    for weight, side in terms:
        part: Slope = getattr(side, pick)
        excess = excess - weight * part.slope
        error = error + weight * part.error
        size = size + weight * np.abs(part.slope)
        known = known & usable(part)
    return excess, CONFIDENCE * error + RELATIVE_FLOOR * size, known
