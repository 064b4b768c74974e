"""Kinks that depend on the value of one entry: at a point, at whole numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from needle_cli.checking.claims import Kink
from needle_cli.checking.domains.base import DomainKind, rms, some_of
from needle_cli.checking.kinks.base import BESIDE, MARGIN, Draw, KinkKind
from needle_cli.checking.model import Array
from needle_cli.checking.numerics.steps import REACH


@dataclass(frozen=True)
class ValueKind(KinkKind):
    """A kink at certain values of single entries."""

    def nearest(self, array: Array, params: Mapping[str, Any]) -> Array:
        raise NotImplementedError

    def masks(self, leaves: Sequence[Array], params: Mapping[str, Any]) -> list[Array]:
        """Mark the entries with such a value in their own dtype."""
        return [leaf == self.nearest(leaf, params).astype(leaf.dtype) for leaf in leaves]

    def placed(self, array: Array, draw: Draw) -> Array:
        """Give about half of the entries the nearest such value, or a value beside it."""
        rng, dtype = draw.rng, draw.dtype
        mask = some_of(array.shape, 0.5, rng)
        at = self.nearest(array, draw.params)
        # Offsets are rounded to the dtype, in which the kink's neighbours are the next numbers.
        exact = at.astype(dtype)
        unit = np.maximum(np.abs(at), 1.0)
        offset = rng.choice(BESIDE, array.shape) * unit
        near = np.where(offset == 0.0, exact, exact + offset)
        # Not beside 0: the next numbers are smaller than any step of a direction that also moves
        # other entries.
        side = rng.choice((-1.0, 1.0), array.shape)
        neighbour = exact + (side * unit * float(np.finfo(dtype).eps)).astype(dtype)
        near = np.where((at != 0) & (rng.random(array.shape) < 0.2), neighbour, near)
        return np.where(mask, near, array)

    def near(self, arrays: Sequence[Array], params: Mapping[str, Any]) -> bool:
        return any(
            bool(np.any(np.abs(a - self.nearest(a, params)) < REACH * rms(a))) for a in arrays
        )


@dataclass(frozen=True)
class Point(ValueKind):
    """Entries of `of` equal `value`, a number or the name of a parameter."""

    takes_value: ClassVar[bool] = True

    @classmethod
    def at(cls, name: str, value: float, params: Mapping[str, Any]) -> Iterator[Kink]:
        """Yield the parameters with this value first, then the number."""
        for parameter, given in params.items():
            number = isinstance(given, int | float) and not isinstance(given, bool)
            if number and given == value:
                yield Kink("point", (name,), "none", value=parameter)
        yield Kink("point", (name,), "none", value=value)

    def meets(self, value: float) -> bool:
        return isinstance(self.claim.value, str) or float(self.claim.value) == value

    def nearest(self, array: Array, params: Mapping[str, Any]) -> Array:
        at = self.claim.value
        return np.full(array.shape, float(params.get(at, 0.0) if isinstance(at, str) else at))

    def cleared(self, array: Array, domain: DomainKind, draw: Draw) -> Array:
        """Move entries a margin or two away from it, to their own side if possible."""
        at = self.nearest(array, draw.params)
        margin = MARGIN * rms(array)
        near = np.abs(array - at) < margin
        if not np.any(near):
            return array
        side = np.where(array >= at, 1.0, -1.0)
        away = side * margin * draw.rng.uniform(1.1, 2.5, array.shape)
        first, second = at + away, at - away
        return np.where(near, np.where(domain.inside(first), first, second), array)


@dataclass(frozen=True)
class Integer(ValueKind):
    """Entries of `of` are whole numbers."""

    everywhere: ClassVar[bool] = True

    @classmethod
    def at(cls, name: str, value: float, params: Mapping[str, Any]) -> Iterator[Kink]:
        """Yield the kink if the value is a whole number."""
        if value == round(value):
            yield Kink("integer", (name,), "none")

    def nearest(self, array: Array, params: Mapping[str, Any]) -> Array:
        return np.asarray(np.round(array) + 0.0)

    def cleared(self, array: Array, domain: DomainKind, draw: Draw) -> Array:
        """Map the fractional part of every entry to about an eighth to seven eighths."""
        whole = np.floor(array)
        return np.asarray(whole + 0.12 + 0.76 * (array - whole))
