"""What a vjp does beside its values: caches, arguments, layouts, linearity, form."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import softmax, values


@right("returns an array of stride 0")
def returns_broadcast(rng):
    return (
        lambda x: x.sum(0),
        lambda v, x: (np.broadcast_to(v, x.shape),),
        [rng.normal(size=(3, 4))],
    )


@right("a function that is constant")
def constant(rng):
    return lambda x: np.ones_like(x) + 0 * x, lambda v, x: (np.zeros_like(x),), [rng.normal(size=6)]


@right("the output is one number without an axis")
def zero_dimensional(rng):
    return lambda x: (x**3).sum(), lambda v, x: (v * 3 * x * x,), [rng.normal(size=(2, 2))]


@right("one input, 0-d")
def zero_dimensional_input(rng):
    return np.exp, lambda v, x: (v * np.exp(x),), [np.array(0.7)]


@right("a memo by identity is refreshed when the values change")
def memo_by_value(rng):
    memo = []

    def vjp(v, x):
        if not memo or not np.array_equal(memo[0], x):
            memo[:] = [x.copy(), softmax(x)]
        y = memo[1]
        return (y * (v - (v * y).sum(-1, keepdims=True)),)

    return softmax, vjp, [rng.normal(size=(2, 3))]


@wrong("a memo by shape")
def memo_by_shape(rng):
    memo = {}

    def vjp(v, x):
        return (v * memo.setdefault(x.shape, 1 - np.tanh(x) ** 2),)

    return np.tanh, vjp, [rng.normal(size=(2, 3))]


@wrong("a running statistic changes with every call")
def running_statistic(rng):
    state = {"mean": 0.0}

    def vjp(v, x):
        state["mean"] = 0.9 * state["mean"] + 0.1
        return (v * (np.cos(x) + 1e-3 * state["mean"]),)

    return np.sin, vjp, [rng.normal(size=5)]


@wrong("a random mask is drawn anew in the gradient")
def random_mask(rng):
    mask = rng.random(50) > 0.5

    def vjp(v, x):
        return (v * (rng.random(50) > 0.5),)

    return lambda x: x * mask, vjp, [rng.normal(size=50)]


@wrong("the cotangent is clipped at 1")
def cotangent_clipped(rng):
    return np.sin, lambda v, x: (np.clip(v, -1, 1) * np.cos(x),), [rng.normal(size=20)]


@wrong("the cotangent's absolute value")
def cotangent_unsigned(rng):
    return np.sin, lambda v, x: (np.abs(v) * np.cos(x),), [rng.normal(size=5)]


@wrong("a weight decay of 1e-3 is added to the gradient")
def decay_added(rng):
    return np.sin, lambda v, x: (v * np.cos(x) + 1e-3 * x,), [rng.normal(size=5)]


@wrong("small cotangents are flushed to zero")
def cotangent_flushed(rng):
    return (
        np.sin,
        lambda v, x: (np.where(np.abs(v) < 0.1, 0, v) * np.cos(x),),
        [rng.normal(size=60)],
    )


@wrong("one gradient for two inputs")
def one_for_two(rng):
    return np.add, lambda v, a, b: (v,), [rng.normal(size=4), rng.normal(size=4)]


@wrong("a transposed gradient of a square input")
def transposed_square(rng):
    return np.sin, lambda v, x: ((v * np.cos(x)).T,), [rng.normal(size=(3, 3))]


@wrong("the gradient of a column has no second axis")
def squeezed(rng):
    return np.sin, lambda v, x: ((v * np.cos(x)).squeeze(),), [rng.normal(size=(4, 1))]


@wrong("NaN in one entry")
def one_nan(rng):
    def vjp(v, x):
        gradient = v * np.cos(x)
        gradient[2] = np.nan
        return (gradient,)

    return np.sin, vjp, [rng.normal(size=6)]


@wrong("infinity in one entry of a thousand")
def one_infinity(rng):
    def vjp(v, x):
        gradient = v * np.cos(x)
        gradient[777] = np.inf
        return (gradient,)

    return np.sin, vjp, [rng.normal(size=1000)]


@wrong("the forward function's output instead of the gradient")
def returns_output(rng):
    return np.sin, lambda v, x: (v * np.sin(x),), [rng.normal(size=5)]


@wrong("wrong where the input's rows are not contiguous")
def rows_not_contiguous(rng):
    def vjp(v, x):
        return (v * np.cos(x) if x.flags.c_contiguous else v * np.cos(x[::-1]),)

    return np.sin, vjp, [rng.normal(size=(8, 3))[::2]]


@wrong("raises for negative inputs")
def raises(rng):
    def vjp(v, x):
        if (x < 0).any():
            raise ValueError("negative")
        return (v * np.cos(x),)

    return np.sin, vjp, [values(-1, 0.5)]
