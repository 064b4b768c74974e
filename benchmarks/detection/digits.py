"""Numbers of many digits that NumPy computes with, and derivatives by differences of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

STEP = 3
"""A step is 10 to the power of minus a third of the digits, relative to the entry."""


class Number:
    """A real number of `mpmath.mp.dps` digits as an element of an object array.

    NumPy's functions call the method of their name, so `np.exp(array)` works.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __floor__(self) -> Number:
        return Number(mpmath.floor(self.value))

    def __ceil__(self) -> Number:
        return Number(mpmath.ceil(self.value))

    def __neg__(self) -> Number:
        return Number(-self.value)

    def __pos__(self) -> Number:
        return self

    def __abs__(self) -> Number:
        return Number(abs(self.value))

    def __bool__(self) -> bool:
        return bool(self.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return mpmath.nstr(self.value, 12)

    def conjugate(self) -> Number:
        """Return the number itself."""
        return self

    def hypot(self, other: Any) -> Number:
        """Return the root of the sum of squares."""
        return Number(mpmath.hypot(self.value, _plain(other)))

    def arctan2(self, other: Any) -> Number:
        """Return the angle of the point (other, self)."""
        return Number(mpmath.atan2(self.value, _plain(other)))

    def fmod(self, other: Any) -> Number:
        """Return the remainder with the sign of the number itself."""
        rest = abs(self.value) % abs(_plain(other))
        return Number(rest if self.value >= 0 else -rest)

    def rint(self) -> Number:
        """Return the nearest integer."""
        return Number(mpmath.nint(self.value))


def _plain(value: Any) -> Any:
    if isinstance(value, Number):
        return value.value
    if isinstance(value, np.ndarray):
        value = value.item()
        return value.value if isinstance(value, Number) else mpmath.mpf(value)
    return mpmath.mpf(value.item() if isinstance(value, np.generic) else value)


def _give_operators() -> None:
    def binary(name: str, function: Callable[[Any, Any], Any]) -> None:
        def forth(self: Number, other: Any) -> Any:
            if isinstance(other, np.ndarray) and other.ndim:
                return NotImplemented
            return Number(function(self.value, _plain(other)))

        def back(self: Number, other: Any) -> Any:
            return Number(function(_plain(other), self.value))

        setattr(Number, f"__{name}__", forth)
        setattr(Number, f"__r{name}__", back)

    def compared(name: str, function: Callable[[Any, Any], Any]) -> None:
        def ask(self: Number, other: Any) -> bool:
            return bool(function(self.value, _plain(other)))

        setattr(Number, f"__{name}__", ask)

    def unary(name: str, function: Callable[[Any], Any]) -> None:
        setattr(Number, name, lambda self: Number(function(self.value)))

    for name, function in {
        "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
        "truediv": lambda a, b: a / b, "pow": lambda a, b: a**b, "mod": lambda a, b: a % b,
        "floordiv": lambda a, b: mpmath.floor(a / b),
    }.items():  # fmt: skip
        binary(name, function)
    for name, function in {
        "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "gt": lambda a, b: a > b,
        "ge": lambda a, b: a >= b, "eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
    }.items():  # fmt: skip
        compared(name, function)
    same = ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "expm1", "log1p")
    more = ("erf", "erfc", "gamma", "loggamma", "digamma", "cbrt", "floor", "ceil", "log10")
    for name in same + more:
        unary(name, getattr(mpmath, name))
    for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh"):
        unary(f"arc{name}", getattr(mpmath, f"a{name}"))
    unary("log2", lambda a: mpmath.log(a, 2))
    unary("exp2", lambda a: mpmath.mpf(2) ** a)


_give_operators()


def many(array: Any) -> Any:
    """Return an array of the same values with many digits."""
    array = np.asarray(array)
    made = np.empty(array.shape, object)
    flat = [Number(mpmath.mpf(float(value))) for value in array.ravel()]
    made.reshape(-1)[:] = flat
    return made


def total(outputs: Any, cotangents: Sequence[Any]) -> Any:
    """Return the sum of products of outputs and cotangents with many digits."""
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    found = mpmath.mpf(0)
    for output, cotangent in zip(outputs, cotangents, strict=True):
        pairs = zip(np.asarray(output).ravel(), np.asarray(cotangent).ravel(), strict=True)
        found += sum((_plain(a) * _plain(b) for a, b in pairs), mpmath.mpf(0))
    return found


def slopes(
    forward: Callable[..., Any],
    inputs: Sequence[Any],
    cotangents: Sequence[Any],
    which: int,
    entries: Sequence[int],
    digits: int,
) -> list[tuple[float, float]]:
    """Return the slopes to the left and to the right of some entries of one input."""
    with mpmath.workdps(digits):
        exact = _exact(inputs)
        middle = total(forward(*exact), cotangents)
        flat = exact[which].reshape(-1)
        typical = min((abs(n.value) for n in flat if n.value), default=mpmath.mpf(1))
        found = []
        for entry in entries:
            before = flat[entry]
            step = (abs(before.value) or typical) * mpmath.mpf(10) ** -(digits // STEP)
            flat[entry] = Number(before.value + step)
            above = total(forward(*exact), cotangents)
            flat[entry] = Number(before.value - step)
            below = total(forward(*exact), cotangents)
            flat[entry] = before
            found.append((float((middle - below) / step), float((above - middle) / step)))
        return [pair if all(map(math.isfinite, pair)) else (math.nan,) * 2 for pair in found]


STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
"""Moves and weights of the central difference of order four."""


def float_slopes(
    forward: Callable[..., Any],
    inputs: Sequence[Any],
    cotangents: Sequence[Any],
    which: int,
    entries: Sequence[int],
) -> list[tuple[float, float]]:
    """Return slopes by differences in float64, for functions that know no other numbers."""
    wide = [np.array(a, np.float64) if np.asarray(a).dtype.kind == "f" else a for a in inputs]
    flat = wide[which].reshape(-1)
    found = []
    for entry in entries:
        before = flat[entry]
        step = 1e-3 * (abs(before) or 1.0)
        slope = 0.0
        for move, weight in STENCIL:
            flat[entry] = before + move * step
            slope += weight / step * float(total(forward(*wide), cotangents))
        flat[entry] = before
        found.append((slope, slope))
    return found


def common_slopes(
    forward: Callable[..., Any], inputs: Sequence[Any], cotangents: Sequence[Any], digits: int
) -> tuple[float, float]:
    """Return the slopes to both sides where all entries of all inputs move by the same step."""
    with mpmath.workdps(digits):
        step = mpmath.mpf(10) ** -(digits // STEP)
        below, middle, above = (
            total(
                forward(*[a + Number(move) if a.dtype == object else a for a in exact]), cotangents
            )
            for exact in [_exact(inputs)]
            for move in (-step, mpmath.mpf(0), step)
        )
        return float((middle - below) / step), float((above - middle) / step)


def _exact(inputs: Sequence[Any]) -> list[Any]:
    return [many(a) if np.asarray(a).dtype.kind == "f" else np.asarray(a) for a in inputs]
