"""Rearrangements of entries, each with one mistake in its gradient, and their right twins."""

import numpy

from needle.autograd import TensorOp
from needle.ops import flip as flip_tensor
from needle.ops import make_tuple, reshape, summation
from needle.ops._support import cast_like

__all__ = ["concatenate", "flip", "repeat", "roll"]


class Concatenate(TensorOp):
    """y = the members one behind the other along an axis; da_i = the part of dy that is a_i."""

    def __init__(self, axis):
        self.axis = axis

    def compute(self, args):
        return numpy.concatenate(args, axis=self.axis)

    def gradient(self, out_grad, node):
        return make_tuple(*[self._part(out_grad, 0, a) for a in node.inputs[0]])

    def _part(self, out_grad, start, a):
        front = (slice(None),) * (self.axis % out_grad.ndim)
        return cast_like(out_grad[(*front, slice(start, start + a.shape[self.axis]))], a)


class _RightConcatenate(Concatenate):
    def gradient(self, out_grad, node):
        parts, start = [], 0
        for a in node.inputs[0]:
            parts.append(self._part(out_grad, start, a))
            start += a.shape[self.axis]
        return make_tuple(*parts)


def concatenate(args, axis):
    return Concatenate(axis)(make_tuple(*args))


class Flip(TensorOp):
    """y = a in reversed order along an axis; da = dy in reversed order."""

    def __init__(self, axis):
        self.axis = axis

    def compute(self, a):
        return numpy.flip(a, self.axis)

    def gradient(self, out_grad, node):
        return out_grad


class _RightFlip(Flip):
    def gradient(self, out_grad, node):
        return flip_tensor(out_grad, self.axis)


def flip(a, axis):
    return Flip(axis)(a)


class Repeat(TensorOp):
    """y = every entry `repeats` times along an axis; da = dy summed over the repetitions."""

    def __init__(self, repeats, axis):
        self.repeats = repeats
        self.axis = axis

    def compute(self, a):
        return numpy.repeat(a, self.repeats, axis=self.axis)

    def gradient(self, out_grad, node):
        return self._summed(out_grad, node.inputs[0], self.axis + 1)

    def _summed(self, out_grad, a, behind):
        shape = list(a.shape)
        shape.insert(behind, self.repeats)
        return summation(reshape(out_grad, tuple(shape)), behind)


class _RightRepeat(Repeat):
    def gradient(self, out_grad, node):
        a = node.inputs[0]
        return self._summed(out_grad, a, self.axis % a.ndim + 1)


def repeat(a, repeats, axis):
    return Repeat(repeats, axis)(a)


class Roll(TensorOp):
    """y = a moved by `shift` places round an axis; da = dy moved back."""

    def __init__(self, shift, axis):
        self.shift = shift
        self.axis = axis

    def compute(self, a):
        return numpy.roll(a, self.shift, self.axis)

    def gradient(self, out_grad, node):
        return Roll(self.shift, self.axis)(out_grad)


class _RightRoll(Roll):
    def gradient(self, out_grad, node):
        return _RightRoll(-self.shift, self.axis)(out_grad)


def roll(a, shift, axis):
    return Roll(shift, axis)(a)


RIGHT = {
    "concatenate": lambda args, axis: _RightConcatenate(axis)(make_tuple(*args)),
    "flip": lambda a, axis: _RightFlip(axis)(a),
    "repeat": lambda a, repeats, axis: _RightRepeat(repeats, axis)(a),
    "roll": lambda a, shift, axis: _RightRoll(shift, axis)(a),
}
