"""Sums, products, means, variances and norms."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import values


@right("a sum over terms from 1e-12 to 1e12")
def sum_of_squares_unlike(rng):
    x = rng.normal(size=8) * 10.0 ** rng.integers(-6, 7, 8)
    return lambda x: (x * x).sum(), lambda v, x: (2 * v * x,), [x]


@right("the sample variance, n - 1")
def variance_sample(rng):
    def f(x):
        return ((x - x.mean()) ** 2).sum() / (x.size - 1)

    return f, lambda v, x: (2 * v * (x - x.mean()) / (x.size - 1),), [rng.normal(size=7)]


@right("a standard deviation of near constant rows")
def std_small(rng):
    def f(x):
        return np.sqrt(((x - x.mean(1, keepdims=True)) ** 2).mean(1))

    def vjp(v, x):
        return ((v / f(x))[:, None] * (x - x.mean(1, keepdims=True)) / x.shape[1],)

    return f, vjp, [3 + 1e-5 * rng.normal(size=(2, 6))]


@right("a product with one zero")
def product_zero(rng):
    def vjp(v, x):
        return (v * np.array([np.prod(np.delete(x, k)) for k in range(x.size)]),)

    return np.prod, vjp, [values(2, 0, -3, 1.5)]


@right("a product with two zeros")
def product_two_zeros(rng):
    def vjp(v, x):
        return (v * np.array([np.prod(np.delete(x, k)) for k in range(x.size)]),)

    return np.prod, vjp, [values(2, 0, -3, 0)]


@right("a sum of an empty axis")
def sum_empty(rng):
    return lambda x: x.sum(1), lambda v, x: (np.zeros_like(x),), [np.zeros((3, 0))]


@right("the geometric mean")
def geometric_mean(rng):
    def f(x):
        return np.exp(np.log(x).mean())

    return f, lambda v, x: (v * f(x) / x / x.size,), [10.0 ** rng.uniform(-4, 4, 6)]


@wrong("the last of 10000 entries gets nothing", at=(9999,))
def long_sum_last(rng):
    def vjp(v, x):
        gradient = np.full_like(x, v)
        gradient[-1] = 0
        return (gradient,)

    return lambda x: x.sum(), vjp, [rng.normal(size=10000)]


@wrong("the sample variance with n")
def variance_n(rng):
    def f(x):
        return ((x - x.mean()) ** 2).sum() / (x.size - 1)

    return f, lambda v, x: (2 * v * (x - x.mean()) / x.size,), [rng.normal(size=7)]


@wrong("a weighted variance: the mean is treated as constant")
def weighted_variance_constant_mean(rng):
    w = values(0.1, 0.2, 0.4, 0.4)

    def f(x):
        return (w * (x - x.mean()) ** 2).sum()

    return f, lambda v, x: (2 * v * w * (x - x.mean()),), [rng.normal(size=4)]


@wrong("a standard deviation: 1e-3 added in the denominator alone")
def std_guarded(rng):
    def f(x):
        return np.sqrt(((x - x.mean()) ** 2).mean())

    return f, lambda v, x: (v * (x - x.mean()) / (f(x) + 1e-3) / x.size,), [rng.normal(size=6)]


@wrong("a product's gradient is zero wherever one entry is zero")
def product_all_zero(rng):
    return np.prod, lambda v, x: (v * np.prod(x) / np.where(x == 0, 1, x),), [values(2, 0, -3, 1.5)]


@wrong("the geometric mean is not divided by n")
def geometric_mean_undivided(rng):
    def f(x):
        return np.exp(np.log(x).mean())

    return f, lambda v, x: (v * f(x) / x,), [rng.random(5) + 0.5]


@wrong("the harmonic mean: x instead of x^2")
def harmonic_mean(rng):
    def f(x):
        return x.size / (1 / x).sum()

    return f, lambda v, x: (v * f(x) ** 2 / x.size / x,), [rng.random(5) + 0.5]


@wrong("the L1 norm's gradient lacks signs")
def l1_unsigned(rng):
    return lambda x: np.abs(x).sum(), lambda v, x: (np.full_like(x, v),), [rng.normal(size=8)]


@wrong("one of 3000 entries is 1 % too large", at=(1234,))
def one_of_many(rng):
    def vjp(v, x):
        gradient = v * np.cos(x)
        gradient[1234] *= 1.01
        return (gradient,)

    return lambda x: np.sin(x).sum(), vjp, [rng.normal(size=3000)]
