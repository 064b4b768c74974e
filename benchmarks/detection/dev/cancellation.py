"""Functions whose values cancel, oscillate, or hide behind rounding."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import erf, erfc, unary, values


@right("sqrt(1 + x^2) - 1 rounds to stairs and to zero near zero")
def root_minus_one(rng):
    return unary(
        lambda x: np.sqrt(1 + x * x) - 1,
        lambda x: x / np.sqrt(1 + x * x),
        values(-1e-3, -1e-8, 1e-12, 1e-5, 0.3, 1e6),
    )


@right("1 - cos rounds to stairs near zero")
def one_minus_cos(rng):
    return unary(lambda x: 1 - np.cos(x), np.sin, values(-1e-7, 1e-9, 1e-5, 1e-2, 1.0, 6.2831853))


@right("exp(x) - 1 written plainly, with x down to 1e-15")
def exp_minus_one(rng):
    return unary(lambda x: np.exp(x) - 1, np.exp, values(1e-15, -1e-10, 1e-4, -0.1, 3))


@right("sin(x) / x with a series near zero", proof="rounding of the closed form near its limit")
def sinc_near_zero(rng):
    def slope(x):
        return np.where(
            np.abs(x) < 1e-2, -x / 3 + x**3 / 30 - x**5 / 840, (x * np.cos(x) - np.sin(x)) / (x * x)
        )

    return unary(lambda x: np.sin(x) / x, slope, values(-3, 1e-8, 1e-5, -1e-3, 0.9, 20))


@right("a small slope on a large offset")
def large_offset(rng):
    return unary(lambda x: 1e10 + np.sin(x), np.cos, rng.normal(size=6))


@right("(a + b) - a is b in exact arithmetic")
def sum_minus_part(rng):
    def vjp(v, a, b):
        return np.zeros_like(a), v * np.ones_like(b)

    return lambda a, b: (a + b) - a, vjp, [rng.normal(size=5) * 1e8, rng.normal(size=5)]


@right("x (1 + erf) has stairs of rounding in its tail")
def erf_tail(rng):
    def slope(x):
        return erfc(-x) + 2 * x * np.exp(-x * x) / np.sqrt(np.pi)

    return unary(lambda x: x * (1 + erf(x)), slope, values(-7, -5.5, -4, -2, 0.1, 3))


@right("differences of squares of near numbers")
def difference_of_squares(rng):
    a = rng.normal(size=5) * 1e3

    def vjp(v, a, b):
        return v * 2 * a, v * -2 * b

    return lambda a, b: a * a - b * b, vjp, [a, a * (1 + 1e-9)]


@wrong("the slope of sqrt(1 + x^2) - 1 is x")
def root_minus_one_linear(rng):
    return unary(
        lambda x: np.sqrt(1 + x * x) - 1, lambda x: x * np.ones_like(x), values(1e-3, 0.02, 0.3)
    )


@wrong("the slope of 1 - cos is -sin")
def one_minus_cos_sign(rng):
    return unary(lambda x: 1 - np.cos(x), lambda x: -np.sin(x), values(-1e-3, 1e-2, 1.0))


@wrong("the frequency is forgotten in the slope")
def fast_sine_unscaled(rng):
    return unary(lambda x: np.sin(1e4 * x), lambda x: np.cos(1e4 * x), rng.normal(size=6))


@wrong("1e-4 off under a frequency of 1e3")
def fast_sine_slightly(rng):
    return unary(
        lambda x: np.sin(1e3 * x), lambda x: 1e3 * (1 + 1e-4) * np.cos(1e3 * x), rng.normal(size=6)
    )


@wrong("the steep step has the slope of tanh(x)")
def steep_step_unscaled(rng):
    return unary(
        lambda x: np.tanh(1e6 * x), lambda x: 1 / np.cosh(x) ** 2, values(-3e-6, -1e-7, 1e-9, 2e-6)
    )


@wrong("the slope of log(1 + x) is 1 - x")
def log_of_one_plus_series(rng):
    return unary(lambda x: np.log(1 + x), lambda x: 1 - x, values(0.01, 0.003, -0.02))


@wrong("a series where it does not hold: 1 - x^2 / 3 for the slope of sin(x) / x")
def sinc_series_beyond(rng):
    return unary(lambda x: np.sin(x) / x, lambda x: -x / 3 + x**3 / 30, values(0.5, 1.0, 0.2))


@wrong(
    "differences of near squares: the second sign is lost",
)
def difference_of_squares_sign(rng):
    a = rng.normal(size=5) * 1e3

    def vjp(v, a, b):
        return v * 2 * a, v * 2 * b

    return lambda a, b: a * a - b * b, vjp, [a, a * (1 + 1e-9)]
