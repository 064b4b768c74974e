"""Points without a derivative, or beside one."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import unary, values


def relu(x):
    return np.maximum(x, 0)


@right("relu at exactly zero, slope 1")
def relu_one(rng):
    return unary(relu, lambda x: (x >= 0) * 1.0, values(-2, 0.0, 1e-9, 3))


@right("relu beside its kink, at all distances")
def relu_near(rng):
    return unary(
        relu, lambda x: (x > 0) * 1.0, values(-1e-3, -1e-9, -1e-15, 1e-200, 1e-12, 1e-6, 1e-2)
    )


@right("clip at both of its bounds, slope 1 inside and at the bounds")
def clip_closed(rng):
    return unary(
        lambda x: np.clip(x, -1, 1),
        lambda x: (np.abs(x) <= 1) * 1.0,
        values(-2, -1, -0.5, 1, 1 + 1e-9, 3),
    )


@right("maximum with ties: half to each")
def maximum_half(rng):
    def vjp(v, a, b):
        share = np.where(a == b, 0.5, (a > b) * 1.0)
        return v * share, v * (1 - share)

    return np.maximum, vjp, [values(1, 2, 3, -1), values(2, 2, 1, -1)]


@right("elu is smooth to first order at zero")
def elu_at_zero(rng):
    return unary(
        lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0 * x))),
        lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))),
        values(-5, -1e-9, 0, 1e-9, 2),
    )


@right("huber exactly at its bound")
def huber_at_bound(rng):
    def f(x):
        return np.where(np.abs(x) <= 1, 0.5 * x * x, np.abs(x) - 0.5)

    return unary(f, lambda x: np.clip(x, -1, 1), values(-3, -1, 0, 0.2, 1, 1 + 1e-10))


@right("sqrt of relu beside zero and zero far from it")
def sqrt_relu(rng):
    return unary(
        lambda x: np.sqrt(np.maximum(x, 0 * x)),
        lambda x: np.where(x > 0, 0.5 / np.sqrt(np.where(x > 0, x, 1.0)), 0),
        values(-1, -1e-3, 1e-4, 2),
    )


@right("floor and a straight line: a sawtooth beside its jumps")
def sawtooth(rng):
    return unary(
        lambda x: x - np.floor(x), lambda x: np.ones_like(x), values(0.1, 1.999, 2.5, -0.7, 7.001)
    )


@right("x |x| has a slope at zero and no second one")
def signed_square(rng):
    return unary(lambda x: x * np.abs(x), lambda x: 2 * np.abs(x), values(-2, -1e-8, 0, 1e-8, 3))


@wrong("relu at zero: -0.5, outside of [0, 1]")
def relu_negative(rng):
    return unary(relu, lambda x: np.where(x == 0, -0.5, (x > 0) * 1.0), values(-2, 0, 1, 3))


@wrong("relu is cut at 1e-3 instead of 0")
def relu_cut_late(rng):
    return unary(relu, lambda x: (x > 1e-3) * 1.0, values(-2, 5e-4, 1, 3))


@wrong("abs at zero: -3, outside of [-1, 1]")
def abs_outside(rng):
    return unary(np.abs, lambda x: np.where(x == 0, -3.0, np.sign(x)), values(-2, 0, 1))


@wrong("abs at -1e-9 has the slope of the other side")
def abs_other_side(rng):
    return unary(np.abs, lambda x: np.where(x > -1e-6, 1.0, -1.0), values(-2, -1e-9, 1))


@wrong("maximum with ties: none to either")
def maximum_lost(rng):
    def vjp(v, a, b):
        return v * (a > b), v * (b > a)

    return np.maximum, vjp, [values(1, 2, 3, -1), values(2, 2, 1, -1)]


@wrong("leaky relu: the slope of the negative side is 0.01 instead of 0.1")
def leaky_other_slope(rng):
    return unary(
        lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.01), values(-3, -1, 2)
    )


@wrong("huber: the slope is not cut beyond the bound")
def huber_uncut(rng):
    def f(x):
        return np.where(np.abs(x) <= 1, 0.5 * x * x, np.abs(x) - 0.5)

    return unary(f, lambda x: x * np.ones_like(x), values(-3, 0, 0.2, 2))


@wrong("the sawtooth has the slope of floor")
def sawtooth_flat(rng):
    return unary(lambda x: x - np.floor(x), lambda x: np.zeros_like(x), values(0.1, 1.6, 2.5, -0.7))


@wrong("hard sigmoid: 1/6 outside of its ramp")
def hard_sigmoid_outside(rng):
    return unary(
        lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda x: np.full_like(x, 1 / 6), values(-5, 0, 1, 4)
    )


@wrong("x |x| has the slope |x|")
def signed_square_half(rng):
    return unary(lambda x: x * np.abs(x), lambda x: np.abs(x), values(-2, -1e-8, 1e-8, 3))


@wrong("softsign: the slope at a negative input divides by (1 + x)^2")
def softsign_negative(rng):
    return unary(
        lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + x) ** 2, values(-0.3, 0.2, 1, -4)
    )
