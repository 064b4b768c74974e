"""Normalisations and dropout, each with one mistake, and their right twins."""

import numpy

from needle.autograd import Tensor, TensorOp
from needle.ops import summation
from needle.ops._broadcast import sum_to
from needle.ops._support import Cast

__all__ = ["dropout", "l2_normalize", "layer_norm", "softmax"]


def dropout_reference(a, mask, p):
    return a * mask / (1 - p)


class Dropout(TensorOp):
    """y = a / (1 - p) where the mask is true and 0 elsewhere; da = dy / (1 - p) there."""

    def __init__(self, mask, p):
        self.mask = mask
        self.p = p

    def compute(self, a):
        return a * self.mask / (1 - self.p)

    def gradient(self, out_grad, node):
        return out_grad * Tensor.make_const(self.mask.astype(out_grad.dtype))


class _RightDropout(Dropout):
    def gradient(self, out_grad, node):
        return super().gradient(out_grad, node) / (1 - self.p)


def dropout(a, mask, p):
    return Dropout(mask, p)(a)


def l2_normalize_reference(a):
    top = numpy.max(numpy.abs(a), axis=-1, keepdims=True)
    return a / top / numpy.sqrt(numpy.sum((a / top) ** 2, axis=-1, keepdims=True))


def _length(a):
    """Return the length of a's rows; scaled by a constant first, so that no square overflows."""
    top = numpy.max(numpy.abs(a.realize_cached_data()), axis=-1, keepdims=True)
    return summation((a / top) ** 2, -1, keepdims=True) ** 0.5 * top


class L2Normalize(TensorOp):
    """y = a / |a| along the last axis; da = (dy - y sum y dy) / |a|."""

    length = None  # kept from the call for its gradient

    def compute(self, a):
        return l2_normalize_reference(a)

    def gradient(self, out_grad, node):
        return self._projected(out_grad, node, L2Normalize.length)

    def _projected(self, out_grad, node, length):
        along = summation(node * out_grad, -1, keepdims=True)
        return (out_grad - node * along) / length


class _RightL2Normalize(L2Normalize):
    def gradient(self, out_grad, node):
        return self._projected(out_grad, node, _length(node.inputs[0]))


def l2_normalize(a):
    L2Normalize.length = _length(a)
    return L2Normalize()(a)


def spread_rows(rng, shape, dtype):
    """Return rows whose entries lie apart: a row of equal ones has no digits but those of eps."""
    steps = numpy.broadcast_to(numpy.linspace(-2, 2, shape[-1]), shape)
    return (rng.permuted(steps, axis=-1) + rng.uniform(-0.4, 0.4, shape)).astype(dtype)


def layer_norm_reference(a, weight, bias, eps):
    centred = a - numpy.mean(a, axis=-1, keepdims=True)
    variance = numpy.mean(centred**2, axis=-1, keepdims=True)
    return centred / numpy.sqrt(variance + eps) * weight + bias


def _wide(a):
    """Return a float16 tensor in float32, any other as it is: in float16 squares overflow."""
    return Cast("float32")(a) if a.dtype == numpy.float16 else a


def _mean(a):
    return summation(a, -1, keepdims=True) / a.shape[-1]


class LayerNorm(TensorOp):
    """y = x w + b with x = (a - mean a) / s; da = (g - mean g - x mean g x) / s for g = dy w."""

    def __init__(self, eps):
        self.eps = eps

    def compute(self, a, weight, bias):
        wide = a.astype(numpy.promote_types(a.dtype, numpy.float32))
        y = layer_norm_reference(wide, weight, bias, self.eps)
        return y.astype(numpy.result_type(a, weight, bias))

    def gradient(self, out_grad, node):
        a, weight, bias = node.inputs
        centred = _wide(a) - _mean(_wide(a))
        deviation = (_mean(centred**2) + self.eps) ** 0.5
        x = centred / deviation
        g = _wide(out_grad) * weight
        da = (self._through_mean(g) - x * _mean(g * x)) / deviation
        return sum_to(da, a), sum_to(out_grad * x, weight), sum_to(out_grad, bias)

    def _through_mean(self, g):
        return g


class _RightLayerNorm(LayerNorm):
    def _through_mean(self, g):
        return g - _mean(g)


def layer_norm(a, weight, bias, eps):
    return LayerNorm(eps)(a, weight, bias)


class Softmax(TensorOp):
    """y = exp a / sum exp a over axes; da = y (dy - sum y dy)."""

    def __init__(self, axes):
        self.axes = axes

    def _all_axes(self, a):
        if self.axes is None:
            return tuple(range(a.ndim))
        return self.axes if isinstance(self.axes, tuple) else (self.axes,)

    def compute(self, a):
        axes = self._all_axes(a)
        terms = numpy.exp(a - numpy.max(a, axis=axes, keepdims=True))
        return terms / numpy.sum(terms, axis=axes, keepdims=True)

    def gradient(self, out_grad, node):
        return self._centred(out_grad, node, self._all_axes(node)[-1])

    def _centred(self, out_grad, node, axes):
        return node * (out_grad - summation(node * out_grad, axes, keepdims=True))


class _RightSoftmax(Softmax):
    def gradient(self, out_grad, node):
        return self._centred(out_grad, node, self._all_axes(node))


def softmax(a, axes):
    return Softmax(axes)(a)


RIGHT = {
    "dropout": lambda a, mask, p: _RightDropout(mask, p)(a),
    "l2_normalize": lambda a: _RightL2Normalize()(a),
    "layer_norm": lambda a, weight, bias, eps: _RightLayerNorm(eps)(a, weight, bias),
    "softmax": lambda a, axes: _RightSoftmax(axes)(a),
}
