"""Sums, products, means, variances and norms."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import values


@right("a sum of 10000 terms")
def long_sum(rng):
    return lambda x: x.sum(), lambda v, x: (np.full_like(x, v),), [rng.normal(size=10000)]


@right("a mean over two of three axes")
def mean_axes(rng):
    def vjp(v, x):
        return (np.broadcast_to(v[:, None, None] / 12, x.shape).copy(),)

    return lambda x: x.mean((1, 2)), vjp, [rng.normal(size=(2, 3, 4))]


@right("a variance about a mean of 1e6")
def variance_offset(rng):
    def vjp(v, x):
        return (2 * v[:, None] * (x - x.mean(1, keepdims=True)) / x.shape[1],)

    return lambda x: x.var(1), vjp, [1e6 + rng.normal(size=(3, 5))]


@right("a norm of entries of unlike size")
def norm_unlike(rng):
    def f(x):
        return np.sqrt((x * x).sum())

    return f, lambda v, x: (v * x / f(x),), [values(1e-5, 1e3, -2, 1e-2)]


@right("the norm of a vector of size 1e-150")
def norm_tiny(rng):
    def f(x):
        return np.sqrt((x * x).sum())

    return f, lambda v, x: (v * x / f(x),), [1e-150 * rng.normal(size=4)]


@right("a sum of terms that cancel to nearly nothing")
def cancelling_sum(rng):
    x = rng.normal(size=50)
    x[-1] = -x[:-1].sum()
    return lambda x: np.sum(x) * 1e8, lambda v, x: (np.full_like(x, v * 1e8),), [x]


@right("a sum over no axis at all")
def sum_no_axis(rng):
    return lambda x: x.sum(axis=()), lambda v, x: (v * 1.0,), [rng.normal(size=(2, 3))]


@wrong("a mean without the division")
def mean_undivided(rng):
    return lambda x: x.mean(), lambda v, x: (np.full_like(x, v),), [rng.normal(size=(3, 4))]


@wrong("a mean divided by the wrong axis' length")
def mean_other_length(rng):
    def vjp(v, x):
        return (np.broadcast_to(v / x.shape[1], x.shape).copy(),)

    return lambda x: x.mean(0), vjp, [rng.normal(size=(3, 4))]


@wrong("a sum broadcast along the wrong axis of a square")
def sum_other_axis(rng):
    def vjp(v, x):
        return (np.broadcast_to(v[:, None], x.shape).copy(),)

    return lambda x: x.sum(0), vjp, [rng.normal(size=(4, 4))]


@wrong("a variance without the 2")
def variance_no_two(rng):
    return lambda x: x.var(), lambda v, x: (v * (x - x.mean()) / x.size,), [rng.normal(size=6)]


@wrong("a norm's gradient is not divided by the norm")
def norm_undivided(rng):
    return lambda x: np.sqrt((x * x).sum()), lambda v, x: (v * x,), [rng.normal(size=5)]


@wrong("a product divided by its entries: NaN at the zero")
def product_by_division(rng):
    return np.prod, lambda v, x: (v * np.prod(x) / x,), [values(2, 0, -3, 1.5)]


@wrong("the tiny terms of a sum of squares count as zero")
def sum_of_squares_dropped(rng):
    def vjp(v, x):
        return (2 * v * np.where(np.abs(x) < 1e-3, 0, x),)

    return lambda x: (x * x).sum(), vjp, [values(1e-4, 0.5, 2, -1)]


@wrong("the L3 norm: the power of the norm is 1 instead of 2")
def l3_power(rng):
    def f(x):
        return (np.abs(x) ** 3).sum() ** (1 / 3)

    return f, lambda v, x: (v * np.sign(x) * x * x / f(x),), [rng.normal(size=6)]


@wrong("keepdims lost: summed over the rest")
def sum_transposed(rng):
    def vjp(v, x):
        return (np.ones_like(x) * v.sum(),)

    return lambda x: x.sum(1), vjp, [rng.normal(size=(3, 4))]
