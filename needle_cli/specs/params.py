"""Read `param.NAME` (a named strategy with its fields) and `dims.NAME`; check `require`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from needle_cli.checking.claims import Claims, Dim, InputClaim, ParamClaim
from needle_cli.checking.generation.requirements import Unmet, parse_requirement, tables
from needle_cli.checking.generation.structure_space import space_of
from needle_cli.specs.dims import MAX_SIZE, SHAPE_GRAMMAR, parse_shape
from needle_cli.specs.errors import SpecError, listed, nearest, shown
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


def check_requirements(top: Table, claims: Claims) -> None:
    """Refuse what is no requirement, and what no sizes within the bounds of some lane meet."""
    for i, text in enumerate(claims.require):
        try:
            parse_requirement(text)
        except ValueError as error:
            raise top.error(
                f"require[{i}]",
                f"{shown(text)} is not a requirement: {error}",
                "integer comparisons over dims and integer parameters, with + - * // % and or not",
            ) from None
    for lane in ("", *(lane.name for lane in claims.lanes)):
        space = space_of(claims).lane(lane)
        where = f" in the lane {shown(lane)}" if lane else ""
        for i, text in enumerate(claims.require):
            _check_names(top, f"require[{i}]", text, space.ranges, where)
        try:
            space.tables  # noqa: B018 - the generators need them as well, and keep them
        except Unmet:
            raise _unmet(top, claims.require, space.ranges, where) from None


def _check_names(
    top: Table, key: str, text: str, ranges: Mapping[str, Sequence[int]], where: str
) -> None:
    for name in parse_requirement(text).names:
        if name not in ranges:
            raise top.error(
                key,
                f"{shown(text)} names {shown(name)}, which is neither a "
                f"dimension nor an integer parameter{where}",
                listed(sorted(ranges)) if ranges else "dimensions with a name",
                nearest(name, ranges),
            )


def _unmet(
    top: Table, require: Sequence[str], ranges: Mapping[str, Sequence[int]], where: str
) -> SpecError:
    """Return the error about the first requirement that leaves no solution."""
    for i, text in enumerate(require):
        for texts, more in (([text], ""), (require[: i + 1], " and the ones before it")):
            try:
                tables(texts, ranges)
            except Unmet as unmet:
                few = " of those that were tried" if unmet.thinned else ""
                return top.error(
                    f"require[{i}]",
                    f"no sizes within their bounds{few} meet {shown(text)}{more}{where}",
                    "bounds under dims and param that leave a choice",
                )
    raise AssertionError("some requirement is unmet")
