"""The JSON Schema of a spec, for editors, made from the loader's own tables.

`python -m needle_cli.specs.schema > specs/schema.json` writes it; a test compares the file with
this module. It covers the form (keys, types, vocabularies). Only the loader checks what depends on
other keys or on Python (names, dims, signatures).
"""

from __future__ import annotations

import json

from needle_cli.checking.domains.registry import DOMAINS, bare_names
from needle_cli.checking.parameters.registry import names
from needle_cli.specs import inputs, params
from needle_cli.specs.fields import DIM, INPUT, TOP
from needle_cli.specs.forms import (
    COUNT,
    DOTTED,
    Field,
    Fields,
    Form,
    Node,
    fields_node,
    object_node,
    text,
)


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


def _domain() -> Node:
    options: list[Node] = [{"enum": bare_names()}]
    options += [_one_of("name", name, inputs.domain_fields(name)) for name in DOMAINS]
    bounds = fields_node(inputs.domain_fields(inputs.BOUNDED))
    options.append({**bounds, "anyOf": [{"required": ["low"]}, {"required": ["high"]}]})
    options.append(object_node({"name": _dotted("a generator of arrays")}, ["name"]))
    return {"anyOf": options}


def _param() -> Node:
    options = [_one_of("kind", kind, params.param_fields(kind)) for kind in names()]
    hook = {"type": "object", "properties": {"kind": _dotted("a strategy")}, "required": ["kind"]}
    return {"anyOf": [*options, hook]}


def _one_of(key: str, word: str, fields: Fields) -> Node:
    """Return the node of a table whose fields depend on the word under `key`."""
    constant = Field(key, Form(lambda table, key, _: word, {"const": word}), need=word)
    return fields_node((constant, *fields))


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
