"""Kinks of equal entries, of one input or of several inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from needle_cli.checking.claims import Kink
from needle_cli.checking.domains.base import DomainKind, rms, some_of, spaced
from needle_cli.checking.kinks.base import Draw, KinkKind, Place, beside, folded
from needle_cli.checking.model import Array, Case
from needle_cli.checking.numerics.steps import REACH

CROWD = 160
"""With more entries, no spacing leaves the largest step between all of them."""


@dataclass(frozen=True)
class Tie(KinkKind):
    """Entries of `of` are equal along the axes `along`, or along all axes if none are given."""

    shared: ClassVar[bool] = True
    within: ClassVar[bool] = True
    words: ClassVar[tuple[str, ...]] = ("even", "first", "last", "stable", "zero")
    tried: ClassVar[tuple[object, ...]] = words

    @classmethod
    def among(cls, names: Sequence[str], free: Sequence[str], along: str | None) -> Iterator[Kink]:
        """Yield the tie of each input."""
        yield from (Kink("tie", (name,), "none", along=along) for name in names if name in free)

    def masks(self, leaves: Sequence[Array], params: Mapping[str, Any]) -> list[Array]:
        """Mark the entries that equal another entry of their row."""
        found = []
        for leaf in leaves:
            mask = np.zeros(leaf.size, dtype=bool)
            for group in self._groups(leaf, params):
                mask[list(group)] = True
            found.append(mask.reshape(leaf.shape))
        return found

    def groups(self, case: Case) -> list[frozenset[Place]]:
        leaves = case.leaves()
        return [
            frozenset((i, j) for j in group)
            for i, owner in enumerate(case.leaf_owners())
            if owner in self.claim.of
            for group in self._groups(leaves[i], case.params)
        ]

    def _axes(self, params: Mapping[str, Any]) -> Any:
        along = self.claim.along
        return params.get(along) if isinstance(along, str) else along

    def _groups(self, leaf: Array, params: Mapping[str, Any]) -> list[tuple[int, ...]]:
        """Return the flat indices of equal entries, row by row."""
        axes = self._axes(params)
        if leaf.size == 0 or leaf.ndim == 0:
            return []
        if axes is None:
            axes = tuple(range(leaf.ndim))
        axes = (axes,) if isinstance(axes, int) else tuple(axes)
        axes = tuple(sorted({axis % leaf.ndim for axis in axes}))
        last = tuple(range(leaf.ndim - len(axes), leaf.ndim))
        flat = np.moveaxis(np.arange(leaf.size).reshape(leaf.shape), axes, last)
        rows = flat.reshape(-1, math.prod(leaf.shape[axis] for axis in axes))
        found = []
        for row in rows:
            values = leaf.reshape(-1)[row]
            for value in np.unique(values):
                members = row[values == value]
                if members.size > 1:
                    found.append(tuple(int(j) for j in members))
        return found

    def placed(self, array: Array, draw: Draw) -> Array:
        """Make ties at the largest, the smallest, or any value, with one entry beside it."""
        rng = draw.rng
        mask = some_of(array.shape, 0.5, rng)
        if array.size < 2:
            return array
        mask.flat[rng.permutation(array.size)[:2]] = True
        candidates = (array.max(), array.min(), array.flat[int(rng.integers(array.size))])
        chosen = candidates[int(rng.integers(3))]
        tied = np.where(mask, chosen, array)
        alone = int(rng.choice(np.flatnonzero(mask)))
        tied.flat[alone] += beside(float(chosen), rng)
        return tied

    def cleared(self, array: Array, domain: DomainKind, draw: Draw) -> Array:
        """Space out all entries, or those of each row if there are too many."""
        axis = self._axes(draw.params)
        if isinstance(axis, tuple | list):
            axis = axis[0] if len(axis) == 1 else None
        crowded = array.size > CROWD and array.ndim > 1
        rowwise = crowded and isinstance(axis, int) and -array.ndim <= axis < array.ndim
        return spaced(array, draw.rng, axis if rowwise else None)

    def near(self, arrays: Sequence[Array], params: Mapping[str, Any]) -> bool:
        return any(
            a.size > 1 and float(np.min(np.diff(np.sort(a, axis=None)))) < 2 * REACH * rms(a)
            for a in arrays
        )


@dataclass(frozen=True)
class Equal(KinkKind):
    """Entries of the inputs `of` that meet when these broadcast are equal."""

    shared: ClassVar[bool] = True
    several: ClassVar[bool] = True
    words: ClassVar[tuple[str, ...]] = ("even", "first", "last", "zero")
    tried: ClassVar[tuple[object, ...]] = (0.5, 1.0, 0.0)

    @classmethod
    def among(cls, names: Sequence[str], free: Sequence[str], along: str | None) -> Iterator[Kink]:
        """Yield the kink at which all inputs are equal."""
        if len(names) > 1:
            yield Kink("equal", tuple(names), "none")

    def masks(self, leaves: Sequence[Array], params: Mapping[str, Any]) -> list[Array]:
        """Mark the entries that meet an equal one somewhere."""
        try:
            shape = np.broadcast_shapes(*(leaf.shape for leaf in leaves))
        except ValueError:
            return [np.zeros(leaf.shape, dtype=bool) for leaf in leaves]
        wide = [np.broadcast_to(leaf, shape) for leaf in leaves]
        met = [
            np.any([a == b for k, b in enumerate(wide) if k != i], axis=0)
            for i, a in enumerate(wide)
        ]
        return [folded(mask, leaf.shape) for mask, leaf in zip(met, leaves, strict=True)]

    def put(self, draw: Draw) -> bool:
        """Give inputs equal values at places that meet when they broadcast.

        The value is one of their own there: the first that lies in every input's domain.
        """
        before = {name: list(draw.values[name]) for name in self.names(draw)}
        done = self._meet(draw)
        for name, arrays in before.items():
            pairs = zip(arrays, draw.values[name], strict=True)
            draw.values[name] = [draw.domains[name].restored(old, new) for old, new in pairs]
        return done

    def _meet(self, draw: Draw) -> bool:
        members = self._members(draw)
        arrays = [draw.values[name][i] for name, i in members]
        if len(members) < 2 or any(array.size == 0 for array in arrays):
            return False
        try:
            shape = np.broadcast_shapes(*(array.shape for array in arrays))
        except ValueError:
            return False  # no entries of two inputs meet
        # Arithmetic turns 0-d arrays into numbers.
        arrays = [np.array(array) for array in arrays]
        for (name, i), array in zip(members, arrays, strict=True):
            draw.values[name][i] = array
        rng, domains, done = draw.rng, [draw.domains[n] for n in self.names(draw)], False
        for number in range(max(1, int(np.prod(shape)) // 3)):
            place = tuple(int(rng.integers(n)) for n in shape)
            met = [(array, _read(place, array.shape)) for array in arrays]
            common = next((array[at] for array, at in met if _inside(domains, array[at])), None)
            if common is None:
                continue
            for array, at in met:
                array[at] = common
            done = True
            if number:  # sometimes one of them lies beside the others
                array, at = met[int(rng.integers(len(met)))]
                moved = float(array[at]) + beside(float(array[at]), rng)
                array[at] = moved if _inside(domains, moved) else array[at]
        return done

    def clear(self, draw: Draw) -> None:
        """Move the entries of each input into its own part of every cell of a common grid."""
        members = self._members(draw)
        if len(members) < 2:
            return
        cell = 0.05 * max(rms(draw.values[name][i]) for name, i in members) * len(members)
        if cell == 0.0:
            return
        for place, (name, i) in enumerate(members):
            array = draw.values[name][i]
            whole = np.floor(array / cell)
            part = array / cell - whole
            moved = cell * (whole + (place + 0.2 + 0.4 * part) / len(members))
            draw.values[name][i] = draw.domains[name].restored(array, moved)

    def near(self, arrays: Sequence[Array], params: Mapping[str, Any]) -> bool:
        return any(
            _distance(a, b) < REACH * (rms(a) + rms(b))
            for i, a in enumerate(arrays)
            for b in arrays[:i]
        )

    def _members(self, draw: Draw) -> list[tuple[str, int]]:
        return [(name, i) for name in self.names(draw) for i in range(len(draw.values[name]))]

    def divided(self, share: float, got: Sequence[float], first: Sequence[bool]) -> list[float]:
        """Give the first input this share of the whole gradient, and the others the rest."""
        whole = sum(got)
        return [share * whole if mine else whole - share * whole for mine in first]


def _inside(domains: Sequence[DomainKind], value: float) -> bool:
    return all(bool(domain.inside(np.asarray(value))) for domain in domains)


def _read(place: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index of an operand's entry at a place of the broadcast result."""
    tail = place[len(place) - len(shape) :]
    return tuple(0 if n == 1 else p for p, n in zip(tail, shape, strict=True))


def _distance(a: Array, b: Array) -> float:
    """Return the smallest distance between an entry of `a` and one of `b`."""
    if a.size == 0 or b.size == 0:
        return float("inf")
    ordered = np.sort(b, axis=None)
    places = np.searchsorted(ordered, a.reshape(-1))
    below = ordered[np.maximum(places - 1, 0)]
    above = ordered[np.minimum(places, ordered.size - 1)]
    flat = a.reshape(-1)
    return float(min(np.min(np.abs(flat - below)), np.min(np.abs(flat - above))))
