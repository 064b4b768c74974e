"""One-sided slopes, extrapolated from difference quotients at a few steps or at all."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from needle_cli.checking.model import Array
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.noise import measured_noise

SETTLED = 1e-3
"""A smaller relative change of an extrapolated slope from step to step is convergence; tuned."""

FINEST_STEPS = 4
"""How many of the finest steps show an edge at `x`; coarser ones may reach across an edge."""

STEPS: tuple[float, ...] = tuple(2.0**-k for k in range(3, 61))
"""All steps, down to 2^-60: there a point 1e-8 beside a kink no longer looks like one on it."""

CLEAR_STEPS = tuple(2.0**-k for k in range(9, 14))
"""The steps that are extrapolated if a slope is clear; tuned, see benchmarks."""

FINER_STEPS = (2.0**-21, 2.0**-30, 2.0**-39)
"""A clear slope has to be the same at these steps, at half of each, and at the two finest."""

CLEAR = 1e-9
"""Error of a clear slope, relative to its size or the difference quotient at the largest step.

Tuned, see benchmarks.
"""

STILL = 2048
"""Error of the slope of an output that does not change, in roundings of that output; tuned."""


@dataclass(frozen=True)
class Slope:
    """A one-sided slope per component with its error, and masks of where there is none.

    `edge`: the outputs are not finite beside `x` on this side. `divergent`: difference quotients
    grow without bound, as at a jump (like 1/h) or a root (like h^-1/2). `settled`: the extrapolated
    values converged at some steps, or are zero within their error. `noise` is the rounding that
    was measured on the way, None if none was.
    """

    slope: Array
    error: Array
    edge: Array
    divergent: Array
    settled: Array
    noise: Array | None


def one_sided_slope(line: Line, side: int, noise: Array | None = None) -> Slope:
    """Return the slope of `f(x + t u)` for t > 0 (`side` +1), or for t < 0 (-1), per component.

    The method is: difference quotients at steps from 2^-3 to 2^-60, one extrapolation of
    neighbours, and for every component the step where the extrapolated values change least. The
    many steps distinguish a point on a kink from one beside it; if a few of them are clear, only
    those are used. `noise` is that of the outputs if it is already known.
    """
    clear = _clear(line, side)
    if clear is not None:
        return clear
    used = _steps(line)
    if len(used) < FINEST_STEPS:
        return _unknown(line)
    if noise is None:
        noise = measured_noise(line, side)
        noise = np.where(np.isfinite(noise), noise, 0.0)
    steps = np.array(used)[:, None]
    line.fetch(side * t for t in used)
    with np.errstate(all="ignore"):
        beside = np.stack([line.at(side * t) for t in used])
        quotients = side * (beside - line.origin) / steps
        unit = 4 * line.subject.rounding
        rounding = (unit * (np.abs(beside) + np.abs(line.origin)) + 6 * noise) / steps
        extrapolated = 2 * quotients[1:] - quotients[:-1]
        own_rounding = 3 * rounding[1:-1] + 3 * rounding[2:]
        own_rounding += np.abs(extrapolated[1:]) * line.resolution / steps[2:]
        moved = np.abs(np.diff(extrapolated, axis=0)) + own_rounding
    moved = np.where(np.isfinite(moved), moved, np.inf)
    # A steep function may converge to a wrong value at coarse steps. So steps that have converged
    # relative to their own slope, and that no finer step contradicts, are preferred.
    with np.errstate(all="ignore"):
        settled = moved <= SETTLED * np.abs(extrapolated[1:])
        sound = ~_contradicted_below(extrapolated[1:], moved, own_rounding)
    best = np.argmin(np.where(sound, moved, np.inf), axis=0)
    preferred = np.where(settled & sound, moved, np.inf)
    best = np.where((settled & sound).any(axis=0), np.argmin(preferred, axis=0), best)
    columns = np.arange(moved.shape[1])
    slope = extrapolated[best + 1, columns]
    edge = ~np.isfinite(beside[-FINEST_STEPS:]).all(axis=0)
    divergent = _diverges(quotients, rounding)
    error = moved[best, columns]
    flat = (np.abs(slope) <= 4 * error) & sound[best, columns]
    return Slope(slope, error, edge, divergent & ~edge, (settled & sound).any(axis=0) | flat, noise)


def _unknown(line: Line) -> Slope:
    """Return the result if no steps are left between rounding and the size of the input."""
    shape = line.origin.shape
    no = np.zeros(shape, dtype=bool)
    return Slope(np.zeros(shape), np.full(shape, np.inf), no, no, no, noise=None)


def _steps(line: Line) -> list[float]:
    """Return the steps that move every entry by more than a few units in the last place."""
    return [t for t in STEPS if t >= 16 * line.resolution]


def _clear(line: Line, side: int) -> Slope | None:
    """Return the slope if a few steps give it for every component, else None.

    Extrapolation from five steps (Romberg's scheme) leaves an error of the fourth order, and much
    finer steps must agree up to the rounding of an output of that size. More noise, a kink nearby,
    a jump, a root or an edge all show up there, and then all steps are needed.
    """
    used = _steps(line)
    if len(used) < 2 or used[-1] > FINER_STEPS[1]:
        return None
    finer = [t for t in FINER_STEPS if t / 2 >= used[-1]] + [used[-2]]
    steps = sorted({STEPS[0], *CLEAR_STEPS, *finer, *(t / 2 for t in finer)}, reverse=True)
    line.fetch(side * t for t in steps)
    origin, size = line.origin, np.abs(line.origin)
    unit = 4 * line.subject.rounding

    def quotient(t: float) -> Array:
        found: Array = side * (line.at(side * t) - origin) / t
        return found

    def rounding(t: float) -> Array:
        noise = unit * (np.abs(line.at(side * t)) + size)
        found: Array = (noise + np.abs(slope) * line.resolution) / t
        return found

    def extrapolated(t: float) -> Array:
        return 2 * quotient(t / 2) - quotient(t)

    with np.errstate(all="ignore"):
        first = [extrapolated(t) for t in CLEAR_STEPS[:-1]]
        second = [(4 * b - a) / 3 for a, b in itertools.pairwise(first)]
        coarse, slope = ((8 * b - a) / 7 for a, b in itertools.pairwise(second))
        # 45/7 is the sum of the weights that the three steps give the finest quotients.
        error = np.abs(slope - coarse) + 45 / 7 * rounding(CLEAR_STEPS[-1])
        sharp = error <= CLEAR * np.maximum(np.abs(slope), np.abs(quotient(STEPS[0])))
        flat = np.abs(slope) <= 4 * error
        clear = sharp & (flat | (error <= SETTLED * np.abs(slope)))
        for t in finer:
            bend = 4 * np.abs(first[0] - slope) * (t / CLEAR_STEPS[0]) ** 2
            allowed = error + bend + 3 * rounding(t) + 3 * rounding(t / 2)
            clear &= np.abs(extrapolated(t) - slope) <= allowed
        still = np.isfinite(origin)
        for t in steps:
            still &= line.at(side * t) == origin
        if not (clear | still).all():
            return None
    no = np.zeros(origin.shape, dtype=bool)
    at_rest = STILL * line.subject.rounding * np.where(size == 0, 1.0, size)
    return Slope(
        np.where(still, 0.0, slope), np.where(still, at_rest, error), no, no, ~no, noise=None
    )


def _contradicted_below(slopes: Array, moved: Array, rounding: Array) -> Array:
    """Return per step whether a finer one gives a different slope, by more than both errors."""
    low = np.where(np.isfinite(slopes), slopes - 8 * rounding, -np.inf)
    high = np.where(np.isfinite(slopes), slopes + 8 * rounding, np.inf)
    above = np.full(slopes.shape, -np.inf)
    below = np.full(slopes.shape, np.inf)
    for k in range(slopes.shape[0] - 2, -1, -1):
        above[k] = np.maximum(above[k + 1], low[k + 1])
        below[k] = np.minimum(below[k + 1], high[k + 1])
    contradicted: Array = (above > slopes + 4 * moved) | (below < slopes - 4 * moved)
    return contradicted


def _diverges(quotients: Array, rounding: Array) -> Array:
    """Return per component whether quotients grow like a power of 1/h with exponent above 0.3.

    The finest dozen steps that are clear of rounding decide: over coarser steps a smooth function
    may get steeper for a while. A finer step that should show the last quotient, and does not,
    refutes the growth: it came from a jump nearby.
    """
    with np.errstate(all="ignore"):
        size = np.abs(quotients)
        clean = np.isfinite(size) & (size > 20 * rounding) & (size > 0)
        growth = np.diff(np.log2(size), axis=0)
    pairs = clean[1:] & clean[:-1]
    count = np.zeros(quotients.shape[1], dtype=int)
    least = np.full(quotients.shape[1], np.inf)
    ended = np.zeros(quotients.shape[1], dtype=bool)
    for k in range(growth.shape[0] - 1, -1, -1):
        taken = pairs[k] & ~ended
        least = np.where(taken, np.minimum(least, growth[k]), least)
        count += taken
        ended |= (count >= 11) | ((count > 0) & ~pairs[k])
    rows = np.arange(size.shape[0])[:, None]
    last = np.max(np.where(clean, rows, -1), axis=0)
    reached = size[np.maximum(last, 0), np.arange(size.shape[1])]
    finer = (rows > last) & np.isfinite(size) & (40 * rounding < reached) & (size < reached / 2)
    grows: Array = (count >= 5) & (least > 0.3) & ~finer.any(axis=0)
    return grows
