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
    PLANE,
    PROBABILITY,
    ROW,
    UNIT,
    WIDE,
    Operator,
    above,
    apart,
    between,
    one,
    ordinary,
    positive,
    real,
    regular,
    two,
    within,
)
from benchmarks.frameworks.shared import named_as_in_numpy

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")


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


INDEX = np.array([[0, 2], [1, 1], [2, 0]])

OPERATORS: dict[str, Operator] = {
    **named_as_in_numpy(jnp),
    "cbrt": one(jnp.cbrt, real(), ties=False),
    "rsqrt": one(lax.rsqrt, positive(0.6), ties=False),
    "sinc": one(jnp.sinc, between(0.1, 20)),
    "erf": one(special.erf, real()),
    "erfc": one(special.erfc, within(20)),
    "erfinv": one(special.erfinv, UNIT, ties=False),
    "gammaln": one(special.gammaln, positive(0.3), ties=False),
    "digamma": one(special.digamma, positive(0.3), ties=False),
    "i0": one(special.i0, within(50), ties=False),
    "i1e": one(special.i1e, within(50)),
    "ndtr": one(special.ndtr, within(30)),
    "log_ndtr": one(special.log_ndtr, within(3)),
    "ndtri": one(special.ndtri, PROBABILITY, ties=False),
    "logit": one(special.logit, PROBABILITY, ties=False),
    "expit": one(special.expit, real()),
    "entr": one(special.entr, positive(0.9), ties=False),
    "relu": one(nn.relu, real()),
    "relu6": one(nn.relu6, real()),
    "elu": one(nn.elu, real()),
    "selu": one(nn.selu, real()),
    "celu": one(nn.celu, real()),
    "gelu": one(lambda x: nn.gelu(x, approximate=False), real(0.3)),
    "gelu_tanh": one(nn.gelu, real(0.1)),
    "silu": one(nn.silu, real()),
    "mish": one(nn.mish, real()),
    "softplus": one(nn.softplus, real()),
    "soft_sign": one(nn.soft_sign, real(0.5)),
    "leaky_relu": one(nn.leaky_relu, real()),
    "hard_tanh": one(nn.hard_tanh, real()),
    "hard_sigmoid": one(nn.hard_sigmoid, real()),
    "hard_silu": one(nn.hard_silu, real(0.5)),
    "log_sigmoid": one(nn.log_sigmoid, real()),
    "squareplus": one(nn.squareplus, real(0.4)),
    "hypot": two(jnp.hypot, real(0.4), real(0.4), ties=False),
    "fmod": Operator(jnp.fmod, (within(20), above(0.5)), (PLANE, (4,)), False, WIDE),
    "xlogy": two(special.xlogy, real(0.5), positive(0.4), ties=False),
    "xlog1py": two(special.xlog1py, real(0.5), positive(0.4), ties=False),
    "sum": one(lambda x: x.sum(0), real(0.9), PLANE),
    "mean": one(lambda x: x.mean(1), real(0.9), PLANE),
    "prod": one(lambda x: x.prod(1), real(0.15), PLANE),
    "var": one(lambda x: x.var(1), real(0.4), PLANE),
    "std": one(lambda x: x.std(1), real(0.4), PLANE, ties=False),
    "norm": one(lambda x: jnp.linalg.norm(x, axis=1), real(0.4), PLANE, ties=False),
    "norm_3": one(lambda x: jnp.linalg.norm(x, 3, axis=1), real(0.25), PLANE, ties=False),
    "max": one(lambda x: x.max(1), real(), PLANE),
    "min": one(lambda x: x.min(1), real(), PLANE),
    "median": one(lambda x: jnp.median(x, 1), apart, PLANE, ties=False),
    "quantile": one(lambda x: jnp.quantile(x, 0.3), apart, (7,), ties=False),
    "logsumexp": one(lambda x: nn.logsumexp(x, 1), real(), PLANE),
    "softmax": one(lambda x: nn.softmax(x, 1), real(), PLANE),
    "log_softmax": one(lambda x: nn.log_softmax(x, 1), real(), PLANE),
    "standardize": Operator(
        lambda x: nn.standardize(x, 1), (real(0.4),), (PLANE,), dtypes=("float64", "float32")
    ),
    "cumprod": one(lambda x: jnp.cumprod(x, 1), real(0.15), PLANE, ties=False),
    "cumlogsumexp": one(lambda x: lax.cumlogsumexp(x, 1), within(20), PLANE),
    "cummax": one(lambda x: lax.cummax(x, 1), apart, PLANE, ties=False),
    "sort": one(lambda x: jnp.sort(x, 1), apart, PLANE),
    "top_k": one(lambda x: lax.top_k(x, 2)[0], apart, PLANE, ties=False),
    "take_along_axis": one(lambda x: jnp.take_along_axis(x, INDEX, 1), real(), PLANE),
    "take": one(lambda x: x[:, np.array([0, 0, 3])], real(), PLANE),
    "scatter_add": two(
        lambda x, u: x.at[np.array([0, 2, 2])].add(u), real(0.9), real(0.9), ROW, (3,)
    ),
    "scatter_multiply": two(
        lambda x, u: x.at[np.array([0, 2, 3])].multiply(u, unique_indices=True),
        real(0.4),
        real(0.4),
        ROW,
        (3,),
    ),
    "where": two(lambda a, b: jnp.where(a > b, a * a, b), real(0.4), real(0.4), ties=False),
    "flip": one(lambda x: jnp.flip(x, 1), real(), PLANE),
    "pad": one(lambda x: jnp.pad(x, 1), real(), PLANE),
    "inv": one(jnp.linalg.inv, regular, (3, 3), ties=False),
    "det": one(jnp.linalg.det, regular, (3, 3), ties=False),
    "slogdet": one(lambda x: jnp.linalg.slogdet(x)[1], regular, (3, 3), ties=False),
    "solve": two(jnp.linalg.solve, regular, real(0.3), (3, 3), (3, 2), ties=False),
    "eigvalsh": one(lambda x: jnp.linalg.eigvalsh(x + x.T), regular, (3, 3), ties=False),
    "convolve": two(jnp.convolve, real(0.3), real(0.3), (6,), (3,)),
    "interp": one(
        lambda y: jnp.interp(np.array([0.3, 1.5, 2.9]), np.arange(5.0), y), real(0.9), ROW
    ),
    "cosine": two(
        lambda a, b: (a * b).sum(1) / jnp.linalg.norm(a, axis=1) / jnp.linalg.norm(b, axis=1),
        ordinary,
        ordinary,
        PLANE,
        PLANE,
        ties=False,
    ),
}
