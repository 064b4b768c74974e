"""The reverse pass: from the cotangent of one value to the gradients of all it depends on."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy

from needle import modes
from needle.backend import cpu
from needle.errors import complaint
from needle.graph import Op, Value
from needle.node import Node, shapes_in

_CPU = cpu()


def find_topo_sort(node_list: Iterable[Value]) -> list[Value]:
    """Return the values and all they depend on, inputs before users (depth first, post-order)."""
    return [node.value() for node in _order([value._as_node() for value in node_list])]


def _order(roots: Iterable[Node]) -> list[Node]:
    order: list[Node] = []
    visited: set[Node] = set()
    for root in roots:
        if root in visited:
            continue
        visited.add(root)
        root.expand()
        stack = [(root, iter(root.inputs))]
        while stack:
            node, inputs = stack[-1]
            for source in inputs:
                if source not in visited:
                    visited.add(source)
                    if source.origin is not None:
                        source.expand()
                    if source.inputs:
                        stack.append((source, iter(source.inputs)))
                        break
                    order.append(source)
            else:
                order.append(node)
                stack.pop()
    return order


def compute_gradient_of_variables(
    output_tensor: Value, out_grad: Value, create_graph: bool | None = None
) -> None:
    """Fill `.grad` of every value that requires a gradient and that `output_tensor` depends on.

    `.grad` is the transposed Jacobian of the output applied to `out_grad`, which has the
    output's shape, dtype and device (`ValueError` or `TypeError` otherwise). Values that only pass
    through slots answered with None get None. Raises `TypeError` before anything is filled if the
    path leads through integers where the gradient would not be an integer.

    Gradients can be differentiated again. Their history is made when a reverse pass first goes
    through it: from the graph of `output_tensor`, whose leaves must have their data still. With
    `create_graph=True` it is made at once, which is faster if it is wanted, and takes memory. With
    `create_graph=False` there is none, and a reverse pass through the gradients raises.
    """
    output_tensor.realize_cached_data()
    root = output_tensor._as_node()
    start = _as_cotangent("backward", None, root, out_grad)
    if not root.requires_grad:
        return
    order = _differentiable(root)
    for node in order:
        value = node.living_value()
        if value is not None:
            value._grad = None  # releases the graph of an earlier pass
    this_pass = _Pass(root, start._as_node(), create_graph is None)
    with modes.computing(modes.RECORDED if create_graph else modes.MARKED):
        for node, total in _cotangents(order, root, start, release=not create_graph):
            value = node.living_value()
            if value is not None:
                value._grad = total if create_graph else this_pass.gradient(node, total)


class _Pass:
    """A reverse pass, which is repeated with history when that of a gradient is asked for.

    It refers to nodes only, never to values, so that a leaf and its gradient are no cycle.
    """

    def __init__(self, root: Node, start: Node, repeatable: bool) -> None:
        self.root_and_start = (root, start) if repeatable else None
        self.wanted: set[Node] = set()
        self.recorded: dict[Node, Node] | None = None

    def gradient(self, node: Node, total: Value) -> Value:
        """Return the gradient of `node` as a value whose history is not made yet."""
        gradient: Value = total._kind.make_const(total, total._requires_grad)
        if total._requires_grad:  # it depends on values that a gradient could be asked of
            self.wanted.add(node)
            gradient._as_node().origin = _Origin(self, node)
        return gradient

    def history_of(self, node: Node) -> Node:
        """Return the gradient of `node` as a node with history."""
        if self.root_and_start is None:
            raise ValueError(
                "backward: a gradient that was computed with create_graph=False has no history; "
                "compute it with create_graph=True, or leave that out"
            )
        if self.recorded is None:
            root, start = self.root_and_start
            with modes.computing(modes.RECORDED):
                self.recorded = {
                    reached: total._as_node()
                    for reached, total in _cotangents(
                        _differentiable(root), root, start.value(), release=False
                    )
                    if reached in self.wanted
                }
        return self.recorded[node]


class _Origin:
    """Where the history of a gradient comes from: the pass, and the node that it is the one of."""

    __slots__ = ("node", "of_pass")

    def __init__(self, of_pass: _Pass, node: Node) -> None:
        self.of_pass = of_pass
        self.node = node

    def expand(self, gradient: Node) -> None:
        """Give the node of a gradient its history."""
        gradient.op, gradient.inputs = _SAME, (self.of_pass.history_of(self.node),)


class _Same(Op):
    """y = a; da = dy."""

    moves_values = repeatable = True
    reads_inputs = reads_result = False

    def compute(self, a: Any) -> Any:
        return a

    def gradient(self, out_grad: Any, node: Any) -> Any:
        return out_grad


_SAME = _Same()


def _cotangents(
    order: list[Node], root: Node, start: Value, release: bool
) -> Iterator[tuple[Node, Any]]:
    """Yield the nodes of `order` from its end, each with its whole cotangent.

    With `release`, data that only gradients read is released as soon as they have read it.
    """
    sums = _Sums()
    sums.add(root, start)
    while order:
        node = order.pop()  # releases nodes that only this list still holds
        total = sums.pop(node)
        if total is None:
            continue
        yield node, total
        op = node.op
        if op is None:
            continue
        if op.tuple_slot is None:
            _send(node, op, total, sums)
        elif node.inputs[0].requires_grad:
            # Sparse: for a tuple of n, gradient would cost n * n arrays of zeros.
            sums.add_member(node.inputs[0], op.tuple_slot, total)
        if release and op.repeatable:
            node.release()


def _send(node: Node, op: Op, total: Value, sums: "_Sums") -> None:
    """Add to `sums` what `node` contributes to the cotangent of each of its inputs."""
    parts = op.gradient_as_tuple(total, node.value())
    if len(parts) != len(node.inputs):
        raise ValueError(
            complaint(
                f"{type(op).__name__}.gradient",
                "its result",
                f"{len(node.inputs)} values, one per input",
                len(parts),
            )
        )
    for position, (source, part) in enumerate(zip(node.inputs, parts, strict=True)):
        if part is not None and source.requires_grad:
            sums.add(source, _as_cotangent(op, position, source, part))


class _Sums:
    """Cotangents so far: a contribution is added as soon as it arrives."""

    def __init__(self) -> None:
        self.totals: dict[Node, Any] = {}  # for tuples a list of one total per member
        self.owned: set[Any] = set()  # totals of our own, which may be added to in place

    def add(self, node: Node, part: Any) -> None:
        """Add a contribution to the cotangent of a node."""
        if isinstance(node.known_facts(), list):
            for slot, member in enumerate(part.members()):
                self.add_member(node, slot, member)
            return
        earlier = self.totals.get(node)
        self.totals[node] = part if earlier is None else self._sum(node, earlier, part)

    def add_member(self, node: Node, slot: int, part: Any) -> None:
        """Add a contribution to the cotangent of one member of a tuple."""
        totals = self.totals.get(node)
        if totals is None:
            totals = self.totals[node] = [None] * len(node.known_facts())
        earlier, key = totals[slot], (node, slot % len(totals))
        totals[slot] = part if earlier is None else self._sum(key, earlier, part)

    def pop(self, node: Node) -> Any:
        """Return the whole cotangent of a node, and forget it; None if there is none."""
        total = self.totals.pop(node, None)
        return node.kind.from_members(total, node.known_facts()) if type(total) is list else total

    def _sum(self, key: Any, earlier: Any, part: Any) -> Any:
        array = earlier._data
        if key in self.owned and type(array) is numpy.ndarray and not _records():
            numpy.add(array, part._data, out=array)
            earlier._requires_grad = earlier._requires_grad or part._requires_grad
            return earlier
        self.owned.add(key)
        return earlier + part


def _records() -> bool:
    return modes.history.get() == modes.RECORDED


def _as_cotangent(where: Any, position: int | None, node: Node, part: Any) -> Any:
    """Return `part` as a cotangent of `node`: of its dtype; raise if it cannot be one.

    `where` is the operator whose gradient gave it for the input at `position`, or a name.
    """
    if isinstance(part, Value):
        data, facts = part.realize_cached_data(), node.known_facts()
        if type(data) is numpy.ndarray and (data.shape, data.dtype, _CPU) == facts:
            return part
        wrong = _misfit(facts, part._facts())
        if wrong is None:
            return part.cast_to(facts)
        error, expected, given = wrong
    else:
        error, expected, given = TypeError, "a Tensor, TensorTuple or None", type(part).__name__
    if position is None:
        raise error(complaint(where, "out_grad", expected, given))
    name = f"{type(where).__name__}.gradient"
    raise error(complaint(name, f"the cotangent of input {position}", expected, given))


def _misfit(wanted: Any, given: Any) -> tuple[type[Exception], str, Any] | None:
    """Return how facts differ from those of a cotangent, None if at most by a conversion."""
    if shapes_in(wanted) != shapes_in(given):
        return ValueError, f"of shape {shapes_in(wanted)}", shapes_in(given)
    pairs = zip(wanted, given, strict=True) if isinstance(wanted, list) else [(wanted, given)]
    for (_, dtype, device), (_, other, there) in pairs:
        if device != there:
            return ValueError, f"on {device}", there
        if dtype.kind != "f" and other.kind == "f":
            return TypeError, f"{dtype}", other
    return None


def _differentiable(root: Node) -> list[Node]:
    """Return the nodes that a pass from `root` goes through; raise if there is no way."""
    order = [node for node in _order([root]) if node.requires_grad]
    for node in order:
        if node.op is not None:
            _refuse_impossible(node, node.op)
    return order


def _refuse_impossible(node: Node, op: Op) -> None:
    """Raise if `node` cannot be differentiated with respect to inputs that ask for it."""
    if node.replaced or any(source.replaced for source in node.inputs):
        name = type(op).__name__
        raise ValueError(
            f"backward: the data of {name} or of its inputs was replaced after {name} was "
            "computed, so its gradient would be wrong; compute the result again after replacing, "
            "or differentiate it, and its gradients, before"
        )
    if op.moves_values:
        return
    for position, source in enumerate(node.inputs):
        if source.requires_grad:
            given = _dtypes(source)
            if [dtype for dtype in given if dtype.kind != "f"]:
                _refuse_integers(op, position, given, _dtypes(node))


def _refuse_integers(op: Op, position: int, given: list[Any], result: list[Any]) -> None:
    kinds = {dtype.kind for dtype in given}
    if "b" not in kinds and op.closed_over_integers and all(d.kind in "iu" for d in result):
        return
    raise TypeError(
        f"backward: {type(op).__name__} has no gradient within {given[0]} for its input "
        f"{position}, which requires one; use a floating dtype or requires_grad=False"
    )


def _dtypes(node: Node) -> list[Any]:
    facts = node.known_facts()
    return [dtype for _, dtype, _ in facts] if isinstance(facts, list) else [facts[1]]
