"""Two plain functions on arrays, forward and vjp, as an operator under test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from needle_cli.checking.model import (
    Array,
    Case,
    Code,
    Garbage,
    Gradient,
    GradientKind,
    OperatorError,
)
from needle_cli.checking.point import FLOAT64, is_floating
from needle_cli.problems import counted

NONE = Gradient(None, "none", "None")


def as_output(value: object) -> Array:
    """Return one output as an array; raise `Garbage` if it is not numbers."""
    if type(value) is np.ndarray and value.dtype is FLOAT64:
        return value
    if isinstance(value, np.ndarray | np.generic | float):
        array = np.asarray(value)
        if array.dtype.kind in "iub" or is_floating(array):
            return array
        raise Garbage(f"the forward function returned an array of dtype {array.dtype}")
    raise Garbage(f"the forward function returned {_described(value)}, expected an array")


def as_gradient(value: object, position: int) -> Gradient:
    """Return one result of `vjp` as a `Gradient`; raise `Garbage` unless it is an array or None."""
    if value is None:
        return NONE
    if type(value) is np.ndarray and value.dtype is FLOAT64:
        return Gradient(value, "array", "ndarray")
    if isinstance(value, np.ndarray | np.generic | float):
        array = np.asarray(value)
        if array.dtype.kind in "iub" or is_floating(array):
            return Gradient(array, "array", type(value).__name__)
        raise Garbage(f"gradient {position} is an array of dtype {array.dtype}")
    raise Garbage(f"gradient {position} is {_described(value)}, expected an array or None")


def _described(value: object) -> str:
    if value is None:
        return "None"
    if isinstance(value, str):
        return f"the string {value[:40]!r}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _wrong_count(what: str, case: Case) -> Garbage:
    inputs = f"{counted(len(case.inputs), 'input')} ({', '.join(case.inputs)})"
    text = f"vjp returned {what} for {inputs}"
    return Garbage(f"{text}; return a tuple with one gradient, or None, for each", Code.COUNT)


class PairEvaluation:
    """One evaluation of the forward function; gradients come from calls of `vjp`."""

    composite = False
    __slots__ = ("_arguments", "_case", "_vjp", "outputs", "tupled")

    def __init__(
        self, outputs: tuple[Array, ...], tupled: bool, vjp: Callable[..., Any], case: Case
    ) -> None:
        self.outputs = outputs
        self.tupled = tupled
        self._vjp = vjp
        self._case = case

    def gradient(self, cotangents: Sequence[Array]) -> tuple[Gradient, ...]:
        """Call `vjp(cotangent, *arrays, **params)` and return its results by input leaf."""
        case = self._case
        cotangent = tuple(cotangents) if self.tupled else cotangents[0]
        try:
            returned = self._vjp(cotangent, *case.inputs.values(), **case.params)
        except Exception as error:
            raise OperatorError("vjp", error) from error
        if type(returned) is tuple and len(returned) == len(case.inputs) == 1:
            value = returned[0]  # the usual form, quickly
            if type(value) is np.ndarray and value.dtype is FLOAT64:
                return (Gradient(value, "array", "ndarray"),)
        values = list(case.inputs.values())
        if not isinstance(returned, tuple | list):
            if len(values) != 1:
                raise _wrong_count(f"{_described(returned)} alone", case)
            returned = (returned,)
        if len(returned) != len(values):
            raise _wrong_count(counted(len(returned), "gradient"), case)
        if len(values) == 1 and not isinstance(values[0], tuple):
            return (as_gradient(returned[0], 0),)
        gradients: list[Gradient] = []
        for position, (value, given) in enumerate(zip(values, returned, strict=True)):
            if not isinstance(value, tuple):
                gradients.append(as_gradient(given, position))
                continue
            members = (None,) * len(value) if given is None else tuple(given)
            if len(members) != len(value):
                raise Garbage(f"gradient {position} has {len(members)} members, not {len(value)}")
            gradients.extend(as_gradient(member, position) for member in members)
        return tuple(gradients)


class Pair:
    """`forward(*arrays, **params) -> array` and its `vjp(cotangent, *arrays, **params)`."""

    gradient_kind: GradientKind = "array"
    abilities: frozenset[str] = frozenset()

    def __init__(
        self, forward: Callable[..., Any], vjp: Callable[..., Any], name: str = ""
    ) -> None:
        self._forward = forward
        self._vjp = vjp
        self.name = name or getattr(forward, "__name__", "function")

    def evaluate(self, case: Case) -> PairEvaluation:
        """Call the forward function on the arrays of `case`."""
        try:
            value = self._forward(*case.inputs.values(), **case.params)
        except Exception as error:
            raise OperatorError("forward", error) from error
        if isinstance(value, tuple | list):
            return PairEvaluation(tuple(as_output(v) for v in value), True, self._vjp, case)
        return PairEvaluation((as_output(value),), False, self._vjp, case)
