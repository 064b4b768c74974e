"""Packing tensors into a tuple node and taking them out."""
# ruff: noqa: D102
# (the docstring of an operator's class says what its compute and gradient do)

from typing import Any

from needle.errors import complaint
from needle.ops._support import as_index, as_number, cast_like
from needle.tensor import Tensor, TensorOp, TensorTuple, TensorTupleOp, zeros

__all__ = [
    "FusedAddScalars",
    "MakeTensorTuple",
    "TupleGetItem",
    "fused_add_scalars",
    "make_tuple",
    "tuple_get_item",
]


class MakeTensorTuple(TensorTupleOp):
    """y = (a_0, a_1, ..); da_i = dy_i."""

    repeatable = True
    reads_inputs = reads_result = False
    tensors_only = True
    moves_values = True

    def compute(self, *args: Any) -> tuple[Any, ...]:
        return args

    def gradient(self, out_grad: TensorTuple, node: Any) -> tuple[Tensor, ...]:
        return members_of(out_grad)


def make_tuple(*args: Tensor) -> TensorTuple:
    """Return tensors as one node; raises `TypeError` for members that are no tensors."""
    return MakeTensorTuple()(*args)


class TupleGetItem(TensorOp):
    """y = a_i; da_i = dy, and 0 for the other members."""

    repeatable = True
    reads_inputs = reads_result = False
    moves_values = True

    def __init__(self, index: int) -> None:
        self.index = as_index("tuple_get_item", "index", index)
        self.tuple_slot = self.index

    def compute(self, value: Any) -> Any:
        if not isinstance(value, tuple):
            raise TypeError(complaint("tuple_get_item", "value", "a TensorTuple", "a Tensor"))
        if not -len(value) <= self.index < len(value):
            raise IndexError(
                complaint(
                    "tuple_get_item", "index", f"in [{-len(value)}, {len(value)})", self.index
                )
            )
        return value[self.index]

    def gradient(self, out_grad: Tensor, node: Any) -> TensorTuple:
        members = [zeros(*facts) for facts in node.inputs[0]._facts()]
        members[self.index] = out_grad
        return make_tuple(*members)


def tuple_get_item(value: TensorTuple, index: int) -> Tensor:
    """Return member `index` of a tuple, counted from the end if negative.

    Raises `IndexError` for a member that does not exist, `TypeError` if `value` is no tuple.
    """
    return TupleGetItem(index)(value)


def members_of(value: Any) -> tuple[Tensor, ...]:
    """Return the members of a tuple node: where it was made from tensors, those tensors."""
    if isinstance(value.op, MakeTensorTuple):
        return tuple(value.inputs)
    return value.tuple()  # type: ignore[no-any-return]


class FusedAddScalars(TensorTupleOp):
    """y = (a + c0, a + c1); da = dy_0 + dy_1."""

    repeatable = True
    reads_inputs = reads_result = False
    tensors_only = True

    def __init__(self, c0: Any, c1: Any) -> None:
        self.c0 = as_number("fused_add_scalars", c0)
        self.c1 = as_number("fused_add_scalars", c1)

    def compute(self, a: Any) -> tuple[Any, Any]:
        return a + self.c0, a + self.c1

    def gradient(self, out_grad: TensorTuple, node: Any) -> Tensor:
        first, second = members_of(out_grad)
        return cast_like(first + second, node.inputs[0])


def fused_add_scalars(x: Tensor, c0: Any, c1: Any) -> TensorTuple:
    """Return (x + c0, x + c1), each of x's shape; numbers never widen a floating dtype."""
    return FusedAddScalars(c0, c1)(x)
