"""The rounding of outputs along a line, measured for slopes on one side."""

from __future__ import annotations

import numpy as np

from needle_cli.checking.model import Array
from needle_cli.checking.numerics.line import SMALLEST, Line

NOISE_GRIDS = (2.0**-23, 2.0**-30, 2.0**-37, 2.0**-43)
"""Spacings of the grids for measuring the rounding of outputs; tuned, see benchmarks."""

STRUCTURE = 1e7
"""A measured noise of more than this many roundings of the output, or of 1, is not noise.

If outputs do not change on the finest grids it is a step of the function, as in `round`; otherwise
nothing is known. Tuned on the corpora of tests/checking/library.
"""

SINGLE = 2.0**-22
"""Twice the spacing of float32 numbers: at such steps their rounding changes, `round` does not."""


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
