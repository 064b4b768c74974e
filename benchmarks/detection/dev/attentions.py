"""Attention: scores, masks, keys and values."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import attention, attention_vjp, softmax, values


def inputs(rng, queries=3, keys=4, d=5, batch=()):
    return [
        rng.normal(size=(*batch, queries, d)),
        rng.normal(size=(*batch, keys, d)),
        rng.normal(size=(*batch, keys, 2)),
    ]


def causal(n):
    return np.tril(np.ones((n, n), bool))


def with_mask(mask):
    return (
        lambda q, k, w: attention(q, k, w, mask),
        lambda v, q, k, w: attention_vjp(v, q, k, w, mask),
    )


def parts(v, q, k, w):
    root = q.shape[-1] ** 0.5
    p = softmax(q @ k.T / root)
    dp = v @ w.T
    return root, p, dp, p * (dp - (dp * p).sum(-1, keepdims=True))


@right("queries, keys and values")
def plain(rng):
    return attention, attention_vjp, inputs(rng)


@right("a mask that hides one key from everybody")
def hidden_key(rng):
    mask = np.ones((3, 4), bool)
    mask[:, 2] = False
    return *with_mask(mask), inputs(rng)


@right("linear attention: q (k^T w)")
def linear(rng):
    def vjp(v, q, k, w):
        return v @ (k.T @ w).T, w @ (q.T @ v).T, k @ (q.T @ v)

    return lambda q, k, w: q @ (k.T @ w), vjp, inputs(rng)


@wrong("the scale is d instead of its root")
def scale_not_root(rng):
    def vjp(v, q, k, w):
        root, p, _, ds = parts(v, q, k, w)
        return ds @ k / root**2, ds.T @ q / root**2, p.T @ v

    return attention, vjp, inputs(rng)


@wrong("the softmax's inner sum is left out")
def inner_sum_missing(rng):
    def vjp(v, q, k, w):
        root, p, dp, _ = parts(v, q, k, w)
        ds = p * dp / root
        return ds @ k, ds.T @ q, p.T @ v

    return attention, vjp, inputs(rng)


@wrong("the softmax's inner sum runs over queries")
def inner_sum_queries(rng):
    def vjp(v, q, k, w):
        root, p, dp, _ = parts(v, q, k, w)
        ds = p * (dp - (dp * p).sum(0, keepdims=True)) / root
        return ds @ k, ds.T @ q, p.T @ v

    return attention, vjp, inputs(rng)


@wrong("the values' gradient uses p instead of its transpose")
def values_transposed(rng):
    def vjp(v, q, k, w):
        root, p, _, ds = parts(v, q, k, w)
        return ds @ k / root, ds.T @ q / root, p @ v

    return attention, vjp, inputs(rng, 4, 4)


@wrong("the gradient ignores the mask")
def mask_ignored(rng):
    return with_mask(causal(4))[0], attention_vjp, inputs(rng, 4, 4)


@wrong("the mask multiplies the scores after the softmax in the gradient")
def mask_after(rng):
    mask = causal(4)

    def vjp(v, q, k, w):
        root, p, dp, _ = parts(v, q, k, w)
        p = p * mask
        ds = p * (dp - (dp * p).sum(-1, keepdims=True)) / root
        return ds @ k, ds.T @ q, p.T @ v

    return with_mask(mask)[0], vjp, inputs(rng, 4, 4)


@wrong("all heads get the mean of the heads' gradients")
def heads_mixed(rng):
    def vjp(v, q, k, w):
        return tuple(np.broadcast_to(g.mean(0), g.shape).copy() for g in attention_vjp(v, q, k, w))

    return attention, vjp, inputs(rng, batch=(2,))


@wrong("the query's gradient is 1e-4 off")
def query_slightly(rng):
    def vjp(v, q, k, w):
        dq, dk, dw = attention_vjp(v, q, k, w)
        return dq * (1 + 1e-4), dk, dw

    return attention, vjp, inputs(rng)


@wrong("dropout: the kept weights are scaled in the function alone")
def dropout_unscaled(rng):
    keep = (rng.random((3, 4)) > 0.3) / 0.7

    def f(p, w):
        return (p * keep) @ w

    def vjp(v, p, w):
        return (v @ w.T) * (keep > 0), (p * keep).T @ v

    return f, vjp, [rng.random((3, 4)), values(1, 2, 3, 4)[:, None] * rng.normal(size=(4, 2))]
