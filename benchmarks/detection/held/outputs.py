"""Several outputs, recurrent cells, contractions and special functions."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import digamma, gammaln, unary, values


def polar(x, y):
    return np.sqrt(x * x + y * y), np.arctan2(y, x)


def moments(x):
    return x.mean(), ((x - x.mean()) ** 2).mean()


def moments_vjp(v, x):
    return (v[0] / x.size + v[1] * 2 * (x - x.mean()) / x.size,)


def bilinear(a, w, b):
    return np.einsum("ni,oij,nj->no", a, w, b)


def bilinear_vjp(v, a, w, b):
    return (
        np.einsum("no,oij,nj->ni", v, w, b),
        np.einsum("no,ni,nj->oij", v, a, b),
        np.einsum("no,ni,oij->nj", v, a, w),
    )


@right("mean and variance, two 0-d outputs")
def moments_both(rng):
    return moments, moments_vjp, [rng.normal(size=6)]


@right("an output that is the input, and one that is constant")
def outputs_trivial(rng):
    return lambda x: (x * 1, 0 * x + 2), lambda v, x: (v[0] * 1,), [rng.normal(size=4)]


@right("a bilinear form of three inputs")
def bilinear_form(rng):
    return (
        bilinear,
        bilinear_vjp,
        [rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 2)), rng.normal(size=(2, 2))],
    )


@right("the logarithm of the beta function")
def log_beta(rng):
    def vjp(v, a, b):
        return v * (digamma(a) - digamma(a + b)), v * (digamma(b) - digamma(a + b))

    return (
        lambda a, b: gammaln(a) + gammaln(b) - gammaln(a + b),
        vjp,
        [values(0.5, 3, 40), values(2, 0.1, 7)],
    )


@right("a two-layer network")
def network(rng):
    def f(x, w, u):
        return np.tanh(x @ w) @ u

    def vjp(v, x, w, u):
        y = np.tanh(x @ w)
        g = (v @ u.T) * (1 - y * y)
        return g @ w.T, x.T @ g, y.T @ v

    return f, vjp, [rng.normal(size=(3, 4)), rng.normal(size=(4, 5)), rng.normal(size=(5, 2))]


@wrong("the angle's part is left out")
def polar_radius_only(rng):
    return (
        polar,
        lambda v, x, y: (v[0] * x / np.hypot(x, y), v[0] * y / np.hypot(x, y)),
        [rng.normal(size=4), rng.normal(size=4)],
    )


@wrong("the outputs' parts are subtracted")
def moments_subtracted(rng):
    def vjp(v, x):
        return (v[0] / x.size - v[1] * 2 * (x - x.mean()) / x.size,)

    return moments, vjp, [rng.normal(size=6)]


@wrong("a bilinear form: the weights' last two axes are swapped")
def bilinear_axes(rng):
    def vjp(v, a, w, b):
        da, dw, db = bilinear_vjp(v, a, w, b)
        return da, dw.swapaxes(1, 2).copy(), db

    return (
        bilinear,
        vjp,
        [rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3))],
    )


@wrong("a bilinear form: the first input's gradient uses itself")
def bilinear_self(rng):
    def vjp(v, a, w, b):
        _, dw, db = bilinear_vjp(v, a, w, b)
        return np.einsum("no,oij,nj->ni", v, w, a), dw, db

    return (
        bilinear,
        vjp,
        [rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3))],
    )


@wrong("digamma by two terms: 1e-6 off at 10")
def digamma_two_terms(rng):
    return unary(gammaln, lambda x: np.log(x) - 0.5 / x - 1 / (12 * x * x), values(8.0, 9.0, 10.0))


@wrong("the beta function: the sum's part is missing")
def log_beta_sum(rng):
    return (
        lambda a, b: gammaln(a) + gammaln(b) - gammaln(a + b),
        lambda v, a, b: (v * digamma(a), v * digamma(b)),
        [values(0.5, 3, 40), values(2, 0.1, 7)],
    )


@wrong("shared weights: the second use is forgotten")
def shared_weights(rng):
    def vjp(v, x, w):
        y = np.tanh(x @ w)
        g = (v @ w.T) * (1 - y * y)
        return g @ w.T, x.T @ g

    return lambda x, w: np.tanh(x @ w) @ w, vjp, [rng.normal(size=(3, 4)), rng.normal(size=(4, 4))]


@wrong("a contraction: two equal axes are taken for each other")
def contraction(rng):
    return (
        lambda a, b: np.einsum("ijk,kjl->il", a, b),
        lambda v, a, b: (np.einsum("il,jkl->ijk", v, b), np.einsum("il,ijk->kjl", v, a)),
        [rng.normal(size=(2, 3, 3)), rng.normal(size=(3, 3, 2))],
    )


@wrong("complex multiplication by hand: the conjugate is missing")
def complex_product(rng):
    def f(a, b):
        return np.stack([a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]])

    return f, lambda v, a, b: (f(v, b), f(v, a)), [rng.normal(size=(2, 3)), rng.normal(size=(2, 3))]
