"""Inputs in float32 and float16, and computations in a dtype narrower than the input's."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    cross_entropy,
    cross_entropy_vjp,
    layer_norm,
    layer_norm_vjp,
    log_softmax,
    log_softmax_vjp,
    rms_norm,
    rms_norm_vjp,
    sigmoid,
    softmax,
    softmax_vjp,
    unary,
    values,
)

ROUNDED = "rounding of a sound computation in the input's dtype"


def f4(x):
    return np.asarray(x, np.float32)


def f2(x):
    return np.asarray(x, np.float16)


def std(x):
    centred = x - x.mean(1, keepdims=True)
    return np.sqrt((centred * centred).mean(1))


def std_vjp(v, x):
    return ((v / std(x))[:, None] * (x - x.mean(1, keepdims=True)) / x.dtype.type(x.shape[1]),)


def squared_distances(x, y):
    return (x * x).sum(1)[:, None] + (y * y).sum(1) - 2 * (x @ y.T)


def squared_distances_vjp(v, x, y):
    return (
        2 * (v.sum(1, keepdims=True) * x - v @ y),
        2 * (v.sum(0)[:, None] * y - v.T @ x),
    )


@right("layer_norm in float16")
def layer_norm_float16(rng):
    return layer_norm, layer_norm_vjp, [f2(rng.normal(size=(3, 8)))]


@right("rms_norm in float16")
def rms_norm_float16(rng):
    return rms_norm, rms_norm_vjp, [f2(rng.normal(size=(2, 6)) * 3)]


@right("softmax in float32 with logits of size 50", proof=ROUNDED)
def softmax_float32(rng):
    return softmax, softmax_vjp, [f4(rng.normal(size=(3, 6)) * 50)]


@right("softmax in float16 at a temperature of 0.1", proof=ROUNDED)
def softmax_cold_float16(rng):
    t = np.float16(0.1)
    return (
        lambda x: softmax(x / t),
        lambda v, x: (softmax_vjp(v, x / t)[0] / t,),
        [f2(rng.normal(size=(2, 5)))],
    )


@right("log_softmax in float16")
def log_softmax_float16(rng):
    return log_softmax, log_softmax_vjp, [f2(rng.normal(size=(3, 10)) * 4)]


@right("cross-entropy in float32, confident logits")
def cross_entropy_float32(rng):
    x = f4(rng.normal(size=(5, 4)) * 20)
    return cross_entropy, cross_entropy_vjp, [x, np.array([0, 3, 1, 2, 2])]


@right("standard deviation in float32")
def std_float32(rng):
    return std, std_vjp, [f4(10 + rng.normal(size=(3, 9)))]


@right("distances by the dot-product trick in float32")
def distances_float32(rng):
    return (
        squared_distances,
        squared_distances_vjp,
        [f4(rng.normal(size=(3, 8))), f4(rng.normal(size=(4, 8)))],
    )


@right("distances between near points in float32")
def distances_near_float32(rng):
    x = rng.normal(size=(3, 8)) * 10
    return squared_distances, squared_distances_vjp, [f4(x), f4(x + 0.01 * rng.normal(size=(3, 8)))]


@right("a matrix product in float32 with terms that cancel")
def matmul_float32(rng):
    a = rng.normal(size=(3, 50))
    return (
        lambda a, b: a @ b,
        lambda v, a, b: (v @ b.T, a.T @ v),
        [f4(a), f4(rng.normal(size=(50, 2)))],
    )


@right("exp from -80 to 80 in float32")
def exp_float32(rng):
    return unary(np.exp, np.exp, f4(values(-80, -20, -1, 0, 1, 20, 80)))


@right("sigmoid in float16, saturated")
def sigmoid_float16(rng):
    return unary(sigmoid, lambda x: sigmoid(x) * sigmoid(-x), f2(values(-9, -3, 0, 2, 9)))


@wrong("float16 inside float32")
def half_inside(rng):
    def vjp(v, x):
        return ((v.astype(np.float16) * np.cos(x.astype(np.float16))).astype(np.float32),)

    return np.sin, vjp, [f4(rng.normal(size=12))]


@wrong("the cotangent goes through float32")
def cotangent_single(rng):
    def vjp(v, x):
        return (v.astype(np.float32) * np.cos(x),)

    return np.sin, vjp, [rng.normal(size=12)]


@wrong("a matrix product in float32 for float64")
def matmul_single(rng):
    def vjp(v, a, b):
        return (f4(v) @ f4(b).T).astype(np.float64), a.T @ v

    return lambda a, b: a @ b, vjp, [rng.normal(size=(3, 4)), rng.normal(size=(4, 2))]


@wrong("a factor of 1.01 in float32")
def factor_float32(rng):
    return unary(
        np.tanh, lambda x: np.float32(1.01) * (1 - np.tanh(x) ** 2), f4(rng.normal(size=6))
    )


@wrong("a factor of 1.001 in float32")
def factor_small_float32(rng):
    return unary(np.sin, lambda x: np.float32(1.001) * np.cos(x), f4(rng.normal(size=6)))


@wrong("layer_norm in float32: the variance is treated as constant")
def layer_norm_detached_float32(rng):
    def vjp(v, x):
        s = np.sqrt(x.var(-1, keepdims=True) + np.float32(1e-5))
        return ((v - v.mean(-1, keepdims=True)) / s,)

    return layer_norm, vjp, [f4(rng.normal(size=(3, 8)))]


@wrong("softmax in float32: one class is 1 % off")
def softmax_class_float32(rng):
    def vjp(v, x):
        gradient = softmax_vjp(v, x)[0]
        gradient[:, 1] *= np.float32(1.01)
        return (gradient,)

    return softmax, vjp, [f4(rng.normal(size=(2, 4)))]


@wrong("the gradient comes back in float64")
def returns_double(rng):
    return np.sin, lambda v, x: (v * np.cos(x).astype(np.float64),), [f4(rng.normal(size=4))]


@wrong("the gradient comes back in float32")
def returns_single(rng):
    return np.sin, lambda v, x: ((v * np.cos(x)).astype(np.float32),), [rng.normal(size=4)]


@wrong("relu at zero is 3 in float32 alone")
def kink_float32(rng):
    def vjp(v, x):
        at_zero = x.dtype.type(3 if x.dtype == np.float32 else 0)
        return (v * np.where(x == 0, at_zero, (x > 0).astype(x.dtype)),)

    return lambda x: np.maximum(x, 0), vjp, [f4(values(-1, 0, 2))]


@wrong("the sum over a batch leaves out the last example, float32")
def last_example_float32(rng):
    def vjp(v, x, w):
        return v @ w.T, x[:-1].T @ v[:-1]

    return lambda x, w: x @ w, vjp, [f4(rng.normal(size=(32, 4))), f4(rng.normal(size=(4, 3)))]
