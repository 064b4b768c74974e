"""Domains of numbers: each entry is inside or outside by ends and excluded values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from needle_cli.checking.domains.base import (
    DomainKind,
    Ends,
    Generator,
    Needs,
    generic,
    nonzero,
    positive,
    rms,
    spaced,
)
from needle_cli.checking.model import Array
from needle_cli.checking.numerics.steps import REACH
from needle_cli.checking.shapes import Shape

BANDS = ((2.0, 16.0), (16.0, 64.0), (64.0, 1e4), (1e4, 1e8), (1e-3, 0.25), (1e-8, 1e-3))
"""Bands of magnitude in which saturation begins, and in which overflow and cancellation show.

Together they leave no gap in which a branch could hide. What a dtype cannot represent is left out.
"""

BESIDE = 1.25 * REACH
"""How close to an edge values are drawn, in units of their root mean square: just over a step."""

BEYOND = 64
"""The largest magnitude of whole numbers in an interval without whole numbers near zero."""


@dataclass(frozen=True)
class Numbers(DomainKind):
    """All numbers between two ends."""

    numbers: ClassVar[bool] = True
    mixable: ClassVar[bool] = True

    @property
    def edges(self) -> tuple[float, ...]:
        return tuple(end for end in self.ends[:2] if math.isfinite(end))

    @property
    def closed_ends(self) -> tuple[float, ...]:
        low, high, open_low, open_high = self.ends
        ends = (*(() if open_low else (low,)), *(() if open_high else (high,)))
        return tuple(end for end in ends if math.isfinite(end))

    @property
    def has_edge(self) -> bool:
        return bool(self.edges)

    def whole(self, rng: Generator, shape: Shape, most: int) -> Array:
        """Draw whole numbers between the ends."""
        options = self._options(most)
        if not options:
            return self.draw(rng, shape)
        return np.asarray(rng.choice(options, shape), dtype=np.float64)

    def _options(self, most: int) -> list[int]:
        low, high, open_low, open_high = self.ends
        first = math.floor(low) + 1 if open_low else low
        last = math.ceil(high) - 1 if open_high else high
        return [v for v in range(-most, most + 1) if first <= v <= last]

    def extreme(self, array: Array, dtype: np.dtype[Any], rng: Generator) -> Array | None:
        """Give every entry an extreme magnitude and keep its sign."""
        return np.asarray(np.copysign(magnitudes(array.shape, dtype, rng), array))

    def near_edge(self, array: Array, rng: Generator) -> Array:
        """Return numbers beside the finite ends."""
        low, high, *_ = self.ends
        if math.isfinite(low) and math.isfinite(high):
            margin = self.margin
            return np.where(rng.random(array.shape) < 0.5, low + margin, high - margin)
        beside = BESIDE * rms(array)
        return np.full(array.shape, low + beside if math.isfinite(low) else high - beside)

    @property
    def margin(self) -> float:
        """The distance from finite ends that an entry needs for the largest step."""
        low, high, *_ = self.ends
        return min(BESIDE * max(abs(low), abs(high)), 0.25 * (high - low))

    def includes(self, other: DomainKind) -> bool:
        if not isinstance(other, Numbers):
            return False
        low, high, open_low, open_high = self.ends
        other_low, other_high, other_open_low, other_open_high = other.ends
        gap = bool(other.inside(np.zeros(()))) and not bool(self.inside(np.zeros(())))
        below = (low, open_low) <= (other_low, other_open_low)
        return below and (high, -open_high) >= (other_high, -other_open_high) and not gap


@dataclass(frozen=True)
class Real(Numbers):
    """Every number."""

    scalable: ClassVar[bool] = True

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw bell-shaped numbers of both signs."""
        return generic(rng, shape)


@dataclass(frozen=True)
class Nonnegative(Real):
    """Zero and the numbers above."""

    @property
    def ends(self) -> Ends:
        return Ends(low=0.0)

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw numbers well above zero."""
        return positive(rng, shape)


@dataclass(frozen=True)
class Positive(Nonnegative):
    """The numbers above zero."""

    @property
    def ends(self) -> Ends:
        return Ends(low=0.0, open_low=True)


@dataclass(frozen=True)
class Nonzero(Real):
    """Every number except zero."""

    @property
    def has_edge(self) -> bool:
        return True

    def inside(self, array: Array) -> Array:
        return np.asarray(super().inside(array) & (array != 0))

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw numbers of both signs away from zero."""
        return nonzero(rng, shape)

    def _options(self, most: int) -> list[int]:
        return [v for v in super()._options(most) if v != 0]

    def near_edge(self, array: Array, rng: Generator) -> Array:
        """Return numbers beside zero with the signs of the entries."""
        return np.asarray(np.copysign(BESIDE * rms(array), array))


@dataclass(frozen=True)
class Interval(Numbers):
    """The numbers from `low` to `high`."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    needs: ClassVar[Needs | None] = Needs(
        ("low", "high"), "is an interval without bounds", "low, high or both"
    )

    @property
    def ends(self) -> Ends:
        return Ends(self.low, self.high, self.open_low, self.open_high)

    def problem(self) -> tuple[tuple[str, ...], str, str] | None:
        return _empty(self.low, self.high)

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw numbers between two ends, a step away from both."""
        low, high, *_ = self.ends
        if math.isinf(low) and math.isinf(high):
            return generic(rng, shape)
        if math.isinf(high):
            return low + (1.0 + abs(low)) * positive(rng, shape)
        if math.isinf(low):
            return high - (1.0 + abs(high)) * positive(rng, shape)
        return np.asarray(rng.uniform(low + self.margin, high - self.margin, shape))

    def _options(self, most: int) -> list[int]:
        found = super()._options(most)
        if len(found) > 1:
            return found
        farther = super()._options(BEYOND)
        return farther[:5] if math.isfinite(self.low) else farther[-5:]

    def extreme(self, array: Array, dtype: np.dtype[Any], rng: Generator) -> Array | None:
        """Return large and small entries of the interval, and some next to open ends."""
        low, high, *_ = self.ends
        margin = REACH * rms(array)
        drawn = magnitudes(array.shape, dtype, rng)
        moved = np.copysign(drawn, rng.choice((-1.0, 1.0), array.shape))
        held = (moved > low + margin) & (moved < high - margin)
        ends = self._beside_open_ends(array, dtype, rng)
        if not held.any():
            return ends
        found = np.where(held, moved, array)
        return found if ends is None else np.where(rng.random(array.shape) < 0.5, found, ends)

    def _beside_open_ends(self, array: Array, dtype: np.dtype[Any], rng: Generator) -> Array | None:
        """Return entries inside the open ends by 1e-8 or a few roundings."""
        low, high, open_low, open_high = self.ends
        ends = []
        near = max(1e-8, 8 * float(np.finfo(dtype).eps))
        if open_low and math.isfinite(low):
            ends.append(low + near * max(abs(low), 1.0))
        if open_high and math.isfinite(high):
            ends.append(high - near * max(abs(high), 1.0))
        return np.asarray(rng.choice(ends, array.shape)) if ends else None


@dataclass(frozen=True)
class Integer(DomainKind):
    """Whole numbers from `low` to `high`, of any dtype; drawn from -3 to 3 without ends."""

    low: float = -math.inf
    high: float = math.inf

    numbers: ClassVar[bool] = True

    @property
    def ends(self) -> Ends:
        return Ends(self.low, self.high)

    def problem(self) -> tuple[tuple[str, ...], str, str] | None:
        return _empty(self.low, self.high)

    def inside(self, array: Array) -> Array:
        return np.asarray(super().inside(array) & (array == np.round(array)))

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw whole numbers, at most seven different ones if an end is missing."""
        low, high = self.low, self.high
        if math.isinf(low) and math.isinf(high):
            low, high = -3.0, 3.0
        elif math.isinf(low):
            low = high - 6
        elif math.isinf(high):
            high = low + 6
        return rng.integers(math.ceil(low), math.floor(high) + 1, shape).astype(np.float64)

    def whole(self, rng: Generator, shape: Shape, most: int) -> Array:
        """Draw small whole numbers."""
        options = [v for v in range(-most, most + 1) if self.low <= v <= self.high]
        if not options:
            return self.draw(rng, shape)
        return np.asarray(rng.choice(options, shape), dtype=np.float64)


@dataclass(frozen=True)
class Distinct(DomainKind):
    """Arrays without equal entries."""

    scalable: ClassVar[bool] = True

    def _fits(self, array: Array) -> bool:
        return np.unique(array).size == array.size

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw numbers that no two steps can make equal, if they are not too many."""
        return spaced(generic(rng, shape), rng, None)

    def whole(self, rng: Generator, shape: Shape, most: int) -> Array:
        """Draw consecutive whole numbers around zero, one per entry."""
        count = math.prod(shape)
        return (rng.permutation(count) - count // 2).astype(np.float64).reshape(shape)

    def repeatable(self, rank: int) -> tuple[int, ...]:
        return ()


def _empty(low: float, high: float) -> tuple[tuple[str, ...], str, str] | None:
    """Return the problem if no number lies between two ends."""
    if low < high:
        return None
    return ("high",), f"no number lies between {low} and {high}", "low < high"


def magnitudes(shape: Shape, dtype: np.dtype[Any], rng: Generator) -> Array:
    """Draw magnitudes evenly in their logarithm within bands that a dtype can represent.

    Half of the arrays stay within one band, so that large entries do not hide errors of small ones.
    """
    information = np.finfo(dtype)
    # A step, a square, and a sum of a few of them must stay in range on either side.
    least, most = 4 * float(information.smallest_normal), float(information.max) / 64
    bands = np.log([(max(a, least), min(b, most)) for a, b in BANDS if a < most and b > least])
    alone = rng.random() < 0.5
    chosen = rng.integers(len(bands), size=() if alone else shape)
    ends = bands[np.broadcast_to(chosen, shape)]
    return np.asarray(np.exp(rng.uniform(ends[..., 0], ends[..., 1])))
