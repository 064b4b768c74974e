"""Find the smallest structure that still fails, with Hypothesis.

Hypothesis takes longer to import than NumPy and this whole package, and only a failure needs it, so
this module is imported only after one.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, find, reject, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, NoSuchExample

from needle_cli.checking.claims import Claims
from needle_cli.checking.generation.sampling import Drawer
from needle_cli.checking.model import Structure

ATTEMPTS = 120
"""Most structures that are tried to find a smaller one. Chosen."""

_BIT = st.booleans()


class DrawChooser:
    """Choices made by Hypothesis, bit by bit.

    `integers()` is not used: Hypothesis mixes in constants that it finds in the imported modules of
    the project, so the same seed would give other cases elsewhere.
    """

    def __init__(self, draw: Callable[[st.SearchStrategy[bool]], bool]) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """Return an integer of the closed range; Hypothesis shrinks it towards the lower end.

        It uses as few bits as possible, so some numbers are twice as likely as others.
        """
        count = high - low + 1
        if count <= 1:
            return low
        bits = (count - 1).bit_length()
        number = 0
        for _ in range(bits):
            number = 2 * number + self._draw(_BIT)
        return low + (number * count >> bits)


def structures(
    claims: Claims, values: str = "generic", rejected: Counter[str] | None = None
) -> st.SearchStrategy[Structure]:
    """Return the Hypothesis strategy of an operator's structures; see `Drawer`."""
    drawer = Drawer(claims, values, rejected)

    def drawn(draw: st.DrawFn) -> Structure:
        return drawer.structure(DrawChooser(draw)) or reject()

    return st.composite(drawn)()


def smallest(claims: Claims, fails: Callable[[Structure], bool], seed: int) -> Structure | None:
    """Return the smallest structure for which `fails` is true, or None if none is found."""
    try:
        return find(
            structures(claims),
            fails,
            random=random.Random(seed),
            settings=settings(
                max_examples=ATTEMPTS,
                database=None,
                deadline=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
    except (NoSuchExample, Flaky):  # an operator with stale state may fail only once
        return None
