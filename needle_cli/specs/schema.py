"""The JSON Schema of a spec, for editors, made from the loader's own vocabulary.

`python -m needle_cli.specs.schema > specs/schema.json` writes it; a test holds the file against
this module. It covers form (keys, types, vocabularies); what needs a look at other keys or at
Python (names, dims, signatures) is the loader's alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from needle_cli.specs.params import NEEDS
from needle_cli.specs.vocabulary import (
    CHECKS,
    CONVENTIONS,
    CURVATURES,
    DEVICES,
    DOMAIN_FIELDS,
    DTYPES,
    DUPLICATES,
    FACT_KEYS,
    FIELD_TYPES,
    FLOAT_DTYPES,
    KINKS,
    PARAM_FIELDS,
    REQUIRED_KEYS,
    STRUCTURES,
)

Node: TypeAlias = dict[str, Any]

NAME = r"^[^\W\d]\w*$"
DOTTED = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
TEXT: Node = {"type": "string", "pattern": r"\S"}
NUMBER: Node = {"type": "number"}
FLAG: Node = {"type": "boolean"}
INTEGER: Node = {"type": "integer"}
COUNT: Node = {"type": "integer", "minimum": 0}
SHAPE: Node = {"$ref": "#/$defs/shape"}
FIELD_NODES = {"number": NUMBER, "integer": INTEGER, "boolean": FLAG, "string": TEXT}


def build() -> Node:
    """Return the schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Specification of an operator for needle check",
        "$defs": {
            "shape": {
                **_about("a shape string: names, integers, `...`, `S...` and `m?`"),
                "type": "string",
                "pattern": r"^\s*\(.*\)\s*$",
            },
            "domain": _domain(),
            "input": {"anyOf": [SHAPE, _input(needs=["shape"])]},
            "change": _input(),
            "param": _param(),
            "dim": _object({"min": COUNT, "max": {**COUNT, "maximum": 64}, "why": TEXT}),
            "given": _given(),
        },
        **_object(_top(), REQUIRED_KEYS),
    }


def _top() -> Node:
    texts = _strings()
    return {
        "op": {**_about("module:function of the operator"), "type": "string", "pattern": DOTTED},
        "class": {**_about("the name of its Op class"), "type": "string", "pattern": NAME},
        "reference": _dotted("module:function that gives the forward value in NumPy"),
        "args": {**_about("inputs and parameters in call order"), **texts, "minItems": 1},
        "formula": {**_about("the forward value and the gradient, in words or signs"), **TEXT},
        "source": {**_about("where the formula comes from"), **TEXT},
        "order": {**_about("highest order of derivative claimed"), "type": "integer", "minimum": 1},
        "tags": {**_strings({"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"})},
        "rename": {**_about("our parameter name = the reference's"), **_named(TEXT)},
        "structure": {
            **_about("a tested claim; switches on the exact lane"),
            "enum": list(STRUCTURES),
        },
        "elementwise": {**_about("output entry i depends on entry i of each input only"), **FLAG},
        "require": {**_about("integer comparisons over dims and integer parameters"), **texts},
        "input": {**_named({"$ref": "#/$defs/input"}), "minProperties": 1},
        "dims": _dims(),
        "param": _named({"$ref": "#/$defs/param"}),
        "facts": _object({key: _one_or_many() for key in FACT_KEYS}),
        "kink": _list(_kink()),
        "lane": _list(_lane()),
        "error": _list(_case({"why": TEXT, "raises": TEXT}, ["why", "raises"])),
        "tolerance": _list(_tolerance()),
        "nondeterministic": _list(
            _object({"device": {"enum": list(DEVICES)}, "reason": TEXT}, ["reason"])
        ),
        "immune": _list(_object({"fault": TEXT, "reason": TEXT}, ["fault", "reason"])),
        "example": _list(_object({"why": TEXT, "token": TEXT}, ["token"])),
    }


def _about(text: str) -> Node:
    return {"description": text}


def _object(properties: Node, required: Sequence[str] = ()) -> Node:
    node: Node = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**node, "required": list(required)} if required else node


def _named(value: Node) -> Node:
    """Return an object whose keys are names of our choosing."""
    return {"type": "object", "patternProperties": {NAME: value}, "additionalProperties": False}


def _list(item: Node) -> Node:
    return {"type": "array", "items": item}


def _strings(item: Node | None = None) -> Node:
    return {"type": "array", "items": item or TEXT, "uniqueItems": True}


def _one_or_many() -> Node:
    return {"anyOf": [TEXT, _strings()]}


def _dotted(about: str) -> Node:
    return {**_about(about), "type": "string", "pattern": DOTTED}


def _dims() -> Node:
    return _object({"...": {"$ref": "#/$defs/dim"}}) | _named({"$ref": "#/$defs/dim"})


def _input(needs: Sequence[str] = ()) -> Node:
    members = {"anyOf": [{"const": True}, _object({"min": COUNT, "max": {**COUNT, "maximum": 16}})]}
    return _object(
        {
            "shape": SHAPE,
            "domain": {"$ref": "#/$defs/domain"},
            "dtype": {"enum": list(DTYPES)},
            "differentiable": FLAG,
            "list": members,
            "tuple": members,
            "values": {"type": "array", "items": NUMBER, "minItems": 1},
            "spread": _object(
                {"axis": INTEGER, "min_std": {"type": "number", "exclusiveMinimum": 0}}, ["min_std"]
            ),
            "why": TEXT,
        },
        needs,
    )


def _field(name: str, kind: str = "") -> Node:
    if name == "duplicates":
        return {"enum": list(DUPLICATES)}
    if name == "values":
        items = {"int": INTEGER, "float": NUMBER}.get(kind)
        return {"type": "array", "minItems": 1, **({"items": items} if items else {})}
    if name in ("min", "max") and kind != "float":
        return INTEGER
    return FIELD_NODES[FIELD_TYPES[name]]


def _domain() -> Node:
    bare = [name for name in DOMAIN_FIELDS if name not in ("interval", "index")]
    options: list[Node] = [{"enum": bare}]
    for name, fields in DOMAIN_FIELDS.items():
        needs = ["name", *(["into"] if name == "index" else [])]
        options.append(_object({"name": {"const": name}, **{f: _field(f) for f in fields}}, needs))
    bounds = _object({field: _field(field) for field in DOMAIN_FIELDS["interval"]})
    options.append({**bounds, "anyOf": [{"required": ["low"]}, {"required": ["high"]}]})
    options.append(_object({"name": _dotted("a generator of arrays")}, ["name"]))
    return {"anyOf": options}


def _param() -> Node:
    options = [
        _object(
            {"kind": {"const": kind}, **{f: _field(f, kind) for f in fields}},
            ["kind", *NEEDS.get(kind, ())],
        )
        for kind, fields in PARAM_FIELDS.items()
    ]
    hook = {"type": "object", "properties": {"kind": _dotted("a strategy")}, "required": ["kind"]}
    return {"anyOf": [*options, hook]}


def _kink() -> Node:
    node = _object(
        {
            "kind": {"enum": list(KINKS)},
            "of": _one_or_many(),
            "value": {"anyOf": [NUMBER, TEXT]},
            "along": {},
            "convention": {"anyOf": [NUMBER, {"enum": list(CONVENTIONS)}]},
            "curvature": {"enum": list(CURVATURES)},
            "reason": TEXT,
        },
        ["kind", "of", "curvature"],
    )
    none = {"properties": {"curvature": {"const": "none"}}, "required": ["curvature"]}
    return {**node, "if": none, "then": {"required": ["reason"]}}


def _lane() -> Node:
    change = {"anyOf": [{"$ref": "#/$defs/change"}, {"$ref": "#/$defs/param"}]}
    override = {**_named(change), "minProperties": 1}
    return _object({"name": TEXT, "override": override}, ["name", "override"])


def _tolerance() -> Node:
    return _object(
        {
            "dtype": {"enum": list(FLOAT_DTYPES)},
            "device": {"enum": list(DEVICES)},
            "check": {"enum": list(CHECKS)},
            "factor": {**_about("multiplies the computed bound"), "type": "number", "minimum": 1},
            "reason": TEXT,
        },
        ["factor", "reason"],
    )


def _given() -> Node:
    sizes = {"type": "array", "items": {**COUNT, "maximum": 1024}}
    return {
        **_object({"shape": sizes, "value": {}}),
        "oneOf": [{"required": ["shape"]}, {"required": ["value"]}],
    }


def _case(words: Node, needs: Sequence[str]) -> Node:
    """Return fixed arguments: names of arguments beside `words`, with arrays or plain values."""
    return {
        "type": "object",
        "properties": words,
        "required": list(needs),
        "patternProperties": {
            NAME: {"if": {"type": "object"}, "then": {"$ref": "#/$defs/given"}},
        },
        "additionalProperties": False,
    }


if __name__ == "__main__":
    print(json.dumps(build(), indent=2))
