"""Undoing broadcasting: the home of `sum_to`."""

from typing import Any

import numpy

from needle.errors import complaint
from needle.ops._support import ArrayOp, cast_like, sum_of
from needle.tensor import Tensor


class SumTo(ArrayOp):
    """Sum over the axes along which `shape` was broadcast: y = sum a; da = broadcast dy.

    The adjoint of `broadcast_to`, with a conversion back to the dtype before it.
    """

    reads_inputs = reads_result = False

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape = shape
        self.dtype = numpy.dtype(dtype)

    def compute(self, a: Any) -> Any:
        added = a.ndim - len(self.shape)
        stretched = tuple(
            [
                axis
                for axis in range(a.ndim)
                if axis < added or (self.shape[axis - added] == 1 and a.shape[axis] != 1)
            ]
        )
        if stretched:
            a = sum_of(a, stretched, keepdims=True)
        if a.shape != (1,) * added + self.shape:
            raise ValueError(
                complaint("sum_to", "the cotangent", f"broadcast from {self.shape}", a.shape)
            )
        return a.reshape(self.shape).astype(self.dtype, copy=False)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        a = node.inputs[0]
        return cast_like(out_grad.broadcast_to(a.shape), a)


def sum_to(grad: Tensor, like: Any) -> Tensor:
    """Return `grad` summed to the shape, and converted to the dtype, of the tensor `like`.

    Every operator that broadcasts calls this on each of its cotangents. `grad` has the shape to
    which `like` was broadcast; `ValueError` otherwise.
    """
    shape, dtype = like.shape, like.dtype
    same = grad.shape == shape and grad.dtype == dtype
    return grad if same else SumTo(shape, dtype)(grad)


def elementwise(where: str, function: Any, a: Any, b: Any) -> Any:
    """Return `function(a, b)` for arrays; raises `ValueError` if their shapes do not broadcast."""
    if a.shape != b.shape:
        try:
            numpy.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            raise ValueError(
                complaint(
                    where, "the shapes of a and b", "broadcastable", f"{a.shape} and {b.shape}"
                )
            ) from None
    return function(a, b)
