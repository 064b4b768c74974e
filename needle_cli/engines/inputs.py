"""Tensors as arguments: find their engine, and make a case of them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

from needle_cli.checking.model import Array, Case, InputValue
from needle_cli.engines.course_shaped import EngineOperator, operator_from_tensors
from needle_cli.engines.facade import Engine, as_array
from needle_cli.engines.placing import is_on_device


def is_engine_value(value: object) -> bool:
    """Whether a value is a tensor of some course-shaped engine; imports nothing."""
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
    engine = _engine_of(inputs)
    arrays: dict[str, InputValue] = {}
    tuples = set()
    for i, (name, value) in enumerate(
        zip(_input_names(function, len(inputs)), inputs, strict=True)
    ):
        if engine.is_tuple(value):
            tuples.add(name)
        what = f"input {i} of {getattr(function, '__name__', 'f')}"
        arrays[name] = _arrays_of(value, what, engine)
    operator = operator_from_tensors(function, engine, frozenset(tuples))
    judged = frozenset(
        name for name, value in arrays.items() if all(a.dtype.kind == "f" for a in _members(value))
    )
    silent = frozenset(arrays) - judged
    return operator, Case(inputs=arrays, judged=judged, silent=silent)


def _members(value: InputValue) -> tuple[Array, ...]:
    """Return the arrays of one input."""
    return value if isinstance(value, tuple) else (value,)


def _input_names(function: Callable[..., Any], count: int) -> list[str]:
    """Return names for the inputs: those of the signature if it has enough."""
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


def _engine_of(inputs: Sequence[object]) -> Engine:
    """Return the engine of the first tensor, on the device of that tensor."""
    members = [m for v in inputs for m in (v if isinstance(v, list | tuple) else (v,))]
    first: Any = next((member for member in members if is_engine_value(member)), None)
    if first is None:
        raise TypeError("check_function needs at least one tensor among its inputs; found none")
    home = next(k.__module__ for k in type(first).__mro__ if k.__name__ == "Value")
    device = _device_of(first)
    return Engine(sys.modules[home.partition(".")[0]], device, resident=device != "cpu")


def _device_of(tensor: Any) -> str:
    """Return the device of a tensor as `--device` names it; its engine writes `cuda(1)`."""
    data = tensor.realize_cached_data()
    if not is_on_device(data[0] if isinstance(data, tuple | list) and data else data):
        return "cpu"
    kind, _, index = repr(tensor.device).rstrip(")").partition("(")
    return f"{kind}:{index}" if index else kind


def _arrays_of(value: Any, what: str, engine: Engine) -> InputValue:
    """Return the arrays of an argument of `check_function`."""
    if isinstance(value, list | tuple):
        return tuple(engine.read(member.realize_cached_data(), what) for member in value)
    if is_engine_value(value):
        data = value.realize_cached_data()
        if isinstance(data, tuple | list):
            return tuple(engine.read(part, what) for part in data)
        return engine.read(data, what)
    return as_array(value, what)
