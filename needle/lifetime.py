"""Keeps abandoned graphs from piling up, where only the cyclic garbage collector can free them.

The gradient of a leaf is differentiable, so its history leads back to the leaf: a cycle. A loop
that makes new leaves in each step (`w = Tensor(w.numpy() - lr * w.grad.numpy())`, as the course's
first homework does) leaves one such cycle per step, with all its arrays. Python's collector counts
objects and not bytes, and would let gigabytes of them wait.
"""

import gc
from collections.abc import Callable, Iterable
from typing import Any

_LEAST = 128 * 2**20
_MOST = 32 * _LEAST


class Collector:
    """Calls the garbage collector once the graphs walked since the last time are large.

    `count` gives the number of live values: a collection that frees none doubles the patience,
    so that loops without cycles hardly ever pay for one.
    """

    def __init__(self, count: Callable[[], int]) -> None:
        self.count = count
        self.walked = 0
        self.patience = _LEAST

    def note(self, arrays: Iterable[Any]) -> None:
        """Add the bytes of a graph that was walked; collect where that is due.

        Two threads may lose an addition to each other: the limit is a rough one.
        """
        self.walked += sum([_bytes(array) for array in arrays])
        if self.walked <= self.patience or not gc.isenabled():
            return
        self.walked = 0
        before = self.count()
        gc.collect()
        self.patience = _LEAST if self.count() < before else min(2 * self.patience, _MOST)


def _bytes(data: Any) -> int:
    if isinstance(data, tuple):
        return sum([_bytes(member) for member in data])
    return 0 if data is None else int(data.nbytes)
