"""How long values live: their count, their release, and the graphs that gradients keep alive."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any

live_values: list[None] = []
"""One entry per live value.

`append` and `pop` are atomic with and without the GIL, which `counter += 1` is not, and they need
no lock that a finaliser could wait for.
"""


class ReleaseQueue(threading.local):
    """What the dead values of this thread referred to, released one at a time.

    Were the inputs of a value freed in its own finaliser, a chain would nest one C call per
    operator. The outermost finaliser frees those of all values instead.
    """

    def __init__(self) -> None:
        self.waiting: list[object] = []
        self.releasing = False

    def release(self, value: Any) -> None:
        """Take over what a dying value refers to, and free it unless an outer call does."""
        self.waiting.append((value.inputs, value._grad))
        value.inputs, value._grad = (), None
        if self.releasing:
            return
        self.releasing = True
        try:
            while self.waiting:
                self.waiting.pop()
        finally:
            self.releasing = False


class WeaklyHeldGradient:
    """The gradient of a value with history: its array, and its graph only while that lives.

    A strong reference would close the cycle value -> gradient -> history -> value, which only
    the cyclic collector frees; loops would then accumulate whole graphs.
    """

    __slots__ = ("array", "graph", "kind")

    def __init__(self, gradient: Any) -> None:
        self.array = gradient.cached_data
        self.graph = weakref.ref(gradient)
        self.kind = type(gradient)

    def restore(self) -> Any:
        """Return the gradient: with its graph, or else as a constant."""
        gradient = self.graph()
        if gradient is None and self.array is not None:
            return self.kind.make_const(self.array)
        return gradient


# Chosen, not derived: far above a training step of the course, and below a small machine's memory.
_LEAST = 128 * 2**20
_MOST = 32 * _LEAST


class Collector:
    """Calls the garbage collector once the graphs differentiated since the last time are large.

    The gradient of a leaf can be differentiated, so its history leads back to the leaf: a cycle.
    A loop that makes new leaves in each step (`w = Tensor(w.numpy() - lr * w.grad.numpy())`, as
    the course's first homework does) leaves one such cycle per step, with all its arrays. Python's
    collector counts objects and not bytes, and would keep gigabytes of them.

    A collection that frees no value (by `count`) doubles the limit, so that loops without cycles
    hardly ever pay for one.
    """

    def __init__(self, count: Callable[[], int] = live_values.__len__) -> None:
        self.count = count
        self.seen = 0
        self.limit = _LEAST

    def note(self, arrays: Iterable[Any]) -> None:
        """Add the bytes of a graph that is differentiated; collect where that is due.

        Two threads may lose an addition to each other: the limit is a rough one.
        """
        self.seen += sum([_bytes(array) for array in arrays])
        if self.seen <= self.limit or not gc.isenabled():
            return
        self.seen = 0
        before = self.count()
        gc.collect()
        self.limit = _LEAST if self.count() < before else min(2 * self.limit, _MOST)


def _bytes(data: Any) -> int:
    if isinstance(data, tuple):
        return sum([_bytes(member) for member in data])
    return 0 if data is None else int(data.nbytes)
