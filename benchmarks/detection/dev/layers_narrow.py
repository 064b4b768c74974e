"""Layers and losses in float32 and float16, at awkward values."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    cross_entropy,
    cross_entropy_vjp,
    layer_norm,
    layer_norm_vjp,
    rms_norm,
    rms_norm_vjp,
    sigmoid,
    softmax,
    softmax_vjp,
    softplus,
    unary,
    values,
)

ROUNDED = "rounding of a sound computation in the input's dtype"


LABELS = np.array([1, 0, 2, 1])


def f4(x):
    return np.asarray(x, np.float32)


def f2(x):
    return np.asarray(x, np.float16)


def batch_norm(x):
    return layer_norm(x, axis=0)


def batch_norm_vjp(v, x):
    return layer_norm_vjp(v, x, axis=0)


def variance(x):
    centred = x - x.mean(1, keepdims=True)
    return (centred * centred).mean(1)


def variance_vjp(v, x):
    return (2 * v[:, None] * (x - x.mean(1, keepdims=True)) / x.dtype.type(x.shape[1]),)


def cosine(a, b):
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


def cosine_vjp(v, a, b):
    na, nb = (np.sqrt((n * n).sum(1, keepdims=True)) for n in (a, b))
    c, v = cosine(a, b)[:, None], v[:, None]
    return v * (b / na / nb - c * a / na / na), v * (a / na / nb - c * b / nb / nb)


@right("batch_norm in float32 with a batch of two", proof=ROUNDED)
def batch_of_two_float32(rng):
    return batch_norm, batch_norm_vjp, [f4(rng.normal(size=(2, 5)))]


@right("batch_norm in float16")
def batch_float16(rng):
    return batch_norm, batch_norm_vjp, [f2(rng.normal(size=(8, 3)))]


@right("layer_norm in float16 over 64 features")
def layer_wide_float16(rng):
    return layer_norm, layer_norm_vjp, [f2(rng.normal(size=(2, 64)))]


@right("rms_norm in float32 with one dominating entry", proof=ROUNDED)
def rms_dominated_float32(rng):
    return rms_norm, rms_norm_vjp, [f4(values(1e-3, 2e3, -5e-2, 1).reshape(1, 4))]


@right("a variance in float32 about 1e4", proof=ROUNDED)
def variance_offset_float32(rng):
    return variance, variance_vjp, [f4(1e4 + rng.normal(size=(2, 6)))]


@right("cross-entropy in float16")
def cross_entropy_float16(rng):
    return cross_entropy, cross_entropy_vjp, [f2(rng.normal(size=(4, 3)) * 3), LABELS]


@right("softmax in float16 with one class in command", proof=ROUNDED)
def softmax_saturated_float16(rng):
    return softmax, softmax_vjp, [f2(values(0, 1, 12, -3, 0, 30, 2, 1).reshape(2, 4))]


@right("cosine similarity of nearly parallel vectors in float32", proof=ROUNDED)
def cosine_parallel_float32(rng):
    a = rng.normal(size=(3, 6))
    return cosine, cosine_vjp, [f4(a), f4(a + 1e-2 * rng.normal(size=(3, 6)))]


@right("softplus in float16 on both sides")
def softplus_float16(rng):
    return unary(softplus, sigmoid, f2(values(-12, -3, 0, 1e-3, 5, 60)))


@right("a bias summed over 100 rows in float16")
def bias_float16(rng):
    return (
        np.add,
        lambda v, x, b: (v, v.sum(0)),
        [f2(rng.normal(size=(100, 2))), f2(rng.normal(size=2))],
    )


@right("a two-layer network in float32")
def network_float32(rng):
    def vjp(v, x, w, u):
        y = np.tanh(x @ w)
        g = (v @ u.T) * (1 - y * y)
        return g @ w.T, x.T @ g, y.T @ v

    return (
        lambda x, w, u: np.tanh(x @ w) @ u,
        vjp,
        [f4(rng.normal(size=(4, 6))), f4(2 * rng.normal(size=(6, 8))), f4(rng.normal(size=(8, 2)))],
    )


@wrong("a variance in float32: divided by n - 1 in the gradient")
def variance_sample_float32(rng):
    def vjp(v, x):
        return (2 * v[:, None] * (x - x.mean(1, keepdims=True)) / np.float32(x.shape[1] - 1),)

    return variance, vjp, [f4(rng.normal(size=(2, 6)))]


@wrong("cross-entropy in float32: not divided by the batch")
def cross_entropy_sum_float32(rng):
    def vjp(v, x, labels):
        return cross_entropy_vjp(v, x, labels)[0] * np.float32(4), None

    return cross_entropy, vjp, [f4(rng.normal(size=(4, 3))), LABELS]


@wrong("cosine similarity in float32: one norm is not squared")
def cosine_norm_float32(rng):
    def vjp(v, a, b):
        na, nb = (np.sqrt((n * n).sum(1, keepdims=True)) for n in (a, b))
        c, v = cosine(a, b)[:, None], v[:, None]
        return v * (b / na / nb - c * a / na), v * (a / na / nb - c * b / nb / nb)

    return cosine, vjp, [f4(rng.normal(size=(3, 6))), f4(rng.normal(size=(3, 6)))]


@wrong("a bias in float32: the first 256 rows of 300 alone")
def bias_block_float32(rng):
    return (
        np.add,
        lambda v, x, b: (v, v[:256].sum(0)),
        [f4(rng.normal(size=(300, 2))), f4(rng.normal(size=2))],
    )


@wrong("softplus in float16: 1 from 2 on")
def softplus_float16_one(rng):
    return unary(
        softplus, lambda x: np.where(x >= 2, x.dtype.type(1), sigmoid(x)), f2(values(-3, 0, 1, 2))
    )


@wrong("rms_norm in float16: the projection is left out")
def rms_detached_float16(rng):
    def vjp(v, x):
        return (v / np.sqrt((x * x).mean(-1, keepdims=True) + np.float16(1e-6)),)

    return rms_norm, vjp, [f2(rng.normal(size=(2, 5)))]


@wrong("the last of 20 features is 2 % off, float32", at=(19, 39))
def last_feature_float32(rng):
    def vjp(v, x):
        gradient = layer_norm_vjp(v, x)[0]
        gradient[:, -1] *= np.float32(1.02)
        return (gradient,)

    return layer_norm, vjp, [f4(rng.normal(size=(2, 20)))]
