"""Entries of very unlike size, and one wrong entry among many."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import rms_norm, rms_norm_vjp, unary, values


def scaled_columns(rng, power):
    return rng.normal(size=(4, 3)) * 10.0 ** (power * np.array([0, 1, 2]))


@right("all inputs are so small that cos is 1")
def cos_of_tiny(rng):
    return unary(np.cos, lambda x: -np.sin(x), rng.normal(size=4) * 1e-120)


@right("columns of 1, 1e-20 and 1e-40 in a matrix product")
def columns_downwards(rng):
    return (
        lambda a, b: a @ b,
        lambda v, a, b: (v @ b.T, a.T @ v),
        [scaled_columns(rng, -20), rng.normal(size=(3, 2))],
    )


@right("a huge entry swallows the others in a sum")
def swallowed(rng):
    x = rng.normal(size=5)
    x[2] = 1e30
    return lambda x: x.sum(), lambda v, x: (np.full_like(x, v),), [x]


@right("a logistic layer whose weights differ by 1e12")
def weights_unlike(rng):
    def vjp(v, x, w):
        g = v * (1 - np.tanh(x @ w) ** 2)
        return g @ w.T, x.T @ g

    return (
        lambda x, w: np.tanh(x @ w),
        vjp,
        [rng.normal(size=(2, 3)), rng.normal(size=(3, 2)) * values(1e-6, 1, 1e-12)[:, None]],
    )


@wrong("3 x^2 is called 0 at an entry of 1e-90 beside ordinary ones")
def cube_tiny_entry(rng):
    return unary(
        lambda x: x**3, lambda x: np.where(np.abs(x) < 1e-50, 0, 3 * x * x), values(1e-90, 0.5, -2)
    )


@wrong("a product at 1e150: the slope is half of the right one")
def huge_entry_half(rng):
    return unary(
        lambda x: x * x, lambda x: np.where(np.abs(x) > 1e100, x, 2 * x), values(0.7, 1e150, 3)
    )


@wrong("rows from 1e-200 to 1e200: the smallest is divided by its length")
def smallest_row_mean(rng):
    x = rng.normal(size=(5, 3)) * 10.0 ** np.array([-200, -80, 0, 90, 200])[:, None]

    def vjp(v, x):
        gradient = np.repeat(v[:, None], 3, 1)
        gradient[0] /= 3
        return (gradient,)

    return lambda x: x.sum(1), vjp, [x]


@wrong("one of 3000 entries has the wrong sign", at=(2345,))
def one_sign_of_many(rng):
    def vjp(v, x):
        gradient = v * np.cos(x)
        gradient[2345] *= -1
        return (gradient,)

    return np.sin, vjp, [rng.normal(size=3000)]


@wrong("one of 5000 entries is 1e-4 off", at=(4000,))
def one_of_many_slightly(rng):
    def vjp(v, x):
        gradient = v * np.exp(x)
        gradient[4000] *= 1 + 1e-4
        return (gradient,)

    return np.exp, vjp, [rng.normal(size=5000)]


@wrong("two errors that cancel in the sum of all entries")
def errors_cancel(rng):
    def vjp(v, x):
        gradient = v * 2 * x
        gradient[0] += v.sum() * 0.01
        gradient[1] -= v.sum() * 0.01
        return (gradient,)

    return lambda x: x * x, vjp, [rng.normal(size=6)]


@wrong("rms_norm: a small row is 1 % off")
def rms_small_row(rng):
    def vjp(v, x):
        gradient = rms_norm_vjp(v, x)[0]
        gradient[0] *= 1.01
        return (gradient,)

    return rms_norm, vjp, [rng.normal(size=(3, 4)) * values(1e-2, 1, 1e4)[:, None]]
