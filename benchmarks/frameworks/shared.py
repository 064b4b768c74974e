"""Operators that JAX and autograd have under the names of NumPy."""

from __future__ import annotations

from typing import Any

from benchmarks.frameworks.draws import (
    PLANE,
    UNIT,
    WIDE,
    Operator,
    above,
    between,
    exponents,
    one,
    positive,
    real,
    two,
    within,
)


def named_as_in_numpy(xp: Any) -> dict[str, Operator]:
    """Return the operators of a module that has NumPy's names."""
    return {
        "exp": one(xp.exp, exponents),
        "exp2": one(xp.exp2, exponents),
        "expm1": one(xp.expm1, exponents),
        "log": one(xp.log, positive(), ties=False),
        "log2": one(xp.log2, positive(), ties=False),
        "log10": one(xp.log10, positive(), ties=False),
        "log1p": one(xp.log1p, positive()),
        "sqrt": one(xp.sqrt, positive(), ties=False),
        "reciprocal": one(xp.reciprocal, real(0.5), ties=False),
        "square": one(xp.square, real(0.5)),
        "abs": one(xp.abs, real()),
        "negative": one(xp.negative, real()),
        "sin": one(xp.sin, within(1e4)),
        "cos": one(xp.cos, within(1e4)),
        "tan": one(xp.tan, within(1.5)),
        "arcsin": one(xp.arcsin, UNIT, ties=False),
        "arccos": one(xp.arccos, UNIT, ties=False),
        "arctan": one(xp.arctan, real()),
        "sinh": one(xp.sinh, exponents),
        "cosh": one(xp.cosh, exponents),
        "tanh": one(xp.tanh, real()),
        "arcsinh": one(xp.arcsinh, real(0.5)),
        "arccosh": one(xp.arccosh, above(1), ties=False),
        "arctanh": one(xp.arctanh, UNIT, ties=False),
        "clip": one(lambda x: xp.clip(x, -1, 1), real()),
        "add": two(xp.add, real(), real()),
        "subtract": two(xp.subtract, real(), real()),
        "multiply": two(xp.multiply, real(0.5), real(0.5)),
        "divide": two(xp.divide, real(0.3), real(0.3), ties=False),
        "power": two(xp.power, between(0.1, 4), within(3), ties=False),
        "power_scalar": one(lambda x: x**2.5, positive(0.3), ties=False),
        "power_integer": one(lambda x: x**3, real(0.3)),
        "arctan2": two(xp.arctan2, real(0.4), real(0.4), ties=False),
        "maximum": two(xp.maximum, real(), real()),
        "minimum": two(xp.minimum, real(), real()),
        "mod": Operator(xp.mod, (within(20), above(0.5)), (PLANE, (4,)), False, WIDE),
        "logaddexp": two(xp.logaddexp, real(), real()),
        "cumsum": one(lambda x: xp.cumsum(x, 1), real(0.9), PLANE),
        "diff": one(lambda x: xp.diff(x), real(0.9), PLANE),
        "repeat": one(lambda x: xp.repeat(x, 3, 1), real(0.9), PLANE),
        "matmul": two(xp.matmul, real(0.4), real(0.4), PLANE, (4, 2)),
        "einsum": two(
            lambda a, b: xp.einsum("ij,kj->ik", a, b), real(0.4), real(0.4), PLANE, (2, 4)
        ),
        "cross": two(xp.cross, real(0.4), real(0.4), (2, 3), (2, 3)),
    }
