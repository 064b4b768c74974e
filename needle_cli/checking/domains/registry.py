"""The domains by the name that a spec gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from needle_cli.checking.claims import Claims, Domain, InputClaim
from needle_cli.checking.domains.arrays import Simplex, Spd, Symmetric, Triangular
from needle_cli.checking.domains.base import DomainKind
from needle_cli.checking.domains.numbers import (
    Distinct,
    Integer,
    Interval,
    Nonnegative,
    Nonzero,
    Positive,
    Real,
)
from needle_cli.checking.domains.other import Bool, Hook, Index
from needle_cli.checking.model import Array, Case, GeneratorError
from needle_cli.checking.numerics.probes import Tangent

DOMAINS: dict[str, type[DomainKind]] = {
    "real": Real,
    "positive": Positive,
    "nonnegative": Nonnegative,
    "nonzero": Nonzero,
    "interval": Interval,
    "integer": Integer,
    "bool": Bool,
    "distinct": Distinct,
    "simplex": Simplex,
    "spd": Spd,
    "symmetric": Symmetric,
    "triangular": Triangular,
    "index": Index,
}
"""Every domain that a spec may name. A new domain needs a class and an entry here."""


def bare_names() -> list[str]:
    """Return the names of the domains that need no field."""
    return [name for name, kind in DOMAINS.items() if kind.needs is None]


def domain_of(claim: Domain) -> DomainKind:
    """Return the domain of a claim; raises `GeneratorError` for an unknown name."""
    if claim.hook is not None:
        return Hook(claim.hook)
    if claim.name not in DOMAINS:
        raise GeneratorError(f"domain {claim.name!r} is not one of {', '.join(DOMAINS)}")
    return DOMAINS[claim.name](**claim.fields)


def domain_as_written(written: Any) -> DomainKind | None:
    """Return the domain from its form in a spec; None for a hook and for unknown words."""
    table = dict(written) if isinstance(written, Mapping) else {"name": written}
    name = table.pop("name", "interval")
    try:
        return DOMAINS[name](**table)
    except (KeyError, TypeError):
        return None


def drawn_from(claim: InputClaim) -> DomainKind:
    """Return the domain of an input; without one, its dtype may imply integers or booleans."""
    if claim.domain.name == "real" and family(claim) != "float":
        return Bool() if family(claim) == "bool" else Integer()
    return domain_of(claim.domain)


def family(claim: InputClaim) -> str:
    """Return "float", "int" or "bool": the kind of numbers that an input holds."""
    return domain_of(claim.domain).dtype or claim.dtype


def tangent_of(claims: Claims, case: Case) -> Tangent | None:
    """Return the projection for a case's inputs, or None where every direction is allowed."""
    inputs = claims.inputs_at(case.tags)
    return tangent_in({name: domain_of(claim.domain) for name, claim in inputs.items()})


def tangent_in(domains: Mapping[str, DomainKind]) -> Tangent | None:
    """Return the projection for inputs by their domains, or None where it changes nothing."""
    found = {name: domain.projection() for name, domain in domains.items()}
    maps = {name: project for name, project in found.items() if project is not None}

    def tangent(name: str, direction: Array) -> Array:
        return maps[name](direction) if name in maps else direction

    return tangent if maps else None


def accepts(claim: InputClaim, array: Array) -> bool:
    """Return True if an input is known to take an array that was not drawn for it.

    What a function draws can only be known by drawing; an input of listed values takes these alone.
    """
    if claim.values is not None or claim.domain.hook is not None:
        return False
    return domain_of(claim.domain).contains(array) and _is_spread(claim, array)


def _is_spread(claim: InputClaim, array: Array) -> bool:
    """Whether rows differ as much as the spec's `spread` says."""
    spread = claim.spread
    if spread is None or array.size == 0 or array.shape[spread.axis] < 2:
        return True
    return bool(np.all(array.std(axis=spread.axis) >= spread.min_std))
