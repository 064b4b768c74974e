"""Whether a document has the form of report.schema.json: a report may come from anywhere.

The keywords of JSON Schema that the file uses, and no others. Arrays and parameters of cases must
also be those of a recorded case, whose shape fits its values.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from needle_cli.problems import cut
from needle_cli.records import trusted

Node = Mapping[str, Any]
TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "integer": (int,),
    "number": (int, float), "null": (type(None),),
}  # fmt: skip
LARGEST = 2**63


@lru_cache
def schema() -> Node:
    """Return the schema of reports."""
    text = Path(__file__).with_name("report.schema.json").read_text(encoding="utf-8")
    found: Node = json.loads(text)
    return found


def fault(document: Any) -> str:
    """Return where a report does not have its form, "" if all of it does."""
    found = _fault(document, schema(), "")
    if found:
        return found
    for row in document["results"]:
        for finding in row["findings"]:
            for case in (finding["smallest"], finding["typical"]):
                if case is not None:
                    _case(case)
    return ""


def _case(case: Node) -> None:
    """Raise `TokenError` if arrays or parameters of a case are not those of a record."""
    for value in (case["inputs"] or {}).values():
        for member in value if isinstance(value, list) else [value]:
            trusted.array(member)
    for member in case["cotangent"] or ():
        trusted.array(member)
    for value in (case["params"] or {}).values():
        trusted.param(value)


def _fault(value: Any, node: Node, place: str) -> str:
    if "$ref" in node:
        return _fault(value, schema()["$defs"][node["$ref"].rpartition("/")[2]], place)
    known = [node["const"]] if "const" in node else node.get("enum")
    if known is not None and not any(type(value) is type(x) and value == x for x in known):
        return f"{place} is {_shown(value)}, not one of {', '.join(map(str, known))}"
    kinds = _listed(node.get("type", []))
    if kinds and not any(_is(value, kind) for kind in kinds):
        return f"{place or 'it'} is {_shown(value)}, no {' or '.join(kinds)}"
    if "minimum" in node and value < node["minimum"]:
        return f"{place} is less than {node['minimum']}"
    for choice in ("anyOf", "oneOf"):
        if choice in node and all(_fault(value, other, place) for other in node[choice]):
            return f"{place or 'it'} has another form"
    if isinstance(value, dict):
        return _fault_of_object(value, node, place)
    if isinstance(value, list) and "items" in node:
        faults = (_fault(x, node["items"], f"{place}[{i}]") for i, x in enumerate(value))
        return next(filter(None, faults), "")
    return ""


def _fault_of_object(value: Node, node: Node, place: str) -> str:
    for key in node.get("required", ()):
        if key not in value:
            return f"{place or 'it'} has no {key!r}"
    known, other = node.get("properties", {}), node.get("additionalProperties", True)
    for key, item in value.items():
        inner = f"{place}.{key}"[:80].lstrip(".")
        if "propertyNames" in node and _fault(key, node["propertyNames"], inner):
            return f"{inner} is no name of its kind"
        if key in known:
            found = _fault(item, known[key], inner)
        else:
            found = _fault(item, other, inner) if isinstance(other, dict) else ""
            found = f"{inner} is unknown" if other is False else found
        if found:
            return found
    return ""


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if not isinstance(value, TYPES[kind]):
        return False
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or kind == "null" or abs(value) < LARGEST


def _shown(value: Any) -> str:
    try:
        return cut(repr(value))
    except ValueError:  # an integer with more digits than Python prints
        return "a very large number"


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
