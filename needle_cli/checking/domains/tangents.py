"""The directions that a case's domains allow, as one function of input name and direction."""

from __future__ import annotations

from collections.abc import Callable

from needle_cli.checking.claims import Claims
from needle_cli.checking.domains.domains import tangent
from needle_cli.checking.model import Array, Case
from needle_cli.checking.numerics.probes import Tangent

CONSTRAINED = ("spd", "symmetric", "triangular", "simplex")


def tangent_of(claims: Claims, case: Case) -> Tangent | None:
    """Return the projection for a case's inputs, or None where every direction is allowed."""
    inputs = claims.inputs_at(case.tags)
    maps: dict[str, Callable[[Array], Array]] = {
        name: tangent(claim.domain)
        for name, claim in inputs.items()
        if claim.domain.name in CONSTRAINED
    }
    if not maps:
        return None
    return lambda name, u: maps[name](u) if name in maps else u
