"""Cumulative sums, products, maxima, and recurrences."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import values


def reverse_cumsum(v, axis=-1):
    return np.flip(np.cumsum(np.flip(v, axis), axis), axis)


def leave_one_out(v, x):
    """Return the vjp of cumprod without dividing."""
    gradient = np.zeros_like(x)
    for i in range(x.size):
        for j in range(i, x.size):
            gradient[i] += v[j] * np.prod(np.delete(x[: j + 1], i))
    return (gradient,)


def recurrence(x, a):
    """Return h with h_t = a h_(t-1) + x_t."""
    h, found = 0 * x[0], []
    for t in range(x.shape[0]):
        h = a * h + x[t]
        found.append(h)
    return np.stack(found)


def recurrence_vjp(v, x, a):
    h = recurrence(x, a)
    dh, dx, da = np.zeros_like(x[0]), np.zeros_like(x), np.zeros_like(a)
    for t in reversed(range(len(x))):
        dh = v[t] + (a * dh if t < len(x) - 1 else 0)
        dx[t] = dh
        da = da + (dh * h[t - 1] if t else 0)
    return dx, np.asarray(da)


@right("a cumulative sum over unlike magnitudes")
def cumsum_unlike(rng):
    x = rng.normal(size=10) * 10.0 ** rng.integers(-8, 8, 10)
    return np.cumsum, lambda v, x: (reverse_cumsum(v),), [x]


@right("along the first axis")
def cumsum_axis(rng):
    return (
        lambda x: np.cumsum(x, 0),
        lambda v, x: (reverse_cumsum(v, 0),),
        [rng.normal(size=(4, 3))],
    )


@right("a cumulative product with a zero")
def cumprod_zero(rng):
    return np.cumprod, leave_one_out, [values(2, -1, 0, 3, 0.5)]


@right("a linear recurrence with a factor of 0.9")
def decay(rng):
    return recurrence, recurrence_vjp, [rng.normal(size=(8, 2)), np.full(2, 0.9)]


@right("cumulative logsumexp")
def cumulative_logsumexp(rng):
    def f(x):
        return np.log(np.cumsum(np.exp(x)))

    return (
        f,
        lambda v, x: (np.exp(x) * reverse_cumsum(v / np.cumsum(np.exp(x))),),
        [rng.normal(size=6) * 4],
    )


@wrong("the entry itself is left out")
def cumsum_exclusive(rng):
    return np.cumsum, lambda v, x: (reverse_cumsum(v) - v,), [rng.normal(size=6)]


@wrong("a cumulative product divided by its entries: NaN at a zero")
def cumprod_division(rng):
    def vjp(v, x):
        return (reverse_cumsum(v * np.cumprod(x)) / x,)

    return np.cumprod, vjp, [values(2, -1, 0, 3, 0.5)]


@wrong("a cumulative product whose zero gets no gradient")
def cumprod_zero_dropped(rng):
    def vjp(v, x):
        return (np.where(x == 0, 0, reverse_cumsum(v * np.cumprod(x)) / np.where(x == 0, 1, x)),)

    return np.cumprod, vjp, [values(2, -1, 0, 3, 0.5)]


@wrong("a cumulative product: the product of the part before alone")
def cumprod_before(rng):
    def vjp(v, x):
        return (v * np.concatenate([[1.0], np.cumprod(x)[:-1]]),)

    return np.cumprod, vjp, [rng.normal(size=5)]


@wrong("a running maximum: the whole gradient goes to the largest")
def cummax_largest(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[x.argmax()] = v.sum()
        return (gradient,)

    return np.maximum.accumulate, vjp, [values(1, 0.5, 3, 2, 2.5)]


@wrong("truncated: gradients flow back one step only")
def decay_truncated(rng):
    def vjp(v, x, a):
        h = recurrence(x, a)
        dx = v.copy()
        dx[:-1] += a * v[1:]
        return dx, (v[1:] * h[:-1]).sum(0)

    return recurrence, vjp, [rng.normal(size=(6, 2)), np.full(2, 0.9)]


@wrong("differences: the last entry is forgotten")
def differences_last(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[1:-1] += v[:-1]
        gradient[:-1] -= v
        return (gradient,)

    return np.diff, vjp, [np.cumsum(rng.normal(size=9))]


@wrong("Horner: the derivative of the polynomial misses its powers")
def horner(rng):
    c = values(1, -2, 0.5, 3)

    def f(x):
        h = 0 * x
        for k in range(4):
            h = h * x + c[k]
        return h

    def vjp(v, x):
        return (v * (c[0] * x**2 + c[1] * x + c[2]),)

    return f, vjp, [rng.normal(size=5)]
