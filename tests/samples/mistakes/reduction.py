"""Reductions along one axis, each with one mistake in its gradient, and their right twins."""

import numpy

from needle.autograd import Tensor, TensorOp
from needle.ops import broadcast_to, flip, reshape, summation

__all__ = ["amax", "cumsum", "norm", "total", "variance"]


class _AlongAxis(TensorOp):
    """What the operators of this file share: an axis, counted from either end."""

    def __init__(self, axis):
        self.axis = axis

    def compute(self, a):
        raise NotImplementedError

    def kept(self, a):
        """Return a's shape with length 1 along the axis."""
        shape = list(a.shape)
        shape[self.axis] = 1
        return tuple(shape)

    def spread(self, reduced, a):
        """Return a reduced tensor repeated along the axis to a's shape."""
        return broadcast_to(reshape(reduced, self.kept(a)), a.shape)


class Variance(_AlongAxis):
    """y = mean of (a - mean a)^2; da = 2 (a - mean a) / n dy."""

    def compute(self, a):
        return numpy.var(a, axis=self.axis)

    def gradient(self, out_grad, node):
        a = node.inputs[0]
        return self._share(out_grad, a, a.shape[self.axis] - 1)

    def _share(self, out_grad, a, count):
        mean = summation(a, self.axis, keepdims=True) / a.shape[self.axis]
        return self.spread(out_grad, a) * (a - mean) * (2 / count)


class _RightVariance(Variance):
    def gradient(self, out_grad, node):
        a = node.inputs[0]
        return self._share(out_grad, a, a.shape[self.axis])


def variance(a, axis):
    return Variance(axis)(a)


class Max(_AlongAxis):
    """y = max a; da = dy at the largest entry, shared evenly where there are several."""

    def compute(self, a):
        return numpy.max(a, axis=self.axis)

    def gradient(self, out_grad, node):
        return self.spread(out_grad, node.inputs[0]) * self._winners(node)

    def _winners(self, node, shared=False):
        a = node.inputs[0].realize_cached_data()
        won = (a == numpy.max(a, axis=self.axis, keepdims=True)).astype(a.dtype)
        if shared:
            won /= numpy.sum(won, axis=self.axis, keepdims=True)
        return Tensor.make_const(won)


class _RightMax(Max):
    def gradient(self, out_grad, node):
        return self.spread(out_grad, node.inputs[0]) * self._winners(node, shared=True)


def amax(a, axis):
    return Max(axis)(a)


class Norm(_AlongAxis):
    """y = sqrt(sum a^2); da = a / y dy, and 0 where a row is 0 throughout."""

    def compute(self, a):
        top = numpy.max(numpy.abs(a), axis=self.axis, keepdims=True, initial=0)
        top[top == 0] = 1
        squares = numpy.sum(numpy.square(a / top), axis=self.axis)
        return numpy.squeeze(top, self.axis) * numpy.sqrt(squares)

    def gradient(self, out_grad, node):
        a = node.inputs[0]
        return self._share(out_grad, a, node)

    def _share(self, out_grad, a, length):
        return self.spread(out_grad, a) * (a / self.spread(length, a))


class _RightNorm(Norm):
    def gradient(self, out_grad, node):
        a = node.inputs[0]
        y = node.realize_cached_data()
        return self._share(out_grad, a, node + (y == 0).astype(y.dtype))


def norm(a, axis):
    return Norm(axis)(a)


class CumSum(_AlongAxis):
    """y_i = sum of a_j for j <= i; da_j = sum of dy_i for i >= j."""

    def compute(self, a):
        return numpy.cumsum(a, axis=self.axis)

    def gradient(self, out_grad, node):
        return CumSum(self.axis)(out_grad)


class _RightCumSum(CumSum):
    def gradient(self, out_grad, node):
        backwards = _RightCumSum(self.axis)(flip(out_grad, self.axis))
        return flip(backwards, self.axis)


def cumsum(a, axis):
    return CumSum(axis)(a)


class Total(_AlongAxis):
    """y = sum a; da = dy repeated along the axis."""

    def compute(self, a):
        return numpy.sum(a, axis=self.axis)

    def gradient(self, out_grad, node):
        return broadcast_to(out_grad, node.inputs[0].shape)


class _RightTotal(Total):
    def gradient(self, out_grad, node):
        return self.spread(out_grad, node.inputs[0])


def total(a, axis):
    return Total(axis)(a)


RIGHT = {
    "amax": lambda a, axis: _RightMax(axis)(a),
    "cumsum": lambda a, axis: _RightCumSum(axis)(a),
    "norm": lambda a, axis: _RightNorm(axis)(a),
    "total": lambda a, axis: _RightTotal(axis)(a),
    "variance": lambda a, axis: _RightVariance(axis)(a),
}
