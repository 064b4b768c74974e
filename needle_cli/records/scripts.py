"""A recorded case as a script that only needs NumPy and needle, and as an example in a spec."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from needle_cli.problems import Problem, shown_path
from needle_cli.records import tokens
from needle_cli.records.tokens import Record

DIFFERENCES = """\
for name, x, t in [{leaves}]:
    for i in np.ndindex(x.shape):
        h, y = 2.0**-{power} * max(1.0, abs(x[i])), []
        for s in (h, -h):
            x[i] += s
            y.append({value})
            x[i] -= s
        numeric = (y[0] - y[1]) / (2 * h)
        analytic = t.grad.numpy()[i]
        print(f"{{name}}{{list(i)}}: analytic {{analytic:.9g}}, numeric {{numeric:.9g}}")"""
POWERS = {"float64": 17, "float32": 8, "float16": 4}
"""Steps of the differences, as powers of two: about the cube root of a dtype's rounding."""

OURS = frozenset(
    [
        "np",
        "ndl",
        "sys",
        "f",
        "v",
        "total",
        "y",
        "name",
        "x",
        "t",
        "i",
        "h",
        "s",
        "numeric",
        "analytic",
    ]
)
"""The variables of a script besides those of the inputs."""

SHAPES = """\
for name, x, t in [{leaves}]:
    print(name, x.shape, x.dtype, "has gradient", t.grad)"""


def script(record: Record) -> str:
    """Return a script, with NumPy and needle only, that shows the disagreement of a case."""
    lines = _head(record)
    leaves = tokens.leaves(record)
    lines += [f"{_safe(name)} = {_array_code(array)}" for name, array in leaves]
    tensors = [name for name, array in leaves if _is_float(array)]
    starts = record.get("cotangent")
    if not starts:
        made = [f"{_safe(name)} = {_tensor(_safe(name), record)}" for name in tensors]
        return "\n".join([*lines, *made, f"print({_call(record)})"]) + "\n"
    names = ", ".join(_safe(name) for name in tensors)
    lines.append(f"f = lambda {names}: {_call(record)}")
    lines += [f"t_{_safe(name)} = {_tensor(_safe(name), record)}" for name in tensors]
    lines += _backward(record, starts, ", ".join(f"t_{_safe(name)}" for name in tensors))
    fresh = ", ".join(_tensor(_safe(name), record) for name in tensors)
    numeric = record["check"] in ("gradient", "exact")
    judged = [name for name in tensors if name.partition("[")[0] in record["judged"]]
    triples = ", ".join(f'("{name}", {_safe(name)}, t_{_safe(name)})' for name in judged)
    template = DIFFERENCES if numeric else SHAPES
    value, power = f"total(f({fresh})).numpy()", POWERS.get(record["dtype"], POWERS["float64"])
    return "\n".join([*lines, template.format(leaves=triples, value=value, power=power)]) + "\n"


def _tensor(code: str, record: Record) -> str:
    """Return the tensor of an array, on the device of the case."""
    kind, _, index = str(record["device"]).partition(":")
    place = "" if kind == "cpu" else f", device=ndl.{kind}({index})"
    return f"ndl.Tensor({code}{place})"


def _backward(record: Record, starts: list[Record], tensors: str) -> list[str]:
    """Return the lines that give the output its gradient: one array, or one per member."""
    if len(starts) == 1:
        given = [f"v = {_tensor(_array_code(starts[0]), record)}  # output gradient"]
        total = "total = lambda y: ndl.summation(y * v)"
    else:
        members = ", ".join(_tensor(_array_code(start), record) for start in starts)
        given = [f"v = [{members}]  # output gradients"]
        terms = " + ".join(f"ndl.summation(y[{i}] * v[{i}])" for i in range(len(starts)))
        total = f"total = lambda y: {terms}"
    return [*given, total, f"y = f({tensors})", "print(y)", "total(y).backward()"]


def add_to_spec(record: Record, path: Path) -> str:
    """Append a case to the spec of its operator; return the spec's path as it is shown."""
    token = tokens.encode(_plain(record))
    why = f"{record['check']} was wrong here"
    entry = f"\n[[example]]\nwhy   = {json.dumps(why)}\ntoken = {json.dumps(token)}\n"
    try:
        text = path.read_text(encoding="utf-8")
        if token in text:
            raise Problem(f"{shown_path(path)} has this example already")
        with path.open("a", encoding="utf-8") as stream:
            stream.write(entry if text.endswith("\n") else "\n" + entry)
    except OSError as error:
        raise Problem(f"cannot write {shown_path(path)}: {error.strerror}") from error
    return shown_path(path)


def _head(record: Record) -> list[str]:
    lines = [
        f"# {record['op']}, check {record['check']} (needle explain {record['check']})",
        f"# {record['dtype']} on {record['device']}, engine {record.get('engine') or 'needle'}",
        "import numpy as np",
        "import needle as ndl",
    ]
    if record.get("file"):
        path = Path(str(record["file"]))
        folder = "" if path.parent == Path() else path.parent.as_posix()
        lines += [
            "import sys",
            f"sys.path.insert(0, {folder!r})",
            f"from {path.stem} import {_function(record)}",
        ]
    return [*lines, ""]


def _call(record: Record) -> str:
    """Return the call of the operator, in the names of its arguments."""
    words = []
    for name, value in record["inputs"].items():
        if isinstance(value, list):
            members = ", ".join(_safe(f"{name}[{i}]") for i in range(len(value)))
            words.append(f"{name}=[{members}]")
        else:
            words.append(f"{name}={_safe(name)}")
    words += [f"{name}={written(data, _leaf)}" for name, data in record["params"].items()]
    owner = "" if record.get("file") else "ndl."
    return f"{owner}{_function(record)}({', '.join(words)})"


def _is_float(array: Record) -> bool:
    return str(array["dtype"]).startswith("float")


def _function(record: Record) -> str:
    return str(record["op"]).rpartition("/")[2]


def _safe(name: str) -> str:
    """Return the variable of an input: its name, unless the script has a variable of that name."""
    flat = name.replace("[", "_").replace("]", "")
    return f"{flat}_" if flat in OURS or flat.startswith("t_") else flat


def _array_code(array: Record) -> str:
    values = "[" + ", ".join(_number_code(v) for v in array["values"]) + "]"
    shape = tuple(array["shape"])
    made = f"np.array({values}, dtype={array['dtype']!r})"
    return made if shape == (len(array["values"]),) else f"{made}.reshape({shape})"


def _number_code(value: Any) -> str:
    if not isinstance(value, str):
        return repr(value)
    number = float.fromhex(value)
    text = repr(number)
    return f"float({text!r})" if text in ("nan", "inf", "-inf") else text


def written(data: Any, leaf: Callable[[str, Any], str]) -> str:
    """Return a recorded parameter as Python writes it; `leaf` writes floats, arrays and scalars."""
    if isinstance(data, list):
        return f"[{', '.join(written(item, leaf) for item in data)}]"
    if not isinstance(data, dict):
        return repr(data)
    ((tag, content),) = data.items()
    if tag == "ellipsis":
        return "..."
    if tag == "dict":
        pairs = [f"{written(key, leaf)}: {written(value, leaf)}" for key, value in content]
        return f"{{{', '.join(pairs)}}}"
    if tag in ("tuple", "slice"):
        words = ", ".join(written(item, leaf) for item in content)
        comma = "," if tag == "tuple" and len(content) == 1 else ""
        return f"{'slice' if tag == 'slice' else ''}({words}{comma})"
    return leaf(tag, content)


def _leaf(tag: str, content: Any) -> str:
    if tag == "float":
        return f"float({content!r})"
    return _array_code(content) if tag == "array" else f"{_array_code(content)}[()]"


def _plain(record: Record) -> Record:
    """Return the record with numbers in place of hex floats, as tokens hold them."""

    def rewrite(node: Any) -> Any:
        if isinstance(node, list):
            return [rewrite(item) for item in node]
        if isinstance(node, dict) and "values" in node:
            return {**node, "values": [_plain_number(v) for v in node["values"]]}
        if isinstance(node, dict):
            return {key: rewrite(item) for key, item in node.items()}
        return node

    return {
        **record,
        "inputs": rewrite(record["inputs"]),
        "cotangent": rewrite(record["cotangent"]),
    }


def _plain_number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    number = float.fromhex(value)
    return number if number - number == 0 else str(number)
