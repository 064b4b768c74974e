"""Domains that constrain entries together: rows that sum to one, and square matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from needle_cli.checking.domains.base import (
    DomainKind,
    Ends,
    Generator,
    Projection,
    generic,
    nonzero,
    slack,
)
from needle_cli.checking.model import Array
from needle_cli.checking.shapes import Shape


@dataclass(frozen=True)
class Simplex(DomainKind):
    """Positive numbers that sum to one along `axis`."""

    axis: int = -1

    least_rank: ClassVar[int] = 1

    @property
    def ends(self) -> Ends:
        return Ends(0.0, 1.0, open_low=True)

    def _fits(self, array: Array) -> bool:
        off = np.abs(array.astype(np.float64).sum(axis=self.axis) - 1.0)
        return bool(np.all(off <= slack(array)))

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw positive weights and divide them by their sum."""
        weights = rng.uniform(0.3, 1.7, shape)
        return np.asarray(weights / weights.sum(axis=self.axis, keepdims=True))

    def projection(self) -> Projection | None:
        """A step sums to zero."""
        return lambda d: d - d.mean(axis=self.axis, keepdims=True) if d.size else d

    def repeatable(self, rank: int) -> list[int]:
        return [axis for axis in range(rank) if axis != self.axis % rank]


@dataclass(frozen=True)
class Matrix(DomainKind):
    """Square matrices in the last two axes."""

    matrix: ClassVar[bool] = True

    def repeatable(self, rank: int) -> range:
        return range(rank - 2)

    def movable(self, array: Array) -> Array:
        """All entries except the fixed zeros of a triangle."""
        return array[self._mask(array.shape)]

    def restored(self, before: Array, after: Array) -> Array:
        """Keep what no step moves, and the old matrix if the new one is outside."""
        after = super().restored(before, after)
        if before.size == 0:
            return after
        kept = self._rebuilt(before, np.where(self._mask(before.shape), after, before))
        return kept if self.contains(kept) else before

    def _mask(self, shape: Shape) -> Array:
        projection = self.projection()
        ones = np.ones(shape)
        return np.asarray((projection(ones) if projection else ones) != 0)

    def _rebuilt(self, before: Array, kept: Array) -> Array:
        """Return moved entries in the form of the domain's matrices."""
        return kept


@dataclass(frozen=True)
class Symmetric(Matrix):
    """Symmetric matrices."""

    mirrored: ClassVar[bool] = True
    mixable: ClassVar[bool] = True
    scalable: ClassVar[bool] = True

    def _fits(self, array: Array) -> bool:
        return array.shape[-1] == array.shape[-2] and np.array_equal(array, array.swapaxes(-1, -2))

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw the lower triangle and mirror it."""
        return mirrored(np.tril(generic(rng, shape)))

    def whole(self, rng: Generator, shape: Shape, most: int) -> Array:
        """Draw whole numbers and mirror them."""
        return mirrored(_whole_half(rng, shape, most))

    def projection(self) -> Projection | None:
        """A step is symmetric."""
        return lambda d: (d + d.swapaxes(-1, -2)) / 2

    def _rebuilt(self, before: Array, kept: Array) -> Array:
        return mirrored(np.tril(kept))


@dataclass(frozen=True)
class Spd(Symmetric):
    """Symmetric matrices with eigenvalues from `min_eig` to `max_eig`, both above zero."""

    min_eig: float = 0.2
    max_eig: float = 4.0

    mixable: ClassVar[bool] = False
    scalable: ClassVar[bool] = False

    def problem(self) -> tuple[tuple[str, ...], str, str] | None:
        if 0 < self.min_eig <= self.max_eig:
            return None
        span = f"eigenvalues from {self.min_eig} to {self.max_eig}"
        return ("min_eig", "max_eig"), span, "0 < min_eig <= max_eig"

    def _fits(self, array: Array) -> bool:
        if not super()._fits(array):
            return False
        eigenvalues = np.linalg.eigvalsh(array.astype(np.float64))
        low, high = float(eigenvalues.min()), float(eigenvalues.max())
        off = slack(array)
        return low >= self.min_eig - off and high <= self.max_eig + off

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw random eigenvectors, and eigenvalues whose margin to the bounds is a tenth."""
        if 0 in shape:
            return np.zeros(shape)
        rotation, _ = np.linalg.qr(rng.standard_normal(shape))
        margin = 0.1 * (self.max_eig - self.min_eig)
        spectrum = rng.uniform(self.min_eig + margin, self.max_eig - margin, shape[:-1])
        product = (rotation * spectrum[..., None, :]) @ rotation.swapaxes(-1, -2)
        return np.asarray((product + product.swapaxes(-1, -2)) / 2)

    def whole(self, rng: Generator, shape: Shape, most: int) -> Array:
        """Draw generic matrices, since few matrices of whole numbers have such eigenvalues."""
        return self.draw(rng, shape)

    def _rebuilt(self, before: Array, kept: Array) -> Array:
        return np.where(_diagonal(kept), before, super()._rebuilt(before, kept))


@dataclass(frozen=True)
class Triangular(Matrix):
    """Lower (or upper) triangular matrices with nonzero diagonal entries."""

    lower: bool = True

    def _fits(self, array: Array) -> bool:
        if array.shape[-1] != array.shape[-2]:
            return False
        diagonal = np.diagonal(array, 0, -2, -1)
        return np.array_equal(self._half(array), array) and bool(np.all(diagonal != 0))

    def _half(self, array: Array) -> Array:
        return np.asarray(np.tril(array) if self.lower else np.triu(array))

    def draw(self, rng: Generator, shape: Shape, length: int | None = None) -> Array:
        """Draw numbers; diagonal entries are at least three quarters in magnitude."""
        square = generic(rng, shape)
        place = np.arange(shape[-1])
        diagonal = nonzero(rng, shape[:-1])
        square[..., place, place] = diagonal + np.sign(diagonal) * 0.5
        return self._half(square)

    def whole(self, rng: Generator, shape: Shape, most: int) -> Array:
        """Draw whole numbers, and powers of two for the diagonal: a division by them is exact."""
        lower = _whole_half(rng, shape, most)
        place = np.arange(shape[-1])
        lower[..., place, place] = rng.choice((-2.0, -1.0, 1.0, 2.0), shape[:-1])
        return np.asarray(lower if self.lower else lower.swapaxes(-1, -2))

    def projection(self) -> Projection | None:
        """A step is triangular."""
        return self._half

    def _rebuilt(self, before: Array, kept: Array) -> Array:
        return np.where(_diagonal(kept) & (kept == 0), before, kept)


def mirrored(lower: Array) -> Array:
    """Return the symmetric matrices with the given lower triangles."""
    return np.asarray(lower + np.tril(lower, -1).swapaxes(-1, -2))


def _whole_half(rng: Generator, shape: Shape, most: int) -> Array:
    return np.tril(rng.integers(-most, most + 1, shape)).astype(np.float64)


def _diagonal(array: Array) -> Array:
    return np.broadcast_to(np.eye(array.shape[-1], dtype=bool), array.shape)
