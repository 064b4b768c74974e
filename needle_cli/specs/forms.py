"""The form of a value of a spec: how it is read, and how the schema describes it.

A `Form` holds both, so that the loader and `schema.json` cannot differ. A `Field` is a key with its
form; `read_fields` reads a table of fields, such as those in `fields`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, get_args

from needle_cli.checking.claims import InputClaim, ParamClaim
from needle_cli.specs import names
from needle_cli.specs.names import NameRefused, Resolver
from needle_cli.specs.table import Table

Node: TypeAlias = dict[str, Any]
"""A node of a JSON Schema."""

NAME = r"^[^\W\d]\w*$"
DOTTED = f"^{names.DOTTED.pattern}$"


@dataclass(frozen=True)
class Scope:
    """What the keys of a spec may refer to: inputs and parameters by name, dotted names.

    The names are known first; the claims are added as they are read.
    """

    inputs: tuple[str, ...]
    params: tuple[str, ...]
    resolver: Resolver
    input_claims: dict[str, InputClaim] = field(default_factory=dict)
    param_claims: dict[str, ParamClaim] = field(default_factory=dict)


@dataclass(frozen=True)
class Form:
    """`read` takes a table, a key in it, and the scope; `node` is the node of the schema."""

    read: Callable[[Table, str, Scope], Any]
    node: Node


@dataclass(frozen=True)
class Field:
    """A key of a table: its form, what it is about, and, if it is required, what to write.

    `claim` is the attribute of the claim that it becomes, if that has another name.
    """

    key: str
    form: Form
    need: str | Callable[[Scope], str] = ""
    about: str = ""
    claim: str = ""

    @property
    def node(self) -> Node:
        """The node in the schema."""
        return {**({"description": self.about} if self.about else {}), **self.form.node}


Fields: TypeAlias = tuple[Field, ...]


def read_fields(
    table: Table,
    fields: Fields,
    scope: Scope,
    *,
    beside: Sequence[str] = (),
    complete: bool = True,
) -> dict[str, Any]:
    """Read a table into the attributes of a claim; missing keys are left out.

    `beside` are further keys that the table may have. `complete` refuses a table that lacks a
    required field.
    """
    table.only((*beside, *(f.key for f in fields)))
    for f in fields if complete else ():
        if f.need:
            table.need(f.key, f.need if isinstance(f.need, str) else f.need(scope))
    return {f.claim or f.key: f.form.read(table, f.key, scope) for f in fields if f.key in table}


def object_node(properties: Mapping[str, Node], needed: Sequence[str] = ()) -> Node:
    """Return the node of a table with these keys and no others."""
    node: Node = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**node, "required": list(needed)} if needed else node


def fields_node(fields: Fields, *, complete: bool = True) -> Node:
    """Return the node of a table with these fields."""
    needed = [f.key for f in fields if f.need] if complete else []
    return object_node({f.key: f.node for f in fields}, needed)


def named_node(value: Node) -> Node:
    """Return the node of a table whose keys are names of the author's choosing."""
    return {"type": "object", "patternProperties": {NAME: value}, "additionalProperties": False}


def text(what: str = "a string", pattern: str = r"\S") -> Form:
    """A string that is not blank; the pattern is only for editors."""
    return Form(
        lambda table, key, _: table.text(key, what=what), {"type": "string", "pattern": pattern}
    )


def word(known: Collection[str]) -> Form:
    """One word of a closed vocabulary."""
    return Form(lambda table, key, _: table.word(key, known), {"enum": list(known)})


def integer(low: int | None = None, most: int | None = None) -> Form:
    """An integer of at least `low`; `most` is only for editors."""
    node: Node = {"type": "integer"}
    node |= {} if low is None else {"minimum": low}
    node |= {} if most is None else {"maximum": most}
    return Form(lambda table, key, _: table.integer(key, 0, low=low), node)


def strings(what: str = "an array of strings", items: Node | None = None) -> Form:
    """An array of distinct strings, none of them blank."""
    return Form(
        lambda table, key, _: table.strings(key, what),
        {"type": "array", "items": items or TEXT.node, "uniqueItems": True},
    )


def table_of(fields: Fields, build: Callable[..., Any]) -> Form:
    """A table with these fields, passed to `build` by name."""
    return Form(
        lambda table, key, scope: build(**read_fields(table.table(key), fields, scope)),
        fields_node(fields),
    )


def array_of(
    fields: Fields,
    build: Callable[..., Any],
    check: Callable[[Table, Any, Scope], None] | None = None,
    more: Node | None = None,
) -> Form:
    """An array of tables, `[[key]]`, each passed to `build` by name.

    `check` refuses fields that contradict each other. `more` is the schema's rule for that.
    """

    def read(top: Table, key: str, scope: Scope) -> tuple[Any, ...]:
        found = []
        for table in top.tables(key):
            found.append(build(**read_fields(table, fields, scope)))
            if check is not None:
                check(table, found[-1], scope)
        return tuple(found)

    return Form(read, {"type": "array", "items": {**fields_node(fields), **(more or {})}})


def typed(wanted: Any) -> Form:
    """A value of a dataclass field's type; a literal type is a vocabulary."""
    return word(get_args(wanted)) if get_args(wanted) else OF_TYPE[wanted]


def plain(value: Any) -> Any:
    """Return a TOML value with arrays as tuples, so that claims compare and hash."""
    if isinstance(value, list):
        return tuple(plain(item) for item in value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value


def resolve(table: Table, key: str, scope: Scope) -> Callable[..., Any]:
    """Resolve the dotted name under a key."""
    name = table.text(key, what='a dotted name such as "numpy:log"')
    try:
        return scope.resolver.resolve(name)
    except NameRefused as refused:
        raise table.error(key, refused.message, refused.expected, refused.near) from None


TEXT = text()
FLAG = Form(lambda table, key, _: table.flag(key, False), {"type": "boolean"})
NUMBER = Form(lambda table, key, _: table.number(key, 0.0), {"type": "number"})
COUNT = integer(low=0)
INPUT_NAME = Form(lambda table, key, scope: table.name(key, scope.inputs, "input"), TEXT.node)
INPUT_NAMES = Form(
    lambda table, key, scope: table.names(key, scope.inputs, "input"),
    {"anyOf": [TEXT.node, strings(items=TEXT.node).node]},
)
OF_TYPE: Mapping[Any, Form] = {float: NUMBER, int: integer(), bool: FLAG, str: INPUT_NAME}
"""The form of each type; a string among the fields of a domain names an input."""
