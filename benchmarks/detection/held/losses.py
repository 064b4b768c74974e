"""Losses of classification, regression and metric learning."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    cross_entropy,
    cross_entropy_vjp,
    log_softmax,
    sigmoid,
    softmax,
    softplus,
    values,
)

LABELS = np.array([1, 0, 2, 1])


def binary(x, t):
    """Return the mean cross-entropy of logits and targets from 0 to 1."""
    return (softplus(x) - t * x).mean()


def binary_vjp(v, x, t):
    return v * (sigmoid(x) - t) / x.size, -v * x / x.size


def square(x, t):
    return ((x - t) ** 2).mean()


def divergence(p, q):
    return (p * (np.log(p) - np.log(q))).sum()


def probabilities(rng, *shape):
    return softmax(rng.normal(size=shape))


def triplet(a, p, n):
    return np.maximum(((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + 1, 0).sum()


@right("cross-entropy of logits of size 1000, some of them confidently wrong")
def cross_entropy_confident(rng):
    return cross_entropy, cross_entropy_vjp, [1000 * rng.normal(size=(4, 3)), LABELS]


@right("binary cross-entropy of saturated logits", proof="rounding of p - t")
def binary_saturated(rng):
    return binary, binary_vjp, [values(-800, -30, -1, 0, 2, 40, 700), values(0, 0, 1, 0.5, 0, 1, 0)]


@right("a square loss that is nearly zero")
def square_solved(rng):
    t = rng.normal(size=6)

    def vjp(v, x, t):
        d = 2 * v * (x - t) / x.size
        return d, -d

    return square, vjp, [t + 1e-9 * rng.normal(size=6), t]


@right("focal loss")
def focal(rng):
    def f(x):
        return (sigmoid(-x) ** 2 * softplus(-x)).sum()

    def vjp(v, x):
        p, q = sigmoid(x), sigmoid(-x)
        return (v * (-2 * q * q * p * softplus(-x) - q**3),)

    return f, vjp, [values(-5, -0.5, 0.1, 2, 8)]


@right("triplets, one of them satisfied")
def triplets(rng):
    def vjp(v, a, p, n):
        on = ((((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + 1) > 0)[:, None] * v
        return 2 * on * (n - p), -2 * on * (a - p), 2 * on * (a - n)

    a = rng.normal(size=(3, 4))
    return triplet, vjp, [a, a + 0.1, a + values(0.2, 0.1, 9)[:, None]]


@right("a Gaussian likelihood with a standard deviation of 1e-4")
def gaussian(rng):
    def f(m, s):
        return (0.5 * ((1.0 - m) / s) ** 2 + np.log(s)).sum()

    def vjp(v, m, s):
        z = (1.0 - m) / s
        return -v * z / s, v * (1 - z * z) / s

    return f, vjp, [1 + 1e-4 * rng.normal(size=3), values(1e-4, 2e-4, 1e-2)]


@wrong("cross-entropy: a sum's gradient for a mean")
def cross_entropy_sum(rng):
    def vjp(v, x, labels):
        return cross_entropy_vjp(v, x, labels)[0] * len(x), None

    return cross_entropy, vjp, [rng.normal(size=(4, 3)), LABELS]


@wrong("cross-entropy: divided by all entries")
def cross_entropy_all(rng):
    def vjp(v, x, labels):
        return cross_entropy_vjp(v, x, labels)[0] / x.shape[1], None

    return cross_entropy, vjp, [rng.normal(size=(4, 3)), LABELS]


@wrong("cross-entropy: the one-hot is not subtracted")
def cross_entropy_no_target(rng):
    return (
        cross_entropy,
        lambda v, x, labels: (v * softmax(x) / len(x), None),
        [rng.normal(size=(4, 3)), LABELS],
    )


@wrong("cross-entropy: the normaliser is treated as constant")
def cross_entropy_detached(rng):
    def vjp(v, x, labels):
        return v * -np.eye(3)[labels] / len(x), None

    return cross_entropy, vjp, [rng.normal(size=(4, 3)), LABELS]


@wrong("cross-entropy: an ignored label gets a gradient")
def cross_entropy_ignored(rng):
    keep = LABELS != 2

    def f(x):
        return -(log_softmax(x)[np.arange(4), LABELS] * keep).sum() / 4

    return f, lambda v, x: (cross_entropy_vjp(v, x, LABELS)[0],), [rng.normal(size=(4, 3))]


@wrong("cross-entropy: divided by the labels that count in the gradient, by all in the function")
def cross_entropy_count(rng):
    keep = LABELS != 2

    def f(x):
        return -(log_softmax(x)[np.arange(4), LABELS] * keep).sum() / 4

    def vjp(v, x):
        return (v * (softmax(x) - np.eye(3)[LABELS]) * keep[:, None] / 3,)

    return f, vjp, [rng.normal(size=(4, 3))]


@wrong("binary cross-entropy: the targets' gradient has the wrong sign")
def binary_targets(rng):
    return (
        binary,
        lambda v, x, t: (v * (sigmoid(x) - t) / x.size, v * x / x.size),
        [rng.normal(size=5), rng.random(5)],
    )


@wrong("divergence: p and q are swapped")
def divergence_swapped(rng):
    return (
        divergence,
        lambda v, p, q: (v * (np.log(q) - np.log(p) + 1), -v * q / p),
        [probabilities(rng, 4), probabilities(rng, 4)],
    )


@wrong("divergence: the 1 of the product rule")
def divergence_one(rng):
    return (
        divergence,
        lambda v, p, q: (v * (np.log(p) - np.log(q)), -v * p / q),
        [probabilities(rng, 4), probabilities(rng, 4)],
    )


@wrong("hinge: the margin is 0 in the gradient, 1 in the function")
def hinge_margin(rng):
    t = values(1, -1, 1, -1)
    return (
        lambda x: np.maximum(1 - t * x, 0).sum(),
        lambda v, x: (-v * t * (t * x < 0),),
        [values(0.5, 0.2, 3, -4)],
    )


@wrong("triplets: the anchor misses the negative's part")
def triplets_anchor(rng):
    def vjp(v, a, p, n):
        on = ((((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + 1) > 0)[:, None] * v
        return 2 * on * (a - p), -2 * on * (a - p), 2 * on * (a - n)

    a = rng.normal(size=(3, 4))
    return triplet, vjp, [a, a + 0.1, a + values(0.2, 0.1, 9)[:, None]]
