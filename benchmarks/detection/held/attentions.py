"""Attention: scores, masks, keys and values."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import attention, attention_vjp, softmax


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


@right("one key: queries and keys have no influence")
def one_key(rng):
    return attention, attention_vjp, inputs(rng, keys=1)


@right("a causal mask: the first query sees one key")
def causal_mask(rng):
    return *with_mask(causal(4)), inputs(rng, 4, 4)


@right("heads in a batch")
def batched(rng):
    return attention, attention_vjp, inputs(rng, batch=(2, 2))


@right("scores of size 100: saturated", proof="terms of the gradient cancel")
def saturated(rng):
    q, k, w = inputs(rng)
    return attention, attention_vjp, [q * 10, k * 10, w]


@wrong("the root of d is forgotten in the gradient")
def scale_forgotten(rng):
    def vjp(v, q, k, w):
        _, p, _, ds = parts(v, q, k, w)
        return ds @ k, ds.T @ q, p.T @ v

    return attention, vjp, inputs(rng)


@wrong("the keys' gradient uses ds instead of its transpose")
def keys_transposed(rng):
    def vjp(v, q, k, w):
        root, p, _, ds = parts(v, q, k, w)
        return ds @ k / root, ds @ q / root, p.T @ v

    return attention, vjp, inputs(rng, 4, 4)


@wrong("the keys get no gradient")
def keys_zero(rng):
    def vjp(v, q, k, w):
        return attention_vjp(v, q, k, w)[0], np.zeros_like(k), attention_vjp(v, q, k, w)[2]

    return attention, vjp, inputs(rng)


@wrong("queries and keys have each other's gradient")
def swapped(rng):
    def vjp(v, q, k, w):
        dq, dk, dw = attention_vjp(v, q, k, w)
        return dk, dq, dw

    return attention, vjp, inputs(rng, 4, 4)


@wrong("the gradient's mask lets the next key through")
def mask_shifted(rng):
    mask = np.tril(np.ones((4, 4), bool), 1)
    return with_mask(causal(4))[0], with_mask(mask)[1], inputs(rng, 4, 4)


@wrong("the last query's part of the keys' gradient is left out")
def last_query_missing(rng):
    def vjp(v, q, k, w):
        dq, _, dw = attention_vjp(v, q, k, w)
        root, _, _, ds = parts(v, q, k, w)
        return dq, ds[:-1].T @ q[:-1] / root, dw

    return attention, vjp, inputs(rng)


@wrong("linear attention: the values are not multiplied by the keys")
def linear_values(rng):
    def vjp(v, q, k, w):
        return v @ (k.T @ w).T, w @ (q.T @ v).T, q @ (q.T @ v)

    return lambda q, k, w: q @ (k.T @ w), vjp, inputs(rng, 4, 4)


@wrong("the relative bias is summed over the wrong axis")
def bias_axis(rng):
    def f(s, b):
        return softmax(s + b)

    def vjp(v, s, b):
        p = softmax(s + b)
        ds = p * (v - (v * p).sum(-1, keepdims=True))
        return ds, ds.sum(1)

    return f, vjp, [rng.normal(size=(4, 4)), rng.normal(size=4)]
