"""Read `param.NAME` (a named strategy with its fields) and `dims.NAME`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from needle_cli.checking.claims import Dim, ParamClaim
from needle_cli.specs.dims import MAX_SIZE, parse_shape
from needle_cli.specs.errors import listed, nearest, shown
from needle_cli.specs.forms import (
    Fields,
    Form,
    Scope,
    named_node,
    object_node,
    plain,
    read_fields,
    resolve,
)
from needle_cli.specs.table import Table, is_finite_number
from needle_cli.specs.vocabulary import DUPLICATES, FIELD_TYPES, PARAM_FIELDS

NEEDS = {
    "choice": ("values",),
    "axis": ("of",),
    "axes": ("of",),
    "axis_pair": ("of",),
    "permutation": ("of",),
    "reshape_target": ("of",),
    "broadcast_target": ("of",),
    "index": ("of",),
    "pad_widths": ("of",),
    "split_sections": ("of",),
    "repeats": ("of",),
}


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
    table.need("kind", listed(PARAM_FIELDS))
    kind = table.text("kind")
    if ":" in kind:
        hook = resolve(table, "kind", scope)
        fields = {key: plain(value) for key, value in table.data.items() if key != "kind"}
        return ParamClaim(name, "hook", fields, hook)
    if kind not in PARAM_FIELDS:
        raise table.wrong(
            "kind", f'{listed(PARAM_FIELDS)}, or "module:function"', nearest(kind, PARAM_FIELDS)
        )
    table.only(("kind", *PARAM_FIELDS[kind]))
    for key in NEEDS.get(kind, ()):
        table.need(key, f"a key of every `{kind}` parameter")
    fields = {key: _field(table, kind, key, scope) for key in table.data if key != "kind"}
    if "min" in fields and "max" in fields and fields["min"] > fields["max"]:
        raise table.error(
            "max", f"no {kind} lies between {fields['min']} and {fields['max']}", "min <= max"
        )
    return ParamClaim(name, kind, fields)


def _field(table: Table, kind: str, key: str, scope: Scope) -> Any:
    """Read one field of a named strategy, by its type."""
    if key == "of":
        return table.name(key, scope.inputs, "input")
    if key == "duplicates":
        return table.word(key, DUPLICATES)
    if key == "values":
        return _values(table, kind)
    if FIELD_TYPES[key] == "boolean":
        return table.flag(key, False)
    if FIELD_TYPES[key] == "integer" or kind != "float":
        return table.integer(key, 0)
    return table.number(key, 0.0)


def _values(table: Table, kind: str) -> tuple[Any, ...]:
    values = table.data["values"]
    if not isinstance(values, list) or not values:
        raise table.wrong("values", "an array, not empty")
    for i, value in enumerate(values):
        wrong = (
            (kind == "int" and (isinstance(value, bool) or not isinstance(value, int)))
            or (kind == "float" and not is_finite_number(value))
            or (isinstance(value, float) and not is_finite_number(value))
        )
        if wrong:
            wanted = "integers" if kind == "int" else "finite numbers"
            raise table.error(f"values[{i}]", f"`{table.path}.values` holds {shown(value)}", wanted)
    return tuple(plain(value) for value in values)


def dims(fields: Fields) -> Form:
    """The bounds of named dimensions; every one must occur in some shape.

    Bounds of a group, or of `...`, hold for each of its dimensions.
    """

    def read(top: Table, key: str, scope: Scope) -> dict[str, Dim]:
        table = top.table(key)
        patterns = [parse_shape(claim.shape) for claim in scope.input_claims.values()]
        known = sorted({name for p in patterns for name in (*p.dims, *p.groups)})
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
