"""The source of a generator's choices: a seed here, Hypothesis in `search.smallest`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Chooser(Protocol):
    """A source of choices, used by every generator of structures.

    Low numbers are simpler: Hypothesis shrinks towards them, so generators list the simplest
    option first.
    """

    def integer(self, low: int, high: int) -> int:
        """Return an integer of the closed range."""


class SeededChooser:
    """Choices from a seed."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        """Return an integer of the closed range."""
        return self._random.randint(low, high)


def choose(chooser: Chooser, options: Sequence[T]) -> T:
    """Return one of the options; the first is the simplest."""
    return options[chooser.integer(0, len(options) - 1)] if len(options) > 1 else options[0]


def chance(chooser: Chooser, one_in: int) -> bool:
    """Return True once in `one_in` times; False is the simpler answer."""
    return chooser.integer(0, one_in - 1) == one_in - 1


def permuted(chooser: Chooser, items: Sequence[T]) -> list[T]:
    """Return the items in a chosen order; the given one is the simplest."""
    left = list(items)
    return [
        left.pop(chooser.integer(0, len(left) - 1)) if len(left) > 1 else left.pop()
        for _ in range(len(left))
    ]


def subset(chooser: Chooser, items: Sequence[T], least: int = 0) -> list[T]:
    """Return a chosen part of the items with at least `least` of them, in a chosen order."""
    count = chooser.integer(min(least, len(items)), len(items))
    return permuted(chooser, items)[:count]
