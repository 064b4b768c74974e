"""Elementwise functions over all magnitudes."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import sigmoid, softplus, unary, values

WIDE = (1e-300, 1e-150, 1e-30, 1e-8, 1e-3, 0.7, 1.0, 3.0, 1e4, 1e20, 1e150, 1e300)


@right("slopes from 1e-300 to 1e300")
def log_everywhere(rng):
    return unary(np.log, lambda x: 1 / x, values(*WIDE))


@right("slopes from 1e-300 to 1e300, both signs")
def reciprocal_everywhere(rng):
    x = values(1e-150, -1e-75, 1e-8, -0.3, 1, -7, 1e8, -1e75, 1e150)
    return unary(lambda x: 1 / x, lambda x: -1 / x / x, x)


@right("1 - tanh^2 rounds to zero from 20 on, where tanh rounds to 1", proof="rounding of 1 - y^2")
def tanh_textbook_saturated(rng):
    return unary(
        np.tanh, lambda x: 1 - np.tanh(x) ** 2, values(-400, -20, -3, -1e-9, 0, 1e-300, 18, 25)
    )


@right("mixed magnitudes in one array")
def cube_mixed(rng):
    x = rng.normal(size=12) * 10.0 ** rng.integers(-100, 100, 12)
    return unary(lambda x: x**3, lambda x: 3 * x**2, x)


@right("the slope underflows at both ends of the line")
def arctan_everywhere(rng):
    return unary(
        np.arctan, lambda x: 1 / (1 + x * x), values(-1e200, -1e10, -1, 1e-300, 0, 2, 1e6, 1e300)
    )


@right("near a pole at an ordinary number")
def shifted_pole(rng):
    x = 1 + values(1e-9, -1e-7, 1e-3, -0.1, 1)
    return unary(lambda x: 1 / (x - 1), lambda x: -1 / (x - 1) ** 2, x)


@right("saturated on both sides")
def softplus_saturated(rng):
    return unary(softplus, sigmoid, values(-700, -50, -3, 0, 1e-12, 3, 50, 700))


@right("denormal inputs of a linear function")
def triple_denormal(rng):
    return unary(
        lambda x: 3 * x, lambda x: 3 * np.ones_like(x), values(5e-324, 1e-320, -1e-310, 1e-308, 1.0)
    )


@right("logarithms of numbers near one and far from it")
def log1p_everywhere(rng):
    return unary(
        np.log1p,
        lambda x: 1 / (1 + x),
        values(-1 + 1e-9, -0.5, -1e-20, 1e-300, 1e-8, 1, 1e10, 1e200),
    )


@wrong("1 / (x + 1e-8) at ordinary values: 1e-5 off at 1e-3")
def log_guarded_slightly(rng):
    return unary(np.log, lambda x: 1 / (x + 1e-8), values(1e-3, 5e-3, 2e-3))


@wrong("0.5 / sqrt(x + 1e-12), with an entry of 1e-10")
def sqrt_guarded(rng):
    return unary(np.sqrt, lambda x: 0.5 / np.sqrt(x + 1e-12), values(1e-10, 1, 4))


@wrong("the slope of 1/x has no sign for negative inputs")
def reciprocal_negative(rng):
    return unary(
        lambda x: 1 / x, lambda x: -1 / (x * np.abs(x)), values(0.5, 2, -3, 1e-20, -1e-20, 1e10)
    )


@wrong("1 - tanh instead of 1 - tanh^2")
def tanh_no_square(rng):
    return unary(np.tanh, lambda x: 1 - np.tanh(x), rng.normal(size=(3, 4)))


@wrong("zero below -10, where slope and value are 3e-7 at -15")
def sigmoid_zero_below(rng):
    def slope(x):
        return np.where(x < -10, 0, sigmoid(x) * sigmoid(-x))

    return unary(sigmoid, slope, values(-15, -1, 0.3, 2))


@wrong("n x^n instead of n x^(n - 1)")
def power_exponent_kept(rng):
    return unary(lambda x: x**4, lambda x: 4 * x**4, rng.normal(size=7))


@wrong("the sign of x^2 in the slope of x^3 is taken from x")
def cube_signed(rng):
    return unary(lambda x: x**3, lambda x: 3 * x * np.abs(x), values(1e-50, 2, -1e-50, -3, 1e50))


@wrong("the slope of softplus is 1 beyond 5")
def softplus_one_beyond(rng):
    return unary(softplus, lambda x: np.where(x > 5, 1.0, sigmoid(x)), values(-2, 0, 1, 7))


@wrong("1 + |x| instead of 1 + x^2")
def arctan_no_square(rng):
    return unary(np.arctan, lambda x: 1 / (1 + np.abs(x)), rng.normal(size=6) * 10)


@wrong("log1p has the slope of log")
def log1p_as_log(rng):
    return unary(np.log1p, lambda x: 1 / x, 10.0 ** rng.uniform(-3, 6, 8))


@wrong("entries below the smallest normal float32 count as zero")
def product_flushed(rng):
    def vjp(v, a, b):
        a, b = (np.where(np.abs(n) < 1.2e-38, 0, n) for n in (a, b))
        return v * b, v * a

    return lambda a, b: a * b, vjp, [values(1, 1e-39, 2), values(3, 1e-40, 1e-100)]


@wrong("1e-5 off for negative inputs alone")
def cosine_negative_slightly(rng):
    return unary(np.cos, lambda x: -np.sin(x) * np.where(x < 0, 1 + 1e-5, 1), rng.normal(size=9))


@wrong("the slope of x^0.3 is clipped at 1e6")
def root_clipped(rng):
    return unary(
        lambda x: x**0.3, lambda x: np.minimum(0.3 * x**-0.7, 1e6), values(1e-12, 1e-2, 1, 10)
    )
