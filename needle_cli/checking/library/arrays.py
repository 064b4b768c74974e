"""The array operations of the fast path, for NumPy's arrays and for those of a device.

A device computes asynchronously, and reading a number waits for it. So everything that is compared
is reduced to 0-d arrays, which stay on the device until `numbers` fetches them together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from needle_cli.checking.abilities import Device, is_resident
from needle_cli.checking.model import Array, Case, OpUnderTest
from needle_cli.checking.numerics.probes import power_of_two, random_cotangent, rms, signed
from needle_cli.checking.numerics.tolerance import norm
from needle_cli.checking.point import FLOAT64

CHEAP_UP_TO = 4096
"""With at most this many entries two more cotangents are asked for; tuned, see benchmarks."""

KEPT = 1 << 18
"""How many random numbers are kept between calls. The host draws more if a call needs more; a
device multiplies the kept ones by a random factor per row."""


class HostArrays:
    """NumPy's arrays, whose numbers can be read at once."""

    names: Any = np
    away = False
    norm = staticmethod(norm)

    @staticmethod
    def directions(seed: int, sizes: Sequence[int]) -> list[Array]:
        """Return one vector of signed magnitudes per size."""
        drawn = random_numbers(seed).direction(sum(sizes))
        parts, start = [], 0
        for size in sizes:
            parts.append(drawn[start : start + size])
            start += size
        return parts

    @staticmethod
    def cotangent(seed: int, size: int) -> Array:
        """Return signed magnitudes with all their digits."""
        return random_numbers(seed).cotangent(size)

    @staticmethod
    def scale(leaf: Array) -> float:
        """Return the power of two nearest to the root mean square; 1 for zeros."""
        return power_of_two(rms(leaf))

    @staticmethod
    def differ(one: Array, other: Array) -> bool:
        """Whether two arrays of one shape hold other bits; NaN equals itself here."""
        if one.size <= 1024 or one.dtype.itemsize != 8:
            return one.tobytes() != other.tobytes()
        if not (one.flags.c_contiguous and other.flags.c_contiguous):
            return one.tobytes() != other.tobytes()
        return bool((one.view(np.int64) != other.view(np.int64)).any())

    @staticmethod
    def numbers(values: Sequence[Any]) -> list[float]:
        """Return scalars as numbers."""
        return [float(value) for value in values]


class DeviceArrays:
    """The arrays of a device, on which a call takes as long for few entries as for many."""

    away = True

    def __init__(self, device: Device) -> None:
        self.device = device
        self.names = device.namespace()

    def norm(self, a: Any) -> Any:
        """Return the Euclidean norm; infinite where the sum of squares is."""
        flat = a.reshape(-1)
        return self.names.sqrt(self.names.dot(flat, flat))

    def directions(self, seed: int, sizes: Sequence[int]) -> list[Any]:
        """Return one vector of signed magnitudes per size."""
        return [self._random(seed, size, 1 + k) for k, size in enumerate(sizes)]

    def cotangent(self, seed: int, size: int) -> Any:
        """Return signed magnitudes with all their digits."""
        return self._random(seed, size, 0)

    def scale(self, leaf: Any) -> Any:
        """Return the power of two nearest to the root mean square; 1 for zeros."""
        rms = self.norm(leaf) / math.sqrt(leaf.size)
        usual = (rms > 1e-140) & (rms < 1e140)  # so that its square is neither 0 nor infinite
        power = self.names.rint(self.names.log2(self.names.where(usual, rms, 1.0)))
        return self.names.exp2(power)

    def differ(self, one: Any, other: Any) -> Any:
        """Return how many entries differ; NaN equals itself here."""
        return self.names.count_nonzero((one != other) & ((one == one) | (other == other)))

    def numbers(self, values: Sequence[Any]) -> list[float]:
        """Fetch 0-d arrays in one transfer; only here does the fast path wait for the device."""
        joined = self.names.stack([self.names.asarray(x).astype(FLOAT64) for x in values])
        return [float(x) for x in self.device.to_host(joined)]

    def _random(self, seed: int, size: int, purpose: int) -> Any:
        """Return random signs times magnitudes, made on the device from a table."""
        table, factors = _tables(self.device, seed, purpose)
        if size <= KEPT:
            return table[:size]
        rows = -(-size // KEPT)
        if rows > factors.size:
            factors = self.device.array(row_factors(seed, purpose, rows))
        return (factors[:rows, None] * table[None, :]).reshape(-1)[:size]


Arrays: TypeAlias = HostArrays | DeviceArrays

HOST = HostArrays()


def on_host(op: OpUnderTest, case: Case) -> tuple[OpUnderTest, Case]:
    """Return an operator and a case whose arrays are on the host."""
    return op.moved_to_host(case) if is_resident(op) else (op, case)


class RandomNumbers:
    """The random numbers of one seed: directions on a coarse grid, cotangents with all digits.

    They are drawn once and used by every call, which makes a small check cheap. The number at a
    position does not depend on how many were asked for before.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._direction = self._cotangent = np.empty(0)

    def direction(self, size: int) -> Array:
        """Return `size` random signs times magnitudes 0.5 to 1.5 on a grid of 1/128."""
        if size > self._direction.size:
            drawn = signed(self._rng(0), (self._room(size),))
            if drawn.size > KEPT:
                return drawn[:size]
            self._direction = drawn
        return self._direction[:size]

    def cotangent(self, size: int) -> Array:
        """Return `size` random signs times magnitudes 0.5 to 1.5."""
        if size > self._cotangent.size:
            drawn = random_cotangent(self._rng(1), self._room(size))
            if drawn.size > KEPT:
                return drawn[:size]
            self._cotangent = drawn
        return self._cotangent[:size]

    def _rng(self, purpose: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([self._seed, purpose]))

    @staticmethod
    def _room(size: int) -> int:
        return size if size > KEPT else max(1024, 1 << (size - 1).bit_length())


@lru_cache(maxsize=4)
def random_numbers(seed: int) -> RandomNumbers:
    """Return the random numbers of a seed."""
    return RandomNumbers(seed)


@lru_cache(maxsize=16)
def _tables(device: Device, seed: int, purpose: int) -> tuple[Any, Any]:
    """Return random numbers on a device, and the factors of their first rows."""
    drawn = random_numbers(seed + purpose)
    table = drawn.direction(KEPT) if purpose else drawn.cotangent(KEPT)
    return device.array(table.copy()), device.array(row_factors(seed, purpose, 64))


def row_factors(seed: int, purpose: int, count: int) -> Array:
    """Return random signed magnitudes with all digits, the first the same for any count."""
    rng = np.random.Generator(np.random.PCG64([seed, purpose, 7]))
    return random_cotangent(rng, max(count, 64))[:count]
