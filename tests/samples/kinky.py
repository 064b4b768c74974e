"""Operators with kinks, right and wrong, each with its spec in `kinky.specs/`.

A slope or a share is an array that has no derivative of its own; `slopes` makes it one.
"""

import numpy as np

from needle import Tensor, TensorOp, ops


def slopes(values, like):
    """Return an array as a constant of the graph, in another tensor's dtype."""
    return Tensor(np.asarray(values, dtype=like.dtype), requires_grad=False)


class Relu(TensorOp):
    """y = max(x, 0); dx = dy where x > 0, `at_zero` dy where x = 0."""

    def __init__(self, at_zero):
        self.at_zero = at_zero

    def compute(self, x):
        return np.maximum(x, 0)

    def gradient(self, out_grad, node):
        x = node.inputs[0].numpy()
        return out_grad * slopes(np.where(x == 0, self.at_zero, x > 0), out_grad)


def relu_zero(x):
    return Relu(0.0)(x)


def relu_half(x):
    return Relu(0.5)(x)


def relu_one(x):
    return Relu(1.0)(x)


def relu_seven(x):
    return Relu(7.0)(x)


def symmetric_one(x):
    return Relu(1.0)(x)


def symmetric_seven(x):
    return Relu(7.0)(x)


def triangular_zero(x):
    return Relu(0.0)(x)


def triangular_seven(x):
    return Relu(7.0)(x)


def spd_half(x):
    return Relu(0.5)(x)


def spd_seven(x):
    return Relu(7.0)(x)


class Shared(TensorOp):
    """y = max of x over an axis; dx = dy times the share of every entry that attains it."""

    def __init__(self, axis, share):
        self.axis, self.share = axis, share

    def compute(self, x):
        return x.max(axis=self.axis)

    def gradient(self, out_grad, node):
        x = node.inputs[0].numpy()
        top = x == x.max(axis=self.axis, keepdims=True)
        kept = list(x.shape)
        kept[self.axis] = 1
        spread = ops.broadcast_to(ops.reshape(out_grad, tuple(kept)), x.shape)
        return spread * slopes(self.share(top, self.axis), out_grad)


def evenly(top, axis):
    return top / top.sum(axis=axis, keepdims=True)


def to_the_first(top, axis):
    return top & (np.cumsum(top, axis=axis) == 1)


def largest_even(x, axis):
    return Shared(axis, evenly)(x)


def largest_first(x, axis):
    return Shared(axis, to_the_first)(x)


def largest_all(x, axis):
    return Shared(axis, lambda top, axis: top)(x)


def largest_none(x, axis):
    return Shared(axis, lambda top, axis: top & (top.sum(axis=axis, keepdims=True) == 1))(x)


class Sorted(TensorOp):
    """y = x sorted along the last axis; the k-th of equal outputs answers for their k-th entry.

    `tied` multiplies the gradient of tied outputs; 1 is right.
    """

    def __init__(self, backwards=False, tied=1.0):
        self.backwards = backwards
        self.tied = tied

    def compute(self, x):
        return np.sort(x, axis=-1)

    def gradient(self, out_grad, node):
        x = node.inputs[0].numpy()
        order = np.argsort(x, axis=-1, kind="stable")
        if self.backwards:
            order = x.shape[-1] - 1 - np.argsort(x[..., ::-1], axis=-1, kind="stable")
        spread = np.zeros((*x.shape, x.shape[-1]))
        alike = (x[..., :, None] == x[..., None, :]).sum(axis=-1)
        share = np.where(np.take_along_axis(alike, order, -1) > 1, self.tied, 1.0)
        np.put_along_axis(spread, order[..., None, :], share[..., None, :], axis=-2)
        parts = [
            ops.summation(out_grad * slopes(spread[..., k, :], out_grad), -1)
            for k in range(x.shape[-1])
        ]
        return ops.stack(parts, axis=len(x.shape) - 1)


def sorted_stable(x):
    return Sorted()(x)


def sorted_backwards(x):
    return Sorted(backwards=True)(x)


def sorted_somehow(x):
    return Sorted(backwards=True)(x)


def sorted_nothing(x):
    return Sorted(tied=0.0)(x)


def sorted_double(x):
    return Sorted(tied=2.0)(x)


class Greater(TensorOp):
    """y = max(a, b) entry by entry; at a tie `a` gets `shares[0]` of dy and `b` `shares[1]`."""

    def __init__(self, *shares):
        self.shares = shares

    def compute(self, a, b):
        return np.maximum(a, b)

    def gradient(self, out_grad, node):
        a, b = (v.numpy() for v in node.inputs)
        return (
            out_grad * slopes(np.where(a == b, self.shares[0], a > b), out_grad),
            out_grad * slopes(np.where(a == b, self.shares[1], b > a), out_grad),
        )


def greater_half(a, b):
    return Greater(0.5, 0.5)(a, b)


def greater_edge(a, b):
    return Greater(1.0, 0.0)(a, b)


def greater_edge_none(a, b):
    return Greater(0.0, 0.0)(a, b)


def greater_left(a, b):
    return Greater(1.0, 0.0)(a, b)


def greater_both(a, b):
    return Greater(1.0, 1.0)(a, b)


def greater_neither(a, b):
    return Greater(0.0, 0.0)(a, b)


class Pool(TensorOp):
    """y[i] = max(x[i], x[i + 1], x[i + 2]), windows that overlap; `share` says who gets dy."""

    def __init__(self, share):
        self.share = share

    def compute(self, x):
        return np.lib.stride_tricks.sliding_window_view(x, 3).max(axis=-1)

    def gradient(self, out_grad, node):
        x = node.inputs[0].numpy()
        windows = np.lib.stride_tricks.sliding_window_view(x, 3)
        share = self.share(windows == windows.max(axis=-1, keepdims=True), -1)
        rows = np.arange(len(windows))[:, None]
        matrix = np.zeros((len(windows), len(x)))
        np.add.at(matrix, (rows, rows + np.arange(3)), share)
        return ops.matmul(out_grad, slopes(matrix, out_grad))


def pool_first(x):
    return Pool(to_the_first)(x)


def pool_all(x):
    return Pool(lambda top, axis: top)(x)


def pool_second_window_lost(x):
    def share(top, axis):
        kept = to_the_first(top, axis).copy()
        tied = top.sum(axis=-1) > 1
        kept[1:2][tied[1:2]] = False
        return kept

    return Pool(share)(x)


class Clip(TensorOp):
    """y = x between `low` and `high`; dx = dy inside, `at_ends` dy on either end."""

    def __init__(self, low, high, at_ends):
        self.low, self.high, self.at_ends = low, high, at_ends

    def compute(self, x):
        return np.clip(x, self.low, self.high)

    def gradient(self, out_grad, node):
        x = node.inputs[0].numpy()
        on_an_end = (x == self.low) | (x == self.high)
        slope = np.where(on_an_end, self.at_ends, (x > self.low) & (x < self.high))
        return out_grad * slopes(slope, out_grad)


def clip_closed(x, low, high):
    return Clip(low, high, 1.0)(x)


def clip_minus(x, low, high):
    return Clip(low, high, -1.0)(x)


class Norm(TensorOp):
    """y = |x| over the last axis; dx = dy x / |x|, `at_zero` where |x| = 0."""

    def __init__(self, at_zero):
        self.at_zero = at_zero

    def compute(self, x):
        # The naive square root of the sum of squares loses small numbers.
        return np.hypot.reduce(x, axis=-1)

    def gradient(self, out_grad, node):
        x = node.inputs[0].numpy()
        length = self.compute(x)[..., None]
        with np.errstate(all="ignore"):
            unit = np.where(length == 0, self.at_zero, x / length)
        spread = ops.broadcast_to(ops.reshape(out_grad, length.shape), x.shape)
        return spread * slopes(unit, out_grad)


def norm_zero(x):
    return Norm(0.0)(x)


def norm_nan(x):
    return Norm(np.nan)(x)


def norm_ones(x):
    return Norm(1.0)(x)


class Root(TensorOp):
    """y = sqrt(x); dx = dy / (2 y), `at_zero` where x = 0."""

    def __init__(self, at_zero):
        self.at_zero = at_zero

    def compute(self, x):
        return np.sqrt(x)

    def gradient(self, out_grad, node):
        root = np.sqrt(node.inputs[0].numpy())
        with np.errstate(all="ignore"):
            slope = np.where(root == 0, self.at_zero, 0.5 / root)
            # An output gradient of zero asks for nothing, not for 0 times infinity.
            asked = np.where(out_grad.numpy() == 0, 0.0, slope)
        return out_grad * slopes(asked, out_grad)


def root_infinite(x):
    return Root(np.inf)(x)


def root_zero(x):
    return Root(0.0)(x)


class Kept(TensorOp):
    """y = v where a fixed mask is true, 0 elsewhere: a choice, and no product with 0."""

    def __init__(self, mask):
        self.mask = mask

    def compute(self, v):
        return np.where(self.mask, v, v.dtype.type(0))

    def gradient(self, out_grad, node):
        return Kept(self.mask)(out_grad)


class Choose(TensorOp):
    """y = a where `cond`, b elsewhere; da = dy there, db = dy elsewhere."""

    def __init__(self, flaw=""):
        self.flaw = flaw

    def compute(self, cond, a, b):
        return np.where(cond, a, b)

    def gradient(self, out_grad, node):
        cond, a, b = node.inputs
        mask = cond.numpy()
        if self.flaw == "product":  # 0 times an infinite output gradient is NaN
            return None, out_grad * slopes(mask, out_grad), out_grad * slopes(~mask, out_grad)
        da, db = Kept(mask)(out_grad), Kept(~mask)(out_grad)
        if self.flaw == "leak":  # 0 times the NaN of a branch that was not taken is NaN
            return None, da + 0 * a, db + 0 * b
        return None, da, db


def choose(cond, a, b):
    return Choose()(Tensor(cond, requires_grad=False), a, b)


def choose_leaking(cond, a, b):
    return Choose("leak")(Tensor(cond, requires_grad=False), a, b)


def choose_product(cond, a, b):
    return Choose("product")(Tensor(cond, requires_grad=False), a, b)


class Difference(TensorOp):
    """y = |a| - |b|; da = sign(a) dy, db = -sign(b) dy, and `at_zero` for the sign of 0."""

    def __init__(self, at_zero):
        self.at_zero = at_zero

    def compute(self, a, b):
        return np.abs(a) - np.abs(b)

    def gradient(self, out_grad, node):
        a, b = (v.numpy() for v in node.inputs)
        sign_a = np.where(a == 0, self.at_zero, np.sign(a))
        sign_b = np.where(b == 0, 0.0, np.sign(b))
        return out_grad * slopes(sign_a, out_grad), out_grad * slopes(-sign_b, out_grad)


def difference(a, b):
    return Difference(1.0)(a, b)


def difference_free(a, b):
    return Difference(0.5)(a, b)


def difference_three(a, b):
    return Difference(3.0)(a, b)


class Median(TensorOp):
    """y = the median of three over the last axis; dx = dy at the first entry that is it."""

    def __init__(self, share):
        self.share = share

    def compute(self, x):
        return np.sort(x, axis=-1)[..., 1]

    def gradient(self, out_grad, node):
        x = node.inputs[0].numpy()
        share = self.share(x == self.compute(x)[..., None], -1)
        spread = ops.reshape(out_grad, (*out_grad.shape, 1))
        return ops.broadcast_to(spread, x.shape) * slopes(share, out_grad)


def median_first(x):
    return Median(to_the_first)(x)


def median_even(x):
    return Median(evenly)(x)


def pool_reference(x):
    return np.lib.stride_tricks.sliding_window_view(x, 3).max(axis=-1)


def norm_reference(x):
    return np.hypot.reduce(x, axis=-1)


def difference_reference(a, b):
    return np.abs(a) - np.abs(b)


def median_reference(x):
    return np.median(x, axis=-1)
