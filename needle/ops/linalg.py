"""Matrix products."""
# ruff: noqa: D102
# (the docstring of an operator's class says what its compute and gradient do)

import math
from typing import Any

import numpy

from needle.errors import complaint
from needle.ops._broadcast import sum_to
from needle.ops._support import ArrayOp, wide
from needle.ops.shape import reshape, transpose
from needle.tensor import Tensor

__all__ = ["MatMul", "matmul"]


class MatMul(ArrayOp):
    """y = a b, (.., m, n) (.., n, p) -> (.., m, p); da = dy b^T, db = a^T dy.

    Batch axes broadcast, and each cotangent is summed to its operand's shape.
    """

    reads_inputs = "others"
    reads_result = False

    def compute(self, a: Any, b: Any) -> Any:
        _check_shapes(a.shape, b.shape)
        dtype = numpy.result_type(a.dtype, b.dtype)
        return _product(wide(a), wide(b)).astype(dtype, copy=False)

    def gradient(self, out_grad: Tensor, node: Any) -> tuple[Tensor | None, Tensor | None]:
        a, b = node.inputs
        right = reshape(b, (b.size, 1)) if b.ndim == 1 else b
        flat = a.ndim == 1 or (a.ndim > 2 and right.ndim == 2)
        left = reshape(a, (math.prod(a.shape[:-1]), a.shape[-1])) if flat else a
        batch = numpy.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        dy = _shaped(out_grad, (*batch, left.shape[-2], right.shape[-1]))
        da = db = None  # each costs as much as the product: only those asked for
        if a.requires_grad:
            da = _shaped(sum_to(matmul(dy, transpose(right)), left), a.shape)
        if b.requires_grad:
            db = _shaped(sum_to(matmul(transpose(left), dy), right), b.shape)
        return da, db


def _shaped(a: Tensor, shape: tuple[int, ...]) -> Tensor:
    return a if a.shape == shape else reshape(a, shape)


def _product(a: Any, b: Any) -> Any:
    if a.ndim <= 2 or b.ndim != 2:
        return numpy.matmul(a, b)
    # one large product instead of a loop of small ones
    flat = numpy.matmul(a.reshape(math.prod(a.shape[:-1]), a.shape[-1]), b)
    return flat.reshape(*a.shape[:-1], b.shape[1])


def _check_shapes(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    got = f"{a} and {b}"
    if not a or not b:
        raise ValueError(complaint("matmul", "a and b", "at least 1-d", f"shapes {got}"))
    if a[-1] != b[-2 if len(b) > 1 else 0]:
        raise ValueError(
            complaint("matmul", "the shapes of a and b", "(.., m, n) and (.., n, p)", got)
        )
    try:
        numpy.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        raise ValueError(
            complaint("matmul", "the batch axes of a and b", "broadcastable", got)
        ) from None


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Return the matrix product over the last two axes, with batch axes broadcast.

    A 1-d `a` is a row and a 1-d `b` a column, whose axis vanishes from the result, as in
    `numpy.matmul`. Raises `ValueError` for 0-d input and for shapes that do not fit.
    """
    return MatMul()(a, b)
