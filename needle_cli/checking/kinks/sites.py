"""Where a case lies on its declared kinks: the entries of its inputs that are there exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from needle_cli.checking.claims import Kink
from needle_cli.checking.kinks.clearance import kink_value
from needle_cli.checking.model import Array, Case

Place = tuple[int, int]
"""A leaf of the case and a flat index into it."""


def places_on(kink: Kink, case: Case) -> frozenset[Place]:
    """Return the entries that lie on a kink: at its value, tied, equal to another input's."""
    leaves, owners = case.leaves(), case.leaf_owners()
    members = [i for i, owner in enumerate(owners) if owner in kink.of]
    if kink.kind == "equal" or (kink.kind == "integer" and len(members) == 2):
        masks = _meeting(kink, [leaves[i] for i in members])
    else:
        masks = [_MASKS[kink.kind](leaves[i], kink, case.params) for i in members]
    return frozenset(
        (i, int(j)) for i, mask in zip(members, masks, strict=True) for j in np.flatnonzero(mask)
    )


def _at_value(leaf: Array, kink: Kink, params: Mapping[str, Any]) -> Array:
    at = kink_value(kink, params)
    return np.asarray(leaf == leaf.dtype.type(at))


def _whole(leaf: Array, kink: Kink, params: Mapping[str, Any]) -> Array:
    at = kink_value(kink, params)
    return np.asarray(leaf - at == np.round(leaf - at))


def _tied(leaf: Array, kink: Kink, params: Mapping[str, Any]) -> Array:
    """Tell which entries equal another one of their row."""
    mask = np.zeros(leaf.size, dtype=bool)
    for group in _groups(leaf, kink, params):
        mask[list(group)] = True
    return mask.reshape(leaf.shape)


def tie_groups(kink: Kink, case: Case) -> list[frozenset[Place]]:
    """Return the sets of entries that are tied with each other."""
    return [
        frozenset((i, j) for j in group)
        for i, owner in enumerate(case.leaf_owners())
        if owner in kink.of
        for group in _groups(case.leaves()[i], kink, case.params)
    ]


def _groups(leaf: Array, kink: Kink, params: Mapping[str, Any]) -> list[tuple[int, ...]]:
    """Return the flat indices of equal entries, row by row along a tie's axis; None means all."""
    axes: Any = params.get(kink.along) if isinstance(kink.along, str) else kink.along
    if leaf.size == 0 or leaf.ndim == 0:
        return []
    if axes is None:
        axes = tuple(range(leaf.ndim))
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    axes = tuple(sorted({axis % leaf.ndim for axis in axes}))
    last = tuple(range(leaf.ndim - len(axes), leaf.ndim))
    flat = np.moveaxis(np.arange(leaf.size).reshape(leaf.shape), axes, last)
    rows = flat.reshape(-1, math.prod(leaf.shape[axis] for axis in axes))
    found = []
    for row in rows:
        values = leaf.reshape(-1)[row]
        for value in np.unique(values):
            members = row[values == value]
            if members.size > 1:
                found.append(tuple(int(j) for j in members))
    return found


_MASKS = {"point": _at_value, "integer": _whole, "tie": _tied}


def _meeting(kink: Kink, leaves: list[Array]) -> list[Array]:
    """Tell which entries of several inputs meet an equal one (or a whole quotient) somewhere."""
    try:
        shape = np.broadcast_shapes(*(leaf.shape for leaf in leaves))
    except ValueError:
        return [np.zeros(leaf.shape, dtype=bool) for leaf in leaves]
    wide = [np.broadcast_to(leaf, shape) for leaf in leaves]
    if kink.kind == "integer":
        with np.errstate(all="ignore"):
            ratio = wide[0] / wide[1]
        met = [ratio == np.round(ratio)] * 2
    else:
        met = [
            np.any([a == b for k, b in enumerate(wide) if k != i], axis=0)
            for i, a in enumerate(wide)
        ]
    return [_folded(mask, leaf.shape) for mask, leaf in zip(met, leaves, strict=True)]


def _folded(mask: Array, shape: tuple[int, ...]) -> Array:
    """Return, for an operand's entries, whether any place that reads them is marked."""
    extra = mask.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and mask.shape[i + extra] != 1
    )
    return np.asarray(np.any(mask, axis=axes, keepdims=True)).reshape(shape)
