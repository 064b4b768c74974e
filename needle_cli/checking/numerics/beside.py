"""Gradients at inputs moved by a rounding of a narrow dtype: conditioning, and jumps at kinks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.model import Array, Garbage, OperatorError
from needle_cli.checking.numerics.probes import rms
from needle_cli.checking.numerics.tolerance import magnitude
from needle_cli.checking.point import Subject, limits

PAIRS = 4
"""How many random moves are made, each to both sides: a kink within a rounding is then crossed."""

NEARER = 0.25
"""The second, smaller move. A smooth gradient changes in proportion, one that jumps by as much."""

PROPORTIONAL = 0.5
"""Up to this share of the larger change, the smaller is in proportion: halfway, on a log scale."""


class Neighbours:
    """The gradients beside a point, for one cotangent or for others later.

    `reach` is the move of every entry of every judged leaf, about one narrow rounding.
    """

    def __init__(self, subject: Subject, reach: Sequence[Array], rng: np.random.Generator) -> None:
        self.subject = subject
        signs = [
            [rng.uniform(0.5, 1.0, r.shape) * rng.choice((-1.0, 1.0), r.shape) for r in reach]
            for _ in range(PAIRS)
        ]
        moves = [[s * r for s, r in zip(sign, reach, strict=True)] for sign in signs]
        self.far = [self.moved(move, side) for move in moves for side in (1.0, -1.0)]
        self.near = [self.moved(move, NEARER * side) for move in moves for side in (1.0, -1.0)]

    def moved(self, move: Sequence[Array], factor: float) -> Subject:
        """Return the operator at moved inputs."""
        leaves = list(self.subject.leaves)
        for i, u in zip(self.subject.judged, move, strict=True):
            leaves[i] = leaves[i] + factor * u
        return Subject(self.subject.op, self.subject.case.with_leaves(leaves))

    def changes(
        self, cotangent: Array, base: Sequence[Array], rounding: Sequence[Array]
    ) -> tuple[list[Array], list[Array]]:
        """Return how far every entry moves where it is smooth, and the mask of those that jump.

        Args:
            cotangent: The cotangent as a vector.
            base: The gradients at the point itself.
            rounding: What rounding explains; a smaller change is no jump.
        """
        far, near = (self._largest(there, cotangent, base) for there in (self.far, self.near))
        jumps = [
            (b > PROPORTIONAL * a) & (b > bound)
            for a, b, bound in zip(far, near, rounding, strict=True)
        ]
        return [np.where(j, 0.0, a) for a, j in zip(far, jumps, strict=True)], jumps

    def _largest(
        self, there: Sequence[Subject], cotangent: Array, base: Sequence[Array]
    ) -> list[Array]:
        largest = [np.zeros(b.shape) for b in base]
        for gradients in gradients_at(there, cotangent):
            for k, (a, b) in enumerate(zip(gradients, base, strict=True)):
                largest[k] = np.maximum(largest[k], magnitude(a - b))
        return largest


def gradients_at(subjects: Sequence[Subject], cotangent: Array) -> list[list[Array]]:
    """Return the gradients at several points, without those that cannot be computed."""
    found = []
    for subject in subjects:
        try:
            found.append(subject.gradients(cotangent))
        except (OperatorError, Garbage):
            continue
    return found


def reach(subject: Subject, narrow: Sequence[Array]) -> list[Array]:
    """Return, per judged leaf, the move that is one rounding in the narrow dtype.

    Zeros move by a rounding of their array, so that a kink there is crossed.
    """
    found = []
    for i in subject.judged:
        eps = float(limits(narrow[i].dtype).eps)
        size = np.abs(subject.leaves[i].astype(np.float64))
        found.append(eps * np.where(size > 0, size, rms(size) or 1.0))
    return found
