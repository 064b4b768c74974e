"""Functions whose values cancel, oscillate, or hide behind rounding."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import erf, unary, values


@right("log(1 + x) written plainly, with x down to 1e-14")
def log_of_one_plus(rng):
    return unary(
        lambda x: np.log(1 + x), lambda x: 1 / (1 + x), values(1e-14, -1e-10, 1e-6, 0.1, 5)
    )


@right("(exp(x) - 1) / x keeps no digit of its slope near zero")
def exprel_plain(rng):
    def slope(x):
        series = 0.5 + x / 3 + x * x / 8 + x**3 / 30 + x**4 / 144
        return np.where(np.abs(x) < 1e-3, series, (x * np.exp(x) - np.expm1(x)) / (x * x))

    return unary(lambda x: (np.exp(x) - 1) / x, slope, values(-2, 1e-9, 1e-5, -1e-6, 0.5))


@right("the offset swallows every ordinary move")
def offset_swallows(rng):
    return unary(lambda x: 1e18 + 3 * x, lambda x: np.full_like(x, 3), rng.normal(size=4))


@right("1 + tanh has stairs of rounding in its tail")
def tanh_tail(rng):
    return unary(
        lambda x: 1 + np.tanh(x), lambda x: 1 / np.cosh(x) ** 2, values(-30, -18, -17, -10, -1, 2)
    )


@right("oscillates with a frequency of 1e4")
def fast_sine(rng):
    return unary(lambda x: np.sin(1e4 * x), lambda x: 1e4 * np.cos(1e4 * x), rng.normal(size=6))


@right("oscillates ever faster towards zero")
def sine_of_reciprocal(rng):
    return unary(
        lambda x: np.sin(1 / x), lambda x: -np.cos(1 / x) / x**2, values(1e-5, -1e-4, 1e-2, 0.3, 5)
    )


@right("a slow function under a small fast one: every digit of the small one counts")
def ripple(rng):
    return unary(
        lambda x: x * x + 1e-3 * np.sin(1e3 * x),
        lambda x: 2 * x + np.cos(1e3 * x),
        rng.normal(size=7),
    )


@right("a steep step: sigmoid of 1e6 x")
def steep_step(rng):
    return unary(
        lambda x: np.tanh(1e6 * x),
        lambda x: 1e6 / np.cosh(1e6 * x) ** 2,
        values(-3e-6, -1e-7, 1e-9, 1e-6, 2e-6),
    )


@right("a narrow bump on a flat line")
def narrow_bump(rng):
    def f(x):
        return x + np.exp(-(((x - 1) / 1e-5) ** 2))

    def slope(x):
        t = (x - 1) / 1e-5
        return 1 - 2e5 * t * np.exp(-t * t)

    return unary(f, slope, values(0.5, 1 + 1e-5, 1 - 5e-6, 1, 2))


@wrong("a factor of 1.001 under a large offset")
def large_offset_scaled(rng):
    return unary(lambda x: 1e6 + np.sin(x), lambda x: 1.001 * np.cos(x), rng.normal(size=6))


@wrong("the ripple has no slope")
def ripple_ignored(rng):
    return unary(lambda x: x * x + 1e-3 * np.sin(1e3 * x), lambda x: 2 * x, rng.normal(size=7))


@wrong("the ripple's slope is 2 % too large")
def ripple_scaled(rng):
    return unary(
        lambda x: x * x + 1e-3 * np.sin(1e3 * x),
        lambda x: 2 * x + 1.02 * np.cos(1e3 * x),
        rng.normal(size=7),
    )


@wrong("the slope of sin(1/x) has the wrong sign")
def sine_of_reciprocal_sign(rng):
    return unary(
        lambda x: np.sin(1 / x), lambda x: np.cos(1 / x) / x**2, values(1e-4, -1e-3, 1e-2, 0.3, 5)
    )


@wrong("the bump is left out")
def narrow_bump_ignored(rng):
    def f(x):
        return x + np.exp(-(((x - 1) / 1e-3) ** 2))

    return unary(f, lambda x: np.ones_like(x), values(0.5, 1 + 1e-3, 1 - 5e-4, 2))


@wrong("the second path of x in (a + b) - a is left out")
def sum_minus_part_leaks(rng):
    def vjp(v, a, b):
        return v * np.ones_like(a), v * np.ones_like(b)

    return lambda a, b: (a + b) - a, vjp, [rng.normal(size=5) * 10, rng.normal(size=5)]


@wrong("the tail's slope lacks the product's second term")
def erf_tail_one_term(rng):
    return unary(lambda x: x * (1 + erf(x)), lambda x: 1 + erf(x), values(-3, -2, -0.5, 0.1, 3))


@wrong("the slope of log(cosh) saturates at 0.99")
def logcosh_saturates(rng):
    def f(x):
        return np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - np.log(2)

    return unary(f, lambda x: np.clip(np.tanh(x), -0.99, 0.99), values(-5, 0.2, 1, 3, 20))


@wrong("the mean of the oscillation is taken for its slope")
def chirp_mean(rng):
    return unary(lambda x: np.sin(x * x), lambda x: np.cos(x * x) * x, values(1, 5, 20, 50))
