"""Softmax, its logarithm, logsumexp and what is built of them."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    log_softmax,
    log_softmax_vjp,
    softmax,
    softmax_vjp,
    values,
)


@right("saturated rows: one class has everything", proof="terms of the gradient cancel")
def softmax_saturated(rng):
    return softmax, softmax_vjp, [values(0, 1, 60, -3)[None] * values(1, 10, -5)[:, None]]


@right("logits shifted by 1e6")
def softmax_shifted(rng):
    return softmax, softmax_vjp, [rng.normal(size=(3, 4)) + values(1e6, -1e6, 0)[:, None]]


@right("along the first axis")
def softmax_first_axis(rng):
    return lambda x: softmax(x, 0), lambda v, x: softmax_vjp(v, x, 0), [rng.normal(size=(4, 3))]


@right("a temperature of 1e-3")
def softmax_cold(rng):
    t = 1e-3
    return (
        lambda x: softmax(x / t),
        lambda v, x: (softmax_vjp(v, x / t)[0] / t,),
        [rng.normal(size=(2, 4)) * 2e-3],
    )


@right("far apart logits: log-probabilities of -1000")
def log_softmax_far(rng):
    return log_softmax, log_softmax_vjp, [values(-1000, 0, 3, 500)[None] * values(1, -1)[:, None]]


@right("a masked softmax: -1e30 stands for minus infinity")
def softmax_masked(rng):
    mask = rng.random((4, 5)) > 0.4
    mask[:, 0] = True

    def f(x):
        return softmax(np.where(mask, x, -1e30))

    def vjp(v, x):
        return (np.where(mask, softmax_vjp(v, np.where(mask, x, -1e30))[0], 0),)

    return f, vjp, [rng.normal(size=(4, 5))]


@right("the logarithm of a difference of exponentials, unlike sizes")
def log_add_exp(rng):
    def f(a, b):
        top = np.maximum(a, b)
        return top + np.log1p(np.exp(-np.abs(a - b)))

    def vjp(v, a, b):
        share = np.where(
            a > b,
            1 / (1 + np.exp(-np.abs(a - b))),
            np.exp(-np.abs(a - b)) / (1 + np.exp(-np.abs(a - b))),
        )
        return v * share, v * (1 - share)

    return f, vjp, [values(-5, 3, 700, 0.1), values(2, -1, 699, 0.3)]


@wrong("y (v - mean) instead of y (v - sum(v y))")
def softmax_mean(rng):
    def vjp(v, x):
        return (softmax(x) * (v - v.mean(-1, keepdims=True)),)

    return softmax, vjp, [rng.normal(size=(3, 4))]


@wrong("the normaliser is treated as constant")
def softmax_detached(rng):
    return softmax, lambda v, x: (v * softmax(x),), [rng.normal(size=(3, 4))]


@wrong("summed along the wrong axis of a square")
def softmax_wrong_axis(rng):
    return softmax, lambda v, x: softmax_vjp(v, x, 0), [rng.normal(size=(4, 4))]


@wrong("the inner sum runs over the whole array")
def softmax_whole_sum(rng):
    def vjp(v, x):
        y = softmax(x)
        return (y * (v - (v * y).sum()),)

    return softmax, vjp, [rng.normal(size=(3, 4))]


@wrong("log_softmax subtracts softmax without the cotangent's sum")
def log_softmax_unsummed(rng):
    return log_softmax, lambda v, x: (v - softmax(x) * v,), [rng.normal(size=(3, 4))]


@wrong("log_softmax: v alone")
def log_softmax_first_term(rng):
    return log_softmax, lambda v, x: (v * 1.0,), [rng.normal(size=(3, 4))]


@wrong("probabilities are clipped to 1 - 1e-3 before the gradient")
def softmax_clipped(rng):
    def vjp(v, x):
        y = np.clip(softmax(x), 0, 1 - 1e-3)
        return (y * (v - (v * y).sum(-1, keepdims=True)),)

    return softmax, vjp, [values(0, 1, 9, -1)[None]]


@wrong("masked entries get a gradient")
def softmax_mask_leaks(rng):
    mask = values(1, 0, 1, 1) > 0

    def f(x):
        return np.where(mask, softmax(np.where(mask, x, -1e30)), x)

    return f, lambda v, x: softmax_vjp(v, np.where(mask, x, -1e30)), [rng.normal(size=(3, 4))]
