"""autograd's operators, and pairs of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from autograd.numpy import linalg
from autograd.scipy import signal, special, stats

from benchmarks.frameworks.draws import (
    Operator,
    above,
    apart,
    between,
    exponents,
    positive,
    real,
    regular,
    within,
)

ROW, PLANE = (5,), (3, 4)


def pair(call: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return forward function and vjp of NumPy arrays.

    Many gradients of narrow inputs come back in float64 (docs/found.md); they are rounded to the
    input's dtype here, so that their values are judged.
    """

    def vjp(v: Any, *arrays: Any) -> Any:
        return tuple(
            np.asarray(autograd.make_vjp(call, number)(*arrays)[0](v), array.dtype)
            for number, array in enumerate(arrays)
        )

    return lambda *arrays: np.asarray(call(*arrays)), vjp


def _one(call: Any, domain: Any, shape: tuple[int, ...] = ROW, ties: bool = True) -> Operator:
    return Operator(call, (domain,), (shape,), ties)


def _two(call: Any, a: Any, b: Any, *shapes: tuple[int, ...], ties: bool = True) -> Operator:
    return Operator(call, (a, b), shapes or (PLANE, (4,)), ties)


UNIT = between(-1, 1)
PROBABILITY = between(0, 1)
INDEX = np.array([0, 0, 3])

OPERATORS: dict[str, Operator] = {
    "exp": _one(anp.exp, exponents),
    "exp2": _one(anp.exp2, exponents),
    "expm1": _one(anp.expm1, exponents),
    "log": _one(anp.log, positive(), ties=False),
    "log2": _one(anp.log2, positive(), ties=False),
    "log10": _one(anp.log10, positive(), ties=False),
    "log1p": _one(anp.log1p, positive()),
    "sqrt": _one(anp.sqrt, positive(), ties=False),
    "reciprocal": _one(anp.reciprocal, real(0.5), ties=False),
    "square": _one(anp.square, real(0.5)),
    "abs": _one(anp.abs, real()),
    "negative": _one(anp.negative, real()),
    "sin": _one(anp.sin, within(1e4)),
    "cos": _one(anp.cos, within(1e4)),
    "tan": _one(anp.tan, within(1.5)),
    "arcsin": _one(anp.arcsin, UNIT, ties=False),
    "arccos": _one(anp.arccos, UNIT, ties=False),
    "arctan": _one(anp.arctan, real()),
    "sinh": _one(anp.sinh, exponents),
    "cosh": _one(anp.cosh, exponents),
    "tanh": _one(anp.tanh, real()),
    "arcsinh": _one(anp.arcsinh, real(0.5)),
    "arccosh": _one(anp.arccosh, above(1), ties=False),
    "arctanh": _one(anp.arctanh, UNIT, ties=False),
    "sinc": _one(anp.sinc, between(0.1, 20), ties=False),
    "deg2rad": _one(anp.deg2rad, real(0.9)),
    "erf": _one(special.erf, real()),
    "erfc": _one(special.erfc, within(20)),
    "erfinv": _one(special.erfinv, UNIT, ties=False),
    "gammaln": _one(special.gammaln, positive(0.3), ties=False),
    "gamma": _one(special.gamma, between(0.1, 5), ties=False),
    "digamma": _one(special.digamma, positive(0.3), ties=False),
    "i0": _one(special.i0, within(50)),
    "j0": _one(special.j0, within(50)),
    "expit": _one(special.expit, real()),
    "logit": _one(special.logit, PROBABILITY, ties=False),
    "norm.logpdf": _one(stats.norm.logpdf, within(30)),
    "norm.cdf": _one(stats.norm.cdf, within(30)),
    "norm.logcdf": _one(stats.norm.logcdf, within(30)),
    "clip": _one(lambda x: anp.clip(x, -1, 1), real()),
    "add": _two(anp.add, real(), real()),
    "subtract": _two(anp.subtract, real(), real()),
    "multiply": _two(anp.multiply, real(0.5), real(0.5)),
    "divide": _two(anp.divide, real(0.3), real(0.3), ties=False),
    "power": _two(anp.power, between(0.1, 4), within(3), ties=False),
    "power_scalar": _one(lambda x: x**2.5, positive(0.3), ties=False),
    "power_integer": _one(lambda x: x**3, real(0.3)),
    "arctan2": _two(anp.arctan2, real(0.4), real(0.4), ties=False),
    "maximum": _two(anp.maximum, real(), real()),
    "minimum": _two(anp.minimum, real(), real()),
    "mod": _two(anp.mod, within(20), above(0.5), ties=False),
    "logaddexp": _two(anp.logaddexp, real(), real()),
    "sum": _one(lambda x: anp.sum(x, 0), real(0.9), PLANE),
    "mean": _one(lambda x: anp.mean(x, 1), real(0.9), PLANE),
    "prod": _one(lambda x: anp.prod(x, 1), real(0.15), PLANE, ties=False),
    "var": _one(lambda x: anp.var(x, 1), real(0.4), PLANE),
    "std": _one(lambda x: anp.std(x, 1), real(0.4), PLANE, ties=False),
    "norm": _one(lambda x: linalg.norm(x, axis=1), real(0.4), PLANE, ties=False),
    "norm_3": _one(lambda x: linalg.norm(x, 3, 1), real(0.25), PLANE, ties=False),
    "max": _one(lambda x: anp.max(x, 1), real(), PLANE),
    "min": _one(lambda x: anp.min(x, 1), real(), PLANE),
    "logsumexp": _one(lambda x: special.logsumexp(x, 1), real(), PLANE),
    "cumsum": _one(lambda x: anp.cumsum(x, 1), real(0.9), PLANE),
    "diff": _one(lambda x: anp.diff(x), real(0.9), PLANE),
    "gradient": _one(lambda x: anp.gradient(x, axis=1), real(0.9), PLANE),
    "sort": _one(anp.sort, apart, (6,), ties=False),
    "take": _one(lambda x: x[:, INDEX], real(0.9), PLANE),
    "where": _two(
        lambda a, b: anp.where(a > b, a * a, b), real(0.4), real(0.4), ROW, ROW, ties=False
    ),
    "flip": _one(lambda x: anp.flipud(x), real(), PLANE),
    "roll": _one(lambda x: anp.roll(x, 2), real(), ROW),
    "pad": _one(lambda x: anp.pad(x, 1, "constant"), real(), PLANE),
    "repeat": _one(lambda x: anp.repeat(x, 3, 1), real(0.9), PLANE),
    "tile": _one(lambda x: anp.tile(x, (2, 2)), real(0.9), PLANE),
    "kron": _two(anp.kron, real(0.4), real(0.4), (2, 2), (2, 3)),
    "matmul": _two(anp.matmul, real(0.4), real(0.4), PLANE, (4, 2)),
    "einsum": _two(lambda a, b: anp.einsum("ij,kj->ik", a, b), real(0.4), real(0.4), PLANE, (2, 4)),
    "outer": _two(anp.outer, real(0.4), real(0.4), (3,), (4,)),
    "cross": _two(anp.cross, real(0.4), real(0.4), (2, 3), (2, 3)),
    "trace": _one(anp.trace, real(0.9), (3, 3)),
    "inv": _one(linalg.inv, regular, (3, 3), ties=False),
    "det": _one(linalg.det, regular, (3, 3), ties=False),
    "slogdet": _one(lambda x: linalg.slogdet(x)[1], regular, (3, 3), ties=False),
    "solve": _two(linalg.solve, regular, real(0.3), (3, 3), (3, 2), ties=False),
    "eigh": _one(lambda x: linalg.eigh(x + x.T)[0], regular, (3, 3), ties=False),
    "convolve": _two(signal.convolve, real(0.3), real(0.3), (6,), (3,)),
}
