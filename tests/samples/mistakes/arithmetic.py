"""Functions of single numbers, each with one mistake in its gradient, and their right twins."""

import numpy

from needle.autograd import Tensor, TensorOp
from needle.ops._broadcast import sum_to
from needle.ops._support import Cast, cast_like, zeros_like

__all__ = [
    "cosine",
    "cube",
    "divide",
    "exponential",
    "fractional",
    "logarithm",
    "maximum",
    "shift",
    "square",
]


class Cosine(TensorOp):
    """y = cos a; da = -sin a dy."""

    def compute(self, a):
        return numpy.cos(a)

    def gradient(self, out_grad, node):
        return _Sine()(node.inputs[0]) * out_grad


class _RightCosine(Cosine):
    def gradient(self, out_grad, node):
        return -_Sine()(node.inputs[0]) * out_grad


class _Sine(TensorOp):
    """y = sin a; da = cos a dy."""

    def compute(self, a):
        return numpy.sin(a)

    def gradient(self, out_grad, node):
        return _RightCosine()(node.inputs[0]) * out_grad


def cosine(a):
    return Cosine()(a)


def cube_reference(a):
    return a * a * a


class Cube(TensorOp):
    """y = a^3; da = 3 a^2 dy."""

    def compute(self, a):
        return a * a * a

    def gradient(self, out_grad, node):
        a = Cast("float32")(node.inputs[0])
        return cast_like(a * a * 3, out_grad) * out_grad


class _RightCube(Cube):
    def gradient(self, out_grad, node):
        a = node.inputs[0]
        return a * a * 3 * out_grad


def cube(a):
    return Cube()(a)


class Divide(TensorOp):
    """y = a / b; da = dy / b, db = -dy y / b."""

    def compute(self, a, b):
        return a / b

    def gradient(self, out_grad, node):
        a, b = node.inputs
        return sum_to(out_grad / b, a), sum_to(-node / b, b)


class _RightDivide(Divide):
    def gradient(self, out_grad, node):
        a, b = node.inputs
        return sum_to(out_grad / b, a), sum_to(-(out_grad / b * node), b)


def divide(a, b):
    return Divide()(a, b)


class _Clip(TensorOp):
    """y = v between -1 and 1, and the nearer of the two outside; dv = dy inside."""

    def compute(self, v):
        return numpy.clip(v, -1, 1)

    def gradient(self, out_grad, node):
        inside = numpy.abs(node.inputs[0].realize_cached_data()) < 1
        return out_grad * Tensor.make_const(inside.astype(out_grad.dtype))


class Exponential(TensorOp):
    """y = e^a; da = y dy."""

    def compute(self, a):
        return numpy.exp(a)

    def gradient(self, out_grad, node):
        return _Clip()(out_grad) * node  # "so that gradients do not explode"


class _RightExponential(Exponential):
    def gradient(self, out_grad, node):
        return out_grad * node


def exponential(a):
    return Exponential()(a)


def fractional_reference(a):
    return a - numpy.floor(a)


class Fractional(TensorOp):
    """y = a - floor(a); da = dy."""

    def compute(self, a):
        return a - numpy.floor(a)

    def gradient(self, out_grad, node):
        return zeros_like(node.inputs[0])  # as for floor itself


class _RightFractional(Fractional):
    def gradient(self, out_grad, node):
        return out_grad


def fractional(a):
    return Fractional()(a)


class Logarithm(TensorOp):
    """y = ln a; da = dy / a."""

    def compute(self, a):
        return numpy.log(a)

    def gradient(self, out_grad, node):
        return out_grad * node.inputs[0]


class _RightLogarithm(Logarithm):
    def gradient(self, out_grad, node):
        return out_grad / node.inputs[0]


def logarithm(a):
    return Logarithm()(a)


class Maximum(TensorOp):
    """y = the larger of a and b; dy goes to the larger, and half of it to each where equal."""

    def compute(self, a, b):
        return numpy.maximum(a, b)

    def gradient(self, out_grad, node):
        a, b = node.inputs
        x, y = a.realize_cached_data(), b.realize_cached_data()
        return self._share(out_grad, x >= y, a), self._share(out_grad, y >= x, b)

    def _share(self, out_grad, share, like):
        return sum_to(out_grad * Tensor.make_const(share.astype(out_grad.dtype)), like)


class _RightMaximum(Maximum):
    def gradient(self, out_grad, node):
        a, b = node.inputs
        x, y = a.realize_cached_data(), b.realize_cached_data()
        tied = (x == y) / 2
        return self._share(out_grad, (x > y) + tied, a), self._share(out_grad, (y > x) + tied, b)


def maximum(a, b):
    return Maximum()(a, b)


class Shift(TensorOp):
    """y = a + bias; da = dy and dbias = dy, each summed to its operand's shape."""

    def compute(self, a, bias):
        return a + bias

    def gradient(self, out_grad, node):
        a, bias = node.inputs
        return sum_to(out_grad, a), cast_like(out_grad, bias)


class _RightShift(Shift):
    def gradient(self, out_grad, node):
        a, bias = node.inputs
        return sum_to(out_grad, a), sum_to(out_grad, bias)


def shift(a, bias):
    return Shift()(a, bias)


class Square(TensorOp):
    """y = a^2; da = 2 a dy."""

    def compute(self, a):
        return numpy.square(a)

    def gradient(self, out_grad, node):
        return out_grad * node * 2


class _RightSquare(Square):
    def gradient(self, out_grad, node):
        return out_grad * node.inputs[0] * 2


def square(a):
    return Square()(a)


RIGHT = {
    "cosine": lambda a: _RightCosine()(a),
    "cube": lambda a: _RightCube()(a),
    "divide": lambda a, b: _RightDivide()(a, b),
    "exponential": lambda a: _RightExponential()(a),
    "fractional": lambda a: _RightFractional()(a),
    "logarithm": lambda a: _RightLogarithm()(a),
    "maximum": lambda a, b: _RightMaximum()(a, b),
    "shift": lambda a, bias: _RightShift()(a, bias),
    "square": lambda a: _RightSquare()(a),
}
