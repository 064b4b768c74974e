"""Zeros, tiny, ordinary and huge entries in one array; kinks and ties among them."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    layer_norm,
    layer_norm_vjp,
    log_softmax,
    log_softmax_vjp,
    sigmoid,
    softplus,
    unary,
    values,
)

MIXED = (0.0, 1e-200, -3e-40, 1e-8, -0.5, 2.0, -1e9, 1e100, 0.0)


@right("kinks at 0 and 6, entries at both and far beyond")
def relu6_mixed(rng):
    return unary(
        lambda x: np.clip(x, 0, 6),
        lambda x: ((x > 0) & (x < 6)) * 1.0,
        values(0, 1.9e98, -2.7e98, 6, 3, 0),
    )


@right("zeros beside 1e35")
def log1p_mixed(rng):
    return unary(np.log1p, lambda x: 1 / (1 + x), values(0, 0, 2e35, 3e-20, 1))


@right("zeros beside huge entries, linear on one side")
def softplus_mixed(rng):
    return unary(softplus, sigmoid, values(0, 1e200, -1e200, 1e-30, 3))


@right("x / (1 + |x|) of zeros and huge entries")
def softsign_mixed(rng):
    return unary(
        lambda x: x / (1 + np.abs(x)),
        lambda x: 1 / (1 + np.abs(x)) ** 2,
        values(0, 0, 4.8e103, -4e103, 0.3),
    )


@right("x - tanh x near zero, where it is x^3 / 3")
def tanhshrink_small(rng):
    return unary(
        lambda x: x - np.tanh(x), lambda x: np.tanh(x) ** 2, values(-6e-3, 2e-5, 1e-9, 0, 0.8)
    )


@right("log_softmax rows whose largest entry swallows the others")
def log_softmax_mixed(rng):
    return (
        log_softmax,
        log_softmax_vjp,
        [values(5.7e18, -4.7e-19, 5.4e35, 2.6e6, 1, -2, 0, 1e-20).reshape(2, 4)],
    )


@right("a layer_norm row that one huge entry dominates", proof="terms of the gradient cancel")
def layer_norm_mixed(rng):
    return (
        layer_norm,
        layer_norm_vjp,
        [values(2e-69, 1e97, 0, -1e-77, 0.3, -0.2, 0, 1).reshape(2, 4)],
    )


@right("a square and a linear term that trade places")
def square_plus_linear(rng):
    return unary(lambda x: x * x + x, lambda x: 2 * x + 1, values(0, -0.5, 1e-200, 1e-9, 1e150, -1))


@right("cosh is flat to the last digit around zero")
def cosh_flat(rng):
    return unary(np.cosh, np.sinh, values(1e-206, -3.5e-7, -1e-270, 0, 1e-44))


@wrong("relu among mixed sizes: 2 at zero")
def relu_mixed_zero(rng):
    return unary(lambda x: np.maximum(x, 0), lambda x: np.where(x == 0, 2.0, x > 0), values(*MIXED))


@wrong("tanh among mixed sizes: slope 0 at zero")
def tanh_mixed_zero(rng):
    return unary(np.tanh, lambda x: np.where(x == 0, 0, 1 / np.cosh(x) ** 2), values(*MIXED))


@wrong("log_softmax: the largest entry keeps its own cotangent alone, beside a swallowed row")
def log_softmax_mixed_wrong(rng):
    def vjp(v, x):
        gradient = log_softmax_vjp(v, x)[0]
        top = x == x.max(-1, keepdims=True)
        return (np.where(top, v, gradient),)

    return (
        log_softmax,
        vjp,
        [values(5.7e18, -4.7e-19, 5.4e35, 2.6e6, 1, -2, 0, 1e-20).reshape(2, 4)],
    )


@wrong("cosh at 1e-5: the slope is 0")
def cosh_near_zero(rng):
    return unary(
        np.cosh, lambda x: np.where(np.abs(x) < 1e-4, 0, np.sinh(x)), values(1e-5, 0.3, -2)
    )


@wrong("the slope of log1p at zero is 0, beside 1e35")
def log1p_mixed_zero(rng):
    return unary(np.log1p, lambda x: np.where(x == 0, 0, 1 / (1 + x)), values(0, 2e35, 1e-3, 1))


@wrong("x^2 + x: the linear term is dropped at zero itself")
def square_plus_linear_zero(rng):
    return unary(lambda x: x * x + x, lambda x: 2 * x + (x != 0), values(-0.5, 0, 1e50, -1))


@wrong("one huge entry: the others get its slope")
def hypot_of_row(rng):
    def f(x):
        return np.sqrt((x * x).sum(1))

    def vjp(v, x):
        return (np.broadcast_to((v / f(x))[:, None] * x.max(1, keepdims=True), x.shape).copy(),)

    return f, vjp, [values(1, 2, 100, 0.5, -0.2, 3).reshape(2, 3)]
