"""Domains of booleans and of positions, which no step moves; and those of a Python hook."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from needle_cli.checking.claims import SpecFunctionFailed, called
from needle_cli.checking.domains.base import DomainKind, Generator, Needs, Projection
from needle_cli.checking.model import Array, GeneratorError
from needle_cli.checking.shapes import Shape, first_shape, rank_for


@dataclass(frozen=True)
class Bool(DomainKind):
    """Truth values."""

    dtype: ClassVar[str] = "bool"

    def contains(self, array: Array, length: int | None = None) -> bool:
        return array.size == 0 or array.dtype.kind == "b"

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw both values, if there are at least two entries."""
        mask = rng.random(shape) < 0.5
        if mask.size > 1 and mask.all() == mask.any():
            mask.flat[int(rng.integers(mask.size))] ^= True
        return mask


@dataclass(frozen=True)
class Index(DomainKind):
    """Positions along the axis `axis` of the input `into`.

    `duplicates` says whether a position may, must or must not occur twice.
    """

    into: str = ""
    axis: int = 0
    duplicates: Literal["allow", "force", "forbid"] = "allow"

    dtype: ClassVar[str] = "int"
    needs: ClassVar[Needs | None] = Needs(
        ("into",), "does not say what it is an index into", "into = {inputs}"
    )

    def contains(self, array: Array, length: int | None = None) -> bool:
        if array.size == 0:
            return True
        high = math.inf if length is None else length
        if array.dtype.kind not in "iu" or int(array.min()) < 0 or int(array.max()) >= high:
            return False
        repeated = np.unique(array).size < array.size
        if self.duplicates == "forbid":
            return not repeated
        return self.duplicates != "force" or repeated or array.size < 2

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw positions along an axis of the given length."""
        count = math.prod(shape)
        if length is None:
            raise GeneratorError(
                f"index domain into {self.into!r}: the axis it points into is unknown"
            )
        if length == 0 and count:
            raise GeneratorError(f"index domain: no position of {self.into!r} exists (length 0)")
        if self.duplicates == "forbid":
            if count > length:
                raise GeneratorError(
                    f"index domain: {count} distinct positions of {length} do not exist"
                )
            return rng.permutation(length)[:count].reshape(shape).astype(np.intp)
        found = rng.integers(0, max(length, 1), shape).astype(np.intp)
        if self.duplicates == "force" and count > 1:
            first, second = rng.permutation(count)[:2]
            found.flat[first] = found.flat[second]
        return found

    def repeatable(self, rank: int) -> range:
        return range(rank if self.duplicates == "allow" else 0)

    def length(self, shapes: Mapping[str, Any]) -> int | None:
        """Return the length of the axis; None if the input is missing."""
        return first_shape(shapes[self.into])[self.axis] if self.into in shapes else None

    def needs_rank(self, name: str) -> int:
        return rank_for(self.axis) if name == self.into else 0

    def feasible(self, count: int, length: int | None) -> bool:
        """Return True if there are enough positions for `count` entries."""
        if length is None:
            return True
        return not count or (length > 0 and (self.duplicates != "forbid" or count <= length))


@dataclass(frozen=True)
class Hook(DomainKind):
    """Arrays that a Python function `(rng, shape, dtype) -> array` draws, without any check.

    The function may have an attribute `tangent`, the projection of a direction.
    """

    function: Callable[..., Any]

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Call the function; raises `SpecFunctionFailed` if it returns no such array."""
        drawn = called(self.function, rng, shape, np.dtype(np.float64))
        array: Array = called(np.asarray, drawn)
        if array.shape != tuple(shape) or array.dtype.kind not in "fiub":
            text = f"returns {array.dtype} of shape {array.shape}, not numbers of shape {shape}"
            raise SpecFunctionFailed(self.function, text)
        return array

    def projection(self) -> Projection | None:
        """Return the function's `tangent`."""
        return getattr(self.function, "tangent", None)

    def repeatable(self, rank: int) -> tuple[int, ...]:
        return ()
