"""Convolutions and pooling."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    conv1d,
    conv1d_vjp,
    conv2d,
    conv2d_vjp,
    windows,
    windows_vjp,
)


def signal(rng, t=7, k=3):
    return [rng.normal(size=(2, 2, t)), rng.normal(size=(3, 2, k))]


def image(rng, n=5, k=3):
    return [rng.normal(size=(1, 2, n, n)), rng.normal(size=(2, 2, k, k))]


def mean_pool(x):
    return windows(x, 3, 2).mean(-1)


def max_pool(x):
    return windows(x, 3, 2).max(-1)


def max_pool_vjp(v, x, stride=2):
    parts = windows(x, 3, stride)
    hit = np.zeros_like(parts)
    np.put_along_axis(hit, parts.argmax(-1)[..., None], v[..., None], -1)
    return (windows_vjp(hit, x.shape, stride),)


@right("an image, stride 2")
def two_dimensional_strided(rng):
    return lambda x, w: conv2d(x, w, 2), lambda v, x, w: conv2d_vjp(v, x, w, 2), image(rng, 6, 2)


@right("a kernel as long as its signal")
def whole_kernel(rng):
    return conv1d, conv1d_vjp, signal(rng, 3, 3)


@right("overlapping windows with one largest entry each")
def max_pooling(rng):
    return max_pool, max_pool_vjp, [rng.permutation(18).reshape(2, 9) + 0.25]


@right("mean pooling with overlap")
def mean_pooling(rng):
    def vjp(v, x):
        return (windows_vjp(np.repeat(v[..., None] / 3, 3, -1), x.shape, 2),)

    return mean_pool, vjp, [rng.normal(size=(2, 9))]


@wrong("the stride is ignored in the input's gradient")
def stride_ignored(rng):
    def vjp(v, x, w):
        inner = np.einsum("not,ock->nctk", v, w)
        return windows_vjp(inner, x.shape, 1), conv1d_vjp(v, x, w, 2)[1]

    return lambda x, w: conv1d(x, w, 2), vjp, signal(rng)


@wrong("the weights' gradient is the mean over the batch")
def weights_batch_mean(rng):
    def vjp(v, x, w):
        dx, dw = conv1d_vjp(v, x, w)
        return dx, dw / len(x)

    return conv1d, vjp, signal(rng)


@wrong("one corner of the image is 1 % off")
def corner_slightly(rng):
    def vjp(v, x, w):
        dx, dw = conv2d_vjp(v, x, w)
        dx[0, 0, 0, 0] *= 1.01
        return dx, dw

    return conv2d, vjp, image(rng)


@wrong("overlapping windows overwrite each other")
def windows_overwrite(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        for k in range(v.shape[-1]):
            gradient[..., 2 * k : 2 * k + 3] = v[..., k, None] / 3
        return (gradient,)

    return mean_pool, vjp, [rng.normal(size=(2, 9))]


@wrong("max pooling: the position in the window is taken for that in the signal")
def max_position(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        places = windows(x, 3, 2).argmax(-1)
        np.put_along_axis(gradient, places, v, -1)
        return (gradient,)

    return max_pool, vjp, [rng.permutation(18).reshape(2, 9) + 0.25]


@wrong("mean pooling: not divided by the window's size")
def mean_undivided(rng):
    def vjp(v, x):
        return (windows_vjp(np.repeat(v[..., None], 3, -1), x.shape, 2),)

    return mean_pool, vjp, [rng.normal(size=(2, 9))]


@wrong("dilation is forgotten in the gradient")
def dilation_forgotten(rng):
    def f(x, w):
        return sum(x[k * 2 : k * 2 + 5] * w[k] for k in range(3))

    def vjp(v, x, w):
        dx = np.zeros_like(x)
        for k in range(3):
            dx[k : k + 5] += v * w[k]
        return dx, np.array([(v * x[2 * k : 2 * k + 5]).sum() for k in range(3)])

    return f, vjp, [rng.normal(size=9), rng.normal(size=3)]


@wrong("depthwise: channels are mixed in the weights' gradient")
def depthwise_mixed(rng):
    def f(x, w):
        return np.einsum("ctk,ck->ct", windows(x, 2), w)

    def vjp(v, x, w):
        inner = windows_vjp(np.einsum("ct,ck->ctk", v, w), x.shape)
        return inner, np.einsum("ct,dtk->ck", v, windows(x, 2))

    return f, vjp, [rng.normal(size=(3, 6)), rng.normal(size=(3, 2))]


@wrong("upsampling by repetition: one of two copies alone")
def upsampling(rng):
    def f(x):
        return np.repeat(x, 2, -1)

    return f, lambda v, x: (v[..., ::2] * 1.0,), [rng.normal(size=(2, 4))]
