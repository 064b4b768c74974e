"""Products and a determinant, each with one mistake in its gradient, and their right twins."""

import numpy

from needle.autograd import TensorOp
from needle.ops import broadcast_to, reshape, transpose
from needle.ops import matmul as product
from needle.ops._support import cast_like

__all__ = ["logdet", "matmul", "outer", "quadratic_form"]


class _TwoOperands(TensorOp):
    """What the products share: each gradient comes in its operand's own dtype."""

    def _cast(self, node, *gradients):
        return tuple(cast_like(g, x) for g, x in zip(gradients, node.inputs, strict=True))


class MatMul(_TwoOperands):
    """y = a b; da = dy b^T, db = a^T dy."""

    def compute(self, a, b):
        return a @ b

    def gradient(self, out_grad, node):
        a, b = node.inputs
        return self._cast(node, product(out_grad, transpose(b)), product(a, out_grad))


class _RightMatMul(MatMul):
    def gradient(self, out_grad, node):
        a, b = node.inputs
        return self._cast(node, product(out_grad, transpose(b)), product(transpose(a), out_grad))


def matmul(a, b):
    return MatMul()(a, b)


class Outer(_TwoOperands):
    """y_ij = a_i b_j; da = dy b, db = dy^T a."""

    def compute(self, a, b):
        return numpy.outer(a, b)

    def gradient(self, out_grad, node):
        a, b = node.inputs
        return self._cast(node, product(out_grad, a), product(transpose(out_grad), b))


class _RightOuter(Outer):
    def gradient(self, out_grad, node):
        a, b = node.inputs
        return self._cast(node, product(out_grad, b), product(transpose(out_grad), a))


def outer(a, b):
    return Outer()(a, b)


def well_conditioned(rng, shape, dtype):
    """Return matrices that are neither symmetric nor nearly singular: diagonally dominant."""
    n = shape[-1]
    return (rng.uniform(-1, 1, shape) / n + 2 * numpy.eye(n)).astype(dtype)


def logdet_reference(a):
    return numpy.linalg.slogdet(a)[1]


class LogDet(TensorOp):
    """y = ln |det a|; da = dy a^-T."""

    def compute(self, a):
        return numpy.linalg.slogdet(a)[1]

    def gradient(self, out_grad, node):
        return self._scaled(out_grad, _Inverse()(node.inputs[0]))

    def _scaled(self, out_grad, matrix):
        return broadcast_to(reshape(out_grad, (1, 1)), matrix.shape) * matrix


class _RightLogDet(LogDet):
    def gradient(self, out_grad, node):
        return self._scaled(out_grad, transpose(_Inverse()(node.inputs[0])))


class _Inverse(TensorOp):
    """y = a^-1; da = -y^T dy y^T."""

    def compute(self, a):
        return numpy.linalg.inv(a)

    def gradient(self, out_grad, node):
        turned = transpose(node)
        return -product(product(turned, out_grad), turned)


def logdet(a):
    return LogDet()(a)


def quadratic_form_reference(a, x):
    return x @ (a @ x)


class QuadraticForm(_TwoOperands):
    """y = x^T a x; da = dy x x^T, dx = dy (a + a^T) x."""

    def compute(self, a, x):
        return x @ (a @ x)

    def gradient(self, out_grad, node):
        a, x = node.inputs
        return self._cast(node, self._outer(out_grad, x), out_grad * (product(a, x) * 2))

    def _outer(self, out_grad, x):
        n = x.shape[0]
        return out_grad * product(reshape(x, (n, 1)), reshape(x, (1, n)))


class _RightQuadraticForm(QuadraticForm):
    def gradient(self, out_grad, node):
        a, x = node.inputs
        dx = out_grad * product(a + transpose(a), x)
        return self._cast(node, self._outer(out_grad, x), dx)


def quadratic_form(a, x):
    return QuadraticForm()(a, x)


RIGHT = {
    "logdet": lambda a: _RightLogDet()(a),
    "matmul": lambda a, b: _RightMatMul()(a, b),
    "outer": lambda a, b: _RightOuter()(a, b),
    "quadratic_form": lambda a, x: _RightQuadraticForm()(a, x),
}
