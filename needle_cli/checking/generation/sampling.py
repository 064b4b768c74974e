"""Draw structures at random: shapes, parameters, layouts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any, TypeVar

from needle_cli.checking.choosing import Chooser, SeededChooser, chance, choose
from needle_cli.checking.claims import Claims
from needle_cli.checking.generation.corners import scales
from needle_cli.checking.generation.layouts import LAYOUTS, possible
from needle_cli.checking.generation.realise import specials
from needle_cli.checking.generation.structure_space import LaneSpace, Space, space_of
from needle_cli.checking.model import Structure
from needle_cli.checking.shapes import first_shape

T = TypeVar("T")

ATTEMPTS = 10
"""How often shapes without possible values are redrawn before the draw is rejected. Chosen."""


SEEDS = 2**16
"""Number of different seeds; not more, since every bit of a draw costs time. Chosen."""

SPREAD = 0x9E3779B1
"""Factor that spreads the seeds over 32 bits: 2^32 divided by the golden ratio. It is odd, so
different seeds stay different, and 0 stays 0."""

MOST_TRIES = 4
"""Most draws per requested structure, for specs whose shapes seldom fit together. Chosen."""

LANE_COST = 2**8
"""Range of an unused choice in lanes other than the main one. Shrinking prefers fewer choices, so
it prefers the main lane."""


def sample(claims: Claims, count: int, seed: int) -> list[Structure]:
    """Return `count` independent structures.

    Hypothesis is not used here, because it generates variations of earlier examples: sixty cases of
    a matrix and a parameter of three values contained fourteen different ones, and no tall matrix
    with the middle value. It is used for the search of the smallest case, where variations help.
    """
    drawer = Drawer(claims)
    chooser = SeededChooser(seed)
    drawn = (drawer.structure(chooser) for _ in range(MOST_TRIES * count))
    return list(islice(filter(None, drawn), count))


def _padded(plain: T, others: Sequence[T], size: int) -> tuple[T, ...]:
    """Return options of a fixed number, mostly the plain one, which comes first."""
    return (plain,) * max(1, size - len(others)) + tuple(others)


class Drawer:
    """Draws structures from what each lane allows, which is computed once.

    Args:
        claims: what the operator claims.
        values: "integer" draws parameters for which nothing rounds.
        rejected: counts redrawn shapes ("redrawn") and rejected draws ("rejected").
    """

    def __init__(
        self, claims: Claims, values: str = "generic", rejected: Counter[str] | None = None
    ) -> None:
        self.claims = claims
        self.values = values
        self.rejected: Counter[str] = Counter() if rejected is None else rejected
        self.space: Space = space_of(claims)
        self.lanes = _padded("", self.space.names[1:] * 2, 8)
        plain = values == "generic"
        self.specials = {
            n: _padded("none", specials(claims, n) * 2 if plain else (), 16)
            for n in self.space.names
        }
        self.scales = {
            n: _padded(1.0, scales(claims, n) if plain else (), 16) for n in self.space.names
        }

    def structure(self, chooser: Chooser) -> Structure | None:
        """Choose one structure, the simple choices first so that they shrink first.

        Return None if no shapes were found that fit together.
        """
        lane = choose(chooser, self.lanes)
        if lane:
            chooser.integer(0, LANE_COST - 1)
        space = self.space.lane(lane)
        found = self._shapes(space, chooser)
        if found is None:
            return None
        shapes, drawn = found
        layouts = self._layouts(space, shapes, chooser)
        return Structure(
            shapes=shapes,
            params=drawn,
            lane=lane,
            layouts=layouts,
            special=choose(chooser, self.specials[lane]),
            scale=choose(chooser, self.scales[lane]),
            values=self.values,
            seed=chooser.integer(0, SEEDS - 1) * SPREAD % 2**32,
        )

    def _shapes(self, space: LaneSpace, chooser: Chooser) -> tuple[Any, Any] | None:
        """Draw shapes and parameters that fit together."""
        for _ in range(ATTEMPTS):
            given = space.given(chooser)
            solution = space.solution(chooser, given)
            shapes = space.shapes(solution, space.lengths(chooser))
            if space.feasible(shapes):
                exact = self.values == "integer"
                return shapes, space.parameters(chooser, shapes, given, exact)
            self.rejected["redrawn"] += 1
        self.rejected["rejected"] += 1
        return None

    def _layouts(self, space: LaneSpace, shapes: Any, chooser: Chooser) -> dict[str, str]:
        """Draw the layouts: contiguous, or one layout for all inputs, or one for each."""
        found = dict.fromkeys(shapes, "C")
        if not chance(chooser, 3):
            return found
        word = choose(chooser, (*LAYOUTS[1:], "mixed", "mixed", "mixed"))
        for name, claim in space.inputs.items():
            able = possible(claim, self.claims.kinks, first_shape(shapes[name]))
            if word == "mixed":
                found[name] = choose(chooser, able)
            elif word in able:
                found[name] = word
        return found
