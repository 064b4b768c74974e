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
from needle_cli.checking.numerics.probes import (
    opposed,
    power_of_two,
    random_cotangent,
    rms,
    signed,
)
from needle_cli.checking.numerics.steps import FAST_STEP
from needle_cli.checking.numerics.tolerance import norm
from needle_cli.checking.point import FLOAT64

CHEAP_UP_TO = 4096
"""With at most this many entries two more cotangents are asked for; tuned, see benchmarks."""

KEPT = 1 << 18
"""How many random numbers are kept between calls. The host draws more if a call needs more; a
device multiplies the kept ones by a random factor per row."""

GAP = np.array([1.0, np.nan])


class HostArrays:
    """NumPy's arrays, whose numbers can be read at once."""

    names: Any = np
    away = False

    @staticmethod
    def norm(array: Array) -> float:
        """Return the Euclidean norm; infinite if an entry is not finite."""
        flat = array.reshape(-1)
        square = float(flat.dot(flat))
        if 1e-280 < square < 1e280:
            return math.sqrt(square)
        return norm(array) if square or np.count_nonzero(flat) else 0.0

    @staticmethod
    def random(seed: int, size: int, purpose: int) -> Array:
        """Return `size` random numbers of a purpose: a step, or a cotangent; not to be changed."""
        return random_numbers(seed, purpose).first(size)

    @staticmethod
    def scale(leaf: Array) -> float:
        """Return a power of two near the root mean square; 1 for zeros."""
        flat = leaf.reshape(-1)
        square = float(flat.dot(flat)) / flat.size
        if 1e-280 < square < 1e280:
            return math.ldexp(1.0, math.frexp(square)[1] >> 1)
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
    def excess(one: Array, other: Array, allowed: float) -> float:
        """Return the norm of a difference beyond an allowed share: 0 or less if they agree."""
        if one.tobytes() == other.tobytes():
            return 0.0
        return HostArrays.norm(one - other) - allowed * HostArrays.norm(other)

    @staticmethod
    def numbers(values: Sequence[Any]) -> Sequence[float]:
        """Return scalars as numbers."""
        return values


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

    def random(self, seed: int, size: int, purpose: int) -> Any:
        """Return random numbers of a purpose, made on the device from a table."""
        table, factors = _tables(self.device, seed, purpose)
        if size <= KEPT:
            return table[:size]
        rows = -(-size // KEPT)
        if rows > factors.size:
            factors = self.device.array(row_factors(seed, purpose, rows))
        return (factors[:rows, None] * table[None, :]).reshape(-1)[:size]

    def scale(self, leaf: Any) -> Any:
        """Return the power of two nearest to the root mean square; 1 for zeros."""
        rms = self.norm(leaf) / math.sqrt(leaf.size)
        usual = (rms > 1e-140) & (rms < 1e140)  # so that its square is neither 0 nor infinite
        power = self.names.rint(self.names.log2(self.names.where(usual, rms, 1.0)))
        return self.names.exp2(power)

    def differ(self, one: Any, other: Any) -> Any:
        """Return how many entries differ; NaN equals itself here."""
        return self.names.count_nonzero((one != other) & ((one == one) | (other == other)))

    def excess(self, one: Any, other: Any, allowed: float) -> Any:
        """Return the norm of a difference beyond an allowed share: 0 or less if they agree."""
        return self.norm(one - other) - allowed * self.norm(other)

    def numbers(self, values: Sequence[Any]) -> Sequence[float]:
        """Fetch 0-d arrays in one transfer; only here does the fast path wait for the device."""
        joined = self.names.stack([self.names.asarray(x).astype(FLOAT64) for x in values])
        return [float(x) for x in self.device.to_host(joined)]


Arrays: TypeAlias = HostArrays | DeviceArrays

HOST = HostArrays()


def on_host(op: OpUnderTest, case: Case) -> tuple[OpUnderTest, Case]:
    """Return an operator and a case whose arrays are on the host."""
    return op.moved_to_host(case) if is_resident(op) else (op, case)


def as_given(array: Array) -> Array:
    """Return a copy in the same memory layout: the same strides, 0 and negative ones included.

    A view that skips most of a large array is copied in the order of its axes instead.
    """
    copied: Array = array.copy(order="K")
    if copied.strides == array.strides or not array.size:
        return copied
    reach = [(n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)]
    before = -sum(step for step in reach if step < 0)
    length = before + sum(step for step in reach if step > 0) + array.itemsize
    if length > max(WIDEST, 64 * array.nbytes):
        return copied
    buffer = np.full(-(-length // 8), np.nan)
    laid = np.ndarray(array.shape, array.dtype, buffer.data, before, array.strides)
    laid[...] = array
    laid.flags.writeable = array.flags.writeable
    return laid


WIDEST = 1 << 24
"""Most bytes that are allocated for a view with gaps, unless the gaps are small. Chosen."""


def with_gaps(array: Array) -> Array:
    """Return the same numbers as a view that is not contiguous, with NaN in the gaps."""
    view: Array = (array[..., None] * GAP)[..., 0]
    return view


LARGE = 64.0
"""How many times the second cotangent is larger. Chosen: a gradient may clip its cotangent."""

STEPS, FIRST, SECOND = 2, 0, 1
"""The purposes of random numbers: steps (one more for each input), and two cotangents."""


class RandomNumbers:
    """The random numbers of one seed and purpose.

    They are drawn once and used by every call, which makes a small check cheap. The number at a
    position does not depend on how many were asked for before. Steps are random signs times
    `FAST_STEP` times 0.5 to 1.5 on a grid of 2^-15, cotangents have all their digits; the second
    has the opposite signs of the first, and is `LARGE` times as large.
    """

    def __init__(self, seed: int, purpose: int) -> None:
        self._seed, self._purpose = seed, purpose
        self._kept = np.empty(0)

    def first(self, size: int) -> Array:
        """Return the first `size` numbers."""
        if size > self._kept.size:
            drawn = self._drawn(size if size > KEPT else max(1024, 1 << (size - 1).bit_length()))
            drawn.flags.writeable = False
            if drawn.size > KEPT:
                return drawn[:size]
            self._kept = drawn
        return self._kept[:size]

    def _drawn(self, size: int) -> Array:
        rng = np.random.Generator(np.random.PCG64([self._seed, self._purpose]))
        if self._purpose >= STEPS:
            return signed(rng, (size,)) * FAST_STEP
        drawn = random_cotangent(rng, size)
        if self._purpose == SECOND:
            return opposed(LARGE * drawn, random_numbers(self._seed, FIRST).first(size))
        return drawn


@lru_cache(maxsize=32)
def random_numbers(seed: int, purpose: int) -> RandomNumbers:
    """Return the random numbers of a seed and a purpose."""
    return RandomNumbers(seed, purpose)


@lru_cache(maxsize=16)
def _tables(device: Device, seed: int, purpose: int) -> tuple[Any, Any]:
    """Return random numbers on a device, and the factors of their first rows."""
    table = random_numbers(seed, purpose).first(KEPT)
    return device.array(table.copy()), device.array(row_factors(seed, purpose, 64))


def row_factors(seed: int, purpose: int, count: int) -> Array:
    """Return random signed magnitudes with all digits, the first the same for any count."""
    rng = np.random.Generator(np.random.PCG64([seed, purpose, 7]))
    return random_cotangent(rng, max(count, 64))[:count]
