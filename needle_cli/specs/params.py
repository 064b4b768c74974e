"""Read `param.NAME` (a named strategy with its fields) and `dims.NAME`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from needle_cli.checking.claims import Dim, ParamClaim
from needle_cli.checking.parameters.registry import HOOK, KINDS, names
from needle_cli.checking.shapes import parse
from needle_cli.problems import nearest
from needle_cli.specs.errors import listed, shown
from needle_cli.specs.forms import (
    FLAG,
    INPUT_NAME,
    NUMBER,
    Field,
    Fields,
    Form,
    Scope,
    integer,
    named_node,
    object_node,
    plain,
    read_fields,
    resolve,
    word,
)
from needle_cli.specs.inputs import MAX_SIZE
from needle_cli.specs.table import Table, is_finite_number
from needle_cli.specs.vocabulary import DUPLICATES

NEEDS = ("of", "values")
"""Required fields of the kinds that have them; for a number, `values` is optional."""

FORMS = {
    "of": INPUT_NAME, "duplicates": word(DUPLICATES), "axis": integer(), "extra": integer(),
    "optional": FLAG, "int": FLAG, "empty": FLAG, "arrays": FLAG, "min": integer(),
    "max": integer(),
}  # fmt: skip


def param_fields(kind: str) -> Fields:
    """Return the fields of a kind of parameter."""
    forms = {**FORMS, "values": _values(kind)}
    if kind == "float":
        forms |= {"min": NUMBER, "max": NUMBER}
    needs = NEEDS if kind not in ("int", "float") else ()
    need = f"a key of every `{kind}` parameter"
    return tuple(
        Field(key, forms[key], need=need if key in needs else "") for key in KINDS[kind].fields
    )


def read_param_table(top: Table, key: str, scope: Scope) -> dict[str, ParamClaim]:
    """Read the table of parameters."""
    table = top.table(key)
    for name in scope.params:
        scope.param_claims[name] = read_param(table, name, scope)
    return scope.param_claims


def read_param(parent: Table, name: str, scope: Scope) -> ParamClaim:
    """Read one parameter."""
    if not isinstance(parent.data[name], Mapping):
        raise parent.wrong(name, 'a table such as { kind = "bool" }')
    table = parent.table(name)
    table.need("kind", listed(names()))
    kind = table.text("kind")
    if ":" in kind:
        hook = resolve(table, "kind", scope)
        fields = {key: plain(value) for key, value in table.data.items() if key != "kind"}
        return ParamClaim(name, HOOK, fields, hook)
    if kind not in names():
        raise table.wrong(
            "kind", f'{listed(names())}, or "module:function"', nearest(kind, names())
        )
    fields = read_fields(table, param_fields(kind), scope, beside=("kind",))
    if "min" in fields and "max" in fields and fields["min"] > fields["max"]:
        raise table.error(
            "max", f"no {kind} lies between {fields['min']} and {fields['max']}", "min <= max"
        )
    return ParamClaim(name, kind, fields)


def _values(kind: str) -> Form:
    """The values that a parameter may take, of the type of its kind."""
    wanted = {"int": integer(), "float": NUMBER}.get(kind)
    found = {"int": "integers"}.get(kind, "finite numbers")

    def read(table: Table, key: str, scope: Scope) -> tuple[Any, ...]:
        values = table.data[key]
        if not isinstance(values, list) or not values:
            raise table.wrong(key, "an array, not empty")
        for i, value in enumerate(values):
            number = is_finite_number(value)
            fits = number if kind == "float" else number or not isinstance(value, float)
            if not (type(value) is int if kind == "int" else fits):
                message = f"`{table.path}.{key}` holds {shown(value)}"
                raise table.error(f"{key}[{i}]", message, found)
        return tuple(plain(value) for value in values)

    items = {"items": wanted.node} if wanted else {}
    return Form(read, {"type": "array", "minItems": 1, **items})


def dims(fields: Fields) -> Form:
    """The bounds of named dimensions; every name must occur in some shape.

    Bounds of a group, or of `...`, apply to each of its dimensions.
    """

    def read(top: Table, key: str, scope: Scope) -> dict[str, Dim]:
        table = top.table(key)
        parts = [p for claim in scope.input_claims.values() for p in parse(claim.shape).parts]
        known = sorted({part.name for part in parts if part.name})
        for name in table.data:
            if name not in known:
                raise table.error(
                    name,
                    f"no input has a dimension {shown(name)}",
                    listed(known) if known else "the name of a dimension: no shape has any",
                    nearest(name, known),
                )
        return {name: _dim(table, name, scope, fields) for name in table.data}

    bounds = {"$ref": "#/$defs/dim"}
    return Form(read, object_node({"...": bounds}) | named_node(bounds))


def _dim(parent: Table, name: str, scope: Scope, fields: Fields) -> Dim:
    if not isinstance(parent.data[name], Mapping):
        raise parent.wrong(name, "a table such as { min = 1, max = 5 }")
    table = parent.table(name)
    given = read_fields(table, fields, scope)
    low = given.get("min", Dim.min)
    high = given.get("max", max(low, Dim.max))
    key = "max" if "max" in given else "min"
    if low > high:
        raise table.error(key, f"no size lies between {low} and {high}", "min <= max")
    if high > MAX_SIZE:
        raise table.error(
            "max", f"a dimension of {high} makes every case slow", f"at most {MAX_SIZE}"
        )
    return Dim(low, high, given.get("why", ""), bounded="max" in given)
