"""Read `param.NAME` (a named strategy with its fields), `dims.NAME` and `require`."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from needle_cli.checking.claims import Dim, InputClaim, ParamClaim
from needle_cli.specs.dims import (
    MAX_SIZE,
    SHAPE_GRAMMAR,
    names_in,
    parse_requirement,
    parse_shape,
    satisfiable,
)
from needle_cli.specs.errors import listed, nearest, shown
from needle_cli.specs.fields import Table, is_finite_number
from needle_cli.specs.inputs import Names, resolve
from needle_cli.specs.vocabulary import DIM_KEYS, DUPLICATES, FIELD_TYPES, PARAM_FIELDS

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


def read_param(parent: Table, name: str, names: Names) -> ParamClaim:
    """Read one parameter."""
    if not isinstance(parent.data[name], Mapping):
        raise parent.wrong(name, 'a table such as { kind = "bool" }')
    table = parent.table(name)
    table.need("kind", listed(PARAM_FIELDS))
    kind = table.text("kind")
    if ":" in kind:
        hook = resolve(table, "kind", names.resolver)
        fields = {key: plain(value) for key, value in table.data.items() if key != "kind"}
        return ParamClaim(name, "hook", fields, hook)
    if kind not in PARAM_FIELDS:
        raise table.wrong(
            "kind", f'{listed(PARAM_FIELDS)}, or "module:function"', nearest(kind, PARAM_FIELDS)
        )
    table.only(("kind", *PARAM_FIELDS[kind]))
    for key in NEEDS.get(kind, ()):
        table.need(key, f"a key of every `{kind}` parameter")
    fields = {key: _field(table, kind, key, names) for key in table.data if key != "kind"}
    if "min" in fields and "max" in fields and fields["min"] > fields["max"]:
        raise table.error(
            "max", f"no {kind} lies between {fields['min']} and {fields['max']}", "min <= max"
        )
    return ParamClaim(name, kind, fields)


def _field(table: Table, kind: str, key: str, names: Names) -> Any:
    """Read one field of a named strategy, by its type."""
    if key == "of":
        return table.name(key, names.inputs, "input")
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


def plain(value: Any) -> Any:
    """Return a TOML value with arrays as tuples, so that claims compare and hash."""
    if isinstance(value, list):
        return tuple(plain(item) for item in value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value


def read_dims(top: Table, inputs: Sequence[InputClaim]) -> dict[str, Dim]:
    """Read bounds of named dimensions; every one must occur in some shape.

    Bounds of a group, or of `...`, hold for each of its dimensions.
    """
    table = top.table("dims")
    patterns = [parse_shape(claim.shape) for claim in inputs]
    known = sorted({name for pattern in patterns for name in (*pattern.dims, *pattern.groups)})
    dims = {}
    for name in table.data:
        if name not in known:
            raise table.error(
                name,
                f"no input has a dimension {shown(name)}",
                listed(known) if known else "the name of a dimension: no shape has any",
                nearest(name, known),
            )
        if not isinstance(table.data[name], Mapping):
            raise table.wrong(name, "a table such as { min = 1, max = 5 }")
        entry = table.table(name)
        entry.only(DIM_KEYS)
        low = entry.integer("min", 1, low=0)
        high = entry.integer("max", max(low, Dim.max), low=0)
        if low > high:
            raise entry.error(
                "max" if "max" in entry else "min",
                f"no size lies between {low} and {high}",
                "min <= max",
            )
        if high > MAX_SIZE:
            raise entry.error(
                "max", f"a dimension of {high} makes every case slow", f"at most {MAX_SIZE}"
            )
        dims[name] = Dim(low, high, entry.text("why"), bounded="max" in entry)
    return dims


def check_shapes(table: Table, claims: Sequence[InputClaim]) -> None:
    """Refuse names that are optional in one shape and not in another, or a group and a dim."""
    optional: dict[str, bool] = {}
    for claim in claims:
        pattern = parse_shape(claim.shape)
        key = (
            f"{claim.name}.shape"
            if f"{table.path}.{claim.name}.shape" in (table.document.lines)
            else claim.name
        )
        for dim in pattern.dims:
            absent = dim in pattern.optional
            if optional.setdefault(dim, absent) != absent:
                raise table.error(
                    key,
                    f"the dimension {shown(dim)} may be absent in one shape and not in another",
                    SHAPE_GRAMMAR,
                )
        both = set(pattern.groups) & set(optional)
        if both:
            raise table.error(
                key, f"{shown(min(both))} is both a dimension and a group", "different names"
            )


def read_requirements(
    top: Table, inputs: Sequence[InputClaim], params: Sequence[ParamClaim], dims: Mapping[str, Dim]
) -> tuple[str, ...]:
    """Read `require`, and refuse comparisons that no sizes within the bounds can meet."""
    texts = top.strings("require", 'an array of comparisons such as "h + 2*padding >= k"')
    ranges = integer_ranges(inputs, params, dims)
    parsed: list[ast.expr] = []
    for i, text in enumerate(texts):
        key = f"require[{i}]"
        try:
            expression = parse_requirement(text)
        except ValueError as error:
            raise top.error(
                key,
                f"{shown(text)} is not a requirement: {error}",
                "integer comparisons over dims and integer parameters, with + - * // % and or not",
            ) from None
        for name in names_in(expression):
            if name not in ranges:
                raise top.error(
                    key,
                    f"{shown(text)} names {shown(name)}, which is neither a "
                    "dimension nor an integer parameter",
                    listed(sorted(ranges)) if ranges else "dimensions with a name",
                    nearest(name, ranges),
                )
        parsed.append(expression)
        if not satisfiable(parsed, ranges):
            alone = not satisfiable([expression], ranges)
            found = shown(text) if alone else f"{shown(text)} and the ones before it"
            raise top.error(
                key,
                f"no sizes within their bounds meet {found}",
                "bounds under dims and param that leave a choice",
            )
    return texts


def integer_ranges(
    inputs: Sequence[InputClaim], params: Sequence[ParamClaim], dims: Mapping[str, Dim]
) -> dict[str, list[int]]:
    """Return the values that each dimension and integer parameter may take."""
    names = itertools.chain.from_iterable(parse_shape(claim.shape).dims for claim in inputs)
    ranges = {}
    for name in dict.fromkeys(names):
        dim = dims.get(name, Dim())
        ranges[name] = list(range(dim.min, dim.max + 1))
    for param in params:
        values = param.fields.get("values")
        if values is not None and all(type(value) is int for value in values):
            ranges[param.name] = list(values)
        elif param.kind == "int":
            low = param.fields.get("min", 0)
            high = param.fields.get("max", max(low, 0) + 3)
            ranges[param.name] = list(range(low, min(high, low + 64) + 1))
    return ranges
