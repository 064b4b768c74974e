"""Normalisation layers."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    layer_norm,
    layer_norm_vjp,
    rms_norm,
    rms_norm_vjp,
    values,
)


def affine(x, g, b):
    return layer_norm(x) * g + b


def batch_norm(x, g, b):
    return layer_norm(x, axis=0) * g + b


def batch_norm_vjp(v, x, g, b):
    return layer_norm_vjp(v * g, x, axis=0)[0], (v * layer_norm(x, axis=0)).sum(0), v.sum(0)


def group_norm(x, groups=2):
    return layer_norm(x.reshape(len(x), groups, -1), axis=2).reshape(x.shape)


def group_norm_vjp(v, x, groups=2):
    inner = x.reshape(len(x), groups, -1)
    return (layer_norm_vjp(v.reshape(inner.shape), inner, axis=2)[0].reshape(x.shape),)


@right("a constant row: the variance is zero")
def layer_constant_row(rng):
    x = rng.normal(size=(3, 5))
    x[1] = 2
    return layer_norm, layer_norm_vjp, [x]


@right("a mean of 1e4 over a spread of 1")
def layer_offset(rng):
    return layer_norm, layer_norm_vjp, [1e4 + rng.normal(size=(3, 8))]


@right("two features: the output is nearly a sign", proof="terms of the gradient cancel")
def layer_two_features(rng):
    return layer_norm, layer_norm_vjp, [rng.normal(size=(4, 2)) * 10]


@right("a batch of two")
def batch_of_two(rng):
    return (
        batch_norm,
        batch_norm_vjp,
        [rng.normal(size=(2, 4)), rng.normal(size=4), rng.normal(size=4)],
    )


@right("rms_norm with rows of all sizes")
def rms_all_sizes(rng):
    return rms_norm, rms_norm_vjp, [rng.normal(size=(4, 6)) * values(1e-6, 1e-2, 1, 1e5)[:, None]]


@right("rms_norm of a row of zeros")
def rms_zero_row(rng):
    x = rng.normal(size=(3, 4))
    x[0] = 0
    return rms_norm, rms_norm_vjp, [x]


@right("unit vectors: x / |x|")
def unit_vectors(rng):
    def f(x):
        return x / np.sqrt((x * x).sum(-1, keepdims=True))

    def vjp(v, x):
        r = np.sqrt((x * x).sum(-1, keepdims=True))
        y = x / r
        return ((v - y * (v * y).sum(-1, keepdims=True)) / r,)

    return f, vjp, [rng.normal(size=(3, 4)) * values(1e-20, 1, 1e20)[:, None]]


@wrong("the mean and the variance are treated as constant")
def layer_all_constant(rng):
    def vjp(v, x):
        return (v / np.sqrt(x.var(-1, keepdims=True) + 1e-5),)

    return layer_norm, vjp, [rng.normal(size=(4, 6))]


@wrong("epsilon is added to the standard deviation in the gradient")
def layer_epsilon_outside(rng):
    def vjp(v, x):
        s = x.std(-1, keepdims=True) + 1e-5
        y = (x - x.mean(-1, keepdims=True)) / s
        return ((v - v.mean(-1, keepdims=True) - y * (v * y).mean(-1, keepdims=True)) / s,)

    return layer_norm, vjp, [rng.normal(size=(3, 5)) * 0.05]


@wrong("n - 1 in the gradient, n in the function")
def layer_sample_variance(rng):
    def vjp(v, x):
        s = np.sqrt(x.var(-1, ddof=1, keepdims=True) + 1e-5)
        y = (x - x.mean(-1, keepdims=True)) / s
        return ((v - v.mean(-1, keepdims=True) - y * (v * y).mean(-1, keepdims=True)) / s,)

    return layer_norm, vjp, [rng.normal(size=(4, 32))]


@wrong("the weight's gradient uses x instead of the normalised x")
def layer_weight_raw(rng):
    def vjp(v, x, g, b):
        return layer_norm_vjp(v * g, x)[0], (v * x).sum(0), v.sum(0)

    return affine, vjp, [rng.normal(size=(4, 6)), rng.normal(size=6), rng.normal(size=6)]


@wrong("group_norm: the whole layer is one group in the gradient")
def group_as_layer(rng):
    return group_norm, lambda v, x: group_norm_vjp(v, x, 1), [rng.normal(size=(2, 4, 3))]


@wrong("rms_norm: a third power where a second is right")
def rms_power(rng):
    def vjp(v, x):
        r = np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6)
        return (v / r - x * (v * x).mean(-1, keepdims=True) / r**2,)

    return rms_norm, vjp, [rng.normal(size=(3, 5))]


@wrong("unit vectors: the projection is left out")
def unit_no_projection(rng):
    def f(x):
        return x / np.sqrt((x * x).sum(-1, keepdims=True))

    return f, lambda v, x: (v / np.sqrt((x * x).sum(-1, keepdims=True)),), [rng.normal(size=(3, 4))]


@wrong("unit vectors: 1e-6 in the denominator, with a row of 1e-4")
def unit_guarded(rng):
    def f(x):
        return x / np.sqrt((x * x).sum(-1, keepdims=True))

    def vjp(v, x):
        r = np.sqrt((x * x).sum(-1, keepdims=True)) + 1e-6
        y = x / r
        return ((v - y * (v * y).sum(-1, keepdims=True)) / r,)

    return f, vjp, [rng.normal(size=(3, 4)) * values(1e-4, 1, 1e4)[:, None]]


@wrong("min-max scaling: the span is treated as constant")
def min_max_constant(rng):
    def f(x):
        return (x - x.min()) / (x.max() - x.min())

    return f, lambda v, x: (v / (x.max() - x.min()),), [rng.normal(size=7)]
