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


def square(x, t):
    return ((x - t) ** 2).mean()


def divergence(p, q):
    return (p * (np.log(p) - np.log(q))).sum()


def probabilities(rng, *shape):
    return softmax(rng.normal(size=shape))


def cosine(a, b):
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


@right("cross-entropy of ordinary logits")
def cross_entropy_plain(rng):
    return cross_entropy, cross_entropy_vjp, [rng.normal(size=(4, 3)), LABELS]


@right("cross-entropy that is nearly zero", proof="terms of the gradient cancel")
def cross_entropy_solved(rng):
    x = rng.normal(size=(4, 3))
    x[np.arange(4), LABELS] += 30
    return cross_entropy, cross_entropy_vjp, [x, LABELS]


@right("divergence of distributions with small probabilities")
def divergence_small(rng):
    p = values(0.9, 0.1 - 1e-8, 1e-8)
    return (
        divergence,
        lambda v, p, q: (v * (np.log(p) - np.log(q) + 1), -v * p / q),
        [p, probabilities(rng, 3)],
    )


@right("hinge with margins on both sides")
def hinge(rng):
    t = values(1, -1, 1, -1)

    def vjp(v, x):
        return (-v * t * (t * x < 1),)

    return lambda x: np.maximum(1 - t * x, 0).sum(), vjp, [values(0.5, 0.2, 3, -4)]


@right("cosine similarity of nearly parallel vectors", proof="terms of the gradient cancel")
def cosine_parallel(rng):
    a = rng.normal(size=4)

    def vjp(v, a, b):
        na, nb = np.sqrt((a * a).sum()), np.sqrt((b * b).sum())
        c = (a * b).sum() / na / nb
        return v * (b / na / nb - c * a / na**2), v * (a / na / nb - c * b / nb**2)

    return cosine, vjp, [a, a * (1 + 1e-4 * rng.normal(size=4))]


@right("log-cosh over all magnitudes")
def log_cosh(rng):
    def f(x):
        return (np.abs(x) + np.log1p(np.exp(-2 * np.abs(x)))).sum()

    return f, lambda v, x: (v * np.tanh(x),), [values(-500, -1, 1e-8, 0.5, 30)]


@wrong("cross-entropy: label smoothing in the function alone")
def cross_entropy_smoothing(rng):
    def f(x):
        target = np.eye(3)[LABELS] * 0.9 + 0.1 / 3
        return -(target * log_softmax(x)).sum() / 4

    return f, lambda v, x: (cross_entropy_vjp(v, x, LABELS)[0],), [rng.normal(size=(4, 3))]


@wrong("cross-entropy: class weights are left out")
def cross_entropy_weights(rng):
    weights = values(1, 1.2, 0.8)

    def f(x):
        return -(weights[LABELS] * log_softmax(x)[np.arange(4), LABELS]).mean()

    return f, lambda v, x: (cross_entropy_vjp(v, x, LABELS)[0],), [rng.normal(size=(4, 3))]


@wrong("binary cross-entropy: the derivative of sigmoid comes in once more")
def binary_twice(rng):
    def vjp(v, x, t):
        p = sigmoid(x)
        return v * (p - t) * p * (1 - p) / x.size, -v * x / x.size

    return binary, vjp, [rng.normal(size=5), rng.random(5)]


@wrong("binary cross-entropy: probabilities clipped to 1e-3 in the gradient")
def binary_clipped(rng):
    def vjp(v, x, t):
        p = np.clip(sigmoid(x), 1e-3, 1 - 1e-3)
        return v * (p - t) / x.size, -v * x / x.size

    return binary, vjp, [values(-9, 0.3, 1, 9), values(0, 1, 0, 1)]


@wrong("square loss without the 2")
def square_no_two(rng):
    def vjp(v, x, t):
        d = v * (x - t) / x.size
        return d, -d

    return square, vjp, [rng.normal(size=6), rng.normal(size=6)]


@wrong("square loss: the target's gradient has the sign of the prediction's")
def square_target(rng):
    def vjp(v, x, t):
        d = 2 * v * (x - t) / x.size
        return d, d

    return square, vjp, [rng.normal(size=6), rng.normal(size=6)]


@wrong("hinge: satisfied margins get a gradient")
def hinge_satisfied(rng):
    t = values(1, -1, 1, -1)
    return (
        lambda x: np.maximum(1 - t * x, 0).sum(),
        lambda v, x: (-v * t,),
        [values(0.5, 0.2, 3, -4)],
    )


@wrong("cosine similarity: the norms are treated as constant")
def cosine_detached(rng):
    def vjp(v, a, b):
        n = np.sqrt((a * a).sum() * (b * b).sum())
        return v * b / n, v * a / n

    return cosine, vjp, [rng.normal(size=4), rng.normal(size=4)]


@wrong("focal loss: the focusing factor is treated as constant")
def focal_detached(rng):
    def f(x):
        return (sigmoid(-x) ** 2 * softplus(-x)).sum()

    return f, lambda v, x: (-v * sigmoid(-x) ** 3,), [values(-3, -0.5, 0.1, 2)]


@wrong("a Gaussian likelihood: the variance stands for the deviation")
def gaussian_variance(rng):
    def f(m, s):
        return (0.5 * ((1.0 - m) / s) ** 2 + np.log(s)).sum()

    def vjp(v, m, s):
        return -v * (1.0 - m) / s**2, v * (1 - ((1.0 - m) / s) ** 2) / s**2

    return f, vjp, [rng.normal(size=3), 0.5 + rng.random(3)]


@wrong("contrastive: the diagonal's own path")
def contrastive_diagonal(rng):
    def f(x, y):
        return -np.diagonal(log_softmax(x @ y.T)).sum()

    def vjp(v, x, y):
        ds = v * softmax(x @ y.T)
        ds[np.diag_indices(3)] = 0
        return ds @ y, ds.T @ x

    return f, vjp, [rng.normal(size=(3, 4)), rng.normal(size=(3, 4))]


@wrong("smooth L1: the bound is 1 in the gradient, 0.5 in the function")
def smooth_l1_bound(rng):
    def f(x):
        return np.where(np.abs(x) < 0.5, x * x, np.abs(x) - 0.25).sum()

    return (
        f,
        lambda v, x: (v * np.where(np.abs(x) < 1, 2 * x, np.sign(x)),),
        [values(-2, 0.1, 0.7, 3)],
    )
