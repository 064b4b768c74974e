"""JAX's operators, and pairs of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np
from jax import lax, nn
from jax import numpy as jnp
from jax.scipy import special

from benchmarks.frameworks.draws import (
    Operator,
    above,
    apart,
    between,
    exponents,
    ordinary,
    positive,
    real,
    regular,
    within,
)

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")

ROW, PLANE = (5,), (3, 4)


@cache
def pair(call: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return forward function and vjp of NumPy arrays, each compiled once per shape and dtype."""
    compiled = jax.jit(call)
    back = jax.jit(lambda v, *arrays: jax.vjp(call, *arrays)[1](v))

    def plain(outputs: Any) -> Any:
        return (
            tuple(map(np.asarray, outputs)) if isinstance(outputs, tuple) else np.asarray(outputs)
        )

    def forward(*arrays: Any) -> Any:
        return plain(compiled(*arrays))

    def vjp(v: Any, *arrays: Any) -> Any:
        return tuple(map(np.asarray, back(v, *arrays)))

    return forward, vjp


def _one(call: Any, domain: Any, shape: tuple[int, ...] = ROW, ties: bool = True) -> Operator:
    return Operator(call, (domain,), (shape,), ties)


def _two(call: Any, a: Any, b: Any, *shapes: tuple[int, ...], ties: bool = True) -> Operator:
    return Operator(call, (a, b), shapes or (PLANE, (4,)), ties)


UNIT = between(-1, 1)
PROBABILITY = between(0, 1)
INDEX = np.array([[0, 2], [1, 1], [2, 0]])

OPERATORS: dict[str, Operator] = {
    "exp": _one(jnp.exp, exponents),
    "exp2": _one(jnp.exp2, exponents),
    "expm1": _one(jnp.expm1, exponents),
    "log": _one(jnp.log, positive(), ties=False),
    "log2": _one(jnp.log2, positive(), ties=False),
    "log10": _one(jnp.log10, positive(), ties=False),
    "log1p": _one(jnp.log1p, positive()),
    "sqrt": _one(jnp.sqrt, positive(), ties=False),
    "cbrt": _one(jnp.cbrt, real(), ties=False),
    "rsqrt": _one(lax.rsqrt, positive(0.6), ties=False),
    "reciprocal": _one(jnp.reciprocal, real(0.5), ties=False),
    "square": _one(jnp.square, real(0.5)),
    "abs": _one(jnp.abs, real()),
    "negative": _one(jnp.negative, real()),
    "sin": _one(jnp.sin, within(1e4)),
    "cos": _one(jnp.cos, within(1e4)),
    "tan": _one(jnp.tan, within(1.5)),
    "arcsin": _one(jnp.arcsin, UNIT, ties=False),
    "arccos": _one(jnp.arccos, UNIT, ties=False),
    "arctan": _one(jnp.arctan, real()),
    "sinh": _one(jnp.sinh, exponents),
    "cosh": _one(jnp.cosh, exponents),
    "tanh": _one(jnp.tanh, real()),
    "arcsinh": _one(jnp.arcsinh, real(0.5)),
    "arccosh": _one(jnp.arccosh, above(1), ties=False),
    "arctanh": _one(jnp.arctanh, UNIT, ties=False),
    "sinc": _one(jnp.sinc, between(0.1, 20)),
    "erf": _one(special.erf, real()),
    "erfc": _one(special.erfc, within(20)),
    "erfinv": _one(special.erfinv, UNIT, ties=False),
    "gammaln": _one(special.gammaln, positive(0.3), ties=False),
    "digamma": _one(special.digamma, positive(0.3), ties=False),
    "i0": _one(special.i0, within(50), ties=False),
    "i1e": _one(special.i1e, within(50)),
    "ndtr": _one(special.ndtr, within(30)),
    "log_ndtr": _one(special.log_ndtr, within(3)),
    "ndtri": _one(special.ndtri, PROBABILITY, ties=False),
    "logit": _one(special.logit, PROBABILITY, ties=False),
    "expit": _one(special.expit, real()),
    "entr": _one(special.entr, positive(0.9), ties=False),
    "relu": _one(nn.relu, real()),
    "relu6": _one(nn.relu6, real()),
    "elu": _one(nn.elu, real()),
    "selu": _one(nn.selu, real()),
    "celu": _one(nn.celu, real()),
    "gelu": _one(lambda x: nn.gelu(x, approximate=False), real(0.3)),
    "gelu_tanh": _one(nn.gelu, real(0.1)),
    "silu": _one(nn.silu, real()),
    "mish": _one(nn.mish, real()),
    "softplus": _one(nn.softplus, real()),
    "soft_sign": _one(nn.soft_sign, real(0.5)),
    "leaky_relu": _one(nn.leaky_relu, real()),
    "hard_tanh": _one(nn.hard_tanh, real()),
    "hard_sigmoid": _one(nn.hard_sigmoid, real()),
    "hard_silu": _one(nn.hard_silu, real(0.5)),
    "log_sigmoid": _one(nn.log_sigmoid, real()),
    "squareplus": _one(nn.squareplus, real(0.4)),
    "clip": _one(lambda x: jnp.clip(x, -1, 1), real()),
    "add": _two(jnp.add, real(), real()),
    "subtract": _two(jnp.subtract, real(), real()),
    "multiply": _two(jnp.multiply, real(0.5), real(0.5)),
    "divide": _two(jnp.divide, real(0.3), real(0.3), ties=False),
    "power": _two(jnp.power, between(0.1, 4), within(3), ties=False),
    "power_scalar": _one(lambda x: x**2.5, positive(0.3), ties=False),
    "power_integer": _one(lambda x: x**3, real(0.3)),
    "arctan2": _two(jnp.arctan2, real(0.4), real(0.4), ties=False),
    "hypot": _two(jnp.hypot, real(0.4), real(0.4), ties=False),
    "maximum": _two(jnp.maximum, real(), real()),
    "minimum": _two(jnp.minimum, real(), real()),
    "fmod": Operator(
        jnp.fmod, (within(20), above(0.5)), (PLANE, (4,)), False, ("float64", "float32")
    ),
    "mod": _two(jnp.mod, within(20), above(0.5), ties=False),
    "logaddexp": _two(jnp.logaddexp, real(), real()),
    "xlogy": _two(special.xlogy, real(0.5), positive(0.4), ties=False),
    "xlog1py": _two(special.xlog1py, real(0.5), positive(0.4), ties=False),
    "sum": _one(lambda x: x.sum(0), real(0.9), PLANE),
    "mean": _one(lambda x: x.mean(1), real(0.9), PLANE),
    "prod": _one(lambda x: x.prod(1), real(0.15), PLANE),
    "var": _one(lambda x: x.var(1), real(0.4), PLANE),
    "std": _one(lambda x: x.std(1), real(0.4), PLANE, ties=False),
    "norm": _one(lambda x: jnp.linalg.norm(x, axis=1), real(0.4), PLANE, ties=False),
    "norm_3": _one(lambda x: jnp.linalg.norm(x, 3, axis=1), real(0.25), PLANE, ties=False),
    "max": _one(lambda x: x.max(1), real(), PLANE),
    "min": _one(lambda x: x.min(1), real(), PLANE),
    "median": _one(lambda x: jnp.median(x, 1), apart, PLANE, ties=False),
    "quantile": _one(lambda x: jnp.quantile(x, 0.3), apart, (7,), ties=False),
    "logsumexp": _one(lambda x: nn.logsumexp(x, 1), real(), PLANE),
    "softmax": _one(lambda x: nn.softmax(x, 1), real(), PLANE),
    "log_softmax": _one(lambda x: nn.log_softmax(x, 1), real(), PLANE),
    "standardize": Operator(
        lambda x: nn.standardize(x, 1), (real(0.4),), (PLANE,), dtypes=("float64", "float32")
    ),
    "cumsum": _one(lambda x: jnp.cumsum(x, 1), real(0.9), PLANE),
    "cumprod": _one(lambda x: jnp.cumprod(x, 1), real(0.15), PLANE, ties=False),
    "cumlogsumexp": _one(lambda x: lax.cumlogsumexp(x, 1), within(20), PLANE),
    "cummax": _one(lambda x: lax.cummax(x, 1), apart, PLANE, ties=False),
    "diff": _one(lambda x: jnp.diff(x), real(0.9), PLANE),
    "sort": _one(lambda x: jnp.sort(x, 1), apart, PLANE),
    "top_k": _one(lambda x: lax.top_k(x, 2)[0], apart, PLANE, ties=False),
    "take_along_axis": _one(lambda x: jnp.take_along_axis(x, INDEX, 1), real(), PLANE),
    "take": _one(lambda x: x[:, np.array([0, 0, 3])], real(), PLANE),
    "scatter_add": _two(
        lambda x, u: x.at[np.array([0, 2, 2])].add(u), real(0.9), real(0.9), ROW, (3,)
    ),
    "scatter_multiply": _two(
        lambda x, u: x.at[np.array([0, 2, 3])].multiply(u, unique_indices=True),
        real(0.4),
        real(0.4),
        ROW,
        (3,),
    ),
    "where": _two(lambda a, b: jnp.where(a > b, a * a, b), real(0.4), real(0.4), ties=False),
    "flip": _one(lambda x: jnp.flip(x, 1), real(), PLANE),
    "pad": _one(lambda x: jnp.pad(x, 1), real(), PLANE),
    "repeat": _one(lambda x: jnp.repeat(x, 3, 1), real(0.9), PLANE),
    "matmul": _two(jnp.matmul, real(0.4), real(0.4), PLANE, (4, 2)),
    "einsum": _two(lambda a, b: jnp.einsum("ij,kj->ik", a, b), real(0.4), real(0.4), PLANE, (2, 4)),
    "cross": _two(jnp.cross, real(0.4), real(0.4), (2, 3), (2, 3)),
    "inv": _one(jnp.linalg.inv, regular, (3, 3), ties=False),
    "det": _one(jnp.linalg.det, regular, (3, 3), ties=False),
    "slogdet": _one(lambda x: jnp.linalg.slogdet(x)[1], regular, (3, 3), ties=False),
    "solve": _two(jnp.linalg.solve, regular, real(0.3), (3, 3), (3, 2), ties=False),
    "eigvalsh": _one(lambda x: jnp.linalg.eigvalsh(x + x.T), regular, (3, 3), ties=False),
    "convolve": _two(jnp.convolve, real(0.3), real(0.3), (6,), (3,)),
    "interp": _one(
        lambda y: jnp.interp(np.array([0.3, 1.5, 2.9]), np.arange(5.0), y), real(0.9), ROW
    ),
    "cosine": _two(
        lambda a, b: (a * b).sum(1) / jnp.linalg.norm(a, axis=1) / jnp.linalg.norm(b, axis=1),
        ordinary,
        ordinary,
        PLANE,
        PLANE,
        ties=False,
    ),
}
