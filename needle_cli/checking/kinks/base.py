"""The base of the kinks: which entries lie on one, and how values are moved onto it and off it.

There is one class for each kind. `point.py` has the kinks of a single entry, `meeting.py` those of
equal entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from needle_cli.checking.claims import Kink
from needle_cli.checking.domains.base import DomainKind, Generator
from needle_cli.checking.model import Array, Case
from needle_cli.checking.numerics.steps import REACH

Place = tuple[int, int]
"""The number of a leaf of the case and a flat index into it."""

MARGIN = 1.2 * REACH
"""The distance to a kink in units of the root mean square: 1.2 times the largest step."""

BESIDE = (0.0, 0.0, 0.0, 1e-3, -1e-3, 1e-8, -1e-8)
"""Distances from a kink in units of its size (or of 1 at zero); 0 is the kink itself. One rounding
of the dtype to either side is added."""


@dataclass
class Draw:
    """Values while they are drawn: the members of every floating input (one unless it is a list).

    `domains` are those of the inputs; `params` are the parameters that are already drawn.
    """

    values: dict[str, list[Array]]
    domains: Mapping[str, DomainKind]
    params: Mapping[str, Any]
    rng: Generator
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class KinkKind:
    """A declared set of points without a derivative; one class for each kind."""

    claim: Kink

    shared: ClassVar[bool] = False
    """Whether equal entries lie on it together and share the gradient."""

    within: ClassVar[bool] = False
    """Whether equal entries of one input lie on it."""

    several: ClassVar[bool] = False
    """Whether it needs two or more inputs."""

    takes_value: ClassVar[bool] = False
    """Whether the spec states its location."""

    everywhere: ClassVar[bool] = False
    """Whether it is only likely if nearly all of its places show it."""

    words: ClassVar[tuple[str, ...]] = ("zero", "left", "right")
    """The words that its convention may be, besides a number."""

    tried: ClassVar[tuple[object, ...]] = words
    """The conventions that are proposed for a missing kink, if they match the gradient."""

    @classmethod
    def at(cls, name: str, value: float, params: Mapping[str, Any]) -> Iterator[Kink]:
        """Yield the kinks of this kind on which an entry of that value may lie."""
        yield from ()

    @classmethod
    def among(cls, names: Sequence[str], free: Sequence[str], along: str | None) -> Iterator[Kink]:
        """Yield the kinks of this kind on which equal entries of the inputs may lie.

        Entries of the inputs `free` are equal only by chance. `along` is a parameter that names
        axes.
        """
        yield from ()

    def meets(self, value: float) -> bool:
        """Return True if an input with several entries of that value may lie on it."""
        return True

    def places(self, case: Case) -> frozenset[Place]:
        """Return the entries of a case that lie on it."""
        leaves = case.leaves()
        members = [i for i, owner in enumerate(case.leaf_owners()) if owner in self.claim.of]
        masks = self.masks([leaves[i] for i in members], case.params)
        return frozenset(
            (i, int(j))
            for i, mask in zip(members, masks, strict=True)
            for j in np.flatnonzero(mask)
        )

    def masks(self, leaves: Sequence[Array], params: Mapping[str, Any]) -> list[Array]:
        """Return a mask for each leaf of its inputs: the entries that lie on it."""
        raise NotImplementedError

    def groups(self, case: Case) -> list[frozenset[Place]]:
        """Return the sets of entries of one input that share the gradient."""
        return []

    def put(self, draw: Draw) -> bool:
        """Move entries onto or beside it, in place; return True if that was possible."""
        done = False
        for name in self.names(draw):
            for i, array in enumerate(draw.values[name]):
                moved = self.placed(array, draw) if array.size else array
                kept = draw.domains[name].restored(array, moved)
                done |= bool(np.any(kept != array))
                draw.values[name][i] = kept
        return done

    def placed(self, array: Array, draw: Draw) -> Array:
        """Return an array with about half of its entries on the kink or right beside it."""
        raise NotImplementedError

    def clear(self, draw: Draw) -> None:
        """Move entries away from it, in place, as far as the domains allow."""
        for name in self.names(draw):
            domain = draw.domains[name]
            draw.values[name] = [
                domain.restored(array, self.cleared(array, domain, draw))
                for array in draw.values[name]
            ]

    def cleared(self, array: Array, domain: DomainKind, draw: Draw) -> Array:
        """Return an array whose entries the largest step cannot move onto the kink."""
        raise NotImplementedError

    def touched(self, draw: Draw) -> bool:
        """Return True if the largest step could reach it.

        Entries that no step moves, such as the zeros of a triangle, do not count.
        """
        names = self.names(draw)
        moving = [draw.domains[n].movable(array) for n in names for array in draw.values[n]]
        return self.near(moving, draw.params)

    def near(self, arrays: Sequence[Array], params: Mapping[str, Any]) -> bool:
        """Return True if the largest step could reach it from these values of its inputs."""
        raise NotImplementedError

    def names(self, draw: Draw) -> list[str]:
        """Return the names of its inputs that are drawn."""
        return [name for name in self.claim.of if name in draw.values]

    def divided(self, share: float, got: Sequence[float], first: Sequence[bool]) -> list[float]:
        """Return the gradients that a number as convention demands at places with gradients `got`.

        `first` marks the places of the first input.
        """
        return [share] * len(got)


def beside(value: float, rng: Generator) -> float:
    """Return the distance at which an entry is put beside a value; often 0."""
    return float(rng.choice(BESIDE)) * max(abs(value), 1.0)


def folded(mask: Array, shape: tuple[int, ...]) -> Array:
    """Return a mask of an operand's entries that the broadcast mask uses anywhere."""
    extra = mask.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and mask.shape[i + extra] != 1
    )
    return np.asarray(np.any(mask, axis=axes, keepdims=True)).reshape(shape)
