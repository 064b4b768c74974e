"""The spec's reference: forward values that are independent of the operator under test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from needle_cli.checking.claims import Claims
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
        return claims.reference(*(given[name] for name in claims.args if name in given))
    positional = [given[name] for name in claims.args if name in inputs]
    named = {claims.rename.get(name, name): given[name] for name in claims.args if name in params}
    return claims.reference(*positional, **named)


def values(claims: Claims, case: Case) -> list[Array]:
    """Return the reference's output leaves for the case, each as an array."""
    result = call(claims, case.inputs, case.params)
    if isinstance(result, tuple | list):
        return [np.asarray(part) for part in result]
    return [np.asarray(result)]


def in_high_precision(claims: Claims, case: Case) -> list[Array] | None:
    """Return the reference's outputs in longdouble, or None if it does not support that."""
    outputs = _attempt(
        lambda: values(
            claims,
            case.with_leaves([a.astype(HIGH) if is_floating(a) else a for a in case.leaves()]),
        )
    )
    if outputs is None or any(out.dtype.kind == "f" and out.dtype != HIGH for out in outputs):
        return None
    return outputs


def _attempt(compute: Callable[[], list[Array]]) -> list[Array] | None:
    try:
        return compute()
    except (TypeError, ValueError, NotImplementedError, np.linalg.LinAlgError):
        return None
