"""Directions and cotangents: the random vectors on which the derivatives are projected."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from needle_cli.checking.model import Array
from needle_cli.checking.point import Subject

WIDE = 2.0**12
"""If two entries have a larger ratio, each moves by its own size; tuned, see benchmarks."""

UNLIKE = 2.0**40
"""If two entries have a larger ratio, no step of the larger one leads close to the smaller one.

The finest steps are 2^-48 of the larger one.
"""

ALIKE = 2.0**20
"""Entries whose slopes are compared together, if sizes are unlike. Chosen."""

Tangent = Callable[[str, Array], Array]
"""Projects a direction of the named input onto the steps that its domain allows."""


def signed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return random signs times magnitudes 0.5 to 1.5 on a grid of 2^-15.

    Plain signs cannot see two swapped rows, and positive vectors dilute one wrong entry. On a
    coarser grid a few numbers add up to 0 too often, which hides an error that all entries share.
    """
    draws = np.frombuffer(rng.bytes(2 * math.prod(shape)), dtype=np.int16).astype(np.float64)
    draws *= 2.0**-15
    draws += np.copysign(0.5, draws)
    return draws.reshape(shape)


def random_cotangent(rng: np.random.Generator, size: int) -> Array:
    """Return random signs times magnitudes 0.5 to 1.5 with all their digits.

    The digits matter: a gradient that casts its cotangent down would not change round numbers.
    """
    draws = rng.random(size)
    draws -= 0.5
    draws *= 2.0
    draws += np.copysign(0.5, draws)
    return draws


def opposed(magnitudes: Array, cotangent: Array) -> Array:
    """Return magnitudes with the opposite signs of a cotangent.

    Every entry is negative in one of the two, so that a gradient with `abs` or `relu` of its
    cotangent is found.
    """
    return np.asarray(-np.copysign(magnitudes, cotangent))


def power_of_two(scale: float) -> float:
    """Return the power of two nearest to a positive scale; 1 for zero and for non-finite values."""
    if not 0.0 < scale < math.inf:
        return 1.0
    return 2.0 ** max(-1000, min(1000, round(math.log2(scale))))


def rms(array: Array) -> float:
    """Return the root mean square without overflow; 0 for an empty array."""
    if array.size == 0:
        return 0.0
    flat = array.reshape(-1)
    square = float(np.dot(flat, flat)) / flat.size
    if 1e-280 < square < 1e280:
        return math.sqrt(square)
    finite = np.abs(flat[np.isfinite(flat)])
    largest = float(finite.max()) if finite.size else 0.0
    return largest * float(np.sqrt(np.mean((finite / largest) ** 2))) if largest > 0 else 0.0


def scaled_direction(subject: Subject, rng: np.random.Generator) -> list[Array]:
    """Return a direction for every judged leaf, each scaled by its leaf's root mean square."""
    return [
        signed(rng, subject.leaves[i].shape) * power_of_two(rms(subject.leaves[i]))
        for i in subject.judged
    ]


def entry_direction(subject: Subject, rng: np.random.Generator) -> list[Array]:
    """Return a direction whose every entry is scaled by the entry of `x` that it moves.

    A `log` with entries near 1e-6 and near 1 needs that. Zeros move like the smallest other entry,
    but by 1 at most.
    """
    direction: list[Array] = []
    for i in subject.judged:
        leaf = subject.leaves[i].astype(np.float64)
        size = np.abs(leaf)
        present = size[(size > 0) & np.isfinite(size)]
        fallback = min(1.0, float(present.min(initial=1.0)))
        size = np.where((size > 0) & np.isfinite(size), size, fallback)
        direction.append(signed(rng, leaf.shape) * powers_of_two(size))
    return direction


def unit_direction(subject: Subject, position: int, index: tuple[int, ...]) -> list[Array]:
    """Return the direction that moves one entry of one judged leaf, by about its own size."""
    direction = [np.zeros(subject.leaves[i].shape) for i in subject.judged]
    leaf = subject.leaves[subject.judged[position]]
    x = abs(float(leaf[index]))
    direction[position][index] = power_of_two(x) if x > 1e-300 else power_of_two(rms(leaf))
    return direction


def unlike_sizes(leaves: Sequence[Array]) -> bool:
    """Whether two entries that are not zero differ by a factor of more than `UNLIKE`."""
    largest, smallest = 0.0, math.inf
    for leaf in leaves:
        size = np.abs(leaf)
        largest = max(largest, float(np.max(size, initial=0.0, where=np.isfinite(size))))
        smallest = min(smallest, float(np.min(size, initial=math.inf, where=size > 0)))
    return largest > UNLIKE * smallest


def groups_of_size(leaves: Sequence[Array]) -> list[list[Array]]:
    """Return masks of the entries by size; within a group they differ by `ALIKE` at most.

    Entries that are zero or not finite are in none.
    """
    sizes = np.unique(np.concatenate([np.abs(leaf).reshape(-1) for leaf in leaves]))
    groups: list[list[Array]] = []
    limit = 0.0
    for size in sizes[(sizes > 0) & np.isfinite(sizes)]:
        if size > limit:
            limit = float(size) * ALIKE
            groups.append([(np.abs(x) >= size) & (np.abs(x) <= limit) for x in leaves])
    return groups


def powers_of_two(sizes: Array) -> Array:
    """Return the powers of two nearest to positive sizes, entry by entry."""
    with np.errstate(all="ignore"):
        return np.asarray(np.exp2(np.clip(np.round(np.log2(sizes)), -1000, 1000)))


def only(direction: Sequence[Array], position: int) -> list[Array]:
    """Return the direction that moves only one leaf."""
    return [u if k == position else np.zeros_like(u) for k, u in enumerate(direction)]


def projected(subject: Subject, direction: Sequence[Array], tangent: Tangent | None) -> list[Array]:
    """Return the direction projected onto the steps that the inputs' domains allow."""
    if tangent is None:
        return list(direction)
    owners = subject.case.leaf_owners()
    return [tangent(owners[i], u) for i, u in zip(subject.judged, direction, strict=True)]
