"""The kinds of kinks by the name that a spec gives them, and operations on all of a case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.claims import Kink
from needle_cli.checking.domains.base import some_of
from needle_cli.checking.kinks.base import Draw, KinkKind
from needle_cli.checking.kinks.meeting import Equal, Tie
from needle_cli.checking.kinks.point import Integer, Point

KINKS: dict[str, type[KinkKind]] = {
    "point": Point,
    "tie": Tie,
    "equal": Equal,
    "integer": Integer,
}
"""Every kind that a spec may name. A new kind needs a class and an entry here."""


def kink_of(claim: Kink) -> KinkKind:
    """Return the kink of a claim."""
    return KINKS[claim.kind](claim)


def convention_words() -> list[str]:
    """Return the words that the convention of any kind may be, those for sharing first."""
    kinds = sorted(KINKS.values(), key=lambda kind: not kind.shared)
    return list(dict.fromkeys(word for kind in kinds for word in kind.words))


def special_first() -> list[type[KinkKind]]:
    """Return the kinds in the order in which they are tried for a kink that a spec lacks.

    The more special kind comes first: a whole number is also a point, and equal entries of two
    inputs may also be tied within one.
    """
    return sorted(KINKS.values(), key=lambda kind: (not kind.everywhere, not kind.several))


def put_on_kinks(draw: Draw, kinks: Sequence[KinkKind]) -> bool:
    """Move about half of the entries onto or beside kinks, in place; return True if any moved.

    About a third also moves onto the closed ends of domains, where derivatives are one-sided too.
    """
    done = False
    for kink in kinks:
        done |= kink.put(draw)
    for name, arrays in draw.values.items():
        ends = draw.domains[name].closed_ends
        for i, array in enumerate(arrays if ends else ()):
            if array.size:
                mask = some_of(array.shape, 0.33, draw.rng)
                arrays[i] = np.where(mask, draw.rng.choice(ends, array.shape), array)
                done = True
    return done


def clear_of_kinks(draw: Draw, kinks: Sequence[KinkKind]) -> None:
    """Move values away from every declared kink, in place, as far as that is possible.

    Moving away from one kink may move values onto another. After three rounds they stay where they
    are, because the judge can resolve a kink.
    """
    for _ in range(3):
        for kink in kinks:
            kink.clear(draw)
        if not any(kink.touched(draw) for kink in kinks):
            break
