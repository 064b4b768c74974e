"""Sliding windows, each with one mistake in its gradient, and their right twins."""

import numpy

from needle.autograd import TensorOp
from needle.ops import flip, getitem, make_tuple, reshape, stack, summation
from needle.ops._support import cast_like

__all__ = ["conv1d", "halve", "max_pool"]


class _Pad(TensorOp):
    """y = a with zeros before and behind along the last axis; da = dy without them."""

    def __init__(self, before, behind):
        self.before = before
        self.behind = behind

    def compute(self, a):
        widths = [(0, 0)] * (a.ndim - 1) + [(self.before, self.behind)]
        return numpy.pad(a, widths)

    def gradient(self, out_grad, node):
        return out_grad[..., self.before : self.before + node.inputs[0].shape[-1]]


def conv1d_reference(a, weight):
    places = range(a.shape[1] - weight.shape[0] + 1)
    rows = [numpy.sum(a[:, i : i + weight.shape[0]] * weight, axis=1) for i in places]
    return numpy.stack(rows, axis=1)


class Conv1d(TensorOp):
    """y_i = sum over j of a_(i+j) w_j; da_t = sum over j of dy_(t-j) w_j, dw_j alike."""

    def compute(self, a, weight):
        windows = numpy.lib.stride_tricks.sliding_window_view(a, weight.shape[0], axis=1)
        return windows @ weight

    def gradient(self, out_grad, node):
        a, weight = node.inputs
        da, dweight = self._to_image(out_grad, weight), self._to_weight(out_grad, a, weight)
        return cast_like(da, a), cast_like(dweight, weight)

    def _to_image(self, out_grad, weight):
        edge = weight.shape[0] - 1
        return _RightConv1d()(_Pad(edge, edge)(out_grad), weight)

    def _to_weight(self, out_grad, a, weight):
        m = out_grad.shape[1]
        entries = [summation(out_grad * a[:, j : j + m]) for j in range(weight.shape[0])]
        return stack(make_tuple(*entries), 0)


class _RightConv1d(Conv1d):
    def _to_image(self, out_grad, weight):
        return super()._to_image(out_grad, flip(weight, 0))


def conv1d(a, weight):
    return Conv1d()(a, weight)


def halve_reference(a):
    whole = a.shape[-1] // 2 * 2
    return (a[..., 0:whole:2] + a[..., 1:whole:2]) / 2


class Halve(TensorOp):
    """y_i = (a_2i + a_(2i+1)) / 2, a last entry without partner left out; da = dy / 2 to both."""

    def compute(self, a):
        whole = a.shape[-1] // 2 * 2
        return (a[..., 0:whole:2] + a[..., 1:whole:2]) / 2

    def gradient(self, out_grad, node):
        return _Pad(node.inputs[0].shape[-1] % 2, 0)(self._doubled(out_grad))

    def _doubled(self, out_grad):
        half = out_grad / 2
        pairs = stack(make_tuple(half, half), half.ndim)
        return reshape(pairs, (*half.shape[:-1], 2 * half.shape[-1]))


class _RightHalve(Halve):
    def gradient(self, out_grad, node):
        return _Pad(0, node.inputs[0].shape[-1] % 2)(self._doubled(out_grad))


def halve(a):
    return Halve()(a)


def max_pool_reference(a, size, stride):
    starts = range(0, a.shape[1] - size + 1, stride)
    return numpy.stack([numpy.max(a[:, i : i + size], axis=1) for i in starts], axis=1)


class _Scatter(TensorOp):
    """y = zeros of n columns with v put, or added, at one column per entry; dv = dy there."""

    def __init__(self, columns, n, add):
        self.index = (numpy.arange(len(columns))[:, None], columns)
        self.n = n
        self.add = add

    def compute(self, v):
        y = numpy.zeros((v.shape[0], self.n), dtype=v.dtype)
        if self.add:
            numpy.add.at(y, self.index, v)
        else:
            y[self.index] = v
        return y

    def gradient(self, out_grad, node):
        return getitem(out_grad, self.index)


class MaxPool(TensorOp):
    """y_i = the largest entry of window i, every `stride` places; da = dy at the first largest."""

    add = False

    def __init__(self, size, stride):
        self.size = size
        self.stride = stride

    def _windows(self, a):
        windows = numpy.lib.stride_tricks.sliding_window_view(a, self.size, axis=1)
        return windows[:, :: self.stride]

    def compute(self, a):
        return numpy.max(self._windows(a), axis=-1)

    def gradient(self, out_grad, node):
        a = node.inputs[0].realize_cached_data()
        inside = numpy.argmax(self._windows(a), axis=-1)
        columns = inside + self.stride * numpy.arange(inside.shape[1])
        return _Scatter(columns, a.shape[1], self.add)(out_grad)


class _RightMaxPool(MaxPool):
    add = True


def max_pool(a, size, stride):
    return MaxPool(size, stride)(a)


RIGHT = {
    "conv1d": lambda a, weight: _RightConv1d()(a, weight),
    "halve": lambda a: _RightHalve()(a),
    "max_pool": lambda a, size, stride: _RightMaxPool(size, stride)(a),
}
