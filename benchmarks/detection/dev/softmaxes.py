"""Softmax, its logarithm, logsumexp and what is built of them."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    log_softmax,
    logsumexp,
    logsumexp_vjp,
    softmax,
    softmax_vjp,
    values,
)


@right("a single class: nothing depends on anything")
def softmax_one_class(rng):
    return softmax, softmax_vjp, [rng.normal(size=(5, 1))]


@right("a temperature of 1e4: nearly constant")
def softmax_hot(rng):
    t = 1e4
    return (
        lambda x: softmax(x / t),
        lambda v, x: (softmax_vjp(v, x / t)[0] / t,),
        [rng.normal(size=(2, 4))],
    )


@right("equal logits: the largest is tied, yet all is smooth")
def logsumexp_ties(rng):
    return logsumexp, logsumexp_vjp, [values(2, 2, 2, 1)[None] + values(0, 5)[:, None]]


@right("logits of -800 and 800")
def logsumexp_far(rng):
    return logsumexp, logsumexp_vjp, [values(-800, 0, 3, 800, 799)[None]]


@right("entropy of a softmax")
def entropy(rng):
    def f(x):
        return -(softmax(x) * log_softmax(x)).sum(-1)

    def vjp(v, x):
        p, h = softmax(x), f(x)
        return (-(v[:, None]) * p * (log_softmax(x) + h[:, None]),)

    return f, vjp, [rng.normal(size=(3, 5)) * 3]


@right("softmax of a thousand logits")
def softmax_many(rng):
    return softmax, softmax_vjp, [rng.normal(size=1000)]


@wrong("the diagonal alone: y (1 - y) v")
def softmax_diagonal(rng):
    def vjp(v, x):
        y = softmax(x)
        return (v * y * (1 - y),)

    return softmax, vjp, [rng.normal(size=(3, 4))]


@wrong("the temperature is forgotten")
def softmax_temperature(rng):
    return (
        lambda x: softmax(x / 0.5),
        lambda v, x: softmax_vjp(v, x / 0.5),
        [rng.normal(size=(2, 4))],
    )


@wrong("logsumexp: one-hot of the largest instead of softmax")
def logsumexp_as_max(rng):
    def vjp(v, x):
        return (v[:, None] * (x == x.max(-1, keepdims=True)),)

    return logsumexp, vjp, [rng.normal(size=(3, 4))]


@wrong("logsumexp: the shift's gradient is added once more")
def logsumexp_shift_twice(rng):
    def vjp(v, x):
        return (v[:, None] * (softmax(x) + (x == x.max(-1, keepdims=True))),)

    return logsumexp, vjp, [rng.normal(size=(3, 4))]


@wrong("probabilities below 1e-4 get no gradient")
def softmax_small_dropped(rng):
    def vjp(v, x):
        gradient = softmax_vjp(v, x)[0]
        return (np.where(softmax(x) < 1e-4, 0, gradient),)

    return softmax, vjp, [values(0, 1, 2, -9)[None]]


@wrong("entropy: the term of the logarithm alone")
def entropy_one_term(rng):
    def f(x):
        return -(softmax(x) * log_softmax(x)).sum(-1)

    return f, lambda v, x: (-v[:, None] * softmax(x) * log_softmax(x),), [rng.normal(size=(3, 5))]


@wrong("the last class of 500 is 0.1 % off", at=(499,))
def softmax_last_class(rng):
    def vjp(v, x):
        gradient = softmax_vjp(v, x)[0]
        gradient[-1] *= 1.001
        return (gradient,)

    return softmax, vjp, [rng.normal(size=500)]


@wrong("gumbel softmax: the noise is scaled, the gradient is not")
def softmax_scaled_inside(rng):
    noise = rng.normal(size=(2, 4))
    return (
        lambda x: softmax((x + noise) * 3),
        lambda v, x: softmax_vjp(v, (x + noise) * 3),
        [rng.normal(size=(2, 4))],
    )


@wrong("sigmoid instead of softmax in one of the rows")
def softmax_row_sigmoid(rng):
    def vjp(v, x):
        gradient = softmax_vjp(v, x)[0]
        y = 1 / (1 + np.exp(-x[-1]))
        gradient[-1] = v[-1] * y * (1 - y)
        return (gradient,)

    return softmax, vjp, [rng.normal(size=(4, 3))]
