"""The bounds: each is computed from rounding and measured noise, none is a setting.

A bound grows with the size of an array only through the rounding of the actual sums, and there is
no absolute tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from needle_cli.checking.model import Array
from needle_cli.checking.numerics.line import EPS, SMALLEST
from needle_cli.checking.numerics.probes import rms

AGREEMENT = 1e-9
"""Two projections with at most this relative difference do not agree by chance.

Tuned on 369 wrong and 102 tricky right gradients.
"""

CONFIDENCE = 4.0
"""The allowed multiple of a projected error estimate; tuned, since signs are random."""

MOVES = 4
"""How often inputs are moved by a rounding, to measure its effect on a result; tuned."""

INCONCLUSIVE = 0.1
"""A bound above this share of the slope decides nothing; tuned, see benchmarks."""


def norm(array: Array) -> float:
    """Return the Euclidean norm of all entries without overflow and underflow.

    An entry that is not finite makes it infinite: an unknown error must not look like zero.
    """
    flat = array.reshape(-1)
    plain = float(np.dot(flat, flat))
    if 1e-280 < plain < 1e280:
        return math.sqrt(plain)
    if not np.isfinite(flat).all():
        return math.inf
    return rms(flat) * math.sqrt(flat.size)


def magnitude(array: Array) -> Array:
    """Return the absolute values in float64, with 0 for entries that are not finite."""
    return np.where(np.isfinite(array), np.abs(array), 0.0).astype(np.float64)


def summation_rounding(
    gradients: Sequence[Array], direction: Sequence[Array], eps: float = EPS
) -> float:
    """Return the rounding of the inner product `<g, u>` of entries with a relative error `eps`."""
    total = 0.0
    for g, u in zip(gradients, direction, strict=True):
        total += float(np.sum(np.abs(g * u)))
    return 4 * eps * total


def difference_rounding(cotangent: Array, origin: Array, step: float, eps: float = EPS) -> float:
    """Return the rounding of one central difference at `step`, projected on the cotangent."""
    return 4 * (eps * norm(cotangent * origin) + SMALLEST) / step


def jittered(array: Array, eps: float, rng: np.random.Generator) -> Array:
    """Return an array whose entries moved by about one rounding, each by its own amount.

    Equal amounts would not change the difference of equal numbers, and less than half a rounding
    would not change the number.
    """
    share = rng.uniform(0.5, 1.0, size=array.shape) * rng.choice((-1.0, 1.0), array.shape)
    return np.asarray(array + array * (eps * share))


def moved_by_rounding(
    compute: Callable[[list[Array]], Sequence[Array] | None],
    arrays: Sequence[Array],
    eps: Sequence[float],
    rng: np.random.Generator,
    base: Sequence[Array],
) -> list[Array]:
    """Return how far every entry of `base` moves when `arrays` move by a rounding, `MOVES` times.

    Args:
        compute: Returns the results at moved arrays, or None if they cannot be computed.
        arrays: The arrays from which `base` was computed.
        eps: The relative rounding of each array; 0 leaves it unchanged.
        rng: Draws the moves.
        base: The results at `arrays` themselves.
    """
    spread = [np.zeros(result.shape) for result in base]
    for _ in range(MOVES):
        moved = compute([jittered(a, e, rng) if e else a for a, e in zip(arrays, eps, strict=True)])
        if moved is not None:
            widen_spread(spread, moved, base)
    return spread


def widen_spread(spread: list[Array], moved: Sequence[Array], base: Sequence[Array]) -> None:
    """Raise the spread to the finite changes from `base` to `moved`, entry by entry, in place."""
    for k, (a, b) in enumerate(zip(moved, base, strict=True)):
        if b.dtype.kind != "f":
            continue  # a change of an index or a flag is not rounding
        spread[k] = np.maximum(spread[k], magnitude(np.asarray(a - b, dtype=np.float64)))
