"""The smallest structure that still fails, as Hypothesis finds it.

Hypothesis takes longer to import than NumPy and this whole package, and only a failure needs it:
this module is imported when there is one.
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
"""Structures tried while looking for a smaller one."""

_BIT = st.booleans()


class DrawChooser:
    """Choices made by Hypothesis, bit by bit.

    Not by `integers()`: Hypothesis mixes into them constants that it finds in whatever modules of
    the project happen to be imported, and the same seed would give other cases elsewhere.
    """

    def __init__(self, draw: Callable[[st.SearchStrategy[bool]], bool]) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """Return an integer of the closed range; Hypothesis shrinks it towards the lower end.

        With as few bits as will do: some numbers come up twice as often as others.
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
    """Return the strategy of an operator's structures; for the arguments see `Drawer`."""
    drawer = Drawer(claims, values, rejected)

    def drawn(draw: st.DrawFn) -> Structure:
        return drawer.structure(DrawChooser(draw)) or reject()

    return st.composite(drawn)()


def smallest(claims: Claims, fails: Callable[[Structure], bool], seed: int) -> Structure | None:
    """Return the smallest structure for which `fails` is true, None where none is found again."""
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
    except (NoSuchExample, Flaky):  # an operator that remembers fails once and not again
        return None
