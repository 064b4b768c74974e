"""Exponentials and logarithms."""
# ruff: noqa: D102
# (the docstring of an operator's class says what its compute and gradient do)

from typing import Any

import numpy

from needle.errors import complaint
from needle.ops._broadcast import sum_to
from needle.ops._softmax import exp_below_max, float_dtype, log_of_sum, softmax_weights
from needle.ops._support import ArrayOp
from needle.ops.reduction import summation
from needle.tensor import Tensor

__all__ = ["Exp", "Log", "LogSoftmax", "exp", "log", "logsoftmax"]


class Log(ArrayOp):
    """y = ln a; da = dy / a."""

    reads_result = False
    closed_over_integers = False

    def compute(self, a: Any) -> Any:
        return numpy.log(a)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        a: Tensor = node.inputs[0]
        return out_grad / a


def log(a: Tensor) -> Tensor:
    """Return the natural logarithm of every entry; -inf at 0, NaN below."""
    return Log()(a)


class Exp(ArrayOp):
    """y = e^a; da = y dy."""

    reads_inputs = False
    closed_over_integers = False

    def compute(self, a: Any) -> Any:
        return numpy.exp(a)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        y: Tensor = node
        return out_grad * y


def exp(a: Tensor) -> Tensor:
    """Return e to the power of every entry."""
    return Exp()(a)


class LogSoftmax(ArrayOp):
    """y = a - ln sum exp a, along the last axis; da = dy - softmax(a) sum dy.

    Computed from a - max a, which neither overflows nor loses digits for large a.
    """

    reads_result = False
    closed_over_integers = False

    def compute(self, a: Any) -> Any:
        if a.ndim == 0:
            raise ValueError(complaint("logsoftmax", "a", "at least 1-d", "shape ()"))
        below, _, terms = exp_below_max(a, (a.ndim - 1,))
        with numpy.errstate(invalid="ignore"):
            y = below - log_of_sum(below, terms, (a.ndim - 1,))
        return y.astype(float_dtype(a), copy=False)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        a = node.inputs[0]
        total = summation(out_grad, -1, keepdims=True)
        return sum_to(out_grad - softmax_weights(a, (a.ndim - 1,)) * total, a)


def logsoftmax(a: Tensor) -> Tensor:
    """Return the logarithm of the softmax along the last axis, of a's shape.

    A row of -inf alone gives NaN: its weights are undefined. Raises `ValueError` for 0-d input.
    """
    return LogSoftmax()(a)
