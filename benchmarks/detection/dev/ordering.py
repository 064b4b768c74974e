"""Sorting, maxima, medians and quantiles."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import values


def sort_vjp(v, x):
    gradient = np.zeros_like(x)
    np.put_along_axis(gradient, np.argsort(x, -1, kind="stable"), v, -1)
    return (gradient,)


def ordered(x):
    return np.sort(x, -1)


def apart(rng, *shape):
    return rng.permutation(int(np.prod(shape))).reshape(shape) + 0.3 * rng.random(shape)


@right("sorting of values that are 1e-12 apart")
def sort_near(rng):
    return ordered, sort_vjp, [1 + 1e-12 * apart(rng, 6)]


@right("sorting with ties: any order of the tied is right")
def sort_ties(rng):
    return ordered, sort_vjp, [values(3, 1, 1, 2, 3, 0)]


@right("descending")
def sort_descending(rng):
    def vjp(v, x):
        return sort_vjp(v[::-1], x)

    return lambda x: np.sort(x)[::-1], vjp, [apart(rng, 7)]


@right("the maximum of each row")
def row_max(rng):
    def vjp(v, x):
        return (v[:, None] * (x == x.max(1, keepdims=True)),)

    return lambda x: x.max(1), vjp, [apart(rng, 4, 3)]


@right("a maximum with ties that share evenly")
def max_shared(rng):
    def vjp(v, x):
        tied = x == x.max()
        return (v * tied / tied.sum(),)

    return lambda x: x.max(), vjp, [values(1, 3, 2, 3, 3)]


@right("the median of an odd number")
def median_odd(rng):
    def vjp(v, x):
        return (v * (x == np.sort(x)[3]),)

    return lambda x: np.sort(x)[3], vjp, [apart(rng, 7)]


@wrong("sorting: the permutation instead of its inverse")
def sort_not_inverted(rng):
    return ordered, lambda v, x: (v[np.argsort(x)],), [values(2, 0, 1, 5, 3, 4)]


@wrong("sorting with ties: the tied get nothing")
def sort_ties_nothing(rng):
    def vjp(v, x):
        gradient = sort_vjp(v, x)[0]
        tied = (x[:, None] == x).sum(1) > 1
        return (np.where(tied, 0, gradient),)

    return ordered, vjp, [values(3, 1, 1, 2, 0)]


@wrong("sorting with ties: each of the tied gets the sum")
def sort_ties_doubled(rng):
    def vjp(v, x):
        gradient = sort_vjp(v, x)[0]
        return ((x[:, None] == x) @ gradient,)

    return ordered, vjp, [values(3, 1, 1, 2, 0)]


@wrong("a maximum with ties: each of the tied gets all")
def max_each(rng):
    return lambda x: x.max(), lambda v, x: (v * (x == x.max()),), [values(1, 3, 2, 3, 3)]


@wrong("the maximum of rows: the index of the whole array")
def row_max_global(rng):
    def vjp(v, x):
        return (v[:, None] * (x == x.max()),)

    return lambda x: x.max(1), vjp, [apart(rng, 3, 3)]


@wrong("the median of an even number: both get all")
def median_both(rng):
    def f(x):
        s = np.sort(x)
        return (s[2] + s[3]) / 2

    def vjp(v, x):
        s = np.sort(x)
        return (v * ((x == s[2]) | (x == s[3])),)

    return f, vjp, [apart(rng, 6)]


@wrong("the three largest: the fourth gets a gradient too")
def top_three_fourth(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[np.argsort(-x)[:3]] = v
        gradient[np.argsort(-x)[3]] = v[2]
        return (gradient,)

    return lambda x: np.sort(x)[::-1][:3], vjp, [apart(rng, 8)]


@wrong("the range: the minimum's sign")
def range_sign(rng):
    def vjp(v, x):
        return (v * ((x == x.max()) | (x == x.min())),)

    return lambda x: x.max() - x.min(), vjp, [apart(rng, 6)]


@wrong("the soft rank: the path through the other entries is missing")
def soft_rank(rng):
    def f(x):
        return np.tanh(x[:, None] - x).sum(1)

    def vjp(v, x):
        slope = 1 - np.tanh(x[:, None] - x) ** 2
        return ((slope * v[:, None]).sum(1),)

    return f, vjp, [rng.normal(size=5)]
