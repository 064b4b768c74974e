"""Elementwise functions over all magnitudes."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import erf, sigmoid, unary, values

WIDE = (1e-300, 1e-150, 1e-30, 1e-8, 1e-3, 0.7, 1.0, 3.0, 1e4, 1e20, 1e150, 1e300)


@right("values from the smallest denormal to nearly overflow")
def exp_everywhere(rng):
    return unary(np.exp, np.exp, values(-745, -700, -30, -1, -1e-300, 0, 1e-300, 2, 30, 700, 709))


@right("slopes from 1e-150 to 1e150")
def sqrt_everywhere(rng):
    return unary(np.sqrt, lambda x: 0.5 / np.sqrt(x), values(*WIDE))


@right("an exact slope where the function itself is rounded to 1")
def tanh_exact_saturated(rng):
    return unary(
        np.tanh, lambda x: 1 / np.cosh(x) ** 2, values(-300, -19, -3, -1e-9, 1e-300, 18, 25)
    )


@right("saturated on both sides")
def sigmoid_saturated(rng):
    return unary(
        sigmoid, lambda x: sigmoid(x) * sigmoid(-x), values(-700, -40, -5, 0, 1e-20, 5, 40, 700)
    )


@right("a power that is not whole, over 160 decades")
def power_fraction(rng):
    return unary(lambda x: x**2.5, lambda x: 2.5 * x**1.5, 10.0 ** rng.uniform(-80, 80, 10))


@right("two inputs of unlike magnitude")
def hypot_unlike(rng):
    def vjp(v, a, b):
        r = np.hypot(a, b)
        return v * (a / r), v * (b / r)

    return np.hypot, vjp, [values(1e-200, 1, 1e10, 1e200, -3), values(1e-200, 1e-3, 1, 1e190, 4)]


@right("near the pole on both sides")
def tan_near_pole(rng):
    x = np.pi / 2 + values(-0.5, -1e-2, -1e-5, 1e-5, 1e-2, 0.5)
    return unary(np.tan, lambda x: 1 + np.tan(x) ** 2, x)


@right("the end of the domain is a relative 1e-6 away")
def arcsin_at_the_end(rng):
    x = values(-1 + 1e-6, -0.5, 0, 1e-200, 0.3, 1 - 1e-6)
    return unary(np.arcsin, lambda x: 1 / np.sqrt((1 - x) * (1 + x)), x)


@right("tails of the Gaussian beside its middle")
def gauss_tails(rng):
    return unary(
        lambda x: np.exp(-x * x),
        lambda x: -2 * x * np.exp(-x * x),
        values(-26, -12, -6, -1, 1e-9, 2, 6, 20),
    )


@right("arguments from 1e-300 to 1e8")
def sin_everywhere(rng):
    return unary(np.sin, np.cos, values(-1e4, -10, -1e-300, 0, 1e-8, 1, 3.14159265, 1e3, 1e6))


@wrong("the exponent is clipped at 50 in the gradient alone")
def exp_clipped(rng):
    return unary(np.exp, lambda x: np.exp(np.minimum(x, 50)), values(-3, 1, 20, 60))


@wrong("1 / (x + 1e-12), with an entry of 1e-11")
def log_guarded(rng):
    return unary(np.log, lambda x: 1 / (x + 1e-12), values(1e-11, 0.3, 2.0, 50))


@wrong("zero beyond 10, where the slope is 3e-7 at 15")
def sigmoid_zero_beyond(rng):
    def slope(x):
        return np.where(np.abs(x) > 10, 0, sigmoid(x) * sigmoid(-x))

    return unary(sigmoid, slope, values(-1, 0.3, 2, 15))


@wrong("a factor of 1.00001 at all magnitudes")
def exp_slightly(rng):
    return unary(np.exp, lambda x: 1.00001 * np.exp(x), values(-600, -20, 0, 1, 30, 500))


@wrong("zero below 1e-6, where the slope of x^2 is 2e-7")
def square_zero_near_zero(rng):
    return unary(
        lambda x: x * x, lambda x: np.where(np.abs(x) < 1e-6, 0, 2 * x), values(1e-7, 1, 3)
    )


@wrong("large inputs are clipped at 1e50 in the gradient")
def cube_clipped(rng):
    return unary(
        lambda x: x**3, lambda x: 3 * np.minimum(x, 1e50) ** 2, values(1e-50, 1, 1e40, 1e60)
    )


@wrong("the sign of cos is lost beyond pi")
def sin_reduced_wrongly(rng):
    return unary(
        np.sin, lambda x: np.cos(np.minimum(np.abs(x), np.pi)), values(-2, 0.1, 1, 3, 4, 5)
    )


@wrong("r + 1e-8 in the denominator, with an r of 1e-6")
def hypot_guarded(rng):
    def vjp(v, a, b):
        r = np.hypot(a, b) + 1e-8
        return v * (a / r), v * (b / r)

    return np.hypot, vjp, [values(1, 3e-6, 2), values(-2, 4e-6, 1e-3)]


@wrong("the density term of gelu is dropped below -1")
def gelu_without_tail(rng):
    def slope(x):
        density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
        return 0.5 * (1 + erf(x / 2**0.5)) + np.where(x > -1, x * density, 0)

    return unary(lambda x: 0.5 * x * (1 + erf(x / 2**0.5)), slope, values(-3, -1.5, -0.5, 0, 1, 2))


@wrong("the slope of cosh is |sinh|")
def cosh_unsigned(rng):
    return unary(np.cosh, lambda x: np.abs(np.sinh(x)), values(-5, -1e-5, 1e-5, 1, 20))


@wrong("log x without the 1")
def xlogx_without_one(rng):
    return unary(lambda x: x * np.log(x), np.log, values(1e-20, 1e-3, 0.5, 2, 1e5))


@wrong("zero beyond 5, where value and slope are 2e-16 and 3e-15 at 6")
def gauss_zero_beyond(rng):
    def slope(x):
        return np.where(np.abs(x) > 5, 0, -2 * x * np.exp(-x * x))

    return unary(lambda x: np.exp(-x * x), slope, values(-1, 0.5, 2, 6))
