"""The slopes on both sides of a point, along one line or along many independent lines at once.

The entries of an elementwise operator can all move at once, since every output depends on one of
them. A few steps show which outputs a line moves, and whether a group of lines gives the same
values as its members alone: a product or a minimum may depend on two entries together and on
neither of them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from needle_cli.checking.model import Array
from needle_cli.checking.numerics.extrapolation import STILL, Slope, one_sided_slope
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.tolerance import CONFIDENCE

RELATIVE_FLOOR = 1e-8
"""One-sided slopes with at most this relative difference count as equal; tuned."""

REACH_STEPS = (2.0**-3, 2.0**-12, 2.0**-30)
"""Steps that show which outputs a line moves; they are among those of a slope."""

Allows = Callable[[Sequence[Array], int], bool]
"""Whether a direction may be followed to a side, +1 or -1, without leaving a domain."""


@dataclass(frozen=True)
class OneSidedSlopes:
    """Left and right slopes along one line, per output component."""

    left: Slope
    right: Slope

    @property
    def tolerance(self) -> Array:
        """The largest difference of two slopes that count as equal."""
        with np.errstate(all="ignore"):
            size = np.maximum(np.abs(self.left.slope), np.abs(self.right.slope))
            return CONFIDENCE * (self.left.error + self.right.error) + RELATIVE_FLOOR * size

    def settled(self) -> Array:
        """Mask of the components whose slope converged on at least one side."""
        known: Array = usable(self.left) | usable(self.right)
        return known

    @cached_property
    def kinds(self) -> tuple[Array, Array, Array]:
        """Masks (smooth, kinked, without slope) that partition the components."""
        finite_left = usable(self.left)
        finite_right = usable(self.right)
        both = finite_left & finite_right
        with np.errstate(all="ignore"):
            kinked = both & (np.abs(self.left.slope - self.right.slope) > self.tolerance)
        one = (finite_left & self.right.edge) | (finite_right & self.left.edge)
        # Slopes that do not converge decide nothing; only growth and bad values mean no slope.
        none = _without_slope(self.left) | _without_slope(self.right)
        return ~kinked & (one | ~none), kinked, none & ~one

    def slope(self) -> tuple[Array, Array]:
        """Return one slope per component and its error: the mean, or the side that exists."""
        finite_left, finite_right = usable(self.left), usable(self.right)
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


def usable(side: Slope) -> Array:
    """Return a mask of the components with a reliable slope."""
    known: Array = ~_without_slope(side) & side.settled
    return known


def one_sided_slopes(
    line: Line, allows: Allows | None = None, like: OneSidedSlopes | None = None
) -> OneSidedSlopes:
    """Return the slopes on both sides of the line's origin; none outside the domain.

    `like` are the slopes along a line that moves these entries and more: the rounding is the same.
    """
    known = (None, None) if like is None else (like.left.noise, like.right.noise)
    left, right = (
        one_sided_slope(line, side, noise) if _open(line, side, allows) else _beyond(line)
        for side, noise in zip((-1, +1), known, strict=True)
    )
    return OneSidedSlopes(left, right)


def _open(line: Line, side: int, allows: Allows | None) -> bool:
    return allows is None or allows(line.direction, side)


def _beyond(line: Line) -> Slope:
    """Return the result for a side outside a domain: an edge."""
    shape = line.origin.shape
    nothing = np.full(shape, np.nan)
    no, yes = np.zeros(shape, dtype=bool), np.ones(shape, dtype=bool)
    return Slope(nothing, nothing, yes, no, no, None)


def slopes_together(
    directions: Sequence[Sequence[Array]],
    line_of: Callable[[Sequence[Array]], Line],
    allows: Allows | None,
) -> tuple[list[OneSidedSlopes], bool]:
    """Return the slopes along every direction, the same as `one_sided_slopes` for each of them.

    Also return whether all directions moved together, so that no output depends on two of them.
    """
    lines = [_MovedOutputs(line_of(direction), allows) for direction in directions]
    measured: dict[int, OneSidedSlopes] = {}
    apart = False
    for group in _groups(lines):
        members = [lines[i] for i in group]
        if len(group) > 1:
            parts = zip(*(directions[i] for i in group), strict=True)
            joint = _MovedOutputs(line_of([np.sum(part, axis=0) for part in parts]), allows)
            if joint.is_all_of(members):
                shared = one_sided_slopes(joint.line, allows)
                found = [_own(shared, member.reach, joint.line) for member in members]
                measured.update(zip(group, found, strict=True))
                apart = len(group) == len(lines)
                continue
        measured.update((i, one_sided_slopes(lines[i].line, allows)) for i in group)
    return [measured[i] for i in range(len(lines))], apart


class _MovedOutputs:
    """A line and the outputs that it moves, `reach`, at a few steps to the allowed sides."""

    def __init__(self, line: Line, allows: Allows | None) -> None:
        self.line = line
        self.open = tuple(side for side in (1, -1) if _open(line, side, allows))
        self.steps = [side * step for step in REACH_STEPS for side in self.open]
        line.fetch(self.steps)
        self.reach = np.zeros(line.origin.shape, dtype=bool)
        for t in self.steps:
            self.reach |= line.at(t) != line.origin

    def is_all_of(self, members: Sequence[_MovedOutputs]) -> bool:
        """Whether every output equals, at every step, that of one member moved alone."""
        moved = np.any([member.reach for member in members], axis=0)
        return bool((moved == self.reach).all()) and all(
            self.open == member.open
            and np.array_equal(
                self.line.at(t)[member.reach], member.line.at(t)[member.reach], equal_nan=True
            )
            for member in members
            for t in self.steps
        )


def _groups(lines: Sequence[_MovedOutputs]) -> list[list[int]]:
    """Split the lines into groups in which no two lines move the same output."""
    groups: list[tuple[list[int], Array, tuple[int, ...]]] = []
    for i, line in enumerate(lines):
        for members, taken, side in groups:
            if side == line.open and not (taken & line.reach).any():
                members.append(i)
                taken |= line.reach
                break
        else:
            groups.append(([i], line.reach.copy(), line.open))
    return [members for members, _, _ in groups]


def _own(shared: OneSidedSlopes, reach: Array, joint: Line) -> OneSidedSlopes:
    """Return a member's part of a group's slopes: zero for outputs that it does not move."""
    size = np.where(joint.origin == 0, 1.0, np.abs(joint.origin))
    error = STILL * joint.subject.rounding * size

    def part(slope: Slope) -> Slope:
        return Slope(
            np.where(reach, slope.slope, 0.0), np.where(reach, slope.error, error),
            slope.edge & reach, slope.divergent & reach, slope.settled | ~reach, slope.noise,
        )  # fmt: skip

    return OneSidedSlopes(part(shared.left), part(shared.right))
