"""What a recorded case from outside must look like before anything is done with it.

A token or a case file may be forged, and a case becomes names in a script, a path, arrays in
memory. So every part has one form, and everything else is refused. No NumPy: `--script` needs none.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from needle_cli.explanations import CHECKS
from needle_cli.problems import Problem
from needle_cli.settings import DTYPES as JUDGED_DTYPES

DTYPES = frozenset(
    {"float16", "float32", "float64", "bool", "int8", "int16", "int32", "int64",
     "uint8", "uint16", "uint32", "uint64"}
)  # fmt: skip
MOST_ENTRIES = 2**20
"""A record is refused if an array, or the buffer behind it, has more entries."""

MOST_AXES = 32
DEEPEST = 20
"""How deep a parameter may be nested."""

DEVICE = re.compile(r"cpu|sim|cuda(:\d{1,3})?")
WORDS = ("nan", "inf", "-inf")
HEX = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-]\d{1,4}")
"""A float as `float.hex` writes it."""


class TokenError(Problem):
    """A replay token or case file is damaged, forged or from another version."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="token")


def trusted(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record if all of it has the form that is written; raises `TokenError` otherwise."""
    try:
        _place(record)
        for value in _table(record["inputs"], "inputs").values():
            members = value if isinstance(value, list) else [value]
            for member in members:
                array(member)
        for value in _table(record["params"], "params").values():
            param(value, 0)
        if record["cotangent"] is not None:
            for member in _list(record["cotangent"], "the output gradient"):
                array(member)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise TokenError(f"this is not a recorded case: {type(error).__name__} {error}") from error
    return dict(record)


def _place(record: Mapping[str, Any]) -> None:
    family, _, function = str(record["op"]).rpartition("/")
    _demand(isinstance(record["op"], str) and bool(family), "operator", record["op"])
    for part in (*family.split("/"), function):
        _demand(_is_name(part), "operator", record["op"])
    _demand(record["check"] in CHECKS, "check", record["check"])
    _demand(_matches(DEVICE, record["device"]), "device", record["device"])
    _demand(record["dtype"] in JUDGED_DTYPES, "dtype", record["dtype"])
    _demand(_is_file(record["file"]), "file below the project's folder", record["file"])
    for key in ("judged", "silent"):
        for name in _list(record[key], key):
            _demand(name in record["inputs"], f"{key} input", name)
    seed = record["seed"]
    _demand(_is_whole(seed) and 0 <= seed < 2**128, "seed", seed)
    for tag in (*_list(record["tags"], "tags"), record["label"]):
        _demand(isinstance(tag, str), "label", tag)


def _is_name(word: object) -> bool:
    return isinstance(word, str) and word.isidentifier() and not keyword.iskeyword(word)


def _is_file(word: object) -> bool:
    """Whether a word is a path of a module below a folder, or "" for no file."""
    if not isinstance(word, str):
        return False
    path = PurePosixPath(word)
    inside = not path.is_absolute() and ".." not in path.parts and word.isprintable()
    return not word or (inside and path.suffix == ".py" and _is_name(path.stem))


def _table(value: Any, what: str) -> dict[str, Any]:
    _demand(isinstance(value, dict), f"table of {what}", value)
    for name in value:
        _demand(_is_name(name), "name of an argument", name)
    found: dict[str, Any] = value
    return found


def _list(value: Any, what: str) -> list[Any]:
    _demand(isinstance(value, list), f"list of {what}", value)
    found: list[Any] = value
    return found


def array(data: Any) -> None:
    """Raise `TokenError` if something is not the plain form of an array."""
    _demand(isinstance(data, dict), "array", data)
    for key in ("dtype", "shape", "values"):
        _demand(key in data, "array", data)
    dtype, shape, values = data["dtype"], data["shape"], data["values"]
    _demand(isinstance(dtype, str) and dtype in DTYPES, "dtype of an array", dtype)
    _sizes(shape, "shape")
    _demand(min(shape, default=0) >= 0, "shape", shape)
    count = len(_list(values, "values"))
    _demand(count <= MOST_ENTRIES and math.prod(shape) == count, f"shape of {count} values", shape)
    is_value = _value_of(dtype)
    for value in values:
        _demand(is_value(value), f"number of dtype {dtype}", value)
    strides = data.get("strides")
    if strides is None:
        return
    _sizes(strides, "strides")
    _demand(len(strides) == len(shape), f"strides of {len(shape)} axes", strides)
    reach = sum(max(n - 1, 0) * abs(s) for n, s in zip(shape, strides, strict=True))
    _demand(reach < MOST_ENTRIES, "strides", strides)


def _sizes(value: Any, what: str) -> None:
    _demand(isinstance(value, list) and len(value) <= MOST_AXES, what, value)
    _demand(all(_is_whole(n) and abs(n) <= MOST_ENTRIES for n in value), what, value)


def _value_of(dtype: str) -> Callable[[object], bool]:
    """Return the test of one value of an array."""
    if dtype == "bool":
        return lambda value: isinstance(value, bool)
    if dtype.startswith("float"):
        return lambda value: _is_number(value) or value in WORDS or _matches(HEX, value)
    bits = int(dtype.strip("uint"))
    low, high = (0, 2**bits) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    return lambda value: isinstance(value, int) and _is_whole(value) and low <= value < high


def param(data: Any, depth: int = 0) -> None:
    """Raise `TokenError` if something is not the plain form of a parameter."""
    _demand(depth <= DEEPEST, "depth of a parameter", depth)
    if data is None or isinstance(data, bool | int | str) or _is_number(data):
        return
    if isinstance(data, list):
        _params(data, depth)
        return
    _demand(isinstance(data, dict) and len(data) == 1, "parameter", data)
    ((tag, content),) = data.items()
    if tag in ("array", "scalar"):
        array(content)
        _demand(tag == "array" or content["shape"] == [], "scalar", content["shape"])
    elif tag == "float":
        _demand(content in WORDS, "float", content)
    elif tag == "dict":
        for pair in _list(content, "pairs"):
            _demand(isinstance(pair, list) and len(pair) == 2, "pair of key and value", pair)
            _demand(not isinstance(pair[0], list), "key", pair[0])
            _params(pair, depth)
    elif tag == "slice":
        _demand(isinstance(content, list) and len(content) == 3, "slice", content)
        _params(content, depth)
    elif tag == "tuple":
        _params(_list(content, "members"), depth)
    else:
        _demand(tag == "ellipsis", "parameter", tag)


def _params(items: list[Any], depth: int) -> None:
    for item in items:
        param(item, depth + 1)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and _is_whole(value) and abs(value) < 2**1000


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _demand(holds: bool, what: str, value: object) -> None:
    if not holds:
        shown = "a large number" if isinstance(value, int) and abs(value) > 2**64 else repr(value)
        raise TokenError(f"this is not a recorded case: {shown[:60]} is no {what}")
