"""Slopes with their errors from one sample of a line: a fit over every window of seven steps.

The sample is `f(x +- t u)` at `t = 2^-k` and `0.75 * 2^-k`. In every window of seven neighbouring
steps, `t, t^3, t^5` are fitted to the odd part of the sample, which leaves four numbers over. They
are the window's error: the rounding of the outputs, curvature, a kink and a jump all leave
something over, and nothing else is assumed about any of them. `t, t^2, t^4`, fitted to the even
part, show a kink at the point itself, which the odd part cannot show.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from needle_cli.checking.model import Array
from needle_cli.checking.numerics.line import SMALLEST, Line

WIDTH = 7
"""Steps in a window, over three octaves: three unknowns, and four numbers are left over."""

ODD, EVEN = (1, 3, 5), (1, 2, 4)
"""The powers of t that are fitted to the odd and to the even part."""

GAIN = 36.0
"""Error of a window's slope, as a multiple of what is left over divided by its largest step.

It is the largest ratio of the two for a jump, wherever it lies. For a kink it is 11.2, for `t^7`
6.6, and for independent rounding the standard deviation is 2.7, so that the error is 6 of them.
`test_windows.py` computes all of these.
"""

BEND_GAIN = 72.0
"""The same for the coefficient of `t` in the even part, where the rounding of `f(x)` counts too."""

LEVEL = 8.0
"""Rounding falls by less than this from one window to the next one that shares no step with it.

A kink nearby falls like the step, by 11; what curvature leaves over falls by 2^24.
"""

GROWTH = 2.0**8
"""Rounding grows by at most this from one window to the next one that shares no step with it.

The rounding of `1 / x^2` grows by 2^7.
"""

ABRUPT = 2.0**8
"""What is left over falls by more than this from one window to the next at the end of a stair.

Where a wave is resolved it falls by at most 1.5^11 or so.
"""

DOUBLE = 2.0**-36
"""Rounding of float64 is at most this share of what the output reaches along the line.

It allows numbers inside the function that are 2^17 times larger. A step of more than this share of
1, of the inputs and of the output is a step of the function, however far the output reaches.
"""

SINGLE = 2.0**-22
"""Rounding of a function that computes in float32 is at most this share of the output.

The standard deviation of half a difference of two roundings is at most 2^-25.3. The smallest
change of the output is at most this share too, other than that of `round` near 1e6.
"""

DOUBTFUL = 2.0**-20
"""A stair of at most this share of 1, of the inputs and of the output may be rounding: of float32,
eight times. Chosen."""

CANCELS = 4.0
"""Terms that cancel in float32 may be this much larger than the output. Chosen."""

UNFOLLOWED = 2.0**-3
"""A fit that leaves more than this share of the output's rise has not resolved it. Chosen."""

SAME = 1e-8
"""One-sided slopes with at most this relative difference count as equal; tuned."""

LARGE = (2.0**-6, 2.0)
"""The steps that show how steep a function is around a point where its slope is zero."""

TOGETHER = 1 << 13
"""Outputs that are fitted together: their windows take about 100 MB."""


def half_octaves(coarsest: int, finest: int) -> list[float]:
    """Return the steps `2^-k` and `0.75 * 2^-k` for k from `coarsest` to `finest`, falling."""
    return [m * 2.0**-k for k in range(coarsest, finest + 1) for m in (1.0, 0.75)]


@cache
def fit_weights(powers: tuple[int, ...], start: int) -> tuple[Array, Array]:
    """Return the weights of the first coefficient of a fit, and those of what is left over.

    They apply to a window whose largest step is counted as 1, and is `2^-k` if `start` is 0 and
    `0.75 * 2^-k` if it is 1. The second array has shape (7, 4), with orthonormal columns.
    """
    t = np.array(half_octaves(0, WIDTH)[start : start + WIDTH])
    basis = np.stack([(t / t[0]) ** p for p in powers], axis=1)
    whole, _ = np.linalg.qr(basis, mode="complete")
    return np.linalg.pinv(basis)[0], whole[:, len(powers) :]


@dataclass(frozen=True)
class Reading:
    """One slope per output and its error, infinite if no window is finite.

    `window` is where they come from. `other` and `other_error` come from the best window that
    shares no step with it.
    """

    slope: Array
    error: Array
    window: Array
    other: Array
    other_error: Array


@dataclass(frozen=True)
class Sample:
    """What a line shows, per output.

    `best` is the reading to believe and `level` its rounding. `smooth` takes what is left over at
    the same level from window to window for rounding everywhere; `best` does so only where it is
    small enough to be rounding, and elsewhere believes the finest windows. The masks: `rough`,
    where the two differ and the finest windows may lie within a stair; `doubtful`, where that
    stair is low enough for the rounding of numbers inside the function; `bent`, where there is a
    kink at the point itself; `moved`, where the output changes by more than its rounding.
    `steepest` is the largest change over a large step, divided by the step.
    """

    best: Reading
    smooth: Reading
    level: Array
    rough: Array
    doubtful: Array
    bent: Array
    steepest: Array
    moved: Array


def read(line: Line, steps: Sequence[float]) -> Sample:
    """Read a line at neighbouring half octaves, falling; `WIDTH` of them or more."""
    line.fetch(side * t for t in steps for side in (1, -1))
    with np.errstate(all="ignore"):
        parts = [
            _read(line, steps, slice(start, start + TOGETHER))
            for start in range(0, max(1, line.origin.size), TOGETHER)
        ]
    return parts[0] if len(parts) == 1 else _joined(parts)


def _joined(parts: Sequence[Any]) -> Any:
    """Return what has the arrays of all parts, one after another."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    names = [field.name for field in dataclasses.fields(parts[0])]
    return type(parts[0])(**{name: _joined([getattr(p, name) for p in parts]) for name in names})


def _read(line: Line, steps: Sequence[float], chosen: slice) -> Sample:
    at = np.array(steps)[:, None]
    plus = np.stack([line.at(t)[chosen] for t in steps])
    minus = np.stack([line.at(-t)[chosen] for t in steps])
    origin = line.origin[chosen]
    slope, left = _fit((plus - minus) / 2, steps, ODD)
    bend, bend_left = _fit((plus - origin) / 2 + (minus - origin) / 2, steps, EVEN)
    largest = at[: len(slope)]
    slope, bend = slope / largest, np.abs(bend / largest)
    changes = np.stack([plus, minus]) - origin
    reach = _largest(np.abs(changes))
    within = sliding_window_view(np.abs(changes).max(axis=0), WIDTH, axis=0).max(axis=-1)
    within = np.where(np.isfinite(within), within, 0.0) + np.abs(origin)
    # The standard deviation of the rounding of half a difference is about a quarter of a unit.
    least = line.subject.rounding / 4 * within + SMALLEST
    # The points themselves are rounded, and the steeper an output is, the more it shows that.
    steep = sliding_window_view(np.abs(plus - minus) / (2 * at), WIDTH, axis=0).max(axis=-1)
    smallest = np.min(np.abs(changes), axis=(0, 1), initial=np.inf, where=changes != 0)
    # Much larger moves reach much larger outputs, beside which steps of the function look small.
    coarse = max(SINGLE, 4 * line.subject.rounding) * np.where(largest <= 2.0, within, 0.0)
    limit = np.maximum(
        DOUBLE * np.minimum(reach, np.maximum(within, line.size)),
        np.where(smallest <= coarse, CANCELS * coarse, 0.0),
    )
    limit = np.maximum(limit, line.resolution * np.where(np.isfinite(steep), steep, 0.0))
    quantum = _quantum(np.abs(changes))
    hidden = np.where(quantum <= limit, quantum / 2, 0.0)
    still = (left == 0) & (slope == 0) & (bend == 0)
    falls = np.maximum(left[:-1], least[:-1]) > ABRUPT * np.maximum(left[1:], least[1:])
    left = np.maximum(np.where(still, hidden, _typical(left)), least)
    bend_left = np.maximum(_typical(bend_left), least)
    bent = bend > BEND_GAIN * bend_left / largest
    bent &= bend > SAME * np.abs(slope)
    # Rounding is the same in both parts, a wave around one of its peaks is not.
    both = np.where(bent, np.inf, np.maximum(left, bend_left))
    level = np.maximum(_levels(both, limit), least)
    any_level = np.maximum(_levels(both, np.full(left.shape, np.inf)), least)
    best = _read_off(slope, left, level, largest)
    # Where even the finest window does not follow the output, no window does.
    rise = np.abs(plus[-WIDTH:] - minus[-WIDTH:]).max(axis=0) / 2
    lost = (left[-1] > 4 * level[-1]) & (left[-1] > UNFOLLOWED * rise)
    best = dataclasses.replace(best, error=np.where(lost, np.inf, best.error))
    smooth = _read_off(slope, left, any_level, largest)
    columns = np.arange(origin.size)
    plausible = any_level[-1] <= DOUBTFUL * np.maximum(within[-1], line.size)
    stairs = (falls & (np.arange(len(falls))[:, None] <= best.window)).any(axis=0)
    large = (at[:, 0] >= LARGE[0]) & (at[:, 0] <= LARGE[1])
    # A function that computes in float32 may happen to give equal roundings all over a window.
    share = np.minimum(level[-1] / np.where(within[-1] > 0, within[-1], 1.0), SINGLE)
    at_kink = bent[best.window, columns] & np.isfinite(best.error)
    least_error = GAIN * share * np.abs(best.slope)
    least_error = np.where(at_kink, bend[best.window, columns], least_error)
    best = dataclasses.replace(
        best,
        error=np.maximum(best.error, least_error),
        other_error=np.maximum(best.other_error, least_error),
    )
    rough = np.abs(best.slope - smooth.slope) > best.error + SAME * np.abs(best.slope)
    rough &= stairs
    return Sample(
        best,
        smooth,
        level[-1],
        rough,
        rough & plausible,
        at_kink,
        _largest(np.abs(changes[:, large]) / at[large]),
        reach > 64 * least[-1],
    )


def _fit(values: Array, steps: Sequence[float], powers: tuple[int, ...]) -> tuple[Array, Array]:
    """Return, for every window and output, the first coefficient and the deviation from the fit.

    The coefficient is for steps as shares of the window's largest one. The deviation is the root
    mean square of the four numbers that are left over; it is infinite if a value is not finite.
    """
    windows = sliding_window_view(values, WIDTH, axis=0)
    first = np.empty(windows.shape[:2])
    left = np.empty(windows.shape[:2])
    starts_between = int(math.log2(steps[0]) % 1 != 0)
    for start in (0, 1):
        weights, rest = fit_weights(powers, (start + starts_between) % 2)
        first[start::2] = windows[start::2] @ weights
        over = np.abs(windows[start::2] @ rest)
        largest = over.max(axis=-1)
        shares = over / np.where(largest > 0, largest, 1.0)[..., None]
        left[start::2] = largest * np.sqrt(np.mean(shares**2, axis=-1))
    return first, np.where(np.isfinite(left) & np.isfinite(first), left, np.inf)


def _largest(sizes: Array) -> Array:
    """Return the largest finite size per output, of an array of two sides, steps and outputs."""
    return np.asarray(np.max(sizes, axis=(0, 1), initial=0.0, where=np.isfinite(sizes)))


def _quantum(sizes: Array) -> Array:
    """Return the smallest change of every output if its small changes are multiples of it, else 0.

    Two of them at least are needed, so that a function that merely starts to move somewhere is not
    taken for a rounded one.
    """
    smallest = np.min(sizes, axis=(0, 1), initial=np.inf, where=sizes > 0)
    counts = sizes / smallest
    few = (sizes > 0) & (counts < 64)
    whole = np.abs(counts - np.round(counts)) <= 1e-6 * counts
    found = (whole | ~few).all(axis=(0, 1)) & (np.count_nonzero(few, axis=(0, 1)) > 1)
    return np.asarray(np.where(found & np.isfinite(smallest), smallest, 0.0))


def _typical(left: Array) -> Array:
    """Return what is left over, at least the median of neighbouring windows: one may be lucky."""
    around = np.pad(left, ((WIDTH // 2, WIDTH // 2), (0, 0)), mode="edge")
    median: Array = np.median(sliding_window_view(around, WIDTH, axis=0), axis=-1)
    return np.maximum(left, median)


def _levels(left: Array, limit: Array) -> Array:
    """Return, for every window, the largest rounding that it or a coarser one shows.

    What is left over is rounding if the window before it that shares no step has as much, and if it
    is within the limit. It may grow from there: the rounding of `(1 - cos x) / x^2` does near 0.
    """
    level = np.zeros(left.shape)
    for w in range(1, len(left)):
        level[w] = level[w - 1]
        if w >= WIDTH:
            lasting = np.isfinite(left[w]) & (left[w - WIDTH] <= LEVEL * left[w])
            lasting &= np.maximum(left[w], left[w - WIDTH]) <= np.maximum(
                limit[w], GROWTH * level[w - WIDTH]
            )
            level[w] = np.where(lasting, np.maximum(level[w], left[w]), level[w])
    return level


def _read_off(slope: Array, left: Array, level: Array, largest: Array) -> Reading:
    """Return the most accurate window that no finer one contradicts, by more than both errors.

    Where a finer window leaves more over than rounding explains, there is more between the steps of
    the coarser ones than their own fits show, and it may be as steep as the finer window allows.
    """
    error = GAIN * np.maximum(left, level) / largest
    later = level[np.minimum(np.arange(len(level)) + WIDTH, len(level) - 1)]
    unexplained = np.where(np.isfinite(left) & (left > later), error, 0.0)
    error = np.maximum(error, np.maximum.accumulate(unexplained[::-1], axis=0)[::-1])
    known = np.isfinite(slope) & np.isfinite(error)
    slope, error = np.where(known, slope, 0.0), np.where(known, error, np.inf)
    lowest = np.maximum.accumulate((slope - error)[::-1], axis=0)[::-1]
    highest = np.minimum.accumulate((slope + error)[::-1], axis=0)[::-1]
    sound = (lowest <= slope + error) & (highest >= slope - error)
    error = np.where(sound, error, np.inf)
    columns, rows = np.arange(slope.shape[1]), np.arange(len(slope))[:, None]
    window = np.argmin(error, axis=0)
    apart = np.where(np.abs(rows - window) >= WIDTH, error, np.inf)
    other = np.argmin(apart, axis=0)
    return Reading(
        slope[window, columns],
        error[window, columns],
        window,
        slope[other, columns],
        apart[other, columns],
    )
