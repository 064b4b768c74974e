"""Read `input.NAME`: shape, domain, dtype, role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from needle_cli.checking.claims import Domain, InputClaim, Spread
from needle_cli.checking.domains import domains
from needle_cli.specs.dims import SHAPE_GRAMMAR, Pattern, parse_shape
from needle_cli.specs.errors import listed, nearest, shown
from needle_cli.specs.fields import Table, is_finite_number
from needle_cli.specs.names import NameRefused, Resolver
from needle_cli.specs.vocabulary import (
    DOMAIN_FIELDS,
    DTYPES,
    DUPLICATES,
    INPUT_KEYS,
    MEMBER_KEYS,
    SPREAD_KEYS,
)

DEFAULT_MEMBERS = (1, 4)
SQUARE = ("spd", "symmetric", "triangular")


@dataclass(frozen=True)
class Names:
    """The names of a spec that other keys may refer to, and how dotted names are resolved."""

    inputs: tuple[str, ...]
    params: tuple[str, ...]
    resolver: Resolver


def resolve(table: Table, key: str, resolver: Resolver) -> Callable[..., Any]:
    """Resolve the dotted name under a key."""
    name = table.text(key, what='a dotted name such as "numpy:log"')
    try:
        return resolver.resolve(name)
    except NameRefused as refused:
        raise table.error(key, refused.message, refused.expected, refused.near) from None


def read_input(
    parent: Table, name: str, names: Names, base: InputClaim | None = None
) -> InputClaim:
    """Read one input: a shape string, or a table. With `base`, a lane's changes to that claim."""
    value = parent.data[name]
    if isinstance(value, str) and base is None:
        read_pattern(parent, name)
        return InputClaim(name, value.strip())
    if not isinstance(value, dict):
        wanted = "a table" if base else 'a shape string such as "(...)", or a table'
        raise parent.wrong(name, wanted)
    table = parent.table(name)
    table.only(INPUT_KEYS)
    if base is None:
        table.need("shape", SHAPE_GRAMMAR)
    claim = _read_table(table, name, names, base or InputClaim(name, ""))
    _check(table, claim)
    return claim


def _read_table(table: Table, name: str, names: Names, base: InputClaim) -> InputClaim:
    if "shape" in table:
        read_pattern(table, "shape")
        base = replace(base, shape=table.text("shape").strip())
    if "domain" in table:
        base = replace(base, domain=read_domain(table, names))
    implied = {"index": "int", "bool": "bool"}.get(base.domain.name, base.dtype)
    dtype = table.word("dtype", DTYPES, implied)
    if implied != base.dtype and dtype != implied:
        raise table.wrong("dtype", f'"{implied}", which the domain {base.domain.name} implies')
    smooth = table.flag("differentiable", base.differentiable if dtype == "float" else False)
    if smooth and dtype != "float":
        raise table.error(
            "differentiable",
            f"`{name}` holds {dtype} values and is said to be differentiable",
            "false, or dtype float",
        )
    members, is_tuple = read_members(table, base)
    return replace(
        base,
        dtype=dtype,
        differentiable=smooth,
        members=members,
        is_tuple=is_tuple,
        values=read_values(table, "values") if "values" in table else base.values,
        spread=read_spread(table) if "spread" in table else base.spread,
        why=table.text("why", base.why),
    )


def read_pattern(table: Table, key: str) -> Pattern:
    """Read a shape string."""
    text = table.text(key, what=SHAPE_GRAMMAR)
    try:
        return parse_shape(text)
    except ValueError as error:
        raise table.error(key, f"{shown(text)} is not a shape: {error}", SHAPE_GRAMMAR) from None


def read_members(table: Table, base: InputClaim) -> tuple[tuple[int, int] | None, bool]:
    """Read `list` and `tuple`: true, or a table with the least and greatest number of members."""
    keys = [key for key in ("list", "tuple") if key in table]
    if not keys:
        return base.members, base.is_tuple
    if len(keys) == 2:
        raise table.error("tuple", f"`{table.path}` is both a list and a tuple", "one of the two")
    key = keys[0]
    if table.data[key] is True:
        return DEFAULT_MEMBERS, key == "tuple"
    if not isinstance(table.data[key], dict):
        raise table.wrong(key, "true, or a table with min and max")
    limits = table.table(key)
    limits.only(MEMBER_KEYS)
    low = limits.integer("min", DEFAULT_MEMBERS[0], low=0)
    high = limits.integer("max", max(low, DEFAULT_MEMBERS[1]), low=0)
    if low > high or high > 16:
        raise limits.error(
            "max" if "max" in limits else "min", f"from {low} to {high} members", "min <= max <= 16"
        )
    return (low, high), key == "tuple"


def read_values(table: Table, key: str) -> tuple[float, ...]:
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


def read_spread(table: Table) -> Spread:
    """Read the least standard deviation along an axis."""
    spread = table.table("spread")
    spread.only(SPREAD_KEYS)
    spread.need("min_std", "the least standard deviation along `axis`")
    least = spread.number("min_std", 0.0)
    if least <= 0:
        raise spread.wrong("min_std", "a number above zero")
    return Spread(spread.integer("axis", -1), least)


def read_domain(parent: Table, names: Names) -> Domain:
    """Read a domain: its name, or a table with `name` and fields; low or high alone: interval."""
    value = parent.data["domain"]
    if isinstance(value, str):
        parent.word("domain", [n for n in DOMAIN_FIELDS if n not in ("interval", "index")])
        return Domain(value)
    if not isinstance(value, dict):
        raise parent.wrong("domain", f"{listed(DOMAIN_FIELDS)}, or a table")
    table = parent.table("domain")
    if "name" not in table:
        if not {"low", "high"} & set(value):
            table.only((*DOMAIN_FIELDS["interval"], "name"))
            raise table.error(
                "", f"`{table.path}` has neither `name` nor bounds", "name, or low and high"
            )
        return _read_fields(table, "interval", names)
    name = table.text("name")
    if ":" in name:
        table.only(("name",))
        return Domain("hook", hook=resolve(table, "name", names.resolver))
    if name not in DOMAIN_FIELDS:
        raise table.wrong(
            "name", f'{listed(DOMAIN_FIELDS)}, or "module:function"', nearest(name, DOMAIN_FIELDS)
        )
    return _read_fields(table, name, names)


def _read_fields(table: Table, name: str, names: Names) -> Domain:
    table.only(("name", *DOMAIN_FIELDS[name]))
    domain = Domain(
        name,
        low=table.number("low", 0.0) if "low" in table else None,
        high=table.number("high", 0.0) if "high" in table else None,
        open_low=table.flag("open_low", False),
        open_high=table.flag("open_high", False),
        min_eig=table.number("min_eig", Domain.min_eig),
        max_eig=table.number("max_eig", Domain.max_eig),
        into=table.name("into", names.inputs, "input") if "into" in table else "",
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
            f"into = {listed(names.inputs)}",
        )
    return domain


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
