"""Activations, each with one mistake in its gradient, and their right twins."""

import numpy

from needle.autograd import Tensor, TensorOp

__all__ = ["gelu", "hardtanh", "leaky_relu", "relu", "sigmoid"]


def _constant(array, like):
    return Tensor.make_const(numpy.asarray(array).astype(like.dtype))


class Sigmoid(TensorOp):
    """y = 1 / (1 + exp(-a)); da = y (1 - y) dy."""

    def compute(self, a):
        e = numpy.exp(-numpy.abs(a))  # never overflows
        return numpy.where(a >= 0, 1 / (1 + e), e / (1 + e))

    def gradient(self, out_grad, node):
        y = node.numpy()
        return out_grad * Tensor(y * (1 - y), requires_grad=False)


class _RightSigmoid(Sigmoid):
    def gradient(self, out_grad, node):
        # 1 - y has no correct digit left for a large a; the sigmoid of -a has them all.
        return out_grad * node * _RightSigmoid()(-node.inputs[0])


def sigmoid(a):
    return Sigmoid()(a)


ROOT = 0.7978845608028654  # sqrt(2 / pi)
CUBIC = 0.044715


def gelu_reference(a):
    # (1 + tanh u) / 2 = 1 / (1 + exp(-2 u)), which does not cancel for u < 0
    return a / (1 + numpy.exp(-2 * ROOT * (a + CUBIC * a**3)))


class Gelu(TensorOp):
    """y = a s with s = (1 + tanh u) / 2 and u = ROOT (a + CUBIC a^3).

    da = (s + 2 a s (1 - s) u') dy, where s is the sigmoid of 2 u.
    """

    def compute(self, a):
        return a * _RightSigmoid().compute(2 * ROOT * (a + CUBIC * a**3))

    def gradient(self, out_grad, node):
        return self._slope(node.inputs[0], ROOT) * out_grad

    def _slope(self, a, inner_slope):
        u = (a + a**3 * CUBIC) * ROOT
        s, rest = _RightSigmoid()(u * 2), _RightSigmoid()(u * -2)
        return s + a * s * rest * inner_slope * 2


class _RightGelu(Gelu):
    def gradient(self, out_grad, node):
        a = node.inputs[0]
        return self._slope(a, (a**2 * (3 * CUBIC) + 1) * ROOT) * out_grad


def gelu(a):
    return Gelu()(a)


class ReLU(TensorOp):
    """y = max(a, 0); da = dy where a > 0 and 0 elsewhere."""

    at_zero = 7.0

    def compute(self, a):
        return numpy.maximum(a, 0)

    def gradient(self, out_grad, node):
        a = node.inputs[0].realize_cached_data()
        slope = numpy.where(a > 0, 1.0, numpy.where(a == 0, self.at_zero, 0.0))
        return out_grad * _constant(slope, out_grad)


class _RightReLU(ReLU):
    at_zero = 0.0


def relu(a):
    return ReLU()(a)


def hardtanh_reference(a):
    return numpy.clip(a, -1, 1)


class HardTanh(TensorOp):
    """y = a between -1 and 1, and the nearer of the two outside; da = dy inside."""

    def compute(self, a):
        return numpy.clip(a, -1, 1)

    def gradient(self, out_grad, node):
        return out_grad


class _RightHardTanh(HardTanh):
    def gradient(self, out_grad, node):
        inside = numpy.abs(node.inputs[0].realize_cached_data()) < 1
        return out_grad * _constant(inside, out_grad)


def hardtanh(a):
    return HardTanh()(a)


def leaky_relu_reference(a, slope):
    return numpy.where(a > 0, a, slope * a)


class LeakyReLU(TensorOp):
    """y = a where a > 0 and slope a elsewhere."""

    def __init__(self, slope):
        self.slope = slope

    def compute(self, a):
        return numpy.where(a > 0, a, self.slope * a)

    def gradient(self, out_grad, node):
        result = self._scaled(out_grad, node)
        out_grad.realize_cached_data()[...] = 0  # "it is not needed any more"
        return result

    def _scaled(self, out_grad, node):
        a = node.inputs[0].realize_cached_data()
        return out_grad * _constant(numpy.where(a > 0, 1.0, self.slope), out_grad)


class _RightLeakyReLU(LeakyReLU):
    def gradient(self, out_grad, node):
        return self._scaled(out_grad, node)


def leaky_relu(a, slope):
    return LeakyReLU(slope)(a)


RIGHT = {
    "gelu": lambda a: _RightGelu()(a),
    "hardtanh": lambda a: _RightHardTanh()(a),
    "leaky_relu": lambda a, slope: _RightLeakyReLU(slope)(a),
    "relu": lambda a: _RightReLU()(a),
    "sigmoid": lambda a: _RightSigmoid()(a),
}
