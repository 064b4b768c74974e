"""What the convention of a kink asks of the gradients at the entries that lie on it."""

from __future__ import annotations

import numpy as np

from needle_cli.checking.checks.surroundings import Output, Surroundings
from needle_cli.checking.claims import Kink
from needle_cli.checking.domains.registry import domain_of
from needle_cli.checking.kinks.base import Place
from needle_cli.checking.kinks.registry import kink_of

ROUNDINGS = 8 * 2.0**-52
"""Allowed relative difference from a convention, eight roundings: 1/3 has no exact double."""


def tied_to(around: Surroundings, kink: Kink, output: Output) -> set[Place]:
    """Return the tied entries of the groups in which an output's gradient is not zero."""
    case = around.subject.case
    found: set[Place] = set()
    for group in kink_of(kink).groups(case):
        mine = [p for p in group if p[0] in around.position]
        if any(output.value(p, around.position[p[0]]) != 0 for p in mine):
            found |= set(mine)
    return found


def unconventional(
    around: Surroundings, kink: Kink, output: Output, places: list[Place]
) -> tuple[Place, float, float] | None:
    """Return the first entry that differs from the convention, with both numbers."""
    got = [output.value(p, around.position[p[0]]) for p in places]
    wanted = _wanted(around, kink, output, places, got)
    for place, a, b in zip(places, got, wanted, strict=True):
        slack = ROUNDINGS * max(abs(a), abs(b)) if np.isfinite(b) else 0.0
        if kink.convention in ("left", "right"):
            slack = float(around.sides[place].tolerance[output.number]) / around.unit(place)
        if a == b or abs(a - b) <= slack or (a == 0 and _twin(around, output, place) == b):
            continue
        return place, a, b
    return None


def _twin(around: Surroundings, output: Output, place: Place) -> float | None:
    """Return the gradient at the mirrored entry of a symmetric input; None for other inputs.

    Both entries move together, so one of the two may carry the gradient of both.
    """
    owner = around.subject.case.leaf_owners()[place[0]]
    claim = around.claims.inputs_at(around.subject.case.tags)[owner]
    if not domain_of(claim.domain).mirrored:
        return None
    shape = around.subject.leaves[place[0]].shape
    *lead, i, j = (int(n) for n in np.unravel_index(place[1], shape))
    mirrored = int(np.ravel_multi_index((*lead, j, i), shape))
    return output.value((place[0], mirrored), around.position[place[0]])


def _wanted(
    around: Surroundings, kink: Kink, output: Output, places: list[Place], got: list[float]
) -> list[float]:
    """Return the gradient that the convention gives every entry; their sum is left as it is."""
    word = kink.convention
    if isinstance(word, int | float):
        first = min(p[0] for p in places)
        return kink_of(kink).divided(float(word), got, [p[0] == first for p in places])
    if word == "zero":
        return [0.0] * len(places)
    if word in ("left", "right"):
        return [
            float(getattr(around.sides[p], word).slope[output.number]) / around.unit(p)
            for p in places
        ]
    total = sum(got)
    if word == "even":
        return [total / len(places)] * len(places)
    rank = {"first": 0, "last": len(places) - 1}.get(word, _rank(around, output.number, places))
    return [total if k == rank else 0.0 for k in range(len(places))]


def _rank(around: Surroundings, j: int, places: list[Place]) -> int:
    """Return the rank of an output among those that share the same tie, for "stable"."""
    values = around.subject.vector
    alike = [
        i for i in range(values.size) if values[i] == values[j] and _answers(around, i, places)
    ]
    return alike.index(j) % len(places) if j in alike else 0


def _answers(around: Surroundings, i: int, places: list[Place]) -> bool:
    """Return True if an output depends on exactly these tied entries.

    Along coordinates the first and the last output of a tie have a kink. Those between look
    smooth, so their gradients decide.
    """
    kinked = {p for p, side in around.sides.items() if side.kinds[1][i]}
    if kinked:
        return kinked == set(places)
    gradients = around.gradients(i)
    touched = {
        (leaf, int(flat))
        for leaf, k in around.position.items()
        for flat in np.flatnonzero(gradients[k])
    }
    return bool(touched) and touched <= set(places)
