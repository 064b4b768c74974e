"""Stable softmax weights, which logsumexp and logsoftmax share."""

from typing import Any

import numpy

from needle.ops._support import ArrayOp, cast_like, wide
from needle.tensor import Tensor


def float_dtype(a: Any) -> Any:
    """Return the dtype of results for `a`: its own, or float64 for integers."""
    return a.dtype if a.dtype.kind == "f" else numpy.dtype(numpy.float64)


def exp_below_max(a: Any, axes: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Return a - m, m and exp(a - m), where m is the largest entry along `axes` (kept).

    m is 0 where the largest entry is not finite, so that inf - inf never arises. float16 becomes
    float32 for the sums to come, and integers float64.
    """
    a = wide(a.astype(float_dtype(a), copy=False))
    if a.size == 0:
        top = numpy.sum(a, axis=axes, keepdims=True)  # zeros: no entry, no maximum
    else:
        top = numpy.max(a, axis=axes, keepdims=True)
        top = numpy.where(numpy.isfinite(top), top, numpy.zeros_like(top))
    below = a - top
    with numpy.errstate(over="ignore", under="ignore"):
        return below, top, numpy.exp(below)


def log_of_sum(below: Any, terms: Any, axes: tuple[int, ...]) -> Any:
    """Return log(sum exp(a - m)) along `axes` (kept), without losing what is small beside the 1s.

    The largest entries add exactly 1 each, n of them; the rest r enters as log n + log1p(r / n).
    """
    top = below == 0
    count = numpy.sum(top, axis=axes, keepdims=True, dtype=terms.dtype)
    rest = numpy.sum(numpy.where(top, numpy.zeros_like(terms), terms), axis=axes, keepdims=True)
    some = numpy.where(count == 0, numpy.ones_like(count), count)
    with numpy.errstate(divide="ignore", invalid="ignore", over="ignore"):
        logarithm = numpy.log(some) + numpy.log1p(rest / some)
        return numpy.where(count == 0, numpy.log(rest), logarithm)


class SoftmaxWeights(ArrayOp):
    """s = exp a / sum exp a along `axes`; da = s (dy - sum s dy).

    A row of -inf alone weighs 0 everywhere: each of its entries adds nothing to the sum.
    """

    reads_inputs = False
    closed_over_integers = False

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def compute(self, a: Any) -> Any:
        _, _, terms = exp_below_max(a, self.axes)
        total = numpy.sum(terms, axis=self.axes, keepdims=True)
        with numpy.errstate(invalid="ignore"):
            weights = terms / numpy.where(total == 0, numpy.ones_like(total), total)
        return weights.astype(float_dtype(a), copy=False)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        inner = (out_grad * node).sum(self.axes, keepdims=True)
        return cast_like(node * (out_grad - inner), node.inputs[0])


def softmax_weights(a: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return the weights with which the entries along `axes` enter their logsumexp."""
    return SoftmaxWeights(axes)(a)
