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


@right("sorting of distinct values")
def sort_distinct(rng):
    return ordered, sort_vjp, [apart(rng, 3, 5)]


@right("a maximum with ties: the first gets all")
def max_first(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[x.argmax()] = v
        return (gradient,)

    return lambda x: x.max(), vjp, [values(1, 3, 2, 3, 3)]


@right("the median of an even number: two halves")
def median_even(rng):
    def f(x):
        s = np.sort(x)
        return (s[2] + s[3]) / 2

    def vjp(v, x):
        s = np.sort(x)
        return (v * 0.5 * ((x == s[2]) | (x == s[3])),)

    return f, vjp, [apart(rng, 6)]


@right("the three largest")
def top_three(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[np.argsort(-x)[:3]] = v
        return (gradient,)

    return lambda x: np.sort(x)[::-1][:3], vjp, [apart(rng, 8)]


@right("a quantile between two entries")
def quantile(rng):
    def f(x):
        s = np.sort(x)
        return 0.7 * s[1] + 0.3 * s[2]

    def vjp(v, x):
        order = np.argsort(x)
        gradient = np.zeros_like(x)
        gradient[order[1]], gradient[order[2]] = 0.7 * v, 0.3 * v
        return (gradient,)

    return f, vjp, [apart(rng, 5)]


@right("the range of values of unlike size")
def value_range(rng):
    def vjp(v, x):
        return (v * ((x == x.max()) * 1.0 - (x == x.min())),)

    return lambda x: x.max() - x.min(), vjp, [values(1e-9, -1e6, 1e6, 3)]


@wrong("sorting: the cotangent unsorted")
def sort_identity(rng):
    return ordered, lambda v, x: (v * 1.0,), [apart(rng, 3, 4)]


@wrong("sorting: two near entries are taken for ties and swapped")
def sort_rounded(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[np.argsort(np.round(x, 6), kind="stable")] = v
        return (gradient,)

    return ordered, vjp, [values(2, 1 + 1e-8, 1, 5)]


@wrong("the maximum's gradient goes to the minimum")
def max_at_min(rng):
    return lambda x: x.max(), lambda v, x: (v * (x == x.min()),), [apart(rng, 6)]


@wrong("the maximum along columns instead of rows")
def row_max_axis(rng):
    def vjp(v, x):
        return (v[:, None] * (x == x.max(0, keepdims=True)),)

    return lambda x: x.max(1), vjp, [values(1, 2, 3, 9, 8, 7, 4, 6, 5).reshape(3, 3)]


@wrong("the median of an even number: the lower alone")
def median_lower(rng):
    def f(x):
        s = np.sort(x)
        return (s[2] + s[3]) / 2

    return f, lambda v, x: (v * (x == np.sort(x)[2]),), [apart(rng, 6)]


@wrong("the three largest: the gradient of the largest goes to the third")
def top_three_reversed(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[np.argsort(-x)[:3]] = v[::-1]
        return (gradient,)

    return lambda x: np.sort(x)[::-1][:3], vjp, [apart(rng, 8)]


@wrong("a quantile: the weights are swapped")
def quantile_swapped(rng):
    def f(x):
        s = np.sort(x)
        return 0.7 * s[1] + 0.3 * s[2]

    def vjp(v, x):
        order = np.argsort(x)
        gradient = np.zeros_like(x)
        gradient[order[1]], gradient[order[2]] = 0.3 * v, 0.7 * v
        return (gradient,)

    return f, vjp, [apart(rng, 5)]


@wrong("a sorted weighted sum: weights in the order of the input")
def weighted_order(rng):
    w = values(0.1, 0.2, 0.3, 0.4)
    return lambda x: (np.sort(x) * w).sum(), lambda v, x: (v * w,), [values(3, 1, 4, 2)]


@wrong("max pooling along time: the window's first entry")
def window_first(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[::3] = v
        return (gradient,)

    return lambda x: x.reshape(-1, 3).max(1), vjp, [apart(rng, 9)]
