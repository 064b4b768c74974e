"""Every kind of parameter by name, and how a value is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from needle_cli.checking.choosing import Chooser
from needle_cli.checking.claims import ParamClaim
from needle_cli.checking.model import GeneratorError
from needle_cli.checking.parameters.axes import AxesKind, AxisKind, AxisPairKind, PermutationKind
from needle_cli.checking.parameters.base import IMPOSSIBLE, Context, Kind
from needle_cli.checking.parameters.index import IndexKind
from needle_cli.checking.parameters.numbers import (
    BoolKind,
    ChoiceKind,
    FloatKind,
    HookKind,
    IntKind,
)
from needle_cli.checking.parameters.shape import (
    BroadcastKind,
    PadKind,
    RepeatsKind,
    ReshapeKind,
    SectionsKind,
)

HOOK = "hook"
"""The kind of a parameter that a function of a user's file draws; no spec names it."""

KINDS: Mapping[str, Kind] = {
    "int": IntKind(),
    "float": FloatKind(),
    "bool": BoolKind(),
    "choice": ChoiceKind(),
    "axis": AxisKind(),
    "axes": AxesKind(),
    "axis_pair": AxisPairKind(),
    "permutation": PermutationKind(),
    "reshape_target": ReshapeKind(),
    "broadcast_target": BroadcastKind(),
    "index": IndexKind(),
    "pad_widths": PadKind(),
    "split_sections": SectionsKind(),
    "repeats": RepeatsKind(),
    HOOK: HookKind(),
}
"""Every kind. An entry here and its class are all that one more takes."""


def names() -> list[str]:
    """Return the kinds that a spec may name."""
    return [name for name in KINDS if name != HOOK]


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
