"""The one-sided slopes around a case on its kinks, and the gradients of its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from needle_cli.checking.checks.context import Question
from needle_cli.checking.claims import Claims
from needle_cli.checking.domains.registry import domain_of
from needle_cli.checking.kinks.base import Place
from needle_cli.checking.model import Array
from needle_cli.checking.numerics.directional import MOST_COORDINATES, DirectionalDerivatives
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.one_sided import Allows, OneSidedSlopes, one_sided_slopes
from needle_cli.checking.numerics.probes import projected
from needle_cli.checking.point import Subject

LARGEST = MOST_COORDINATES
"""Most entries of a case that is judged: the slopes along every coordinate are measured."""


@dataclass(frozen=True)
class Output:
    """One output: its gradient, and its one-sided slopes along coordinates."""

    number: int
    gradients: list[Array]
    sides: dict[Place, OneSidedSlopes]

    def value(self, place: Place, position: int) -> float:
        """Return the gradient's entry at a place of the judged leaf `position`."""
        return float(self.gradients[position].reshape(-1)[place[1]])

    def kinked(self) -> frozenset[Place]:
        """Return the entries along which left and right slope differ."""
        return frozenset(p for p, side in self.sides.items() if side.kinds[1][self.number])

    def lost(self) -> frozenset[Place]:
        """Return the entries along which there is no finite slope."""
        return frozenset(p for p, side in self.sides.items() if side.kinds[2][self.number])


class Surroundings:
    """One case with the slopes around it along coordinates and other directions.

    `sides` are the slopes along coordinates, by the place of the entry in the case; `position` is
    the number of a leaf among the judged ones.
    """

    def __init__(self, question: Question, claims: Claims) -> None:
        self.subject = question.wide
        self.claims = claims
        rng = question.rng("kink")
        self.tangent, self.allows = question.tangent, _inside(self.subject, claims)
        self.directional = DirectionalDerivatives(self.subject, rng, self.tangent, self.allows)
        judged = self.subject.judged
        self.sides = {(judged[k], j): side for (k, j), side in self.directional.coordinates()}
        self.position = {i: k for k, i in enumerate(judged)}
        self._answers_of: dict[int, list[Array]] = {}
        self._together: dict[frozenset[Place], tuple[list[Array], OneSidedSlopes]] = {}

    def gradients(self, j: int) -> list[Array]:
        """Return the gradients of one output alone."""
        if j not in self._answers_of:
            self._answers_of[j] = self.subject.gradients_of(j)
        return self._answers_of[j]

    def moved(self, group: frozenset[Place]) -> tuple[list[Array], OneSidedSlopes]:
        """Return the direction that moves equal entries together, and the slopes along it."""
        if group not in self._together:
            step = min(abs(self.unit(place)) for place in group)
            found = [np.zeros(self.subject.leaves[i].shape) for i in self.subject.judged]
            for leaf, flat in group:
                found[self.position[leaf]].reshape(-1)[flat] = step
            direction = projected(self.subject, found, self.tangent)
            slopes = one_sided_slopes(Line(self.subject, direction), self.allows)
            self._together[group] = direction, slopes
        return self._together[group]

    def unit(self, place: Place) -> float:
        """Return the length of the coordinate direction at a place."""
        k = self.directional.places.index((self.position[place[0]], place[1]))
        direction = self.directional.directions[k][self.position[place[0]]]
        return float(direction.reshape(-1)[place[1]]) or 1.0


def _inside(subject: Subject, claims: Claims) -> Allows | None:
    """Return the test that keeps steps inside closed domains, or None if there are none.

    At a closed end only directions that point inside have a slope, and it is one-sided.
    """
    inputs = claims.inputs_at(subject.case.tags)
    owners = subject.case.leaf_owners()
    domains = [domain_of(inputs[owners[i]].domain) for i in subject.judged]
    leaves = [subject.leaves[i] for i in subject.judged]

    def allows(direction: Sequence[Array], side: int) -> bool:
        # One-sided slopes use powers of two times the direction as steps, the largest an eighth.
        return all(
            bool(domain.inside(leaf + side * 2.0**-12 * u).all() or not u.any())
            for domain, leaf, u in zip(domains, leaves, direction, strict=True)
        )

    return allows if any(domain.closed_ends for domain in domains) else None
