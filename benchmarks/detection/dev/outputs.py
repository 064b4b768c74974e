"""Several outputs, recurrent cells, contractions and special functions."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import digamma, gammaln, sigmoid, unary, values


def polar(x, y):
    return np.sqrt(x * x + y * y), np.arctan2(y, x)


def polar_vjp(v, x, y):
    r = np.sqrt(x * x + y * y)
    return v[0] * x / r - v[1] * y / r**2, v[0] * y / r + v[1] * x / r**2


def cell(x, h, w):
    z = sigmoid(x * w[0] + h * w[1])
    n = np.tanh(x * w[2] + h * w[3] * z)
    return (1 - z) * n + z * h


def cell_vjp(v, x, h, w, reset=True):
    z = sigmoid(x * w[0] + h * w[1])
    n = np.tanh(x * w[2] + h * w[3] * z)
    dn = v * (1 - z) * (1 - n * n)
    dz = v * (h - n) + (dn * h * w[3] if reset else 0)
    dp = dz * z * (1 - z)
    dh = v * z + dn * w[3] * z + dp * w[1]
    dw = np.array([(dp * x).sum(), (dp * h).sum(), (dn * x).sum(), (dn * h * z).sum()])
    return dp * w[0] + dn * w[2], dh, dw


@right("radius and angle")
def polar_both(rng):
    return polar, polar_vjp, [rng.normal(size=4), rng.normal(size=4)]


@right("outputs of unlike size: 1e-20 and 1e20")
def outputs_unlike(rng):
    return (
        lambda x: (1e-20 * np.sin(x), 1e20 * np.exp(x)),
        lambda v, x: (v[0] * 1e-20 * np.cos(x) + v[1] * 1e20 * np.exp(x),),
        [rng.normal(size=4)],
    )


@right("a gated cell")
def gated(rng):
    return cell, cell_vjp, [rng.normal(size=5), rng.normal(size=5), rng.normal(size=4)]


@right("a gated cell with saturated gates")
def gated_saturated(rng):
    return cell, cell_vjp, [rng.normal(size=5), rng.normal(size=5), values(20, -15, 0.5, 3)]


@right("the logarithm of the gamma function from 1e-3 to 1e6")
def gamma_everywhere(rng):
    return unary(gammaln, digamma, values(1e-3, 0.3, 1.4616, 2, 17, 1e6))


@wrong("the angle's part is divided by r instead of r^2")
def polar_power(rng):
    def vjp(v, x, y):
        r = np.sqrt(x * x + y * y)
        return v[0] * x / r - v[1] * y / r, v[0] * y / r + v[1] * x / r

    return polar, vjp, [rng.normal(size=4), rng.normal(size=4)]


@wrong("the tiny output's part is left out where the other is ordinary")
def tiny_output_dropped(rng):
    return (
        lambda x: (1e-6 * np.sin(x), np.exp(x[:1])),
        lambda v, x: (np.concatenate([v[1] * np.exp(x[:1]), 0 * x[1:]]),),
        [rng.normal(size=4)],
    )


@wrong("a gated cell: the gate's path through the candidate is missing")
def gated_path(rng):
    return (
        cell,
        lambda v, x, h, w: cell_vjp(v, x, h, w, False),
        [rng.normal(size=5), rng.normal(size=5), rng.normal(size=4)],
    )


@wrong("a gated cell: the state's direct path is missing")
def gated_state(rng):
    def vjp(v, x, h, w):
        dx, dh, dw = cell_vjp(v, x, h, w)
        return dx, dh - v * sigmoid(x * w[0] + h * w[1]), dw

    return cell, vjp, [rng.normal(size=5), rng.normal(size=5), rng.normal(size=4)]


@wrong("a gated cell: one weight's gradient lacks the gate")
def gated_weight(rng):
    def vjp(v, x, h, w):
        dx, dh, dw = cell_vjp(v, x, h, w)
        z = sigmoid(x * w[0] + h * w[1])
        n = np.tanh(x * w[2] + h * w[3] * z)
        dw[3] = (v * (1 - z) * (1 - n * n) * h).sum()
        return dx, dh, dw

    return cell, vjp, [rng.normal(size=5), rng.normal(size=5), rng.normal(size=4)]


@wrong("digamma by its first term: log x - 1 / (2 x)")
def digamma_asymptotic(rng):
    return unary(gammaln, lambda x: np.log(x) - 0.5 / x, values(1.5, 4, 20))


@wrong("a network: the activation's slope at the input instead of the output")
def network_slope(rng):
    def vjp(v, x, w, u):
        z = x @ w
        g = (v @ u.T) * (1 - z * z)
        return g @ w.T, x.T @ g, np.tanh(z).T @ v

    return (
        lambda x, w, u: np.tanh(x @ w) @ u,
        vjp,
        [rng.normal(size=(3, 4)), rng.normal(size=(4, 5)), rng.normal(size=(5, 2))],
    )


@wrong("a network: the second layer's gradient uses the first layer's sums")
def network_activation(rng):
    def vjp(v, x, w, u):
        y = np.tanh(x @ w)
        g = (v @ u.T) * (1 - y * y)
        return g @ w.T, x.T @ g, (x @ w).T @ v

    return (
        lambda x, w, u: np.tanh(x @ w) @ u,
        vjp,
        [rng.normal(size=(3, 4)), rng.normal(size=(4, 5)), rng.normal(size=(5, 2))],
    )


@wrong("a residual connection is forgotten")
def residual_path(rng):
    def vjp(v, x, w):
        y = np.tanh(x @ w)
        g = v * (1 - y * y)
        return g @ w.T, x.T @ g

    return lambda x, w: x + np.tanh(x @ w), vjp, [rng.normal(size=(3, 4)), rng.normal(size=(4, 4))]
