"""Zeros, tiny, ordinary and huge entries in one array; kinks and ties among them."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    erf,
    logsumexp,
    logsumexp_vjp,
    sigmoid,
    softmax,
    softmax_vjp,
    softplus,
    unary,
    values,
)

MIXED = (0.0, 1e-200, -3e-40, 1e-8, -0.5, 2.0, -1e9, 1e100, 0.0)


def glu(x):
    a, b = x[: x.size // 2], x[x.size // 2 :]
    return a * sigmoid(b)


def glu_vjp(v, x):
    a, b = x[: x.size // 2], x[x.size // 2 :]
    s = sigmoid(b)
    return (np.concatenate([v * s, v * a * s * sigmoid(-b)]),)


@right("zeros beside entries of 1e100")
def tanh_mixed(rng):
    return unary(np.tanh, lambda x: 1 / np.cosh(x) ** 2, values(*MIXED))


@right("zeros beside entries of 1e100, with a kink at zero")
def relu_mixed(rng):
    return unary(lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0, values(*MIXED))


@right("zeros beside huge entries, saturated")
def sigmoid_mixed(rng):
    return unary(
        sigmoid, lambda x: sigmoid(x) * sigmoid(-x), values(-2.5e281, 0, -5e281, 1e-300, 0.5)
    )


@right("gelu in its left tail beside ordinary entries")
def gelu_tail(rng):
    def slope(x):
        return 0.5 * (1 + erf(x / 2**0.5)) + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)

    return unary(
        lambda x: 0.5 * x * (1 + erf(x / 2**0.5)), slope, values(-6.1, -3.2, 8.1, -5.5, 0, 0.2)
    )


@right("softmax rows whose entries differ by 1e18")
def softmax_mixed(rng):
    return softmax, softmax_vjp, [values(0, 5e18, -4e-19, 2e6, 1, 0, 0, -1e-30).reshape(2, 4)]


@right("logsumexp of tiny entries beside zeros and ties of 1e68")
def logsumexp_mixed(rng):
    return (
        logsumexp,
        logsumexp_vjp,
        [values(1, -3e-75, -1e-23, 0, 2e68, -2e-91, 2e68, 1).reshape(2, 4)],
    )


@right("gated: halves of unlike size, some below the smallest normal number")
def glu_mixed(rng):
    return glu, glu_vjp, [values(1e-309, 3, -1e-200, 1e150, 0, -2e-310, 1e-5, -40)]


@right("arctan2 close to the axis with tiny denominators")
def arctan2_axis(rng):
    def vjp(v, y, x):
        r = x * x + y * y
        return v * (x / r), -v * (y / r)

    return np.arctan2, vjp, [values(1.4, -0.8, 1.3, 0.9), values(7e-15, 4e-15, -9e-15, 1e-100)]


@right("sums over zeros and ties of a maximum")
def max_of_zeros(rng):
    def vjp(v, x):
        tied = x == x.max(1, keepdims=True)
        return (v[:, None] * tied / tied.sum(1, keepdims=True),)

    return (
        lambda x: x.max(1),
        vjp,
        [values(0, 0, 0, 1e-300, 1e-300, -1, -1e90, -1e90, -2e90).reshape(3, 3)],
    )


@right("x log x with zero among the inputs' neighbours: 1e-300")
def entropy_mixed(rng):
    return unary(
        lambda x: -x * np.log(x), lambda x: -np.log(x) - 1, values(1e-300, 1e-20, 0.4, 1, 1e40)
    )


@wrong("relu among mixed sizes: the tiny positive entry counts as negative")
def relu_mixed_tiny(rng):
    return unary(lambda x: np.maximum(x, 0), lambda x: (x > 1e-100) * 1.0, values(*MIXED))


@wrong("relu among mixed sizes: -1e9 passes")
def relu_mixed_negative(rng):
    return unary(
        lambda x: np.maximum(x, 0), lambda x: ((x > 0) | (x == -1e9)) * 1.0, values(*MIXED)
    )


@wrong("sigmoid: 1/2 instead of 1/4 at zero, beside huge entries")
def sigmoid_mixed_zero(rng):
    return unary(
        sigmoid,
        lambda x: np.where(x == 0, 0.5, sigmoid(x) * sigmoid(-x)),
        values(-2.5e281, 0, -5e281, 0.5),
    )


@wrong("softplus: 1 at 1e-30")
def softplus_mixed_tiny(rng):
    return unary(
        softplus,
        lambda x: np.where(np.abs(x) < 1e-20, 1.0, sigmoid(x)),
        values(0.1, 1e200, -1e200, 1e-30, 3),
    )


@wrong("gated: the gate's slope has no second factor")
def glu_mixed_gate(rng):
    def vjp(v, x):
        a, b = x[: x.size // 2], x[x.size // 2 :]
        s = sigmoid(b)
        return (np.concatenate([v * s, v * a * s]),)

    return glu, vjp, [values(1e-309, 3, -1e-200, 1e150, 0, -2e-310, 1e-5, -4)]


@wrong("a maximum of tied tiny entries: all to each")
def max_of_tiny_each(rng):
    return (
        lambda x: x.max(1),
        lambda v, x: (v[:, None] * (x == x.max(1, keepdims=True)),),
        [values(0, 2, 1, 1e-300, 1e-300, -1, -1e90, -3e90, -2e90).reshape(3, 3)],
    )


@wrong("x^2 + x: the linear term is dropped for small entries")
def square_plus_linear_small(rng):
    return unary(
        lambda x: x * x + x, lambda x: 2 * x + (np.abs(x) > 1e-3), values(-0.5, 1e-9, 1e150, -1)
    )
