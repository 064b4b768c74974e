"""Read the arrays of tables of a spec: kinks, lanes, error cases, recorded examples."""

from __future__ import annotations

import builtins
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from needle_cli.checking.claims import ErrorCase, Given, InputClaim, Kink, Lane, ParamClaim
from needle_cli.checking.kinks.registry import KINKS, kink_of
from needle_cli.checking.parameters.registry import kind_of
from needle_cli.problems import nearest
from needle_cli.records import tokens
from needle_cli.records.trusted import TokenError
from needle_cli.specs.errors import listed, shown
from needle_cli.specs.forms import (
    NAME,
    Fields,
    Form,
    Scope,
    fields_node,
    named_node,
    plain,
    read_fields,
)
from needle_cli.specs.inputs import inside, read_input
from needle_cli.specs.params import read_param
from needle_cli.specs.table import Table, is_finite_number

EXCEPTIONS = (
    "AxisError",
    "LinAlgError",
    *(
        name
        for name, value in sorted(vars(builtins).items())
        if isinstance(value, type) and issubclass(value, Exception)
    ),
)
MAX_ENTRIES = 4096


def check_kink(table: Table, kink: Kink, scope: Scope) -> None:
    """Refuse a kink whose fields do not match its kind."""
    kind, of = kink_of(kink), kink.of
    if not of or (len(of) > 1) != kind.several:
        wanted = "two inputs or more" if kind.several else "one input"
        raise table.error("of", f"a kink of kind {shown(kink.kind)} names {len(of)} inputs", wanted)
    if kink.curvature == "none":
        table.need("reason", 'why the kink is neither convex nor concave (curvature is "none")')
    if not kind.takes_value and "value" in table:
        able = " or ".join(f'kind = "{n}"' for n, other in KINKS.items() if other.takes_value)
        raise table.error("value", f"a kink of kind {shown(kink.kind)} takes no value", able)
    if kind.takes_value:
        table.need("value", "where the kink lies: a number or the name of a parameter")
        domain = scope.input_claims[of[0]].domain
        if not isinstance(kink.value, str) and not inside(domain, kink.value):
            raise table.error(
                "value",
                f"{kink.value} lies outside the domain of {shown(of[0])}",
                "a value of the domain",
            )


def kink_text(kink: Kink) -> str:
    """Return the `[[kink]]` table of a kink as TOML."""
    keys: dict[str, Any] = {
        "kind": kink.kind,
        "of": list(kink.of) if len(kink.of) > 1 else kink.of[0],
    }
    if kink_of(kink).takes_value:
        keys["value"] = kink.value
    if kink.along is not None:
        keys["along"] = kink.along
    if kink.convention is not None:
        keys["convention"] = kink.convention
    keys["curvature"] = kink.curvature
    if kink.reason:
        keys["reason"] = kink.reason
    written = (
        # TOML has the syntax of JSON for strings and lists of strings, that of Python for numbers.
        f"{key} = {json.dumps(value) if isinstance(value, str | list) else repr(value)}"
        for key, value in keys.items()
    )
    return "\n".join(["[[kink]]", *written])


def kink_value(table: Table, key: str, scope: Scope) -> float | str:
    """Read where a kink lies: a number, or the name of a parameter that is one."""
    value = table.data[key]
    if isinstance(value, str):
        numbers = [n for n, claim in scope.param_claims.items() if kind_of(claim).number]
        if value not in numbers:
            expected = "a number" + (f", or {listed(numbers)}" if numbers else "")
            raise table.wrong(key, expected, nearest(value, numbers))
        return value
    return table.number(key, 0.0)


def along(table: Table, key: str, scope: Scope) -> Any:
    """Read along which axes entries tie: numbers, or the name of a parameter."""
    value = plain(table.data[key])
    axes = value if isinstance(value, tuple) else (value,)
    if all(isinstance(axis, int) and not isinstance(axis, bool) for axis in axes):
        return value
    named = [n for n, claim in scope.param_claims.items() if kind_of(claim).names_axes]
    if not isinstance(value, str) or value not in named:
        wanted = "an axis" + (f", or {listed(named)}" if named else "")
        raise table.wrong(key, wanted, nearest(str(value), named))
    return value


def convention(table: Table, key: str, scope: Scope) -> Any:
    """Read the gradient on the kink: a number, or a word for how tied entries share it."""
    value, words = table.data[key], KINKS[table.data["kind"]].words
    if isinstance(value, str):
        return table.word(key, words)
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not numeric or math.isnan(value):
        raise table.wrong(key, f"a number, or {listed(words)}")
    return value


def lane(name: str, override: Mapping[str, InputClaim | ParamClaim]) -> Lane:
    """Make another way of drawing inputs and parameters."""
    inputs = {key: claim for key, claim in override.items() if isinstance(claim, InputClaim)}
    params = {key: claim for key, claim in override.items() if isinstance(claim, ParamClaim)}
    return Lane(name, inputs, params)


def override(fields: Fields) -> Form:
    """The changes of a lane to inputs, which have these fields, and to parameters."""

    def read(table: Table, key: str, scope: Scope) -> dict[str, Any]:
        changed = table.table(key)
        every = (*scope.input_claims, *scope.params)
        if not changed.data:
            raise table.error(key, "the lane overrides nothing", listed(every))
        changed.only(every)
        return {
            name: read_input(changed, name, scope, fields, scope.input_claims[name])
            if name in scope.inputs
            else read_param(changed, name, scope)
            for name in changed.data
        }

    change = {"anyOf": [{"$ref": "#/$defs/change"}, {"$ref": "#/$defs/param"}]}
    return Form(read, {**named_node(change), "minProperties": 1})


def error_cases(fields: Fields) -> Form:
    """Arguments that must raise: arrays for the inputs, plain values for the parameters."""

    def read(top: Table, key: str, scope: Scope) -> tuple[ErrorCase, ...]:
        return tuple(
            ErrorCase(
                **read_fields(table, fields, scope, beside=(*scope.input_claims, *scope.params)),
                values=_arguments(table, scope),
            )
            for table in top.tables(key)
        )

    node = fields_node(fields)
    del node["additionalProperties"]
    array = {"if": {"type": "object"}, "then": {"$ref": "#/$defs/given"}}
    node |= {"patternProperties": {NAME: array}, "additionalProperties": False}
    return Form(read, {"type": "array", "items": node})


def _arguments(table: Table, scope: Scope) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name, claim in scope.input_claims.items():
        table.need(name, "every input: { shape = [2, 3] } or { value = [1.0] }")
        many = claim.members is not None
        arguments[name] = _members(table, claim) if many else _given(table, name, claim)
    return arguments | {name: plain(table.data[name]) for name in scope.params if name in table}


def exception(table: Table, key: str, scope: Scope) -> str:
    """Read the name of an exception."""
    name = table.text(key)
    if name not in EXCEPTIONS:
        raise table.error(
            key,
            f"there is no exception {shown(name)}",
            'a built-in exception such as "ValueError", or "LinAlgError"',
            nearest(name, EXCEPTIONS),
        )
    return name


def _members(table: Table, claim: InputClaim) -> tuple[Given, ...]:
    value = table.data[claim.name]
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise table.wrong(claim.name, "an array of { shape = [...] } or { value = [...] }")
    members = {f"{claim.name}[{i}]": item for i, item in enumerate(value)}
    parent = replace(table, data=members)
    return tuple(_given(parent, key, claim) for key in members)


def _given(parent: Table, key: str, claim: InputClaim) -> Given:
    """Read an array: its shape alone, or its value."""
    if not isinstance(parent.data[key], Mapping):
        raise parent.wrong(key, "{ shape = [2, 3] } or { value = [1.0, 2.0] }")
    table = parent.table(key)
    table.only(("shape", "value"))
    if ("shape" in table) == ("value" in table):
        raise table.error("", f"`{table.path}` needs one of shape and value", "one of the two")
    if "value" in table:
        entries: list[float] = []
        shape = _flatten(table, table.data["value"], claim.dtype, entries)
        return Given(shape, tuple(entries), claim.dtype)
    sizes = table.data["shape"]
    if not isinstance(sizes, list) or not all(type(n) is int and 0 <= n <= 1024 for n in sizes):
        raise table.wrong("shape", "an array of sizes from 0 to 1024")
    if math.prod(sizes) > MAX_ENTRIES:
        raise table.error("shape", f"{math.prod(sizes)} entries", f"at most {MAX_ENTRIES}")
    return Given(tuple(sizes), None, claim.dtype)


def _flatten(table: Table, value: Any, dtype: str, entries: list[float]) -> tuple[int, ...]:
    """Append the entries of a nested array and return its shape; a ragged one is refused."""
    if not isinstance(value, list):
        fits = {"float": int | float, "int": int, "bool": bool}[dtype]
        if not isinstance(value, fits) or (isinstance(value, bool) and dtype != "bool"):
            raise table.error(
                "value", f"`{table.path}.value` holds {shown(value)}", f"{dtype} values"
            )
        entries.append(value)
        if len(entries) > MAX_ENTRIES:
            raise table.error("value", "too many entries", f"at most {MAX_ENTRIES}")
        return ()
    shapes = [_flatten(table, item, dtype, entries) for item in value]
    if len(set(shapes)) > 1:
        raise table.error(
            "value", f"the rows of `{table.path}.value` differ in shape", "rows of one length"
        )
    return (len(value), *(shapes[0] if shapes else ()))


def token(table: Table, key: str, scope: Scope) -> str:
    """Read the token of a recorded case."""
    text = table.text(key)
    try:
        tokens.decode(text)
    except TokenError as error:
        raise table.error(key, f"the token cannot be read: {error.message}") from error
    return text


def factor(table: Table, key: str, scope: Scope) -> float:
    """Read a stated multiple of the computed bound."""
    value = table.data[key]
    if not is_finite_number(value) or value < 1:
        raise table.wrong(key, "a finite multiple of the computed bound, 1 or more")
    return float(value)
