"""Read `input.NAME`: shape, domain, dtype, role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from needle_cli.checking.claims import Domain, InputClaim, Spread
from needle_cli.checking.domains import domains
from needle_cli.specs.dims import SHAPE_GRAMMAR, parse_shape
from needle_cli.specs.errors import listed, nearest, shown
from needle_cli.specs.forms import (
    Fields,
    Form,
    Scope,
    fields_node,
    named_node,
    read_fields,
    resolve,
)
from needle_cli.specs.table import Table, is_finite_number
from needle_cli.specs.vocabulary import DOMAIN_FIELDS, DUPLICATES

DEFAULT_MEMBERS = (1, 4)
MOST_MEMBERS = 16
SQUARE = ("spd", "symmetric", "triangular")


def inputs(fields: Fields) -> Form:
    """The table of inputs, each a shape string or a table with these fields."""

    def read(top: Table, key: str, scope: Scope) -> dict[str, InputClaim]:
        table = top.table(key)
        if not table.data:
            raise top.error(key, "the spec has no inputs", 'input.NAME = "(...)" for every input')
        order = top.data["args"] if isinstance(top.data["args"], list) else []
        ordered = [n for n in order if n in scope.inputs]
        for name in dict.fromkeys((*ordered, *scope.inputs)):
            scope.input_claims[name] = read_input(table, name, scope, fields)
        check_shapes(table, list(scope.input_claims.values()))
        return scope.input_claims

    return Form(read, {**named_node({"$ref": "#/$defs/input"}), "minProperties": 1})


def read_input(
    parent: Table, name: str, scope: Scope, fields: Fields, base: InputClaim | None = None
) -> InputClaim:
    """Read one input: a shape string, or a table. With `base`, a lane's changes to that claim."""
    value = parent.data[name]
    if isinstance(value, str) and base is None:
        return InputClaim(name, read_shape(parent, name, scope))
    if not isinstance(value, dict):
        wanted = "a table" if base else 'a shape string such as "(...)", or a table'
        raise parent.wrong(name, wanted)
    table = parent.table(name)
    values = read_fields(table, fields, scope, complete=base is None)
    claim = _claim(table, values, base or InputClaim(name, ""))
    _check(table, claim)
    return claim


def _claim(table: Table, values: dict[str, Any], base: InputClaim) -> InputClaim:
    """Return a claim with what the table says of it, and with what follows from that."""
    if "list" in values and "tuple" in values:
        raise table.error("tuple", f"`{table.path}` is both a list and a tuple", "one of the two")
    for key in {"list", "tuple"} & set(values):
        values |= {"members": values.pop(key), "is_tuple": key == "tuple"}
    claim = replace(base, **values)
    implied = {"index": "int", "bool": "bool"}.get(claim.domain.name, base.dtype)
    dtype = values.get("dtype", implied)
    if implied != base.dtype and dtype != implied:
        raise table.wrong("dtype", f'"{implied}", which the domain {claim.domain.name} implies')
    if dtype != "float" and values.get("differentiable"):
        raise table.error(
            "differentiable",
            f"`{base.name}` holds {dtype} values and is said to be differentiable",
            "false, or dtype float",
        )
    return replace(claim, dtype=dtype, differentiable=claim.differentiable and dtype == "float")


def read_shape(table: Table, key: str, scope: Scope) -> str:
    """Read a shape string."""
    text = table.text(key, what=SHAPE_GRAMMAR)
    try:
        parse_shape(text)
    except ValueError as error:
        raise table.error(key, f"{shown(text)} is not a shape: {error}", SHAPE_GRAMMAR) from None
    return text.strip()


def members(fields: Fields) -> Form:
    """A list or tuple: true, or a table with the least and greatest number of members."""

    def read(table: Table, key: str, scope: Scope) -> tuple[int, int]:
        if table.data[key] is True:
            return DEFAULT_MEMBERS
        if not isinstance(table.data[key], dict):
            raise table.wrong(key, "true, or a table with min and max")
        limits = table.table(key)
        given = read_fields(limits, fields, scope)
        low = given.get("min", DEFAULT_MEMBERS[0])
        high = given.get("max", max(low, DEFAULT_MEMBERS[1]))
        if low > high or high > MOST_MEMBERS:
            raise limits.error(
                "max" if "max" in given else "min",
                f"from {low} to {high} members",
                f"min <= max <= {MOST_MEMBERS}",
            )
        return low, high

    return Form(read, {"anyOf": [{"const": True}, fields_node(fields)]})


def read_values(table: Table, key: str, scope: Scope) -> tuple[float, ...]:
    """Read a list of numbers that entries are restricted to."""
    values = table.data[key]
    if not isinstance(values, list) or not values:
        raise table.wrong(key, "an array of numbers, not empty")
    for i, value in enumerate(values):
        if not is_finite_number(value):
            raise table.error(
                f"{key}[{i}]", f"`{table.path}.{key}` holds {shown(value)}", "finite numbers"
            )
    return tuple(values)


def read_min_std(table: Table, key: str, scope: Scope) -> float:
    """Read the least standard deviation along an axis."""
    least = table.number(key, 0.0)
    if least <= 0:
        raise table.wrong(key, "a number above zero")
    return least


def spread(min_std: float, axis: int = -1) -> Spread:
    """Make a least standard deviation, along the last axis by default."""
    return Spread(axis, min_std)


def read_domain(parent: Table, key: str, scope: Scope) -> Domain:
    """Read a domain: its name, or a table with `name` and fields; low or high alone: interval."""
    value = parent.data[key]
    if isinstance(value, str):
        parent.word(key, [n for n in DOMAIN_FIELDS if n not in ("interval", "index")])
        return Domain(value)
    if not isinstance(value, dict):
        raise parent.wrong(key, f"{listed(DOMAIN_FIELDS)}, or a table")
    table = parent.table(key)
    if "name" not in table:
        if not {"low", "high"} & set(value):
            table.only((*DOMAIN_FIELDS["interval"], "name"))
            raise table.error(
                "", f"`{table.path}` has neither `name` nor bounds", "name, or low and high"
            )
        return _read_fields(table, "interval", scope)
    name = table.text("name")
    if ":" in name:
        table.only(("name",))
        return Domain("hook", hook=resolve(table, "name", scope))
    if name not in DOMAIN_FIELDS:
        raise table.wrong(
            "name", f'{listed(DOMAIN_FIELDS)}, or "module:function"', nearest(name, DOMAIN_FIELDS)
        )
    return _read_fields(table, name, scope)


def _read_fields(table: Table, name: str, scope: Scope) -> Domain:
    table.only(("name", *DOMAIN_FIELDS[name]))
    domain = Domain(
        name,
        low=table.number("low", 0.0) if "low" in table else None,
        high=table.number("high", 0.0) if "high" in table else None,
        open_low=table.flag("open_low", False),
        open_high=table.flag("open_high", False),
        min_eig=table.number("min_eig", Domain.min_eig),
        max_eig=table.number("max_eig", Domain.max_eig),
        into=table.name("into", scope.inputs, "input") if "into" in table else "",
        axis=table.integer("axis", -1 if name == "simplex" else 0),
        duplicates=table.word("duplicates", DUPLICATES, Domain.duplicates),
        lower=table.flag("lower", True),
    )
    if name == "interval" and "low" not in table and "high" not in table:
        raise table.error("", f"`{table.path}` is an interval without bounds", "low, high or both")
    if domain.low is not None and domain.high is not None and domain.low >= domain.high:
        raise table.error(
            "high", f"no number lies between {domain.low} and {domain.high}", "low < high"
        )
    if not 0 < domain.min_eig <= domain.max_eig:
        raise table.error(
            "min_eig" if "min_eig" in table else "max_eig",
            f"eigenvalues from {domain.min_eig} to {domain.max_eig}",
            "0 < min_eig <= max_eig",
        )
    if name == "index" and not domain.into:
        raise table.error(
            "",
            f"`{table.path}` does not say what it is an index into",
            f"into = {listed(scope.inputs)}",
        )
    return domain


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


def _check(table: Table, claim: InputClaim) -> None:
    """Refuse claims that contradict each other."""
    pattern = parse_shape(claim.shape)
    square = len(pattern.items) > 1 and pattern.items[-1] == pattern.items[-2]
    if claim.domain.name in SQUARE and not square:
        raise table.error(
            "domain",
            f"the domain {claim.domain.name} needs square matrices, and "
            f"the shape is {shown(claim.shape)}",
            'a shape such as "(..., n, n)"',
        )
    if claim.values is not None and claim.dtype != "float":
        whole = {0, 1} if claim.dtype == "bool" else None
        for i, value in enumerate(claim.values):
            if value != int(value) or (whole and value not in whole):
                raise table.error(
                    f"values[{i}]",
                    f"{shown(value)} is not of dtype {claim.dtype}",
                    f"{claim.dtype} values",
                )
    if claim.values is not None:
        for i, value in enumerate(claim.values):
            if not inside(claim.domain, value):
                raise table.error(
                    f"values[{i}]",
                    f"{shown(value)} lies outside the domain {claim.domain.name}",
                    "values of the domain",
                )


def inside(domain: Domain, value: float) -> bool:
    """Whether one number may stand in an input of a domain."""
    return bool(domains.inside(domain, np.asarray(float(value))))
