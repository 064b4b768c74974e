"""Layers and losses in float32 and float16, at awkward values."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    cross_entropy,
    cross_entropy_vjp,
    layer_norm,
    layer_norm_vjp,
    log_softmax,
    log_softmax_vjp,
    logsumexp,
    logsumexp_vjp,
    softmax,
    softmax_vjp,
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


def cumprod_vjp(v, x):
    gradient = np.zeros_like(x)
    for i in range(x.size):
        for j in range(i, x.size):
            gradient[i] += v[j] * np.prod(np.delete(x[: j + 1], i))
    return (gradient,)


@right("batch_norm in float32 with means of 1000", proof=ROUNDED)
def batch_offset_float32(rng):
    return batch_norm, batch_norm_vjp, [f4(1000 + rng.normal(size=(6, 3)))]


@right("layer_norm in float32 with a constant row")
def layer_constant_float32(rng):
    x = rng.normal(size=(3, 8))
    x[1] = 0.1
    return layer_norm, layer_norm_vjp, [f4(x)]


@right("a variance in float16 about 10")
def variance_offset_float16(rng):
    return variance, variance_vjp, [f2(10 + rng.normal(size=(2, 6)))]


@right("cross-entropy in float32 that is solved to 1e-9", proof=ROUNDED)
def cross_entropy_solved_float32(rng):
    x = rng.normal(size=(4, 3))
    x[np.arange(4), LABELS] += 22
    return cross_entropy, cross_entropy_vjp, [f4(x), LABELS]


@right("softmax in float32 at a temperature of 100")
def softmax_hot_float32(rng):
    t = np.float32(100)
    return (
        lambda x: softmax(x / t),
        lambda v, x: (softmax_vjp(v, x / t)[0] / t,),
        [f4(rng.normal(size=(2, 6)))],
    )


@right("log_softmax in float32 with logits about 1000")
def log_softmax_offset_float32(rng):
    return log_softmax, log_softmax_vjp, [f4(1000 + rng.normal(size=(2, 5)))]


@right("logsumexp in float16 with ties")
def logsumexp_float16(rng):
    return logsumexp, logsumexp_vjp, [f2(values(3, 3, 3, 1, -8, 2, 2, -1).reshape(2, 4))]


@right("a cumulative product in float16")
def cumprod_float16(rng):
    return np.cumprod, cumprod_vjp, [f2(rng.uniform(0.5, 1.5, 8))]


@right("a cumulative product in float32 that falls to 1e-20")
def cumprod_float32(rng):
    return np.cumprod, cumprod_vjp, [f4(10.0 ** rng.uniform(-4, -2, 7))]


@right("x - tanh x in float16 near zero, by 1 - (1 - y^2)", proof=ROUNDED)
def tanhshrink_float16(rng):
    one = np.float16(1)
    return unary(
        lambda x: x - np.tanh(x),
        lambda x: one - (one - np.tanh(x) ** 2),
        f2(values(-0.006, 0.002, 0.3, 2)),
    )


@right("a bias summed over 300 rows in float32")
def bias_float32(rng):
    return (
        np.add,
        lambda v, x, b: (v, v.sum(0)),
        [f4(rng.normal(size=(300, 2))), f4(rng.normal(size=2))],
    )


@wrong("batch_norm in float32: the variance is treated as constant")
def batch_detached_float32(rng):
    def vjp(v, x):
        return ((v - v.mean(0)) / np.sqrt(x.var(0) + np.float32(1e-5)),)

    return batch_norm, vjp, [f4(rng.normal(size=(6, 3)))]


@wrong("batch_norm in float16: the mean is treated as constant")
def batch_mean_float16(rng):
    def vjp(v, x):
        y = batch_norm(x)
        return ((v - y * (v * y).mean(0)) / np.sqrt(x.var(0) + np.float16(1e-5)),)

    return batch_norm, vjp, [f2(rng.normal(size=(8, 3)))]


@wrong("cross-entropy in float16: the wrong class is lowered")
def cross_entropy_class_float16(rng):
    def vjp(v, x, labels):
        return cross_entropy_vjp(v, x, (labels + 1) % 3)

    return cross_entropy, vjp, [f2(rng.normal(size=(4, 3))), LABELS]


@wrong("softmax in float32: computed in float16")
def softmax_half(rng):
    def vjp(v, x):
        return (softmax_vjp(f2(v), f2(x))[0].astype(np.float32),)

    return softmax, vjp, [f4(rng.normal(size=(3, 4)))]


@wrong("layer_norm in float64: computed in float32")
def layer_norm_single(rng):
    def vjp(v, x):
        return (layer_norm_vjp(f4(v), f4(x))[0].astype(np.float64),)

    return layer_norm, vjp, [rng.normal(size=(3, 6))]


@wrong("layer_norm in float32: the mean and the variance in float16")
def layer_norm_statistics_half(rng):
    def vjp(v, x):
        m = f2(x).mean(-1, keepdims=True).astype(np.float32)
        s = np.sqrt(f2(x).var(-1, keepdims=True).astype(np.float32) + np.float32(1e-5))
        y = (x - m) / s
        return ((v - v.mean(-1, keepdims=True) - y * (v * y).mean(-1, keepdims=True)) / s,)

    return layer_norm, vjp, [f4(rng.normal(size=(3, 6)))]


@wrong("a bias in float16: the mean")
def bias_mean_float16(rng):
    return (
        np.add,
        lambda v, x, b: (v, v.mean(0)),
        [f2(rng.normal(size=(20, 2))), f2(rng.normal(size=2))],
    )


@wrong("a network in float32: one of the layers' transpositions is a reshape")
def network_reshape_float32(rng):
    def vjp(v, x, w, u):
        y = np.tanh(x @ w)
        g = (v @ u.reshape(u.shape[::-1])) * (1 - y * y)
        return g @ w.T, x.T @ g, y.T @ v

    return (
        lambda x, w, u: np.tanh(x @ w) @ u,
        vjp,
        [f4(rng.normal(size=(4, 6))), f4(rng.normal(size=(6, 8))), f4(rng.normal(size=(8, 2)))],
    )
