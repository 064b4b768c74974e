"""Cases as plain data and back: exact, limited in size, and without executing anything.

A record is what is stored, sent between processes and packed into tokens. Arrays are
`{"dtype", "shape", "values", "strides"?}` with values in C order and strides in entries (given when
the array is not C-contiguous: some findings depend on the layout). Parameters keep their
Python types in one-key objects: `{"tuple": [...]}`, `{"slice": [a, b, c]}`, `{"ellipsis": true}`,
`{"array": ARRAY}`, `{"float": "nan"}`, `{"scalar": [dtype, value]}`, `{"dict": [[k, v], ...]}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from needle_cli.checking.model import Array, Case, InputValue
from needle_cli.records.tokens import EMPTY, Record
from needle_cli.records.trusted import DEEPEST, DTYPES, TokenError, trusted


class Unstorable(Exception):
    """A parameter has no plain form; the text names its type."""


def record_of(case: Case, cotangent: Sequence[Array] | None, **place: Any) -> Record:
    """Return the record of a case; `place` holds op, check, device, dtype and the like."""
    leaves = case.cotangent if cotangent is None else cotangent
    return {
        **place,
        "inputs": {name: _input_data(value) for name, value in case.inputs.items()},
        "params": {name: param_data(value) for name, value in case.params.items()},
        "cotangent": None if leaves is None else [array_data(leaf) for leaf in leaves],
        "judged": sorted(case.judged),
        "silent": sorted(case.silent),
        "seed": int(case.seed),
        "tags": sorted(case.tags),
        "label": case.label if case.tags else "",
    }


def case_of(record: Record) -> Case:
    """Return the case of a record; raises `TokenError` where the record is not one."""
    record = trusted({**EMPTY, **record})
    cotangent = record["cotangent"]
    try:
        return Case(
            inputs={name: _input_value(value) for name, value in record["inputs"].items()},
            params={name: param_value(value) for name, value in record["params"].items()},
            judged=frozenset(record["judged"]),
            silent=frozenset(record["silent"]),
            seed=record["seed"],
            cotangent=None if cotangent is None else tuple(array_value(x) for x in cotangent),
            label=record["label"] or "recorded case",
            tags=frozenset(record["tags"]),
        )
    except (TypeError, ValueError, OverflowError) as error:  # a key that is no key, for example
        raise TokenError(f"this is not a recorded case: {error}") from error


def array_data(array: Array) -> Record:
    """Return the plain form of an array of numbers."""
    array = np.asarray(array)
    if array.dtype.name not in DTYPES:
        raise Unstorable(f"an array of dtype {array.dtype}")
    data: Record = {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "values": [_number(x) for x in array.ravel().tolist()]
        if array.dtype.name in ("float64", "bool") or array.dtype.kind != "f"
        else [_number(float(str(x))) for x in array.ravel()],
    }
    if array.size > 1 and not array.flags.c_contiguous:
        data["strides"] = [s // array.itemsize for s in array.strides]
    return data


def array_value(data: Mapping[str, Any]) -> Array:
    """Return the array of a plain form that is `trusted`, in the stored layout."""
    dtype = data["dtype"]
    numbers = [_float(x) if dtype.startswith("float") else x for x in data["values"]]
    plain = np.array(numbers, dtype=dtype).reshape(data["shape"])
    strides = data.get("strides")
    return plain if strides is None or plain.size == 0 else _laid_out(plain, strides)


def _laid_out(plain: Array, strides: list[int]) -> Array:
    """Copy an array into memory with the given strides, in entries."""
    reach = [(n - 1) * s for n, s in zip(plain.shape, strides, strict=True)]
    low, high = sum(min(r, 0) for r in reach), sum(max(r, 0) for r in reach)
    buffer = np.zeros(high - low + 1, dtype=plain.dtype)
    view = np.lib.stride_tricks.as_strided(
        buffer[-low:], plain.shape, [s * plain.itemsize for s in strides]
    )
    view[...] = plain
    return view


def param_data(value: Any, depth: int = 0) -> Any:
    """Return the plain form of a parameter; raises `Unstorable` for what has none."""
    if depth > DEEPEST:
        raise Unstorable("a parameter nested too deeply")
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if type(value) is list:
        return [param_data(item, depth + 1) for item in value]
    if type(value) is tuple:
        return {"tuple": [param_data(item, depth + 1) for item in value]}
    if isinstance(value, slice):
        return {"slice": [param_data(x, depth + 1) for x in (value.start, value.stop, value.step)]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, np.ndarray):
        return {"array": array_data(value)}
    if isinstance(value, np.generic) and value.dtype.name in DTYPES:
        return {"scalar": array_data(np.asarray(value))}
    if type(value) is dict:
        pairs = [[param_data(k, depth + 1), param_data(v, depth + 1)] for k, v in value.items()]
        return {"dict": pairs}
    raise Unstorable(f"a parameter of type {type(value).__name__}")


def param_value(data: Any) -> Any:
    """Return the parameter of a plain form that is `trusted`."""
    if isinstance(data, list):
        return [param_value(item) for item in data]
    if not isinstance(data, dict):
        return data
    ((tag, content),) = data.items()
    if tag == "tuple":
        return tuple(param_value(item) for item in content)
    if tag == "slice":
        return slice(*(param_value(item) for item in content))
    if tag == "ellipsis":
        return Ellipsis
    if tag == "float":
        return float(content)
    if tag == "dict":
        return {param_value(key): param_value(value) for key, value in content}
    return array_value(content) if tag == "array" else array_value(content)[()]


def _input_data(value: InputValue) -> Any:
    return [array_data(x) for x in value] if isinstance(value, tuple) else array_data(value)


def _input_value(data: Any) -> InputValue:
    return tuple(array_value(x) for x in data) if isinstance(data, list) else array_value(data)


def _number(value: Any) -> Any:
    """Return a JSON number, or a word for NaN and the infinities."""
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def _float(value: Any) -> float:
    """Read a number, a hex float or a word such as `nan`."""
    return float.fromhex(value) if isinstance(value, str) else float(value)
