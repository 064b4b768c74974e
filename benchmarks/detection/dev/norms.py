"""Normalisation layers."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    layer_norm,
    layer_norm_vjp,
    rms_norm,
    values,
)


def affine(x, g, b):
    return layer_norm(x) * g + b


def affine_vjp(v, x, g, b):
    return layer_norm_vjp(v * g, x)[0], (v * layer_norm(x)).sum(0), v.sum(0)


def batch_norm(x, g, b):
    return layer_norm(x, axis=0) * g + b


def batch_norm_vjp(v, x, g, b):
    return layer_norm_vjp(v * g, x, axis=0)[0], (v * layer_norm(x, axis=0)).sum(0), v.sum(0)


def group_norm(x, groups=2):
    return layer_norm(x.reshape(len(x), groups, -1), axis=2).reshape(x.shape)


def group_norm_vjp(v, x, groups=2):
    inner = x.reshape(len(x), groups, -1)
    return (layer_norm_vjp(v.reshape(inner.shape), inner, axis=2)[0].reshape(x.shape),)


@right("layer_norm with weight and bias")
def layer_affine(rng):
    return affine, affine_vjp, [rng.normal(size=(4, 6)), rng.normal(size=6), rng.normal(size=6)]


@right("rows of all sizes, some far below epsilon")
def layer_all_sizes(rng):
    return (
        layer_norm,
        layer_norm_vjp,
        [rng.normal(size=(5, 6)) * values(1e-8, 1e-3, 1, 1e3, 1e8)[:, None]],
    )


@right("no epsilon at all")
def layer_no_epsilon(rng):
    return (
        lambda x: layer_norm(x, 0.0),
        lambda v, x: layer_norm_vjp(v, x, 0.0),
        [rng.normal(size=(3, 5)) * 1e-6],
    )


@right("batch_norm with weight and bias")
def batch_affine(rng):
    return (
        batch_norm,
        batch_norm_vjp,
        [rng.normal(size=(6, 3)) * values(1e-2, 1, 50), rng.normal(size=3), rng.normal(size=3)],
    )


@right("group_norm")
def group(rng):
    return group_norm, group_norm_vjp, [rng.normal(size=(2, 4, 3))]


@right("min-max scaling away from ties")
def min_max(rng):
    def f(x):
        return (x - x.min()) / (x.max() - x.min())

    def vjp(v, x):
        span = x.max() - x.min()
        gradient = v / span
        y = f(x)
        gradient[x.argmin()] += (-v + v * y).sum() / span
        gradient[x.argmax()] -= (v * y).sum() / span
        return (gradient,)

    return f, vjp, [rng.normal(size=7)]


@wrong("the variance is treated as constant")
def layer_constant_variance(rng):
    def vjp(v, x):
        return ((v - v.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5),)

    return layer_norm, vjp, [rng.normal(size=(4, 6))]


@wrong("the mean is treated as constant")
def layer_constant_mean(rng):
    def vjp(v, x):
        s = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        y = layer_norm(x)
        return ((v - y * (v * y).mean(-1, keepdims=True)) / s,)

    return layer_norm, vjp, [rng.normal(size=(4, 6))]


@wrong("another epsilon in the gradient: 1e-6 for 1e-5")
def layer_other_epsilon(rng):
    return layer_norm, lambda v, x: layer_norm_vjp(v, x, 1e-6), [rng.normal(size=(3, 5)) * 0.1]


@wrong("the mean of products is a sum")
def layer_sum(rng):
    def vjp(v, x):
        s = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        y = layer_norm(x)
        return ((v - v.mean(-1, keepdims=True) - y * (v * y).sum(-1, keepdims=True)) / s,)

    return layer_norm, vjp, [rng.normal(size=(4, 6))]


@wrong("the weight is applied after the mean is taken off")
def layer_weight_late(rng):
    def vjp(v, x, g, b):
        return layer_norm_vjp(v, x)[0] * g, (v * layer_norm(x)).sum(0), v.sum(0)

    return affine, vjp, [rng.normal(size=(4, 6)), rng.normal(size=6), rng.normal(size=6)]


@wrong("the bias gets the mean of the cotangent")
def layer_bias_mean(rng):
    def vjp(v, x, g, b):
        return layer_norm_vjp(v * g, x)[0], (v * layer_norm(x)).sum(0), v.mean(0)

    return affine, vjp, [rng.normal(size=(4, 6)), rng.normal(size=6), rng.normal(size=6)]


@wrong("batch_norm: statistics of the features instead of the batch")
def batch_other_axis(rng):
    def vjp(v, x, g, b):
        return layer_norm_vjp(v * g, x, axis=1)[0], (v * layer_norm(x, axis=0)).sum(0), v.sum(0)

    return batch_norm, vjp, [rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)]


@wrong("batch_norm: the gradient of inference, with fixed statistics")
def batch_inference(rng):
    def vjp(v, x, g, b):
        return v * g / np.sqrt(x.var(0) + 1e-5), (v * layer_norm(x, axis=0)).sum(0), v.sum(0)

    return batch_norm, vjp, [rng.normal(size=(6, 3)), rng.normal(size=3), rng.normal(size=3)]


@wrong("group_norm: the groups are the neighbouring rows instead of halves")
def group_other_groups(rng):
    return group_norm, lambda v, x: group_norm_vjp(v, x, 4), [rng.normal(size=(2, 4, 3))]


@wrong("rms_norm: the root mean square is treated as constant")
def rms_detached(rng):
    def vjp(v, x):
        return (v / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6),)

    return rms_norm, vjp, [rng.normal(size=(3, 5))]
