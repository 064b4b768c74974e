"""Read the keys above the tables of a spec that need more than their form."""

from __future__ import annotations

import re
from typing import Any

from needle_cli.problems import nearest
from needle_cli.specs.errors import listed, shown
from needle_cli.specs.forms import Scope, resolve
from needle_cli.specs.header import read_op
from needle_cli.specs.table import Table

TAG = r"^[a-z0-9][a-z0-9_-]*$"


def op(top: Table, key: str, scope: Scope) -> str:
    """Read `op`, `module:name`."""
    return read_op(top)


def class_name(top: Table, key: str, scope: Scope) -> str:
    """Read `class`, the name of the operator's Op class."""
    name = top.text(key)
    if not name.isidentifier():
        raise top.wrong(key, "the name of a class")
    return name


def reference(top: Table, key: str, scope: Scope) -> Any:
    """Read `reference`, an independent function."""
    if top.data[key] == top.data["op"]:
        raise top.error(
            key,
            "the operator is its own reference",
            "an independent function, in NumPy or needle_cli.references",
        )
    return resolve(top, key, scope)


def args(top: Table, key: str, scope: Scope) -> tuple[str, ...]:
    """Read `args` and compare it with the tables of inputs and parameters."""
    names = top.strings(key, "an array of the names of inputs and parameters")
    known = (*scope.inputs, *scope.params)
    for i, name in enumerate(names):
        if name not in known:
            raise top.error(
                f"{key}[{i}]",
                f"`args` names {shown(name)}, which has no input.{name} and no param.{name}",
                listed(known),
                nearest(name, known),
            )
    for name in known:
        if name not in names:
            kind = "input" if name in scope.inputs else "param"
            raise top.error(
                f"{kind}.{name}",
                f"{shown(name)} is missing in `args`",
                "every input and parameter, in call order",
                nearest(name, names),
            )
    return names


def tags(top: Table, key: str, scope: Scope) -> tuple[str, ...]:
    """Read `tags`: lower-case words."""
    words = top.strings(key)
    for i, tag in enumerate(words):
        if not re.fullmatch(TAG, tag):
            raise top.error(f"{key}[{i}]", f"{shown(tag)} is not a tag", "a word such as hw2")
    return words


def rename(top: Table, key: str, scope: Scope) -> dict[str, str]:
    """Read `rename`: our parameter name -> the reference's."""
    table = top.table(key)
    table.only(scope.params)
    return {name: table.text(name) for name in table.data}
