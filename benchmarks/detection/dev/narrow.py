"""Inputs in float32 and float16, and computations in a dtype narrower than the input's."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    attention,
    attention_vjp,
    conv1d,
    conv1d_vjp,
    layer_norm,
    layer_norm_vjp,
    logsumexp,
    logsumexp_vjp,
    softmax,
    unary,
    values,
)


def f4(x):
    return np.asarray(x, np.float32)


def f2(x):
    return np.asarray(x, np.float16)


def std(x):
    centred = x - x.mean(1, keepdims=True)
    return np.sqrt((centred * centred).mean(1))


def std_vjp(v, x):
    return ((v / std(x))[:, None] * (x - x.mean(1, keepdims=True)) / x.dtype.type(x.shape[1]),)


@right("layer_norm in float32 with a mean of 100")
def layer_norm_offset_float32(rng):
    return layer_norm, layer_norm_vjp, [f4(100 + rng.normal(size=(3, 16)))]


@right("logsumexp in float32, far logits")
def logsumexp_float32(rng):
    return logsumexp, logsumexp_vjp, [f4(rng.normal(size=(3, 4)) * 60)]


@right("attention in float32")
def attention_float32(rng):
    return (
        attention,
        attention_vjp,
        [f4(rng.normal(size=(4, 8))), f4(rng.normal(size=(5, 8))), f4(rng.normal(size=(5, 3)))],
    )


@right("attention with one key in float32")
def attention_one_key_float32(rng):
    return (
        attention,
        attention_vjp,
        [f4(rng.normal(size=(4, 8))), f4(rng.normal(size=(1, 8))), f4(rng.normal(size=(1, 3)))],
    )


@right("causal attention in float16")
def attention_causal_float16(rng):
    mask = np.tril(np.ones((4, 4), bool))

    def fill(scores):
        return np.where(mask, scores, np.float16(-3e4))

    def f(q, k, w):
        return softmax(fill(q @ k.T / np.float16(2))) @ w

    def vjp(v, q, k, w):
        p = softmax(fill(q @ k.T / np.float16(2)))
        ds = p * (v @ w.T - (v @ w.T * p).sum(-1, keepdims=True)) / np.float16(2)
        return ds @ k, ds.T @ q, p.T @ v

    return f, vjp, [f2(rng.normal(size=(4, 4))) for _ in range(3)]


@right("standard deviation in float16")
def std_float16(rng):
    return std, std_vjp, [f2(rng.normal(size=(2, 7)))]


@right("a cumulative sum in float16")
def cumsum_float16(rng):
    def vjp(v, x):
        return (np.cumsum(v[::-1], dtype=np.float16)[::-1],)

    return lambda x: np.cumsum(x), vjp, [f2(rng.normal(size=20))]


@right("a convolution in float32")
def conv_float32(rng):
    return conv1d, conv1d_vjp, [f4(rng.normal(size=(1, 4, 9))), f4(rng.normal(size=(2, 4, 3)))]


@right("a slope that overflows to infinity in float16 nowhere, though values come near")
def square_float16(rng):
    return unary(lambda x: x * x, lambda x: 2 * x, f2(values(-200, -1, 1e-3, 100, 250)))


@right("float32 inputs whose gradient is computed in float64 and rounded")
def computed_wide(rng):
    def vjp(v, x):
        wide = x.astype(np.float64)
        return ((v * np.cos(wide)).astype(np.float32),)

    return np.sin, vjp, [f4(rng.normal(size=7))]


@right("one float32 and one float64 operand")
def mixed_operands(rng):
    def vjp(v, a, b):
        return (v * b).astype(np.float32), v * a

    return lambda a, b: a * b, vjp, [f4(rng.normal(size=5)), rng.normal(size=5)]


@right("relu in float16 with entries at zero and beside it")
def relu_float16(rng):
    return unary(
        lambda x: np.maximum(x, 0),
        lambda x: (x > 0).astype(x.dtype),
        f2(values(-1, 0, 6e-8, -6e-8, 3)),
    )


@right("a long sum of float16")
def long_sum_float16(rng):
    return lambda x: x.sum(), lambda v, x: (np.full_like(x, v),), [f2(rng.normal(size=500))]


@wrong("float32 inside float64")
def single_inside(rng):
    def vjp(v, x):
        return (v * np.cos(x.astype(np.float32)).astype(np.float64),)

    return np.sin, vjp, [rng.normal(size=12)]


@wrong("the cotangent goes through float16 in a float32 gradient")
def cotangent_half(rng):
    def vjp(v, x):
        return (v.astype(np.float16).astype(np.float32) * 2 * x,)

    return lambda x: x * x, vjp, [f4(rng.normal(size=12))]


@wrong("sums of 4000 terms in float16 for float32")
def sum_half(rng):
    def vjp(v, x, b):
        return v, v.sum(0, dtype=np.float16).astype(np.float32)

    return lambda x, b: x + b, vjp, [f4(rng.normal(size=(500, 3))), f4(rng.normal(size=3))]


@wrong("a constant rounded to three digits in a float64 gradient")
def constant_rounded(rng):
    return unary(
        lambda x: np.sin(np.pi * x), lambda x: 3.142 * np.cos(np.pi * x), rng.normal(size=6)
    )


@wrong("ln 2 to six digits in a float64 gradient")
def log_two_rounded(rng):
    return unary(lambda x: 2.0**x, lambda x: 0.693147 * 2.0**x, rng.normal(size=6))


@wrong("a factor of 1.25 in float16")
def factor_float16(rng):
    return unary(np.sin, lambda x: np.float16(1.25) * np.cos(x), f2(rng.normal(size=6)))


@wrong("the sign in float16 for negative inputs")
def sign_float16(rng):
    return unary(lambda x: x * x * x, lambda x: 3 * x * np.abs(x), f2(values(-2, -1, 0.5, 3)))


@wrong("layer_norm in float16: the mean is treated as constant")
def layer_norm_detached_float16(rng):
    def vjp(v, x):
        s = np.sqrt(x.var(-1, keepdims=True) + np.float16(1e-5))
        y = layer_norm(x)
        return ((v - y * (v * y).mean(-1, keepdims=True)) / s,)

    return layer_norm, vjp, [f2(rng.normal(size=(3, 6)))]


@wrong("ties share wrongly in float32 alone")
def tie_share_float32(rng):
    def vjp(v, a, b):
        if a.dtype == np.float32:
            return v * (a >= b), v * (b >= a)
        share = np.where(a == b, 0.5, (a > b) * 1.0)
        return v * share, v * (1 - share)

    return np.maximum, vjp, [f4(values(1, 2, 3)), f4(values(2, 2, 1))]


@wrong("a threshold for float32 is used in float16: small inputs get no gradient")
def flushed_float16(rng):
    return unary(
        lambda x: x * x,
        lambda x: np.where(np.abs(x) < 0.05, 0, 2 * x).astype(x.dtype),
        f2(values(0.04, 1, 3)),
    )


@wrong("log in float32 with 1e-3 added in the gradient")
def log_guarded_float32(rng):
    return unary(np.log, lambda x: 1 / (x + np.float32(1e-3)), f4(values(0.01, 0.5, 3)))


@wrong("indices go through float16: 2049 becomes 2048", at=(2048, 2049))
def index_half(rng):
    index = np.array([5, 2049, 7])

    def vjp(v, x):
        gradient = np.zeros_like(x)
        np.add.at(gradient, index.astype(np.float16).astype(int), v)
        return (gradient,)

    return lambda x: x[index], vjp, [rng.normal(size=2100)]
