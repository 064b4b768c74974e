"""Pairs of plain functions, right and wrong, that several test files judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Pair = tuple[Callable[..., Any], Callable[..., Any]]


@dataclass(frozen=True)
class Example:
    """A pair, its inputs, and the check that has to refuse it ("" where it is right)."""

    name: str
    forward: Callable[..., Any]
    vjp: Callable[..., Any]
    inputs: tuple[Any, ...]
    refused_by: str = ""
    says: str = ""
    verdicts: tuple[str, ...] = field(default=("pass",))


RNG = np.random.default_rng(20)
X = RNG.normal(size=(3, 4))
SMALL = RNG.normal(size=12)


def relu(x):
    return np.maximum(x, 0)


def relu_vjp(slope_at_zero):
    return lambda v, x: (v * np.where(x > 0, 1.0, np.where(x < 0, 0.0, slope_at_zero)),)


def tanh_vjp(v, x):
    return (v * (1 - np.tanh(x) ** 2),)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def softmax_vjp(v, x):
    y = softmax(x)
    return (y * (v - (y * v).sum(-1, keepdims=True)),)


def largest(x):
    return np.max(x)


def tie_vjp(share):
    """`share(count)` is what each of `count` tied entries gets."""
    return lambda v, x: (v * (x == x.max()) * share(np.sum(x == x.max())),)


def maximum_vjp(share):
    return lambda v, a, b: (
        v * np.where(a == b, share, a > b),
        v * np.where(a == b, share, b > a),
    )


def norm(x):
    return np.sqrt(np.sum(x * x))


def clip_vjp(share):
    return lambda v, x: (v * np.where(np.abs(x) == 1, share, np.abs(x) < 1),)


KINKED = np.array([0.0, 1.0, -2.0, 0.0, 3.0])
TIED = np.array([1.0, 2.0, 2.0, 2.0, 0.0])

RIGHT = [
    Example("tanh", np.tanh, tanh_vjp, (X,)),
    Example("0-d", np.tanh, tanh_vjp, (np.array(0.3),)),
    Example("zero-size", np.tanh, tanh_vjp, (np.zeros((0, 3)),)),
    Example("relu slope 0", relu, relu_vjp(0.0), (KINKED,)),
    Example("relu slope 1/2", relu, relu_vjp(0.5), (KINKED,)),
    Example("relu slope 1", relu, relu_vjp(1.0), (KINKED,)),
    Example("relu beside 0", relu, relu_vjp(0.0), (np.array([1e-8, -1e-8, 1.0, -2.0]),)),
    Example("relu an ulp beside 0", relu, relu_vjp(0.0), (np.array([5e-324, -5e-324, 1.0]),)),
    Example("abs", np.abs, lambda v, x: (v * np.sign(x),), (KINKED,)),
    Example("max, even share", largest, tie_vjp(lambda n: 1 / n), (TIED,)),
    Example(
        "max, first",
        largest,
        lambda v, x: (v * (np.arange(x.size) == x.argmax()),),
        (TIED,),
    ),
    Example("maximum, half", np.maximum, maximum_vjp(0.5), (np.array([1.0, 2, 3]), np.ones(3))),
    Example("norm at 0", norm, lambda v, x: (v * np.zeros_like(x),), (np.zeros(3),)),
    Example(
        "clip, closed", lambda x: np.clip(x, -1, 1), clip_vjp(1.0), (np.array([1.0, -1, 0.5]),)
    ),
    Example("clip, open", lambda x: np.clip(x, -1, 1), clip_vjp(0.0), (np.array([1.0, -1, 0.5]),)),
    Example(
        "difference of convex",
        lambda a, b: np.abs(a) - np.abs(b),
        lambda v, a, b: (v * 1.0, v * 0.0),
        (np.zeros(1), np.zeros(1)),
        verdicts=("no_derivative",),
    ),
    Example(
        "median of ties",
        np.median,
        lambda v, x: (v * (x == np.median(x)) / np.sum(x == np.median(x)),),
        (np.array([1.0, 2, 2, 2, 3]),),
        verdicts=("no_derivative", "pass"),
    ),
    Example(
        "sqrt at 0",
        np.sqrt,
        lambda v, x: (v * 0.5 / np.sqrt(x),),
        (np.array([0.0, 1.0, 2.0]),),
        verdicts=("no_derivative",),
    ),
    Example(
        "floor at a jump",
        np.floor,
        lambda v, x: (v * 0,),
        (np.array([1.0, 2.0, 0.5]),),
        verdicts=("no_derivative",),
    ),
    Example("curved", lambda x: np.sin(100 * x), lambda v, x: (v * 100 * np.cos(100 * x),), (X,)),
    Example("large offset", lambda x: 1e8 + x, lambda v, x: (v,), (X,)),
    Example("log near 0", np.log, lambda v, x: (v / x,), (np.array([1e-6, 1.0, 2.0]),)),
    Example("tiny numbers", np.square, lambda v, x: (2 * v * x,), (X * 1e-150,)),
    Example("huge numbers", np.square, lambda v, x: (2 * v * x,), (X * 1e150,)),
    Example("mixed scales", np.exp, lambda v, x: (v * np.exp(x),), (np.array([1.0, -2, -1e8]),)),
    Example("softmax", softmax, softmax_vjp, (X,)),
    Example("softmax, hard", softmax, softmax_vjp, (30 * X,)),
    Example("softmax, saturated", softmax, softmax_vjp, (1000 * X,)),
    Example("saturated", np.tanh, tanh_vjp, (np.array([20.0, 0.5]),)),
    Example("cancelling", lambda x: (1e6 + x) - 1e6, lambda v, x: (v,), (X,)),
    Example(
        "matmul",
        np.matmul,
        lambda v, a, b: (v @ b.T, a.T @ v),
        (RNG.normal(size=(8, 5)), RNG.normal(size=(5, 6))),
    ),
    Example("float32", np.tanh, tanh_vjp, (X.astype(np.float32),)),
    Example(
        "float32 inside",
        lambda x: np.tanh(x.astype(np.float32)),
        lambda v, x: ((v * (1 - np.tanh(x.astype(np.float32)) ** 2)).astype(x.dtype),),
        (X.astype(np.float32),),
    ),
    Example("float16", np.square, lambda v, x: (v * x * x.dtype.type(2),), (X.astype(np.float16),)),
    Example(
        "index input",
        lambda t, i: t[i],
        lambda v, t, i: (scattered(v, t, i), None),
        (X, np.array([0, 2, 0])),
    ),
    Example("tuple output", lambda x: (x * 2, x.sum()), lambda v, x: (v[0] * 2 + v[1],), (X,)),
    Example("long sum", np.sum, lambda v, x: (v * np.ones_like(x),), (RNG.normal(size=20000),)),
]


def scattered(v, t, i):
    g = np.zeros_like(t)
    np.add.at(g, i, v)
    return g


def _inplace(v, x):
    return (np.multiply(v, 1 - np.tanh(x) ** 2, out=v),)


def _eats_input(v, x):
    g = v * (1 - np.tanh(x) ** 2)
    x *= 2
    return (g,)


class Remembers:
    """Forward and vjp with a state: the first, or the latest, call's output is used."""

    def __init__(self, first: bool) -> None:
        self.first, self.y = first, None

    def forward(self, x):
        if self.y is None or not self.first:
            self.y = np.tanh(x)
        return np.tanh(x)

    def vjp(self, v, x):
        return (v * (1 - self.y**2),)


def _one_buffer():
    buffer = np.empty_like(X)
    return lambda x: np.tanh(x, out=buffer), tanh_vjp


def _noisy():
    source = np.random.default_rng(0)
    return lambda v, x: (v * (1 - np.tanh(x) ** 2) * (1 + 1e-6 * source.normal()),)


def wrong() -> list[Example]:
    """Return wrong pairs; made anew each time, since some keep a state."""
    first, latest = Remembers(True), Remembers(False)

    def one_entry(factor):
        def vjp(v, x):
            g = v * (1 - np.tanh(x) ** 2)
            g.reshape(-1)[1] *= factor
            return (g,)

        return vjp

    def scaled(factor):
        return lambda v, x: (v * (1 - np.tanh(x) ** 2) * factor,)

    g, c, lin, pure = "gradient", "contract", "linearity", "purity"
    return [
        Example("twice", np.tanh, scaled(2.0), (X,), g),
        Example("minus", np.tanh, scaled(-1.0), (X,), g),
        Example("zero", np.tanh, scaled(0.0), (X,), g),
        *[
            Example(f"{e:g} too large", np.tanh, scaled(1 + e), (X,), g)
            for e in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
        ],
        *[
            Example(f"one entry {e:g} off", np.tanh, one_entry(1 + e), (SMALL,), g)
            for e in (1.0, 1e-2, 1e-4, 1e-6)
        ],
        Example("one of many", np.tanh, one_entry(0.0), (RNG.normal(size=4000),), g),
        Example("ones for the cotangent", np.tanh, lambda v, x: (1 - np.tanh(x) ** 2,), (X,), g),
        Example(
            "clipped cotangent", np.tanh, lambda v, x: tanh_vjp(np.clip(v, -9, 9), x), (X,), lin
        ),
        Example("size of the cotangent", np.tanh, lambda v, x: tanh_vjp(np.abs(v), x), (X,), g),
        Example(
            "float32 cotangent",
            np.tanh,
            lambda v, x: tanh_vjp(v.astype(np.float32).astype(float), x),
            (X,),
            lin,
        ),
        Example(
            "float16 cotangent",
            np.tanh,
            lambda v, x: tanh_vjp(v.astype(np.float16).astype(float), x),
            (X,),
            lin,
        ),
        Example("transposed", lambda x: x @ x.T, lambda v, x: ((v.T - v) @ x,), (X,), g),
        Example("swapped", np.multiply, lambda v, a, b: (v * a, v * b), (X, X + 1), g),
        Example(
            "not summed",
            np.add,
            lambda v, a, b: (v, v),
            (X, X[0]),
            c,
            "missing sum over broadcast axis 0",
        ),
        Example(
            "size-1 axis not summed",
            np.add,
            lambda v, a, b: (v, v),
            (X, X[:, :1]),
            c,
            "missing sum over broadcast axis 1",
        ),
        Example("float32 result", np.tanh, lambda v, x: (tanh_vjp(v, x)[0].astype("f4"),), (X,), c),
        Example("no tuple for two", np.add, lambda v, a, b: v, (X, X), c),
        Example("one too few", np.add, lambda v, a, b: (v,), (X, X), c),
        Example("a string", np.tanh, lambda v, x: ("gradient",), (X,), c),
        Example("objects", np.tanh, lambda v, x: (v.astype(object),), (X,), c),
        Example("raises", np.tanh, lambda v, x: 1 / 0, (X,), c),
        Example("None for a gradient", np.tanh, lambda v, x: (None,), (X,), g),
        Example("changes the cotangent", np.tanh, _inplace, (X,), pure),
        Example("changes the input", np.tanh, _eats_input, (X,), pure),
        Example("first call's state", first.forward, first.vjp, (X,), pure),
        Example("latest call's state", latest.forward, latest.vjp, (X,), pure),
        Example("noise", np.tanh, _noisy(), (X,), pure),
        Example("relu slope 7", relu, relu_vjp(7.0), (KINKED,), g, "outside"),
        Example("relu slope -0.1", relu, relu_vjp(-0.1), (KINKED,), g, "outside"),
        Example("relu NaN", relu, relu_vjp(np.nan), (KINKED,), g, "nan"),
        Example("every tie gets all", largest, tie_vjp(lambda n: 1), (TIED,), g, "outside"),
        Example("no tie gets any", largest, tie_vjp(lambda n: 0), (TIED,), g, "outside"),
        Example("maximum, both", np.maximum, maximum_vjp(1.0), (X, X), g, "outside"),
        Example("maximum, neither", np.maximum, maximum_vjp(0.0), (X, X), g, "outside"),
        Example(
            "clip, minus one",
            lambda x: np.clip(x, -1, 1),
            clip_vjp(-1.0),
            (np.array([1.0, -1, 0.5]),),
            g,
            "outside",
        ),
        Example(
            "norm, ones at 0", norm, lambda v, x: (v * np.ones(3),), (np.zeros(3),), g, "outside"
        ),
        Example("norm, NaN at 0", norm, lambda v, x: (v * x / norm(x),), (np.zeros(3),), g, "nan"),
        Example("x*x/x at 0", np.square, lambda v, x: (v * 2 * x * x / x,), (KINKED,), g, "nan"),
        Example(
            "5 at 0", np.square, lambda v, x: (np.where(x == 0, 5 * v, 2 * v * x),), (KINKED,), g
        ),
        Example(
            "wrong and tiny",
            np.log,
            lambda v, x: (v / x * (1 + 1e-5 * (x < 0.1)),),
            (np.array([1e-6, 1.0, 2.0]),),
            g,
        ),
        Example(
            "overwritten duplicates", lambda t, i: t[i], _overwritten, (X, np.array([0, 2, 0])), g
        ),
        Example(
            "curved, 1e-4",
            lambda x: np.sin(100 * x),
            lambda v, x: (v * 100.01 * np.cos(100 * x),),
            (X,),
            g,
        ),
        Example(
            "index gets a gradient",
            lambda t, i: t[i],
            lambda v, t, i: (scattered(v, t, i), np.ones(3)),
            (X, np.array([0, 2, 0])),
            c,
            "None or zero",
        ),
        Example("one buffer for all outputs", *_one_buffer(), (X,), pure, "later call"),
        Example(
            "float32 by float16",
            np.tanh,
            lambda v, x: (tanh_vjp(v.astype("f2"), x.astype("f2"))[0].astype(x.dtype),),
            (X.astype(np.float32),),
            "",
        ),
    ]


def _overwritten(v, t, i):
    g = np.zeros_like(t)
    g[i] = v
    return (g, None)
