"""Every kind of parameter by name, and how a value is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from needle_cli.checking.choosing import Chooser
from needle_cli.checking.claims import ParamClaim
from needle_cli.checking.model import GeneratorError
from needle_cli.checking.parameters import axes as params_axes
from needle_cli.checking.parameters import numbers as params_numbers
from needle_cli.checking.parameters import shape as params_shape
from needle_cli.checking.parameters.base import IMPOSSIBLE, Context, Kind

KINDS: Mapping[str, Kind] = {**params_numbers.KINDS, **params_axes.KINDS, **params_shape.KINDS}


def kind_of(claim: ParamClaim) -> Kind:
    """Return the kind of a parameter; raises `GeneratorError` for an unknown name."""
    if claim.kind not in KINDS:
        raise GeneratorError(
            f"parameter {claim.name}: kind {claim.kind!r} is not one of {', '.join(KINDS)}"
        )
    return KINDS[claim.kind]


def draw(claim: ParamClaim, ctx: Context, chooser: Chooser, first: Sequence[str] = ()) -> Any:
    """Draw a value: a chosen corner case, or the next one that these shapes allow.

    `first` are the keys that are tried before the others, in this order.
    """
    kind = kind_of(claim)
    keys = kind.keys(claim)
    start = chooser.integer(0, len(keys) - 1) if not first and len(keys) > 1 else 0
    for key in (*first, *keys[start:], *keys[:start]):
        value = kind.build(key, claim, ctx, chooser)
        if value is not IMPOSSIBLE:
            return value
    if ctx.exact:
        return draw(claim, replace(ctx, exact=False), chooser, first)
    raise GeneratorError(
        f"parameter {claim.name} ({claim.kind}): no value exists for shapes {dict(ctx.shapes)}"
    )
