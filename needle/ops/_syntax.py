"""What Python's `-` and numbers as left operands need beside the operators of the families."""

from typing import Any

import numpy

from needle.backend import array_namespace
from needle.ops._support import ArrayOp, as_number, cast_like
from needle.ops.arithmetic import add, add_scalar
from needle.tensor import Tensor


class Minus(ArrayOp):
    """y = -b, in the dtype of a - b, for the sum a + (-b); db = -dy, and a has no part in y.

    An unsigned b negated in its own dtype would wrap around before a is added.
    """

    reads_inputs = reads_result = False

    def compute(self, b: Any, a: Any) -> Any:
        dtype = numpy.result_type(a.dtype, b.dtype)
        if dtype.kind == "b":
            raise TypeError("subtract: a or b must be a number, got bool and bool")
        return -b.astype(dtype, copy=False)

    def gradient(self, out_grad: Tensor, node: Tensor) -> tuple[Tensor, None]:
        return cast_like(-out_grad, node.inputs[0]), None


def subtract(a: Tensor, b: Tensor) -> Tensor:
    """Return a - b, broadcast, in the dtype that NumPy gives the two."""
    return add(a, Minus()(b, a))


def subtract_scalar(a: Tensor, scalar: Any) -> Tensor:
    """Return a - scalar."""
    return add_scalar(a, -as_number("-", scalar))


class SubtractFrom(ArrayOp):
    """y = c - a; da = -dy."""

    reads_inputs = reads_result = False

    def __init__(self, scalar: Any) -> None:
        self.scalar = as_number("-", scalar)

    def compute(self, a: Any) -> Any:
        return self.scalar - a

    def gradient(self, out_grad: Tensor, node: Tensor) -> Tensor:
        return cast_like(-out_grad, node.inputs[0])


def subtract_from(scalar: Any, a: Tensor) -> Tensor:
    """Return scalar - a."""
    return SubtractFrom(scalar)(a)


class ScalarBeside(ArrayOp):
    """A number as a 0-d array beside `a`, in the dtype that NumPy gives the two together."""

    differentiable = False

    def __init__(self, scalar: Any) -> None:
        self.scalar = as_number("scalar", scalar)

    def compute(self, a: Any) -> Any:
        dtype = numpy.result_type(a.dtype, self.scalar)
        return array_namespace(a).full((), self.scalar, dtype=dtype)


def scalar_beside(a: Tensor, scalar: Any) -> Tensor:
    """Return the number as a constant that keeps `a`'s dtype in an expression."""
    return ScalarBeside(scalar)(a)
