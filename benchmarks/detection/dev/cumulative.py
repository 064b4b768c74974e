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


@right("a cumulative sum of a thousand")
def cumsum_long(rng):
    return np.cumsum, lambda v, x: (reverse_cumsum(v),), [rng.normal(size=1000)]


@right("a cumulative product that falls to 1e-60")
def cumprod_falling(rng):
    return np.cumprod, leave_one_out, [10.0 ** rng.uniform(-9, -5, 9)]


@right("a running maximum")
def cummax(rng):
    def vjp(v, x):
        gradient, best = np.zeros_like(x), 0
        for i in range(x.size):
            best = i if x[i] >= x[best] else best
            gradient[best] += v[i]
        return (gradient,)

    return np.maximum.accumulate, vjp, [rng.normal(size=12)]


@right("a recurrence that grows by 1e40")
def growth(rng):
    return recurrence, recurrence_vjp, [rng.normal(size=(9, 1)), np.full(1, 1e5)]


@right("finite differences of an array")
def differences(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[1:] += v
        gradient[:-1] -= v
        return (gradient,)

    return np.diff, vjp, [np.cumsum(rng.normal(size=9))]


@wrong("the cumulative sum runs forwards in the gradient")
def cumsum_forwards(rng):
    return np.cumsum, lambda v, x: (np.cumsum(v),), [rng.normal(size=6)]


@wrong("along the wrong axis of a square")
def cumsum_wrong_axis(rng):
    return (
        lambda x: np.cumsum(x, 0),
        lambda v, x: (reverse_cumsum(v, 1),),
        [rng.normal(size=(4, 4))],
    )


@wrong("a running maximum: every entry gets its own cotangent")
def cummax_own(rng):
    return (
        np.maximum.accumulate,
        lambda v, x: (v * (np.maximum.accumulate(x) == x),),
        [values(1, 0.5, 3, 2, 2.5)],
    )


@wrong("the factor's gradient counts the last step alone")
def decay_factor_last(rng):
    def vjp(v, x, a):
        dx, _ = recurrence_vjp(v, x, a)
        return dx, dx[-1] * recurrence(x, a)[-2]

    return recurrence, vjp, [rng.normal(size=(6, 2)), np.full(2, 0.9)]


@wrong("the state's index is off by one in the factor's gradient")
def decay_off_by_one(rng):
    def vjp(v, x, a):
        dx, _ = recurrence_vjp(v, x, a)
        return dx, (dx * recurrence(x, a)).sum(0)

    return recurrence, vjp, [rng.normal(size=(6, 2)), np.full(2, 0.9)]


@wrong("differences: the sign at the first entry")
def differences_first(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[1:] += v
        gradient[:-1] -= v
        gradient[0] = v[0]
        return (gradient,)

    return np.diff, vjp, [np.cumsum(rng.normal(size=9))]


@wrong("an exponential average: the initial value gets nothing")
def average_initial(rng):
    def f(x):
        s, found = x[0], [x[0]]
        for value in x[1:]:
            s = 0.8 * s + 0.2 * value
            found.append(s)
        return np.stack(found)

    def vjp(v, x):
        gradient, ds = np.zeros_like(x), 0.0
        for t in reversed(range(1, x.size)):
            ds = ds * 0.8 + v[t]
            gradient[t] = 0.2 * ds
        gradient[0] = v[0]
        return (gradient,)

    return f, vjp, [rng.normal(size=6)]


@wrong("cumulative logsumexp: the exponential of the output instead of the input")
def cumulative_logsumexp_output(rng):
    def f(x):
        return np.log(np.cumsum(np.exp(x)))

    return (
        f,
        lambda v, x: (np.cumsum(np.exp(x)) * reverse_cumsum(v / np.cumsum(np.exp(x))),),
        [rng.normal(size=6)],
    )
