"""The JSON Schema of a spec, for editors, made from the loader's own tables.

`python -m needle_cli.specs.schema > specs/schema.json` writes it; a test holds the file against
this module. It covers form (keys, types, vocabularies); what needs a look at other keys or at
Python (names, dims, signatures) is the loader's alone.
"""

from __future__ import annotations

import json

from needle_cli.specs.fields import DIM, INPUT, TOP
from needle_cli.specs.forms import (
    COUNT,
    DOTTED,
    FLAG,
    NUMBER,
    TEXT,
    Node,
    fields_node,
    integer,
    object_node,
    text,
)
from needle_cli.specs.params import NEEDS
from needle_cli.specs.vocabulary import DOMAIN_FIELDS, DUPLICATES, FIELD_TYPES, PARAM_FIELDS

FIELD_NODES = {
    "number": NUMBER.node, "integer": integer().node, "boolean": FLAG.node, "string": TEXT.node,
}  # fmt: skip


def build() -> Node:
    """Return the schema."""
    about = "a shape string: names, integers, `...`, `S...` and `m?`"
    shape = {"description": about, **text(pattern=r"^\s*\(.*\)\s*$").node}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Specification of an operator for needle check",
        "$defs": {
            "shape": shape,
            "domain": _domain(),
            "input": {"anyOf": [{"$ref": "#/$defs/shape"}, fields_node(INPUT)]},
            "change": fields_node(INPUT, complete=False),
            "param": _param(),
            "dim": fields_node(DIM),
            "given": _given(),
        },
        **fields_node(TOP),
    }


def _field(name: str, kind: str = "") -> Node:
    if name == "duplicates":
        return {"enum": list(DUPLICATES)}
    if name == "values":
        items = {"int": integer().node, "float": NUMBER.node}.get(kind)
        return {"type": "array", "minItems": 1, **({"items": items} if items else {})}
    if name in ("min", "max") and kind != "float":
        return integer().node
    return FIELD_NODES[FIELD_TYPES[name]]


def _domain() -> Node:
    bare = [name for name in DOMAIN_FIELDS if name not in ("interval", "index")]
    options: list[Node] = [{"enum": bare}]
    for name, fields in DOMAIN_FIELDS.items():
        needs = ["name", *(["into"] if name == "index" else [])]
        options.append(
            object_node({"name": {"const": name}, **{f: _field(f) for f in fields}}, needs)
        )
    bounds = object_node({field: _field(field) for field in DOMAIN_FIELDS["interval"]})
    options.append({**bounds, "anyOf": [{"required": ["low"]}, {"required": ["high"]}]})
    options.append(object_node({"name": _dotted("a generator of arrays")}, ["name"]))
    return {"anyOf": options}


def _param() -> Node:
    options = [
        object_node(
            {"kind": {"const": kind}, **{f: _field(f, kind) for f in fields}},
            ["kind", *NEEDS.get(kind, ())],
        )
        for kind, fields in PARAM_FIELDS.items()
    ]
    hook = {"type": "object", "properties": {"kind": _dotted("a strategy")}, "required": ["kind"]}
    return {"anyOf": [*options, hook]}


def _dotted(about: str) -> Node:
    return {"description": about, **text(pattern=DOTTED).node}


def _given() -> Node:
    sizes = {"type": "array", "items": {**COUNT.node, "maximum": 1024}}
    return {
        **object_node({"shape": sizes, "value": {}}),
        "oneOf": [{"required": ["shape"]}, {"required": ["value"]}],
    }


if __name__ == "__main__":
    print(json.dumps(build(), indent=2))
