"""Right forward functions and vjps that cases share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special


def exactly(name: str, plain: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function of arrays that the proof can compute with many digits."""

    def apply(x: Any) -> Any:
        x = np.asarray(x)
        if x.dtype == object:
            return np.frompyfunc(lambda number: getattr(number, name)(), 1, 1)(x)
        return np.asarray(plain(x))

    return apply


erf = exactly("erf", special.erf)
erfc = exactly("erfc", special.erfc)
gammaln = exactly("loggamma", special.gammaln)
digamma = exactly("digamma", special.digamma)


def values(*numbers: float) -> Any:
    """Return a float64 array of the numbers."""
    return np.array(numbers, np.float64)


def unary(f: Callable[[Any], Any], df: Callable[[Any], Any], x: Any) -> Any:
    """Return the pair of an elementwise function of one input."""
    return f, lambda v, x: (v * df(x),), [x]


def unbroadcast(gradient: Any, shape: tuple[int, ...]) -> Any:
    """Sum a gradient over the axes along which its input was broadcast."""
    gradient = gradient.sum(tuple(range(gradient.ndim - len(shape))))
    axes = tuple(k for k, size in enumerate(shape) if size == 1 and gradient.shape[k] != 1)
    return gradient.sum(axes, keepdims=True)


def sigmoid(x: Any) -> Any:
    """Return the logistic function without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def softplus(x: Any) -> Any:
    """Return log(1 + exp(x)) without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softmax(x: Any, axis: int = -1) -> Any:
    """Return the softmax along an axis."""
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def softmax_vjp(v: Any, x: Any, axis: int = -1) -> Any:
    """Return the vjp of softmax: y (v - sum(v y))."""
    y = softmax(x, axis)
    return (y * (v - (v * y).sum(axis, keepdims=True)),)


def logsumexp(x: Any, axis: int = -1) -> Any:
    """Return log(sum(exp(x))) along an axis."""
    top = x.max(axis, keepdims=True)
    return np.log(np.exp(x - top).sum(axis)) + np.squeeze(top, axis)


def logsumexp_vjp(v: Any, x: Any, axis: int = -1) -> Any:
    """Return the vjp of logsumexp: v softmax(x)."""
    return (np.expand_dims(v, axis) * softmax(x, axis),)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """Return the logarithm of softmax."""
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def log_softmax_vjp(v: Any, x: Any, axis: int = -1) -> Any:
    """Return the vjp of log_softmax: v - softmax(x) sum(v)."""
    return (v - softmax(x, axis) * v.sum(axis, keepdims=True),)


def cross_entropy(x: Any, labels: Any) -> Any:
    """Return the mean cross-entropy of logits and integer labels."""
    return -log_softmax(x)[np.arange(len(x)), labels].mean()


def cross_entropy_vjp(v: Any, x: Any, labels: Any) -> Any:
    """Return the vjp of cross_entropy: v (softmax - onehot) / n."""
    gradient = softmax(x)
    gradient[np.arange(len(x)), labels] -= 1
    return np.asarray(v * gradient / len(x), x.dtype), None


def layer_norm(x: Any, eps: float = 1e-5, axis: Any = -1) -> Any:
    """Return (x - mean) / sqrt(var + eps)."""
    centred = x - x.mean(axis, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(axis, keepdims=True) + eps)


def layer_norm_vjp(v: Any, x: Any, eps: float = 1e-5, axis: Any = -1) -> Any:
    """Return the vjp of layer_norm: (v - mean(v) - y mean(v y)) / s."""
    centred = x - x.mean(axis, keepdims=True)
    s = np.sqrt((centred * centred).mean(axis, keepdims=True) + eps)
    y = centred / s
    inner = v - v.mean(axis, keepdims=True) - y * (v * y).mean(axis, keepdims=True)
    return (inner / s,)


def rms_norm(x: Any, eps: float = 1e-6) -> Any:
    """Return x / sqrt(mean(x^2) + eps)."""
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)


def rms_norm_vjp(v: Any, x: Any, eps: float = 1e-6) -> Any:
    """Return the vjp of rms_norm: (v - y mean(v y)) / r."""
    r = np.sqrt((x * x).mean(-1, keepdims=True) + eps)
    y = x / r
    return ((v - y * (v * y).mean(-1, keepdims=True)) / r,)


def attention(q: Any, k: Any, w: Any, mask: Any = None) -> Any:
    """Return softmax(q k^T / sqrt(d)) w, with scores outside the mask at -1e9."""
    scores = q @ np.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    return softmax(scores if mask is None else np.where(mask, scores, -1e9)) @ w


def attention_vjp(v: Any, q: Any, k: Any, w: Any, mask: Any = None) -> Any:
    """Return the vjp of attention for queries, keys and values."""
    root = q.shape[-1] ** 0.5
    scores = q @ np.swapaxes(k, -1, -2) / root
    p = softmax(scores if mask is None else np.where(mask, scores, -1e9))
    dp = v @ np.swapaxes(w, -1, -2)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) / root
    ds = ds if mask is None else np.where(mask, ds, np.zeros_like(ds))
    return ds @ k, np.swapaxes(ds, -1, -2) @ q, np.swapaxes(p, -1, -2) @ v


def windows(x: Any, width: int, stride: int = 1) -> Any:
    """Return all windows of the last axis, as an axis more."""
    starts = range(0, x.shape[-1] - width + 1, stride)
    return np.stack([x[..., s : s + width] for s in starts], -2)


def windows_vjp(v: Any, shape: tuple[int, ...], stride: int = 1) -> Any:
    """Return the vjp of windows: every entry gets the sum over its windows."""
    gradient = np.zeros(shape, v.dtype)
    for number in range(v.shape[-2]):
        start = number * stride
        gradient[..., start : start + v.shape[-1]] += v[..., number, :]
    return gradient


def conv1d(x: Any, w: Any, stride: int = 1, padding: int = 0) -> Any:
    """Return the cross-correlation of (n, c, t) with (o, c, k)."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding)))
    return np.einsum("nctk,ock->not", windows(padded, w.shape[-1], stride), w)


def conv1d_vjp(v: Any, x: Any, w: Any, stride: int = 1, padding: int = 0) -> Any:
    """Return the vjp of conv1d for the input and the weights."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding)))
    dw = np.einsum("not,nctk->ock", v, windows(padded, w.shape[-1], stride))
    dx = windows_vjp(np.einsum("not,ock->nctk", v, w), padded.shape, stride)
    return dx[..., padding : dx.shape[-1] - padding], dw


def conv2d(x: Any, w: Any, stride: int = 1) -> Any:
    """Return the cross-correlation of (n, c, h, w) with (o, c, i, j)."""
    return sum(
        np.einsum("nchw,oc->nohw", part, w[:, :, i, j])
        for i, j, part in _parts(x, w.shape[2:], stride)
    )


def conv2d_vjp(v: Any, x: Any, w: Any, stride: int = 1) -> Any:
    """Return the vjp of conv2d for the input and the weights."""
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    parts = zip(_parts(dx, w.shape[2:], stride), _parts(x, w.shape[2:], stride), strict=True)
    for (i, j, out), (_, _, part) in parts:
        out += np.einsum("nohw,oc->nchw", v, w[:, :, i, j])
        dw[:, :, i, j] = np.einsum("nohw,nchw->oc", v, part)
    return dx, dw


def _parts(x: Any, window: tuple[int, ...], stride: int) -> Any:
    rows = (x.shape[2] - window[0]) // stride + 1
    columns = (x.shape[3] - window[1]) // stride + 1
    for i in range(window[0]):
        for j in range(window[1]):
            yield i, j, x[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]
