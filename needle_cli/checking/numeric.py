"""Numeric derivatives along a line, each with an estimate of its own error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from needle_cli.checking.model import Array
from needle_cli.checking.steps import PAIR_STEPS
from needle_cli.checking.subject import Subject

Values = Callable[[Sequence[Array]], Array]

EPS = float(np.finfo(np.float64).eps)
SMALLEST = float(np.finfo(np.float64).smallest_subnormal)
SETTLED = 1e-3
"""Relative movement of an extrapolated slope from rung to rung that counts as convergence."""

LADDER: tuple[float, ...] = tuple(2.0**-k for k in range(3, 61))


class Line:
    """A function of arrays along `x + t u`: a vector of outputs for every number `t`.

    `direction` has one array per judged leaf, in that order; the other leaves stay where they are.
    """

    def __init__(self, subject: Subject, direction: Sequence[Array], values: Values | None = None):
        self.subject = subject
        self.direction = direction
        self._values = values or subject.values
        self.known: dict[float, Array] = {}
        self.origin = subject.vector if values is None else values(subject.leaves)

    @property
    def resolution(self) -> float:
        """The largest `eps |x| / |u|` of the moved entries: the cost of rounding, times t."""
        worst = 0.0
        for i, u in zip(self.subject.judged, self.direction, strict=True):
            moved = u != 0
            if moved.any():
                x = np.abs(self.subject.leaves[i][moved]).astype(np.float64)
                worst = max(worst, float(np.max(EPS * x / np.abs(u[moved]))))
        return worst

    def leaves(self, t: float) -> list[Array]:
        """Return every leaf of the case, the judged ones moved by `t` along the direction."""
        moved = list(self.subject.leaves)
        for i, u in zip(self.subject.judged, self.direction, strict=True):
            moved[i] = moved[i] + t * u
        return moved

    def at(self, t: float) -> Array:
        """Return the outputs at `x + t u`; evaluated once for every `t`."""
        if t not in self.known:
            self.known[t] = self._values(self.leaves(t))
        return self.known[t]


@dataclass(frozen=True)
class Estimate:
    """A derivative per output component, its error estimate, and the step it came from."""

    slope: Array
    error: Array
    step: float


def richardson(line: Line, step: float, noise: Array) -> Estimate:
    """Return the derivative from central differences at `step` and half of it.

    Combining the two removes the error of order h^2; their distance bounds what is left, and the
    rounding noise of the outputs is carried through.
    """
    with np.errstate(all="ignore"):
        wide = (line.at(step) - line.at(-step)) / (2 * step)
        half = step / 2
        narrow = (line.at(half) - line.at(-half)) / (2 * half)
        slope = (4 * narrow - wide) / 3
        truncation = np.abs(slope - narrow)
        rounding = 3 * noise / step
        return Estimate(slope, truncation + rounding, step)


def central_estimates(line: Line, noise: Array) -> list[Estimate]:
    """Return Richardson estimates at every pair of steps, coarse to fine."""
    return [richardson(line, step, noise) for step in PAIR_STEPS]


def measured_noise(line: Line, side: int = 0) -> Array:
    """Return the rounding noise of every output component near `x`, measured and not assumed.

    Fourth differences of evenly spaced values remove a smooth function and leave its noise times
    sqrt(70) (Moré and Wild, "Estimating Computational Noise", SIAM J. Sci. Comput. 33, 2011). The
    smaller of two grids is taken, since curvature or a kink inside a grid can only add. `side` is
    +1 or -1 to look on one side of `x` only. An output that does not change at all is given the
    rounding of its own size: equal outputs are not free of noise, they hide it.
    """
    noise: Array | None = None
    for spacing in (2.0**-26, 2.0**-20):
        offsets = np.arange(-4, 5) if side == 0 else side * np.arange(1, 10)
        grid = np.stack([line.at(float(k) * spacing) for k in offsets])
        with np.errstate(all="ignore"):
            fourth = np.diff(grid, n=4, axis=0) / np.sqrt(70.0)
            here = np.sqrt(np.mean(fourth**2, axis=0))
        here = np.where(np.isfinite(here), here, np.inf)
        noise = here if noise is None else np.minimum(noise, here)
    assert noise is not None
    return np.maximum(noise, 0.5 * EPS * np.abs(line.origin)) + SMALLEST


@dataclass(frozen=True)
class Slope:
    """A one-sided slope per component with its error; flags where there is none.

    `edge`: the outputs are not finite beside `x` on this side. `divergent`: difference quotients
    grow without bound, as at a jump (like 1/h) or a root (like h^-1/2).
    """

    slope: Array
    error: Array
    edge: Array
    divergent: Array


def one_sided(line: Line, side: int) -> Slope:
    """Return the slope of `f(x + t u)` for t > 0 (`side` +1), or for t < 0 (-1), per component.

    A ladder of difference quotients from 2^-3 to 2^-60, one extrapolation step, and for every
    component the rung where the extrapolated values move least. The long ladder tells a point at a
    kink from one beside it.
    """
    noise = measured_noise(line, side)
    noise = np.where(np.isfinite(noise), noise, 0.0)
    # Rungs too fine to move every entry of x by a few units in the last place say nothing.
    rungs = [t for t in LADDER if t >= 16 * line.resolution]
    steps = np.array(rungs)[:, None]
    with np.errstate(all="ignore"):
        beside = np.stack([line.at(side * t) for t in rungs])
        quotients = side * (beside - line.origin) / steps
        rounding = (4 * EPS * (np.abs(beside) + np.abs(line.origin)) + 6 * noise) / steps
        extrapolated = 2 * quotients[1:] - quotients[:-1]
        moved = np.abs(np.diff(extrapolated, axis=0)) + 3 * rounding[1:-1] + 3 * rounding[2:]
        moved += np.abs(extrapolated[1:]) * line.resolution / steps[2:]
    moved = np.where(np.isfinite(moved), moved, np.inf)
    # Coarse rungs of a steep function may stand still at a wrong value in absolute terms, so rungs
    # that have settled relative to their own slope go first.
    with np.errstate(all="ignore"):
        settled = moved <= SETTLED * np.abs(extrapolated[1:])
    preferred = np.where(settled, moved, np.inf)
    best = np.where(settled.any(axis=0), np.argmin(preferred, axis=0), np.argmin(moved, axis=0))
    columns = np.arange(moved.shape[1])
    slope = extrapolated[best + 1, columns]
    edge = ~np.isfinite(beside[-20:]).all(axis=0)
    divergent = _diverges(quotients, rounding)
    return Slope(slope, moved[best, columns], edge, divergent & ~edge)


def _diverges(quotients: Array, rounding: Array) -> Array:
    """Tell per component whether quotients grow like a power of 1/h with exponent above 0.3."""
    flags = np.zeros(quotients.shape[1], dtype=bool)
    with np.errstate(all="ignore"):
        size = np.abs(quotients)
        clean = np.isfinite(size) & (size > 20 * rounding) & (size > 0)
        log_size = np.log2(size)
    for j in range(quotients.shape[1]):
        # The fine end decides: above it a smooth function may well steepen for a while.
        rows = np.flatnonzero(clean[:, j])[-12:]
        if rows.size >= 6 and rows[-1] - rows[0] == rows.size - 1:
            growth = np.diff(log_size[rows, j])
            flags[j] = bool(np.min(growth) > 0.3)
    return flags
