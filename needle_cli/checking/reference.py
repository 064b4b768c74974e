"""The spec's reference: forward values that are independent of the operator under test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from needle_cli.checking.claims import Claims, SpecFunctionFailed, called
from needle_cli.checking.model import Array, Case
from needle_cli.checking.point import is_floating

HIGH = np.longdouble
"""The widest float of NumPy. On some platforms it equals float64; the bounds allow for that."""


def call(claims: Claims, inputs: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
    """Call the reference with arguments in the order of `args`.

    With `rename`, parameters are passed by the reference's own names, since its order may differ.
    """
    given = {**inputs, **params}
    if not claims.rename:
        return called(claims.reference, *(given[name] for name in claims.args if name in given))
    positional = [given[name] for name in claims.args if name in inputs]
    named = {claims.rename.get(name, name): given[name] for name in claims.args if name in params}
    return called(claims.reference, *positional, **named)


def values(claims: Claims, case: Case) -> list[Array]:
    """Return the reference's output leaves for the case, each as an array.

    Raises `SpecFunctionFailed` if it raises or returns something else than numbers.
    """
    result = call(claims, case.inputs, case.params)
    parts = result if isinstance(result, tuple | list) else [result]
    outputs = [called(np.asarray, part) for part in parts]
    for output in outputs:
        if output.dtype.kind not in "fiubc":
            raise SpecFunctionFailed(claims.reference, f"returns an array of {output.dtype}")
    return outputs


def in_high_precision(claims: Claims, case: Case) -> list[Array] | None:
    """Return the reference's outputs in longdouble, or None if it does not support that."""
    wide = case.with_leaves([a.astype(HIGH) if is_floating(a) else a for a in case.leaves()])
    try:
        outputs = values(claims, wide)
    except SpecFunctionFailed:
        return None
    if any(out.dtype.kind == "f" and out.dtype != HIGH for out in outputs):
        return None
    return outputs
