"""Tensors as arguments: which engine they belong to, and the case that they make."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

from needle_cli.checking.model import Array, Case, InputValue
from needle_cli.engine import EngineOperator, operator_from_tensors
from needle_cli.engine_facade import Engine, as_array


def is_engine_value(value: object) -> bool:
    """Whether a value is a tensor of some course-style engine; imports nothing."""
    return any(kind.__name__ == "Value" for kind in type(value).__mro__) and hasattr(
        value, "realize_cached_data"
    )


def matches(value: object) -> bool:
    """Whether an argument of `check_function` is a tensor, or a sequence or tuple of tensors."""
    if isinstance(value, list | tuple):
        return bool(value) and all(is_engine_value(member) for member in value)
    return is_engine_value(value)


def from_tensors(
    function: Callable[..., Any], inputs: Sequence[object]
) -> tuple[EngineOperator, Case]:
    """Return the operator and the case of `check_function(function, inputs)`."""
    arrays: dict[str, InputValue] = {}
    tuples = set()
    engine = None
    for i, (name, value) in enumerate(
        zip(_input_names(function, len(inputs)), inputs, strict=True)
    ):
        if is_engine_value(value):
            engine = engine or _engine_of(value)
            if engine.is_tuple(value):
                tuples.add(name)
        arrays[name] = _arrays_of(value, f"input {i} of {getattr(function, '__name__', 'f')}")
        if isinstance(value, list | tuple) and value and is_engine_value(value[0]):
            engine = engine or _engine_of(value[0])
    if engine is None:
        raise TypeError("check_function needs at least one tensor among its inputs; found none")
    operator = operator_from_tensors(function, engine)
    operator._tuples = frozenset(tuples)
    judged = frozenset(
        name for name, value in arrays.items() if all(a.dtype.kind == "f" for a in _members(value))
    )
    silent = frozenset(arrays) - judged
    return operator, Case(inputs=arrays, judged=judged, silent=silent)


def _members(value: InputValue) -> tuple[Array, ...]:
    """Return the arrays of one input."""
    return value if isinstance(value, tuple) else (value,)


def _input_names(function: Callable[..., Any], count: int) -> list[str]:
    """Return names for the inputs: those of the signature where it has enough."""
    try:
        names = [
            parameter.name
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind
            in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        names = []
    return names[:count] if len(names) >= count else [f"input{i}" for i in range(count)]


def _engine_of(value: object) -> Engine:
    """Return the engine whose class a tensor is an instance of."""
    root = next(k.__module__ for k in type(value).__mro__ if k.__name__ == "Value").partition(".")[
        0
    ]
    return Engine(sys.modules[root])


def _arrays_of(value: Any, what: str) -> InputValue:
    """Return the arrays that an argument of `check_function` holds."""
    if isinstance(value, list | tuple):
        return tuple(as_array(member.realize_cached_data(), what) for member in value)
    if is_engine_value(value):
        data = value.realize_cached_data()
        if isinstance(data, tuple | list):
            return tuple(as_array(part, what) for part in data)
        return as_array(data, what)
    return as_array(value, what)
