"""Losses, each with one mistake, and their right twins."""

import numpy

from needle import ops
from needle.autograd import Tensor, TensorOp
from needle.ops import exp, logsoftmax
from needle.ops._softmax import softmax_weights

__all__ = ["huber", "log_sum_exp", "smoothed_cross_entropy"]


def huber_reference(a):
    return numpy.where(numpy.abs(a) <= 1, a * a / 2, numpy.abs(a) - 0.5)


class Huber(TensorOp):
    """y = a^2 / 2 for |a| <= 1 and |a| - 1/2 beyond; da = a dy, and sign(a) dy beyond."""

    def compute(self, a):
        size = numpy.abs(a)
        near = numpy.minimum(size, 1)  # whose square does not overflow
        return numpy.where(size <= 1, near * near / 2, size - 0.5)

    def gradient(self, out_grad, node):
        a = node.inputs[0]
        return self._slope(a, numpy.ones_like(a.realize_cached_data())) * out_grad

    def _slope(self, a, beyond):
        near = (numpy.abs(a.realize_cached_data()) <= 1).astype(a.dtype)
        return a * near + Tensor.make_const((1 - near) * beyond)


class _RightHuber(Huber):
    def gradient(self, out_grad, node):
        a = node.inputs[0]
        return self._slope(a, numpy.sign(a.realize_cached_data())) * out_grad


def huber(a):
    return Huber()(a)


class LogSumExp(TensorOp):
    """y = ln sum exp a over all entries; da = exp(a - y) dy."""

    def compute(self, a):
        return numpy.log(numpy.sum(numpy.exp(a)))

    def gradient(self, out_grad, node):
        return exp(node.inputs[0] - node) * out_grad


class _RightLogSumExp(LogSumExp):
    def compute(self, a):
        return ops.LogSumExp().compute(a)

    def gradient(self, out_grad, node):
        a = node.inputs[0]
        # exp(a - y) would lose the digits that a - y cancels
        return softmax_weights(a, tuple(range(a.ndim))) * out_grad


def log_sum_exp(a):
    return LogSumExp()(a)


def smoothed_cross_entropy_reference(logits, labels, smoothing):
    shifted = logits - numpy.max(logits, axis=1, keepdims=True)
    logs = shifted - numpy.log(numpy.sum(numpy.exp(shifted), axis=1, keepdims=True))
    chosen = logs[numpy.arange(len(labels)), labels]
    return -numpy.mean((1 - smoothing) * chosen + smoothing * numpy.mean(logs, axis=1))


class SmoothedCrossEntropy(TensorOp):
    """y = mean over rows of -sum q ln softmax(a), with q = (1 - s) onehot + s / classes.

    da = (softmax(a) - q) / rows dy.
    """

    def __init__(self, labels, smoothing):
        self.labels = labels
        self.smoothing = smoothing

    def compute(self, logits):
        loss = smoothed_cross_entropy_reference(logits, self.labels, self.smoothing)
        return loss.astype(logits.dtype)

    def gradient(self, out_grad, node):
        return self._towards(out_grad, node.inputs[0], 0.0)

    def _towards(self, out_grad, logits, smoothing):
        rows, classes = logits.shape
        target = numpy.full((rows, classes), smoothing / classes, dtype=logits.dtype)
        target[numpy.arange(rows), self.labels] += 1 - smoothing
        return (exp(logsoftmax(logits)) - target) / rows * out_grad


class _RightSmoothedCrossEntropy(SmoothedCrossEntropy):
    def gradient(self, out_grad, node):
        return self._towards(out_grad, node.inputs[0], self.smoothing)


def smoothed_cross_entropy(logits, labels, smoothing):
    return SmoothedCrossEntropy(labels, smoothing)(logits)


RIGHT = {
    "huber": lambda a: _RightHuber()(a),
    "log_sum_exp": lambda a: _RightLogSumExp()(a),
    "smoothed_cross_entropy": lambda logits, labels, smoothing: _RightSmoothedCrossEntropy(
        labels, smoothing
    )(logits),
}
