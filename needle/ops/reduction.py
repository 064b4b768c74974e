"""Reductions over axes."""
# ruff: noqa: D102
# (the docstring of an operator's class says what its compute and gradient do)

from typing import Any

import numpy

from needle.ops._softmax import exp_below_max, float_dtype, log_of_sum, softmax_weights
from needle.ops._support import ArrayOp, as_axes, axes_of, cast_like, kept_shape, sum_of
from needle.tensor import Tensor

__all__ = ["LogSumExp", "Summation", "logsumexp", "summation"]


class Summation(ArrayOp):
    """y = sum a over axes; da = dy repeated along them."""

    reads_inputs = reads_result = False

    def __init__(self, axes: Any = None, keepdims: bool = False) -> None:
        self.axes = as_axes("summation", axes)
        self.keepdims = bool(keepdims)

    def compute(self, a: Any) -> Any:
        axes = axes_of("summation", self.axes, a.ndim)
        return sum_of(a, axes, self.keepdims)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        a = node.inputs[0]
        return cast_like(_repeat(out_grad, a, self.axes), a)


def _repeat(out_grad: Tensor, a: Any, axes: int | tuple[int, ...] | None) -> Tensor:
    """Return the cotangent of a reduction over `axes` repeated to a's shape."""
    kept = kept_shape(a.shape, axes_of("reduction", axes, a.ndim))
    return out_grad.reshape(kept).broadcast_to(a.shape)


def summation(a: Tensor, axes: Any = None, keepdims: bool = False) -> Tensor:
    """Return the sum over `axes`: None for all, an int, or a tuple; () sums over none.

    The reduced axes vanish, or stay with length 1 where `keepdims`. Small integers are summed in
    int64, as in NumPy. Raises `AxisError` (a `ValueError` and an `IndexError`) for an axis that
    does not exist, `ValueError` for one given twice, `TypeError` for anything but integers.
    """
    return Summation(axes, keepdims)(a)


class LogSumExp(ArrayOp):
    """y = ln sum exp a over axes; da = exp(a - y) dy repeated along them.

    Computed as m + ln sum exp(a - m) with the maximum m, which does not overflow.
    """

    reads_result = False
    closed_over_integers = False

    def __init__(self, axes: Any = None, keepdims: bool = False) -> None:
        self.axes = as_axes("logsumexp", axes)
        self.keepdims = bool(keepdims)

    def compute(self, a: Any) -> Any:
        axes = axes_of("logsumexp", self.axes, a.ndim)
        below, top, terms = exp_below_max(a, axes)
        kept = top + log_of_sum(below, terms, axes)
        kept = kept.astype(float_dtype(a), copy=False)
        return kept if self.keepdims else numpy.squeeze(kept, axis=axes)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        a = node.inputs[0]
        weights = softmax_weights(a, axes_of("logsumexp", self.axes, a.ndim))
        return cast_like(_repeat(out_grad, a, self.axes) * weights, a)


def logsumexp(a: Tensor, axes: Any = None, keepdims: bool = False) -> Tensor:
    """Return the logarithm of the sum of exponentials over `axes`, without overflow.

    Axes as in `summation`. Entries of -inf add nothing: a row of them alone, or an empty one,
    gives -inf and gradient 0. Raises as `summation` does.
    """
    return LogSumExp(axes, keepdims)(a)
