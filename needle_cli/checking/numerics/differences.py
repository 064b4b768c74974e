"""Central differences along a line, each with an estimate of its error and its noise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from needle_cli.checking.model import Array
from needle_cli.checking.numerics.steps import PAIR_STEPS
from needle_cli.checking.point import Subject

Values = Callable[[Sequence[Array]], Array]

EPS = float(np.finfo(np.float64).eps)
SMALLEST = float(np.finfo(np.float64).smallest_subnormal)
NOISE_GRIDS = (2.0**-23, 2.0**-30, 2.0**-37, 2.0**-43)
"""Spacings of the grids for measuring the rounding of outputs; tuned, see benchmarks."""

STRUCTURE = 1e7
"""A measured noise of more than this many roundings of the output, or of 1, is not noise.

If outputs do not change on the finest grids it is a step of the function, as in `round`; otherwise
nothing is known. Tuned on the corpora of tests/checking/library.
"""

SINGLE = 2.0**-22
"""Twice the spacing of float32 numbers: at such steps their rounding changes, `round` does not."""

BUNDLE = 1 << 20
"""At most this many outputs are fetched together: 8 MiB of float64."""


class Line:
    """A function of arrays along `x + t u`: a vector of outputs for every number `t`.

    `direction` has one array per judged leaf, in that order; the other leaves do not move.
    `partial` marks a line that moves only a group of entries.
    """

    def __init__(self, subject: Subject, direction: Sequence[Array], values: Values | None = None):
        self.subject = subject
        self.direction = direction
        self.partial = False
        self._values = values or subject.values
        self.known: dict[float, Array] = {}
        self.origin = subject.vector if values is None else values(subject.leaves)

    @cached_property
    def resolution(self) -> float:
        """The largest `eps |x| / |u|` of the moved entries: the cost of rounding, times t.

        An infinite entry does not move at all.
        """
        worst = 0.0
        for i, u in zip(self.subject.judged, self.direction, strict=True):
            moved = (u != 0) & np.isfinite(self.subject.leaves[i])
            if moved.any():
                x = np.abs(self.subject.leaves[i][moved]).astype(np.float64)
                worst = max(worst, float(np.max(x / np.abs(u[moved]))))
        return self.subject.rounding * worst

    def leaves(self, t: float) -> list[Array]:
        """Return every leaf of the case; the judged ones are moved by `t` along the direction."""
        moved = list(self.subject.leaves)
        for i, u in zip(self.subject.judged, self.direction, strict=True):
            moved[i] = moved[i] + t * u
        return moved

    def at(self, t: float) -> Array:
        """Return the outputs at `x + t u`; evaluated once for every `t`."""
        if t not in self.known:
            self.known[t] = self._values(self.leaves(t))
        return self.known[t]

    def fetch(self, steps: Iterable[float]) -> None:
        """Evaluate at many steps ahead of their use, with one transfer from a device."""
        wanted = [t for t in dict.fromkeys(map(float, steps)) if t not in self.known]
        if self._values == self.subject.values and self.origin.size * len(wanted) <= BUNDLE:
            found = self.subject.values_at([self.leaves(t) for t in wanted])
            self.known.update(zip(wanted, found, strict=True))

    def slope(self, step: float) -> Array:
        """Return the central difference at one step."""
        self.fetch((step, -step))
        found: Array = (self.at(step) - self.at(-step)) * (0.5 / step)
        return found

    def moving(self) -> Array:
        """Return a mask of the outputs that differ from the origin's at any evaluated point."""
        moving = np.zeros(self.origin.shape, dtype=bool)
        for values in self.known.values():
            moving |= values != self.origin
        return moving


@dataclass(frozen=True)
class Estimate:
    """A derivative per output component, its error estimate, and the step it came from.

    `rounding` is the part of the error that comes from the noise of the outputs.
    """

    slope: Array
    error: Array
    rounding: Array
    step: float


def richardson(line: Line, step: float, noise: Array) -> Estimate:
    """Return the derivative from central differences at `step` and half of it.

    Combining the two removes the error of order h^2; their difference bounds the rest, and the
    rounding noise of the outputs is propagated.
    """
    with np.errstate(all="ignore"):
        wide = (line.at(step) - line.at(-step)) / (2 * step)
        half = step / 2
        narrow = (line.at(half) - line.at(-half)) / (2 * half)
        slope = (4 * narrow - wide) / 3
        truncation = np.abs(slope - narrow)
        rounding = 3 * noise / step + np.abs(slope) * line.resolution / step
        return Estimate(slope, truncation + rounding, rounding, step)


def central_estimates(line: Line, noise: Array) -> list[Estimate]:
    """Return Richardson estimates at every pair of steps, coarse to fine."""
    finest = 16 * line.resolution
    steps = [step for step in PAIR_STEPS if step >= finest]
    line.fetch(side * part for step in steps for side in (1, -1) for part in (step, step / 2))
    return [richardson(line, step, noise) for step in steps]


def measured_noise(line: Line, side: int = 0) -> Array:
    """Return the measured rounding noise of every output component near `x`.

    Fourth differences of evenly spaced values remove a smooth function and leave its noise times
    sqrt(70) (Moré and Wild, "Estimating Computational Noise", SIAM J. Sci. Comput. 33, 2011).
    Curvature or a kink inside a grid can only add to it, and shrinks with the fourth power of the
    spacing, while noise is the same on all grids. But nine values of a staircase may happen to rise
    by equal steps and show no noise. So the second smallest value counts, among the grids on which
    an output moves. `side` is +1 or -1 to measure only on one side of `x`. An output that does not
    change at all gets the rounding of its own size, and a zero that of 1: equal outputs are not
    free of noise, they hide it (a saturated cross entropy is 0 after the rounding of a 1).
    """
    eps = line.subject.rounding
    offsets = np.arange(-4, 5) if side == 0 else side * np.arange(1, 10)
    seen, moves = [], []
    line.fetch(float(k) * spacing for spacing in NOISE_GRIDS for k in offsets)
    for spacing in NOISE_GRIDS:
        values = np.stack([line.at(float(k) * spacing) for k in offsets])
        here, still = _fourth_differences(values)
        seen.append(np.where(still, np.inf, here))
        moves.append(~still)
    ranked = np.sort(np.stack(seen), axis=0)
    noise = np.where(np.isfinite(ranked[1]), ranked[1], ranked[0])
    hidden = ~np.any(moves, axis=0)
    if hidden.any():
        unseen = np.where(line.origin == 0, eps, 0.0)
        noise = np.where(hidden, np.maximum(_hidden_noise(line, offsets), unseen), noise)
    size = np.abs(line.origin)
    # Too large for rounding: steps of the function, or an oscillation finer than all grids.
    large = noise > STRUCTURE * eps * np.maximum(size, 1.0)
    stairs = large & ~moves[-1] & ~moves[-2]
    if stairs.any():
        noise = np.where(stairs, _staircase_noise(line, offsets, noise, stairs), noise)
    noise = np.where(large & (ranked[-1] < 64 * ranked[0]), np.inf, noise)
    measured: Array = np.maximum(noise, 0.5 * eps * size) + SMALLEST
    return measured


def _fourth_differences(values: Array) -> tuple[Array, Array]:
    """Return the noise of nine evenly spaced values, and a mask where they do not change at all."""
    with np.errstate(all="ignore"):
        fourth = np.abs(np.diff(values, n=4, axis=0) / np.sqrt(70.0))
        # Squares of numbers above 1e154 overflow, so the values are first divided by the largest.
        largest = np.maximum(fourth.max(axis=0), SMALLEST)
        here = largest * np.sqrt(np.mean((fourth / largest) ** 2, axis=0))
    here = np.where(np.isfinite(here), here, np.inf)
    return here, (values == values[0]).all(axis=0)


def _staircase_noise(line: Line, offsets: Array, noise: Array, stairs: Array) -> Array:
    """Return the noise of outputs that move in steps: none, or that of a computation in float32.

    A value that was rounded to float32 on the way changes at nearly every step of twice its
    spacing, or by one of its roundings. The stairs of `round` are wider and higher, unless its
    numbers are in the millions.
    """
    line.fetch(float(k) * SINGLE for k in offsets)
    values = np.stack([line.at(float(k) * SINGLE) for k in offsets])
    jumps = np.abs(np.diff(values, axis=0))
    often = np.count_nonzero(jumps, axis=0) >= 0.75 * len(jumps)
    low = np.min(np.where(jumps > 0, jumps, np.inf), axis=0) <= SINGLE * np.abs(line.origin)
    if np.mean((often | low)[stairs]) < 0.5:
        return np.zeros(noise.shape)
    return np.maximum(noise, _fourth_differences(values)[0])


def _hidden_noise(line: Line, offsets: Array) -> Array:
    """Return the noise of outputs that do not change on fine grids, from coarser ones.

    `1 - cos(x)` near 0 moves in steps of one rounding of 1. On a grid that spans many such steps
    the fourth differences are small compared to the whole change. If they are not, the grid
    contains a kink or a jump and does not show rounding.
    """
    found = np.zeros(line.origin.shape)
    best = np.full(line.origin.shape, 1e-2)
    grids = (2.0**-14, 2.0**-10, 2.0**-7)
    line.fetch(float(k) * spacing for spacing in grids for k in offsets)
    for spacing in grids:
        values = np.stack([line.at(float(k) * spacing) for k in offsets])
        here, still = _fourth_differences(values)
        with np.errstate(all="ignore"):
            share = here / (values.max(axis=0) - values.min(axis=0))
        better = ~still & (share < best)
        found = np.where(better, here, found)
        best = np.where(better, share, best)
    return found
