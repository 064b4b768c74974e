"""Read `input.NAME`: shape, domain, dtype, role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from needle_cli.checking.claims import Domain, InputClaim, Spread
from needle_cli.checking.domains.registry import DOMAINS, bare_names, domain_of
from needle_cli.checking.fields import fields_of
from needle_cli.checking.shapes import parse
from needle_cli.problems import nearest
from needle_cli.specs.errors import listed, shown
from needle_cli.specs.forms import (
    Field,
    Fields,
    Form,
    Scope,
    fields_node,
    named_node,
    read_fields,
    resolve,
    typed,
)
from needle_cli.specs.table import Table, is_finite_number

SHAPE_GRAMMAR = (
    'a shape string such as "(...)", "(S...)" or "(..., m?, n, 3)": names, integers, `...`'
)
MAX_RANK = 16
MAX_SIZE = 64
DEFAULT_MEMBERS = (1, 4)
MOST_MEMBERS = 16
BOUNDED = "interval"
"""The domain of a table with bounds and without a name."""


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
    """Read one input: a shape string or a table. With `base`, read a lane's changes to it."""
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
    """Return a claim with the table's fields, and with what follows from them."""
    if "list" in values and "tuple" in values:
        raise table.error("tuple", f"`{table.path}` is both a list and a tuple", "one of the two")
    for key in {"list", "tuple"} & set(values):
        values |= {"members": values.pop(key), "is_tuple": key == "tuple"}
    claim = replace(base, **values)
    implied = domain_of(claim.domain).dtype or base.dtype
    dtype = values.get("dtype", implied)
    if implied != base.dtype and dtype != implied:
        raise table.wrong("dtype", f'"{implied}", which the domain {claim.domain.name} implies')
    if dtype != "float" and values.get("differentiable"):
        raise table.error(
            "differentiable",
            f"`{base.name}` holds {dtype} values and is declared differentiable",
            "false, or dtype float",
        )
    return replace(claim, dtype=dtype, differentiable=claim.differentiable and dtype == "float")


def read_shape(table: Table, key: str, scope: Scope) -> str:
    """Read a shape string."""
    text = table.text(key, what=SHAPE_GRAMMAR)
    try:
        parts = parse(text).parts
        if len(parts) > MAX_RANK:
            raise ValueError(f"{len(parts)} dimensions are too many")
        if any(part.size > MAX_SIZE for part in parts):
            raise ValueError(f"a dimension above {MAX_SIZE} makes every case slow")
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
    """Read the list of numbers that entries may be."""
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
    """Return a least standard deviation, along the last axis by default."""
    return Spread(axis, min_std)


def read_domain(parent: Table, key: str, scope: Scope) -> Domain:
    """Read a domain: its name, or a table with `name` and fields; without a name, an interval."""
    value = parent.data[key]
    if isinstance(value, str):
        parent.word(key, bare_names())
        return Domain(value)
    if not isinstance(value, dict):
        raise parent.wrong(key, f"{listed(DOMAINS)}, or a table")
    table = parent.table(key)
    if "name" not in table:
        if not {"low", "high"} & set(value):
            table.only((*(f.key for f in domain_fields(BOUNDED)), "name"))
            raise table.error(
                "", f"`{table.path}` has neither `name` nor bounds", "name, or low and high"
            )
        return _read_fields(table, BOUNDED, scope)
    name = table.text("name")
    if ":" in name:
        table.only(("name",))
        return Domain("hook", hook=resolve(table, "name", scope))
    if name not in DOMAINS:
        raise table.wrong(
            "name", f'{listed(DOMAINS)}, or "module:function"', nearest(name, DOMAINS)
        )
    return _read_fields(table, name, scope)


def domain_fields(name: str) -> Fields:
    """Return the fields of a domain, which follow from its class and their types."""
    kind = DOMAINS[name]
    lone = kind.needs.fields if kind.needs is not None and len(kind.needs.fields) == 1 else ()
    return tuple(
        Field(key, typed(wanted), need=f"a field of every {name}" if key in lone else "")
        for key, wanted in fields_of(kind).items()
    )


def _read_fields(table: Table, name: str, scope: Scope) -> Domain:
    kind = DOMAINS[name]
    given = read_fields(table, domain_fields(name), scope, beside=("name",), complete=False)
    if kind.needs is not None and not set(kind.needs.fields) & set(given):
        message = f"`{table.path}` {kind.needs.message}"
        raise table.error("", message, kind.needs.expected.format(inputs=listed(scope.inputs)))
    problem = kind(**given).problem()
    if problem is not None:
        keys, message, expected = problem
        raise table.error(next(key for key in keys if key in table), message, expected)
    return Domain(name, given)


def check_shapes(table: Table, claims: Sequence[InputClaim]) -> None:
    """Refuse a name that is optional in only one shape, or both a group and a dimension."""
    kinds: dict[str, str] = {}
    for claim in claims:
        key = f"{claim.name}.shape"
        for part in parse(claim.shape).parts:
            kind = kinds.setdefault(part.name, part.kind) if part.name else part.kind
            if kind == part.kind:
                continue
            if {kind, part.kind} == {"dim", "optional"}:
                raise table.error(
                    key,
                    f"the dimension {shown(part.name)} may be absent in one shape and not in "
                    "another",
                    SHAPE_GRAMMAR,
                )
            raise table.error(
                key, f"{shown(part.name)} is both a dimension and a group", "different names"
            )


def _check(table: Table, claim: InputClaim) -> None:
    """Refuse claims that contradict each other."""
    parts = parse(claim.shape).parts
    if domain_of(claim.domain).matrix and (len(parts) < 2 or parts[-1] != parts[-2]):
        raise table.error(
            "domain",
            f"the domain {claim.domain.name} needs square matrices, and "
            f"the shape is {shown(claim.shape)}",
            'a shape such as "(..., n, n)"',
        )
    for i, value in enumerate(claim.values or ()):
        fits = claim.dtype == "float" or value in (0, 1)
        if not fits and (claim.dtype == "bool" or value != int(value)):
            found, wanted = f"is not of dtype {claim.dtype}", f"{claim.dtype} values"
        elif not inside(claim.domain, value):
            found, wanted = f"lies outside the domain {claim.domain.name}", "values of the domain"
        else:
            continue
        raise table.error(f"values[{i}]", f"{shown(value)} {found}", wanted)


def inside(domain: Domain, value: float) -> bool:
    """Whether an input of a domain may contain a number."""
    return bool(domain_of(domain).inside(np.asarray(float(value))))
