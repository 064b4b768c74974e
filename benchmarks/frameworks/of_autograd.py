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
    PLANE,
    PROBABILITY,
    ROW,
    UNIT,
    Operator,
    apart,
    between,
    one,
    positive,
    real,
    regular,
    two,
    within,
)
from benchmarks.frameworks.shared import named_as_in_numpy


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


INDEX = np.array([0, 0, 3])

OPERATORS: dict[str, Operator] = {
    **named_as_in_numpy(anp),
    "sinc": one(anp.sinc, between(0.1, 20), ties=False),
    "deg2rad": one(anp.deg2rad, real(0.9)),
    "erf": one(special.erf, real()),
    "erfc": one(special.erfc, within(20)),
    "erfinv": one(special.erfinv, UNIT, ties=False),
    "gammaln": one(special.gammaln, positive(0.3), ties=False),
    "gamma": one(special.gamma, between(0.1, 5), ties=False),
    "digamma": one(special.digamma, positive(0.3), ties=False),
    "i0": one(special.i0, within(50)),
    "j0": one(special.j0, within(50)),
    "expit": one(special.expit, real()),
    "logit": one(special.logit, PROBABILITY, ties=False),
    "norm.logpdf": one(stats.norm.logpdf, within(30)),
    "norm.cdf": one(stats.norm.cdf, within(30)),
    "norm.logcdf": one(stats.norm.logcdf, within(30)),
    "sum": one(lambda x: anp.sum(x, 0), real(0.9), PLANE),
    "mean": one(lambda x: anp.mean(x, 1), real(0.9), PLANE),
    "prod": one(lambda x: anp.prod(x, 1), real(0.15), PLANE, ties=False),
    "var": one(lambda x: anp.var(x, 1), real(0.4), PLANE),
    "std": one(lambda x: anp.std(x, 1), real(0.4), PLANE, ties=False),
    "norm": one(lambda x: linalg.norm(x, axis=1), real(0.4), PLANE, ties=False),
    "norm_3": one(lambda x: linalg.norm(x, 3, 1), real(0.25), PLANE, ties=False),
    "max": one(lambda x: anp.max(x, 1), real(), PLANE),
    "min": one(lambda x: anp.min(x, 1), real(), PLANE),
    "logsumexp": one(lambda x: special.logsumexp(x, 1), real(), PLANE),
    "gradient": one(lambda x: anp.gradient(x, axis=1), real(0.9), PLANE),
    "sort": one(anp.sort, apart, (6,), ties=False),
    "take": one(lambda x: x[:, INDEX], real(0.9), PLANE),
    "where": two(
        lambda a, b: anp.where(a > b, a * a, b), real(0.4), real(0.4), ROW, ROW, ties=False
    ),
    "flip": one(lambda x: anp.flipud(x), real(), PLANE),
    "roll": one(lambda x: anp.roll(x, 2), real(), ROW),
    "pad": one(lambda x: anp.pad(x, 1, "constant"), real(), PLANE),
    "tile": one(lambda x: anp.tile(x, (2, 2)), real(0.9), PLANE),
    "kron": two(anp.kron, real(0.4), real(0.4), (2, 2), (2, 3)),
    "outer": two(anp.outer, real(0.4), real(0.4), (3,), (4,)),
    "trace": one(anp.trace, real(0.9), (3, 3)),
    "inv": one(linalg.inv, regular, (3, 3), ties=False),
    "det": one(linalg.det, regular, (3, 3), ties=False),
    "slogdet": one(lambda x: linalg.slogdet(x)[1], regular, (3, 3), ties=False),
    "solve": two(linalg.solve, regular, real(0.3), (3, 3), (3, 2), ties=False),
    "eigh": one(lambda x: linalg.eigh(x + x.T)[0], regular, (3, 3), ties=False),
    "convolve": two(signal.convolve, real(0.3), real(0.3), (6,), (3,)),
}
