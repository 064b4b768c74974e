"""The base of the domains: a domain is the set of arrays that an input accepts.

There is one class for each kind. Its fields are those that a spec may give besides `name`. The base
class describes a set of finite numbers without ends and without structure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from needle_cli.checking.model import Array
from needle_cli.checking.numerics.steps import REACH
from needle_cli.checking.shapes import Shape

Generator = np.random.Generator
Projection = Callable[[Array], Array]


class Ends(NamedTuple):
    """The lower and the upper end of a set of numbers, and whether each is excluded."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False


class Needs(NamedTuple):
    """Fields of which a spec must give one, and the error if it gives none."""

    fields: tuple[str, ...]
    message: str
    expected: str


@dataclass(frozen=True)
class DomainKind:
    """A set of arrays."""

    dtype: ClassVar[str] = ""
    """The dtype family that the domain implies; "" if the claim states it."""

    numbers: ClassVar[bool] = False
    """Whether each entry is inside or outside independently of the others, as in an interval."""

    mixable: ClassVar[bool] = False
    """Whether zeros, ones and repeated values may replace entries that were drawn."""

    scalable: ClassVar[bool] = False
    """Whether multiplication by a positive factor stays in the domain."""

    matrix: ClassVar[bool] = False
    """Whether the last two axes, of equal length, are constrained together."""

    mirrored: ClassVar[bool] = False
    """Whether the entries (i, j) and (j, i) are the same number."""

    least_rank: ClassVar[int] = 0
    """The smallest rank of an array in the domain."""

    needs: ClassVar[Needs | None] = None

    @property
    def ends(self) -> Ends:
        """The ends of the numbers inside."""
        return Ends()

    @property
    def has_far_end(self) -> bool:
        """Whether entries of any magnitude are inside, independently of each other."""
        return self.scalable and not self.matrix

    @property
    def closed_ends(self) -> tuple[float, ...]:
        """The finite ends that belong to the domain; derivatives are one-sided there."""
        return ()

    @property
    def has_edge(self) -> bool:
        """Whether `near_edge` has an edge to go near."""
        return False

    def problem(self) -> tuple[tuple[str, ...], str, str] | None:
        """Return wrong keys, what is wrong and what is right, if fields contradict each other."""
        return None

    def inside(self, array: Array) -> Array:
        """Return a mask of the entries that are inside, judged one by one."""
        low, high, open_low, open_high = self.ends
        mask = np.isfinite(array)
        mask &= (array > low) if open_low else (array >= low)
        mask &= (array < high) if open_high else (array <= high)
        return np.asarray(mask)

    def contains(self, array: Array, length: int | None = None) -> bool:
        """Return True if an array is in the domain.

        `length` is the length of the axis that positions refer to, if it is known.
        """
        return array.size == 0 or (bool(np.all(self.inside(array))) and self._fits(array))

    def _fits(self, array: Array) -> bool:
        """Return True if entries that are inside one by one also satisfy the joint constraints."""
        return True

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw generic float64 numbers (or integers, or booleans).

        Margins to open and closed ends are wide enough for the largest step.
        """
        raise NotImplementedError

    def whole(self, rng: Generator, shape: Shape, most: int) -> Array:
        """Draw whole numbers of magnitude `most` or less; generic values if there are too few."""
        return self.draw(rng, shape)

    def extreme(self, array: Array, dtype: np.dtype[Any], rng: Generator) -> Array | None:
        """Return the array with very large and very small entries; None if none is inside."""
        return None

    def near_edge(self, array: Array, rng: Generator) -> Array:
        """Return values as close to the edges as the largest step allows."""
        return array

    def projection(self) -> Projection | None:
        """Return the projection onto directions that stay inside; None if all directions do."""
        return None

    def restored(self, before: Array, after: Array) -> Array:
        """Return the moved entries, with the old ones where these have left the domain."""
        return np.where(self.inside(after), after, before)

    def movable(self, array: Array) -> Array:
        """Return the entries that a step inside the domain can move."""
        return array

    def repeatable(self, rank: int) -> Collection[int]:
        """Return the axes along which all entries may be equal."""
        return range(rank)

    def length(self, shapes: Mapping[str, Any]) -> int | None:
        """Return the length of the axis that positions refer to; None if there is none."""
        return None

    def needs_rank(self, name: str) -> int:
        """Return the rank that another input needs because of this domain."""
        return 0

    def feasible(self, count: int, length: int | None) -> bool:
        """Return True if an array of `count` entries exists."""
        return True

    def includes(self, other: DomainKind) -> bool:
        """Return True if the other domain is known to lie inside this one."""
        return self == other


def rms(array: Array) -> float:
    """Return the root mean square of an array; 1 for an empty one."""
    if array.size == 0:
        return 1.0
    largest = float(np.max(np.abs(array)))
    if largest == 0.0:
        return 0.0
    return largest * float(np.sqrt(np.mean((array / largest) ** 2)))


def some_of(shape: Shape, share: float, rng: Generator) -> Array:
    """Return a mask of about a share of the entries, at least one; a scalar's by chance."""
    mask = rng.random(shape) < share
    mask.flat[int(rng.integers(mask.size))] = True
    return mask


def generic(rng: Generator, shape: Shape) -> Array:
    """Draw bell-shaped numbers of both signs within 2.5, distinct with probability one."""
    return np.asarray(2.5 * np.tanh(rng.standard_normal(shape) / 1.5))


def positive(rng: Generator, shape: Shape) -> Array:
    """Draw numbers from a quarter to three, evenly in their logarithm."""
    return np.asarray(np.exp(rng.uniform(math.log(0.25), math.log(3.0), shape)))


def nonzero(rng: Generator, shape: Shape) -> Array:
    """Draw numbers of both signs away from zero."""
    return np.asarray(positive(rng, shape) * rng.choice((-1.0, 1.0), shape))


def spaced(array: Array, rng: Generator, axis: int | None) -> Array:
    """Spread entries out so that no step makes two equal, keeping their order and range.

    This applies to the whole array or along one axis. If there are too many entries for the gap
    that the largest step needs, they are as far apart as possible.
    """
    if array.size < 2:
        return array
    if axis is not None and array.ndim:
        moved = np.moveaxis(array, axis, -1)
        rows = moved.reshape(-1, moved.shape[-1])
        done = np.stack([spaced(row, rng, None) for row in rows]).reshape(moved.shape)
        return np.moveaxis(done, -1, axis)
    flat = array.reshape(-1)
    order = np.argsort(flat, kind="stable")
    ranked = flat[order]
    needed = 2.2 * REACH * rms(flat)  # two steps towards each other, and a tenth
    if float(np.min(np.diff(ranked))) < needed:
        ranked = _grid(ranked, needed, rng)
    result = np.empty_like(flat)
    result[order] = ranked
    return result.reshape(array.shape)


def _grid(ranked: Array, needed: float, rng: Generator) -> Array:
    """Return as many ascending numbers in the same range, as irregular as the gaps allow."""
    low, high, count = float(ranked[0]), float(ranked[-1]), ranked.size
    width = max(high - low, 2.0 * max(abs(low), abs(high), 1e-300) * 1e-2)
    grid = low + width * np.arange(count) / (count - 1)
    room = max(0.0, 1.0 - needed * (count - 1) / width) / 2
    grid[1:-1] += min(room, 0.2) * rng.uniform(-1, 1, count - 2) * width / (count - 1)
    return grid


def slack(array: Array) -> float:
    """Return how far rounding may move a constructed matrix or row from its constraint."""
    eps = float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else 0.0
    largest = float(np.max(np.abs(array)))
    # 64 roundings per row: a product with a rotation and its transpose stays well below.
    return 64.0 * eps * max(largest, 1.0) * int(array.shape[-1])
