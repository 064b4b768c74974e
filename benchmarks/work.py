"""The operators and arrays for all checkers: right gradients, from small to large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Work:
    """One right operator in a form for every checker, and its inputs.

    `forward` and `vjp` use NumPy; `generic(namespace)` returns the same forward function for a peer
    whose namespace is like NumPy's.
    """

    name: str
    forward: Callable[..., Any]
    vjp: Callable[..., Any]
    generic: Callable[[Any], Callable[..., Any]]
    inputs: tuple[np.ndarray, ...]


def _softmax(x: Any) -> Any:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _softmax_vjp(v: Any, x: Any) -> Any:
    y = _softmax(x)
    return (y * (v - (y * v).sum(-1, keepdims=True)),)


def _generic_softmax(xp: Any) -> Callable[..., Any]:
    def softmax(x: Any) -> Any:
        e = xp.exp(x)
        return e / xp.sum(e, -1).reshape((*x.shape[:-1], 1))

    return softmax


def _taps(x: Any, k: int, height: int, width: int) -> list[tuple[int, int, Any]]:
    """Return the shifted windows of an NHWC image, one per entry of the kernel."""
    return [(i, j, x[:, i : i + height, j : j + width, :]) for i in range(k) for j in range(k)]


def _conv(x: Any, w: Any) -> Any:
    k = w.shape[0]
    height, width = x.shape[1] - k + 1, x.shape[2] - k + 1
    total: Any = 0
    for i, j, window in _taps(x, k, height, width):
        total = total + window @ w[i, j]
    return total


def _conv_vjp(v: Any, x: Any, w: Any) -> Any:
    k = w.shape[0]
    of_x, of_w = np.zeros_like(x), np.zeros_like(w)
    for i, j, window in _taps(x, k, v.shape[1], v.shape[2]):
        of_x[:, i : i + v.shape[1], j : j + v.shape[2], :] += v @ w[i, j].T
        of_w[i, j] = np.tensordot(window, v, axes=([0, 1, 2], [0, 1, 2]))
    return of_x, of_w


def works() -> list[Work]:
    """Return the works, from small to large within each kind."""
    rng = np.random.default_rng(0)
    found = [
        Work(
            f"tanh n={n}",
            np.tanh,
            lambda v, x: (v * (1 - np.tanh(x) ** 2),),
            lambda xp: xp.tanh,
            (rng.normal(size=n),),
        )
        for n in (10, 100, 1000, 10_000, 100_000)
    ]
    found += [
        Work(
            f"matmul {n}x{n}",
            np.matmul,
            lambda v, a, b: (v @ b.T, a.T @ v),
            lambda xp: xp.matmul,
            (rng.normal(size=(n, n)), rng.normal(size=(n, n))),
        )
        for n in (8, 32, 64, 128)
    ]
    found.append(
        Work(
            "conv2d 2x8x8x3 k3 c4",
            _conv,
            _conv_vjp,
            lambda xp: _conv,
            (rng.normal(size=(2, 8, 8, 3)), rng.normal(size=(3, 3, 3, 4))),
        )
    )
    found += [
        Work(
            f"softmax {m}x{n}", _softmax, _softmax_vjp, _generic_softmax, (rng.normal(size=(m, n)),)
        )
        for m, n in ((8, 32), (64, 256))
    ]
    return found
