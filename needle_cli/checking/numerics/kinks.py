"""Judgement at points without a derivative: one-sided slopes, convexity, the interval test.

For a convex output the reasonable answers at a kink are the g with g.d <= f'(x; d) for every
direction d (Clarke, "Optimization and Nonsmooth Analysis", 1983, prop. 2.2.7): the projection lies
between the left and the right slope. For a concave output the order is reversed. Where the measured
slopes show neither, nothing is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from needle_cli.checking.model import Array, Garbage, OperatorError, Verdict
from needle_cli.checking.numerics.differences import Line, Slope, one_sided
from needle_cli.checking.numerics.probes import Tangent, power_of_two, projected, rms, signed
from needle_cli.checking.numerics.tolerance import CONFIDENCE, norm
from needle_cli.checking.subject import Subject, inner

RELATIVE_FLOOR = 1e-8
"""Relative agreement of one-sided slopes below which they count as equal."""

SPLITS = 10
MOST_COMPONENTS = 12
MOST_COORDINATES = 24


@dataclass(frozen=True)
class Autopsy:
    """What one-sided slopes say of a point. `verdict` None: it looks smooth, nothing new.

    `unsettled`: some of them never stood still, so that they confirm little.
    """

    verdict: Verdict | None
    analytic: float = float("nan")
    numeric: float = float("nan")
    allowed: float = float("nan")
    note: str = ""
    finite_slope: float | None = None
    unsettled: bool = False


@dataclass(frozen=True)
class Sides:
    """Left and right slopes along one line, per output component."""

    left: Slope
    right: Slope

    @property
    def tolerance(self) -> Array:
        """What may lie between two slopes that are equal."""
        with np.errstate(all="ignore"):
            size = np.maximum(np.abs(self.left.slope), np.abs(self.right.slope))
            return CONFIDENCE * (self.left.error + self.right.error) + RELATIVE_FLOOR * size

    def settled(self) -> Array:
        """Tell where at least one side's ladder stood still."""
        known: Array = _usable(self.left) | _usable(self.right)
        return known

    def kinds(self) -> tuple[Array, Array, Array]:
        """Return masks (smooth, kinked, without slope) that share out the components."""
        finite_left = _usable(self.left)
        finite_right = _usable(self.right)
        both = finite_left & finite_right
        with np.errstate(all="ignore"):
            kinked = both & (np.abs(self.left.slope - self.right.slope) > self.tolerance)
        one = (finite_left & self.right.edge) | (finite_right & self.left.edge)
        # A ladder that settles nowhere knows nothing; only growth and bad values mean no slope.
        none = _without_slope(self.left) | _without_slope(self.right)
        return ~kinked & (one | ~none), kinked, none & ~one

    def slope(self) -> tuple[Array, Array]:
        """Return one slope per component and its error: the mean, or the side that exists."""
        finite_left, finite_right = _usable(self.left), _usable(self.right)
        mean = (self.left.slope + self.right.slope) / 2
        alike = finite_left == finite_right
        slope = np.where(alike, mean, np.where(finite_left, self.left.slope, self.right.slope))
        error = np.where(alike | finite_left, self.left.error, 0) + np.where(
            alike | finite_right, self.right.error, 0
        )
        return slope, error


def _without_slope(side: Slope) -> Array:
    missing: Array = side.edge | side.divergent | ~np.isfinite(side.slope)
    return missing | ~np.isfinite(side.error)


def _usable(side: Slope) -> Array:
    usable: Array = ~_without_slope(side) & side.settled
    return usable


def sides(line: Line) -> Sides:
    """Return the slopes on both sides of the line's origin."""
    return Sides(one_sided(line, -1), one_sided(line, +1))


def examine(
    subject: Subject,
    line: Line,
    cotangent: Array,
    rng: np.random.Generator,
    tangent: Tangent | None,
    *,
    slopes: bool = False,
) -> Autopsy:
    """Decide what a disagreement along `line` is: a fault, a kink, or no slope at all.

    With `slopes` only the projected slope is wanted (`finite_slope`), no gradient is asked for.
    """
    used = cotangent != 0
    with np.errstate(all="ignore"):
        measured = sides(line)
        smooth, kinked, lost = (mask & used for mask in measured.kinds())
        slope, error = measured.slope()
        if slopes:
            # A zero cotangent times an infinite slope is no number either, so all outputs count.
            if measured.kinds()[2].any():
                return Autopsy(None)
            present = smooth | kinked
            return Autopsy(None, finite_slope=float(np.dot(cotangent[present], slope[present])))
        if not kinked.any() and not lost.any():
            kinked = _not_additive(subject, line, measured, rng) & used
            if not kinked.any():
                allowed = CONFIDENCE * norm(cotangent[used] * error[used])
                allowed += RELATIVE_FLOOR * norm(cotangent[used] * slope[used])
                numeric = float(np.dot(cotangent[used], slope[used]))
                unsettled = bool((used & ~measured.settled()).any())
                return Autopsy(None, numeric=numeric, allowed=allowed, unsettled=unsettled)
            smooth = smooth & ~kinked
        return _judge_parts(
            subject, line, cotangent, (smooth, kinked, lost), measured, rng, tangent
        )


def _judge_parts(
    subject: Subject,
    line: Line,
    cotangent: Array,
    masks: tuple[Array, Array, Array],
    measured: Sides,
    rng: np.random.Generator,
    tangent: Tangent | None,
) -> Autopsy:
    """Judge the smooth components together and every kinked one by itself."""
    smooth, kinked, lost = masks
    slope, error = measured.slope()
    doubt = ""
    if smooth.any():
        part = np.where(smooth, cotangent, 0.0)
        try:
            gradients = subject.gradients(part)
        except (OperatorError, Garbage):
            return Autopsy(Verdict.CANNOT_TELL, note="the gradient raises for part of a cotangent")
        direction = [
            np.where(np.isfinite(g), u, 0.0) for g, u in zip(gradients, line.direction, strict=True)
        ]
        whole = all(np.isfinite(g).all() for g in gradients)
        analytic = inner([np.where(np.isfinite(g), g, 0.0) for g in gradients], direction)
        weights = part[smooth]
        numeric = float(np.dot(weights, slope[smooth]))
        scale = norm(weights * slope[smooth])
        allowed = CONFIDENCE * norm(weights * error[smooth]) + RELATIVE_FLOOR * scale
        if whole and abs(analytic - numeric) > allowed:
            tangled = _not_additive(subject, line, measured, rng) & smooth
            if tangled.any():
                return _judge_parts(
                    subject,
                    line,
                    cotangent,
                    (smooth & ~tangled, kinked | tangled, lost),
                    measured,
                    rng,
                    tangent,
                )
            if allowed > 0.1 * max(scale, abs(analytic)):
                doubt = "rounding hides the slope beside a kink"
            else:
                return Autopsy(Verdict.FAIL, analytic, numeric, allowed, "beside a kink")
    if kinked.any():
        judged = _judge_kinks(subject, np.flatnonzero(kinked)[:MOST_COMPONENTS], rng, tangent)
        if judged.verdict is not Verdict.PASS:
            return judged
    if lost.any():
        return Autopsy(Verdict.NO_DERIVATIVE, note="the slope is not finite here")
    if doubt:
        return Autopsy(Verdict.CANNOT_TELL, note=doubt)
    return Autopsy(Verdict.PASS, 0.0, 0.0, 0.0, "at a kink, between the one-sided slopes")


def _not_additive(subject: Subject, line: Line, measured: Sides, rng: np.random.Generator) -> Array:
    """Tell per component whether slopes along parts of a direction fail to add up.

    At a tie of a median every line looks smooth, and yet there is no derivative. One split may add
    up by chance (about every second does at a tie of three), so many are tried, of the direction
    itself and of others like it.
    """
    broken = np.zeros(measured.left.slope.shape, dtype=bool)
    attempts = SPLITS if subject.case.size() <= 4096 else 3
    for attempt in range(attempts):
        if attempt >= 6 and broken.any():
            break
        signs = [rng.integers(0, 2, size=u.shape) * 2.0 - 1.0 for u in line.direction]
        whole = [u * (s if attempt else 1) for u, s in zip(line.direction, signs, strict=True)]
        right = one_sided(Line(subject, whole), +1) if attempt else measured.right
        first, second = _halves(whole, rng)
        if all(any(u.any() for u in half) for half in (first, second)):
            both = [sides(Line(subject, half)) for half in (first, second)]
            broken |= _gap(right, both[0].right, both[1].right) > 1.0
            # |a| - |b| adds up along (1, 1), but not smoothly.
            broken |= both[0].kinds()[1] | both[1].kinds()[1]
    return broken


def _halves(
    direction: Sequence[Array], rng: np.random.Generator
) -> tuple[list[Array], list[Array]]:
    """Share the entries of a direction out between two."""
    masks = [rng.integers(0, 2, size=u.shape).astype(bool) for u in direction]
    return (
        [np.where(m, u, 0.0) for m, u in zip(masks, direction, strict=True)],
        [np.where(m, 0.0, u) for m, u in zip(masks, direction, strict=True)],
    )


def _gap(whole: Slope, first: Slope, second: Slope) -> Array:
    """Return how far slopes are from adding up, as a multiple of what is allowed."""
    gap = np.abs(first.slope + second.slope - whole.slope)
    size = np.abs(first.slope) + np.abs(second.slope) + np.abs(whole.slope)
    allowed = CONFIDENCE * (first.error + second.error + whole.error) + 10 * RELATIVE_FLOOR * size
    known = _usable(first) & _usable(second) & _usable(whole)
    return np.where(known & (gap > 0), gap / allowed, 0.0)


def _direction_set(subject: Subject, rng: np.random.Generator) -> list[list[Array]]:
    """Return coordinates, all-ones per leaf and over all leaves, and random signs."""
    scales = [power_of_two(rms(subject.leaves[i])) for i in subject.judged]
    shapes = [subject.leaves[i].shape for i in subject.judged]
    zeros = [np.zeros(shape) for shape in shapes]
    found: list[list[Array]] = []
    places = [(k, j) for k, zero in enumerate(zeros) for j in range(zero.size)]
    if len(places) > MOST_COORDINATES:
        chosen = rng.permutation(len(places))[:MOST_COORDINATES]
        places = [places[int(c)] for c in np.sort(chosen)]
    for k, j in places:
        unit = [zero.copy() for zero in zeros]
        x = abs(float(subject.leaves[subject.judged[k]].reshape(-1)[j]))
        unit[k].reshape(-1)[j] = power_of_two(x) if x > 0 else scales[k]
        found.append(unit)
    ones = [np.full(shape, scale) for shape, scale in zip(shapes, scales, strict=True)]
    found.append(ones)
    if len(ones) > 1:
        found.extend(
            [u if k == position else np.zeros_like(u) for k, u in enumerate(ones)]
            for position in range(len(ones))
        )
    for _ in range(4):
        found.append([signed(rng, s) * c for s, c in zip(shapes, scales, strict=True)])
    return found


def _judge_kinks(
    subject: Subject, components: Array, rng: np.random.Generator, tangent: Tangent | None
) -> Autopsy:
    """Ask the interval test of each component, with a one-hot cotangent, along every direction."""
    directions = [projected(subject, d, tangent) for d in _direction_set(subject, rng)]
    measured = [sides(Line(subject, d)) for d in directions]
    curvature = _curvature(subject, directions, measured, rng)
    unjudged = ""
    for j in components:
        one_hot = np.zeros(subject.vector.shape)
        one_hot[j] = 1.0
        gradients = subject.gradients(one_hot)
        if not all(np.isfinite(g).all() for g in gradients):
            whole = np.isfinite(subject.vector).all()
            if whole and not any(s.kinds()[2].any() for s in measured):
                note = "the gradient is not finite at a kink with finite slopes on both sides"
                return Autopsy(Verdict.FAIL, float("nan"), float("nan"), 0.0, note)
            unjudged = "the slope is not finite here"
            continue
        if curvature[j] == 0:
            unjudged = "a kink that is neither convex nor concave"
            continue
        for direction, side in zip(directions, measured, strict=True):
            verdict = _inside(j, side, inner(gradients, direction))
            if verdict is not None:
                return verdict
    if unjudged:
        return Autopsy(Verdict.NO_DERIVATIVE, note=unjudged)
    return Autopsy(Verdict.PASS)


def _inside(j: int, side: Sides, analytic: float) -> Autopsy | None:
    """Return a finding where the projection lies outside [left, right] along one direction."""
    smooth, kinked, _ = side.kinds()
    if not (smooth[j] or kinked[j]):
        return None
    slope, _ = side.slope()
    if kinked[j]:
        low, high = sorted((float(side.left.slope[j]), float(side.right.slope[j])))
    else:
        low = high = float(slope[j])
    margin = float(side.tolerance[j])
    if not np.isfinite(margin):
        margin = CONFIDENCE * float(
            np.nanmax([side.left.error[j], side.right.error[j]])
        ) + RELATIVE_FLOOR * abs(low)
    if low - margin <= analytic <= high + margin:
        return None
    nearest = low if analytic < low else high
    note = f"outside the one-sided slopes [{low:.6g}, {high:.6g}] at a kink"
    return Autopsy(Verdict.FAIL, analytic, nearest, margin, note)


def _curvature(
    subject: Subject,
    directions: Sequence[Sequence[Array]],
    measured: Sequence[Sides],
    rng: np.random.Generator,
) -> Array:
    """Return per component +1 (convex as far as seen), -1 (concave), or 0 (neither, or unknown)."""
    convex = np.ones(subject.vector.shape, dtype=bool)
    concave = convex.copy()
    for side in measured:
        gap = side.right.slope - side.left.slope
        known = _usable(side.left) & _usable(side.right)
        convex &= ~known | (gap >= -side.tolerance)
        concave &= ~known | (gap <= side.tolerance)
        convex &= ~side.kinds()[2]
        concave &= ~side.kinds()[2]
    sums = _ones_and_coordinates(directions, measured)
    for direction, whole in list(zip(directions, measured, strict=True))[-4:]:
        halves = _halves(direction, rng)
        if not all(any(u.any() for u in half) for half in halves):
            continue
        parts = [sides(Line(subject, half)) for half in halves]
        sums.append((whole, [(1.0, part) for part in parts]))
    for whole, terms in sums:
        for pick, sign in (("right", 1.0), ("left", -1.0)):
            # f'(x; d) of a convex f is subadditive in d; the left slope is -f'(x; -d).
            excess, margin, known = _excess(whole, terms, pick)
            convex &= ~known | (sign * excess <= margin)
            concave &= ~known | (sign * excess >= -margin)
    return np.where(convex, 1, np.where(concave, -1, 0))


def _excess(
    whole: Sides, terms: Sequence[tuple[float, Sides]], pick: str
) -> tuple[Array, Array, Array]:
    """Return what a slope has over a weighted sum of others, the margin, and where known."""
    total: Slope = getattr(whole, pick)
    excess, error, size = total.slope.copy(), total.error.copy(), np.abs(total.slope)
    known = _usable(total)
    for weight, side in terms:
        part: Slope = getattr(side, pick)
        excess = excess - weight * part.slope
        error = error + weight * part.error
        size = size + weight * np.abs(part.slope)
        known = known & _usable(part)
    return excess, CONFIDENCE * error + RELATIVE_FLOOR * size, known


def _ones_and_coordinates(
    directions: Sequence[Sequence[Array]], measured: Sequence[Sides]
) -> list[tuple[Sides, list[tuple[float, Sides]]]]:
    """Return the all-ones direction as a sum of coordinates, where all of them were measured."""
    entries = sum(u.size for u in directions[0])
    if entries > MOST_COORDINATES:
        return []
    ones = directions[entries]
    terms = []
    for unit, side in zip(directions[:entries], measured[:entries], strict=True):
        own = sum(float(np.sum(u)) for u in unit)
        shared = sum(float(np.sum(o[u != 0])) for o, u in zip(ones, unit, strict=True))
        if own == 0.0:
            return []  # a projected direction is no coordinate any more
        terms.append((shared / own, side))
    return [(measured[entries], terms)]
