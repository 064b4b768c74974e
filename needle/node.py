"""The nodes of the graph: what a value was computed from, and the data that its gradient reads.

Users hold values (`needle.graph.Value`), and the graph holds nodes. A value refers to its node and
a node to its inputs, never back: nothing here is a cycle, and all of it dies with its last
reference. A value owns its data. A node owns data only where the gradient of an operator reads
it; once the reverse pass has read it, that is released too. Data that nobody owns is computed again
where it is asked for after all.
"""

from typing import Any
from weakref import ref

import numpy

from needle.backend import cpu, device_of

_CPU = cpu()


class Node:
    """An operator applied to the nodes of its inputs, or a leaf.

    Args:
        kind: the class of values at this node.
        op: the operator; None for a leaf.
        inputs: one node per input.
        requires_grad: whether a reverse pass goes through this node.
    """

    __slots__ = (
        "__weakref__",
        "awaited",
        "data",
        "facts",
        "inputs",
        "kept",
        "kind",
        "op",
        "origin",
        "replaced",
        "requires_grad",
        "value_here",
    )

    def __init__(self, kind: Any, op: Any, inputs: tuple["Node", ...], requires_grad: bool) -> None:
        self.kind = kind
        self.op = op
        self.inputs = inputs
        self.requires_grad = requires_grad
        self.data: Any = None
        self.facts: Any = None  # what is known of data that was computed and is not owned here
        self.value_here: ref[Any] | None = None
        self.origin: Any = None  # the pass that gave this gradient: its history is made from that
        self.awaited = False  # deferred results are computed from this data
        self.kept = False  # the data was released once; computed again, it stays
        self.replaced = False  # the user put other data into the value

    def value(self) -> Any:
        """Return the value at this node: the one that somebody holds, or a new one."""
        found = self.living_value()
        if found is None:
            found = self.kind.__new__(self.kind)
            found._data = self.data
            found._node = self
            found._grad = None
            found._requires_grad = self.requires_grad
            self.value_here = ref(found)
        return found

    def living_value(self) -> Any:
        """Return the value that somebody holds; None if nobody does."""
        return None if self.value_here is None else self.value_here()

    def release(self) -> None:
        """Give up the data, once: where it has to be computed again, it is needed more often."""
        if self.data is not None and not self.kept:
            self.facts = facts_of(self.data)
            self.data, self.kept = None, True

    def known_facts(self) -> Any:
        """Return `facts_of` the data, computing it if it was deferred until now."""
        if self.facts is None:
            return facts_of(self.realize())
        return self.facts

    def expand(self) -> None:
        """Make the history of a gradient that has none yet."""
        if self.origin is not None:
            origin, self.origin = self.origin, None
            origin.expand(self)

    def realize(self) -> Any:
        """Return the data, computing it and what it needs once; without recursion."""
        data = self._at_hand()
        if data is not None:
            return data
        computed: dict[Node, Any] = {}
        stack = [self]
        while stack:
            node = stack[-1]
            if node in computed or node._at_hand() is not None:
                stack.pop()
                continue
            node._check_computable()
            waiting = [i for i in node.inputs if i not in computed and i._at_hand() is None]
            if waiting:
                stack.extend(waiting)
                continue
            arrays = [computed[i] if i in computed else i._at_hand() for i in node.inputs]
            computed[node] = node.kind._compute(node.op, arrays)
            node._store(computed[node])
            stack.pop()
        return computed[self]

    def _at_hand(self) -> Any:
        if self.data is not None or self.replaced:
            return self.data
        value = self.living_value()
        return None if value is None else value._data

    def _check_computable(self) -> None:
        self.expand()
        if self.replaced or self.op is None:
            name = "a leaf" if self.op is None else type(self.op).__name__
            raise ValueError(
                f"the data of {name} was replaced before a result that was deferred, or released "
                "by backward, was computed from it; ask for that result before replacing"
            )

    def _store(self, data: Any) -> None:
        if self.facts is None:  # deferred until now
            self.data = data
            if not self.requires_grad:
                self.op, self.inputs = None, ()
        elif self.kept:
            self.data = data


def facts_of(data: Any) -> Any:
    """Return shape, dtype and device of an array, or those of each member of a tuple."""
    if type(data) is numpy.ndarray:
        return data.shape, data.dtype, _CPU
    if isinstance(data, tuple):
        return [facts_of(member) for member in data]
    return data.shape, data.dtype, device_of(data)


def shapes_in(facts: Any) -> Any:
    """Return the shape in facts, or the tuple of shapes of a tuple's members."""
    if isinstance(facts, list):
        return tuple([shapes_in(member) for member in facts])
    return facts[0]
