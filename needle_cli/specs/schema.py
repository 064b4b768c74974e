"""The JSON Schema of a spec, for editors, made from the loader's own tables.

`python -m needle_cli.specs.schema > specs/schema.json` writes it; a test holds the file against
this module. It covers form (keys, types, vocabularies); what needs a look at other keys or at
Python (names, dims, signatures) is the loader's alone.
"""

from __future__ import annotations

import json
from typing import Any, get_args

from needle_cli.checking.domains.registry import DOMAINS, bare_names
from needle_cli.checking.fields import fields_of
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
from needle_cli.specs.inputs import BOUNDED
from needle_cli.specs.params import NEEDS
from needle_cli.specs.vocabulary import DUPLICATES, FIELD_TYPES, PARAM_FIELDS

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
    options: list[Node] = [{"enum": bare_names()}]
    for name, kind in DOMAINS.items():
        needs = kind.needs
        lone = needs.fields if needs is not None and len(needs.fields) == 1 else ()
        options.append(object_node({"name": {"const": name}, **_fields(kind)}, ["name", *lone]))
    bounds = object_node(_fields(DOMAINS[BOUNDED]))
    options.append({**bounds, "anyOf": [{"required": ["low"]}, {"required": ["high"]}]})
    options.append(object_node({"name": _dotted("a generator of arrays")}, ["name"]))
    return {"anyOf": options}


def _fields(kind: type[Any]) -> Node:
    """Return the nodes of what may be given for a domain, by the types that its class states."""
    nodes = {float: NUMBER.node, int: integer().node, bool: FLAG.node, str: TEXT.node}
    return {
        key: {"enum": list(get_args(wanted))} if get_args(wanted) else nodes[wanted]
        for key, wanted in fields_of(kind).items()
    }


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
