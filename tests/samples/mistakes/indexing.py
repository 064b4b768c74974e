"""Choices of entries, each with one mistake in its gradient, and their right twins."""

import numpy

from needle.autograd import Tensor, TensorOp
from needle.ops import getitem

__all__ = ["embedding", "masked_log", "subsample"]


def embedding_reference(table, index):
    return table[index]


class _Rows(TensorOp):
    """y = zeros with v's rows put, or added, at the places of an index; dv = dy there."""

    def __init__(self, index, count, add):
        self.index = index
        self.count = count
        self.add = add

    def compute(self, v):
        rows = numpy.zeros((self.count, v.shape[-1]), dtype=v.dtype)
        if self.add:
            numpy.add.at(rows, self.index, v)
        else:
            rows[self.index] = v
        return rows

    def gradient(self, out_grad, node):
        return getitem(out_grad, self.index)


class Embedding(TensorOp):
    """y = table[index]; dtable = dy added up at index."""

    add = False

    def __init__(self, index):
        self.index = index

    def compute(self, table):
        return table[self.index]

    def gradient(self, out_grad, node):
        return _Rows(self.index, node.inputs[0].shape[0], self.add)(out_grad)


class _RightEmbedding(Embedding):
    add = True


def embedding(table, index):
    return Embedding(index)(table)


def masked_log_reference(a, mask):
    return numpy.where(mask, numpy.log(numpy.where(mask, a, 1)), 0)


class MaskedLog(TensorOp):
    """y = ln a where the mask is true and 0 elsewhere; da = dy / a there and 0 elsewhere."""

    def __init__(self, mask):
        self.mask = mask

    def compute(self, a):
        return numpy.log(numpy.where(self.mask, a, numpy.ones_like(a)))

    def gradient(self, out_grad, node):
        return self._slope(node.inputs[0]) * out_grad

    def _slope(self, a):
        return Tensor.make_const(self.mask.astype(a.dtype)) / a


class _Chosen(TensorOp):
    """y = a where the mask is true and 1 elsewhere; da = dy there and 0 elsewhere."""

    def __init__(self, mask):
        self.mask = mask

    def compute(self, a):
        return numpy.where(self.mask, a, numpy.ones_like(a))

    def gradient(self, out_grad, node):
        return _Kept(self.mask)(out_grad)


class _Kept(TensorOp):
    """y = v where the mask is true and 0 elsewhere, infinite v too; dv likewise."""

    def __init__(self, mask):
        self.mask = mask

    def compute(self, v):
        return numpy.where(self.mask, v, numpy.zeros_like(v))

    def gradient(self, out_grad, node):
        return _Kept(self.mask)(out_grad)


class _RightMaskedLog(MaskedLog):
    def gradient(self, out_grad, node):
        return _Kept(self.mask)(out_grad) / _Chosen(self.mask)(node.inputs[0])


def masked_log(a, mask):
    return MaskedLog(mask)(a)


def subsample_reference(a, start, step):
    return a[..., start::step]


class _Spread(TensorOp):
    """y = zeros of length n with v's entries at start, start + step, ...; dv = dy there."""

    def __init__(self, start, step, n):
        self.start = start
        self.step = step
        self.n = n

    def places(self, count):
        return slice(self.start, self.start + (count - 1) * self.step + 1, self.step)

    def compute(self, v):
        y = numpy.zeros((*v.shape[:-1], self.n), dtype=v.dtype)
        y[..., self.places(v.shape[-1])] = v
        return y

    def gradient(self, out_grad, node):
        return out_grad[..., self.places(node.inputs[0].shape[-1])]


class Subsample(TensorOp):
    """y = every step-th entry along the last axis, from start on; da = dy at those places."""

    def __init__(self, start, step):
        self.start = start
        self.step = step

    def compute(self, a):
        return a[..., self.start :: self.step]

    def gradient(self, out_grad, node):
        return _Spread(0, self.step, node.inputs[0].shape[-1])(out_grad)


class _RightSubsample(Subsample):
    def gradient(self, out_grad, node):
        return _Spread(self.start, self.step, node.inputs[0].shape[-1])(out_grad)


def subsample(a, start, step):
    return Subsample(start, step)(a)


RIGHT = {
    "embedding": lambda table, index: _RightEmbedding(index)(table),
    "masked_log": lambda a, mask: _RightMaskedLog(mask)(a),
    "subsample": lambda a, start, step: _RightSubsample(start, step)(a),
}
