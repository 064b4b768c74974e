"""The reverse pass: from the cotangent of one value to the gradients of all it depends on."""

from collections.abc import Iterable
from typing import Any

import numpy

from needle.errors import complaint
from needle.graph import Op, Value
from needle.lifetime import Collector

_collector = Collector()


def find_topo_sort(node_list: Iterable[Value]) -> list[Value]:
    """Return the nodes and all they depend on, inputs before users (depth first, post-order)."""
    order: list[Value] = []
    visited: set[Value] = set()
    for root in node_list:
        if root in visited:
            continue
        visited.add(root)
        stack = [(root, iter(root.inputs))]
        while stack:
            node, inputs = stack[-1]
            for value in inputs:
                if value not in visited:
                    visited.add(value)
                    stack.append((value, iter(value.inputs)))
                    break
            else:
                order.append(node)
                stack.pop()
    return order


def compute_gradient_of_variables(output_tensor: Value, out_grad: Value) -> None:
    """Fill `.grad` of every value that requires a gradient and that `output_tensor` depends on.

    `.grad` is the transposed Jacobian of the output applied to `out_grad`, which has the
    output's shape and dtype. Values that only pass through slots answered with None get None.
    Raises `TypeError` before anything is filled if the path leads through integers where the
    gradient would not be an integer.
    """
    output_tensor.realize_cached_data()
    order = [node for node in find_topo_sort([output_tensor]) if node.requires_grad]
    for node in order:
        _refuse_impossible(node)
    _collector.note([node.cached_data for node in order if node.op is not None])
    for node in order:
        node.grad = None  # releases the graph of an earlier pass before building this one
    cotangents: dict[Value, list[Any]] = {output_tensor: [out_grad]}
    while order:
        node = order.pop()  # releases values that only this list still holds
        parts = cotangents.pop(node, None)
        if parts is None:
            continue
        total = node.sum_cotangents(parts)
        node._keep_gradient(total)
        if node.op is not None:
            _send_to_inputs(node, node.op, total, cotangents)


def _send_to_inputs(node: Value, op: Op, total: Value, cotangents: dict[Value, list[Any]]) -> None:
    """Append to `cotangents` what `node` contributes to each of its inputs."""
    if op.tuple_slot is not None:  # sparse, for a tuple of n would cost n * n arrays of zeros
        cotangents.setdefault(node.inputs[0], []).append(MemberCotangent(op.tuple_slot, total))
        return
    parts = op.gradient_as_tuple(total, node)
    name = type(op).__name__
    if len(parts) != len(node.inputs):
        raise ValueError(
            complaint(
                f"{name}.gradient",
                "its result",
                f"{len(node.inputs)} values, one per input",
                len(parts),
            )
        )
    for position, (value, part) in enumerate(zip(node.inputs, parts, strict=True)):
        if part is None or not value.requires_grad:
            continue
        _check_part(f"{name}.gradient", position, value, part)
        cotangents.setdefault(value, []).append(part)


class MemberCotangent:
    """The cotangent of one member of a tuple, where the others receive none."""

    __slots__ = ("index", "part")

    def __init__(self, index: int, part: Value) -> None:
        self.index = index
        self.part = part


def _check_part(where: str, position: int, value: Value, part: Any) -> None:
    """Raise if an operator's gradient cannot be the cotangent of `value`."""
    if not isinstance(part, Value):
        raise TypeError(
            complaint(
                where,
                f"the cotangent of input {position}",
                "a Tensor, TensorTuple or None",
                type(part).__name__,
            )
        )
    wanted, given = _shapes(value.cached_data), _shapes(part.realize_cached_data())
    if wanted != given:
        raise ValueError(
            complaint(
                where,
                f"the cotangent of input {position}",
                f"of that input's shape {wanted}",
                given,
            )
        )


def _shapes(data: Any) -> Any:
    if isinstance(data, tuple):
        return tuple([_shapes(member) for member in data])
    return data.shape


def _refuse_impossible(node: Value) -> None:
    """Raise if `node` cannot be differentiated with respect to inputs that ask for it."""
    op = node.op
    if op is None:
        return
    name = type(op).__name__
    if node._is_stale():
        raise ValueError(
            f"backward: the data of {name} or of its inputs was replaced after {name} was "
            "computed, so its gradient would be wrong; compute the result again after replacing"
        )
    if op.moves_values:
        return
    for position, value in enumerate(node.inputs):
        if value.requires_grad:
            _refuse_integers(op, name, position, _dtypes(value), _dtypes(node))


def _refuse_integers(op: Op, name: str, position: int, given: list[Any], result: list[Any]) -> None:
    kinds = {dtype.kind for dtype in given}
    if kinds <= {"f"}:
        return
    if "b" not in kinds and op.closed_over_integers and all(d.kind in "iu" for d in result):
        return
    raise TypeError(
        f"backward: {name} has no gradient within {given[0]} for its input {position}, which "
        f"requires one; use a floating dtype or requires_grad=False"
    )


def _dtypes(value: Value) -> list[numpy.dtype[Any]]:
    data = value.realize_cached_data()
    return [member.dtype for member in data] if isinstance(data, tuple) else [data.dtype]
