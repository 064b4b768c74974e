"""Points without a derivative, or beside one."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import unary, values


def relu(x):
    return np.maximum(x, 0)


@right("relu at exactly zero, slope 0")
def relu_zero(rng):
    return unary(relu, lambda x: (x > 0) * 1.0, values(-2, -1e-300, 0.0, 0.0, 1e-300, 3))


@right("relu at exactly zero, slope one half")
def relu_half(rng):
    return unary(relu, lambda x: np.heaviside(x, 0.5), values(-2, 0.0, 1e-9, 3))


@right("abs at zero, slope 0")
def abs_zero(rng):
    return unary(np.abs, np.sign, values(-1, 0, 1e-12, -1e-12, 5))


@right("abs at zero, slope 1")
def abs_one(rng):
    return unary(np.abs, lambda x: np.where(x >= 0, 1.0, -1.0), values(-1, 0, 1e-8, 5))


@right("clip at both of its bounds, slope 0 at the bounds")
def clip_open(rng):
    return unary(
        lambda x: np.clip(x, -1, 1),
        lambda x: (np.abs(x) < 1) * 1.0,
        values(-2, -1, -0.5, 1, 1 - 1e-9, 3),
    )


@right("maximum with ties: all to the first")
def maximum_first(rng):
    def vjp(v, a, b):
        return v * (a >= b), v * (a < b)

    return np.maximum, vjp, [values(1, 2, 3, -1), values(2, 2, 1, -1)]


@right("leaky relu at zero, slope of the left")
def leaky_left(rng):
    return unary(
        lambda x: np.where(x > 0, x, 0.1 * x),
        lambda x: np.where(x > 0, 1, 0.1),
        values(-3, 0, 1e-10, 2),
    )


@right("fmod away from its jumps")
def fmod_slopes(rng):
    def vjp(v, a, b):
        return v * np.ones_like(a), -v * np.trunc(a / b)

    return np.fmod, vjp, [values(5.3, -7.1, 100.2), values(2.0, 3.0, -9.0)]


@right("relu6 with entries at both kinks and all over the line")
def relu6_bounds(rng):
    return unary(
        lambda x: np.clip(x, 0, 6),
        lambda x: ((x > 0) & (x < 6)) * 1.0,
        values(-1, 0, 1e-7, 3, 6, 6 + 1e-7, 100),
    )


@wrong("relu at zero: 2, outside of [0, 1]")
def relu_two(rng):
    return unary(relu, lambda x: np.where(x == 0, 2.0, (x > 0) * 1.0), values(-2, 0, 1, 3))


@wrong("relu passes the cotangent of negative inputs")
def relu_passes(rng):
    return unary(relu, lambda x: np.ones_like(x), values(-2, -0.1, 1, 3))


@wrong("abs has slope 1 for negative inputs too")
def abs_positive(rng):
    return unary(np.abs, lambda x: np.ones_like(x), values(-2, 0, 1))


@wrong("clip passes gradients above its upper bound")
def clip_upper_open(rng):
    return unary(lambda x: np.clip(x, -1, 1), lambda x: (x > -1) * 1.0, values(-2, 0, 0.5, 1.5))


@wrong("clip stops gradients inside, between 0.9 and 1")
def clip_too_narrow(rng):
    return unary(
        lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 0.9) * 1.0, values(-2, 0.95, 0.5, 1.5)
    )


@wrong("clip at its bound: 1.5")
def clip_outside_at_bound(rng):
    return unary(
        lambda x: np.clip(x, -1, 1),
        lambda x: np.where(np.abs(x) == 1, 1.5, np.abs(x) < 1),
        values(-2, -1, 0.5, 1),
    )


@wrong("maximum with ties: one each, twice in sum")
def maximum_doubled(rng):
    def vjp(v, a, b):
        return v * (a >= b), v * (b >= a)

    return np.maximum, vjp, [values(1, 2, 3, -1), values(2, 2, 1, -1)]


@wrong("maximum gives the gradient to the smaller")
def maximum_smaller(rng):
    def vjp(v, a, b):
        return v * (a < b), v * (b <= a)

    return np.maximum, vjp, [rng.normal(size=5), rng.normal(size=5)]


@wrong("elu without the exponential on the negative side")
def elu_linear(rng):
    return unary(
        lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0 * x))),
        lambda x: np.where(x > 0, 1.0, 1 + x),
        values(-1, -0.3, 0.5, 2),
    )


@wrong("fmod: the sign of the quotient is lost")
def fmod_sign(rng):
    def vjp(v, a, b):
        return v * np.ones_like(a), -v * np.abs(np.trunc(a / b))

    return np.fmod, vjp, [values(5.3, -7.1, 100.2), values(2.0, 3.0, 9.0)]


@wrong("NaN at zero: 0 times inf in the branch that is not taken")
def sqrt_relu_nan(rng):
    return unary(
        lambda x: np.sqrt(np.maximum(x, 0 * x)),
        lambda x: (x > 0) * (0.5 / np.sqrt(np.maximum(x, 0))),
        values(-1, 0.25, 2),
    )
