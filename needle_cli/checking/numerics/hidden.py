"""Parts of a move whose slope is too small to be seen beside the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from needle_cli.checking.model import Array

HIDDEN = 2.0**-20
"""Below this share of a typical entry's slope, an error of an entry's whole slope may not show.

Tuned, see benchmarks.
"""

LEVELS = 3
"""How many hidden parts of hidden parts are compared; tuned, see benchmarks."""


def visible_share(entries: int) -> float:
    """Return the share of a slope above which one of so many entries is visible.

    Among many entries some are small by chance; those that are small by nature are much smaller.
    """
    return HIDDEN / math.sqrt(entries or 1)


def hides(products: Sequence[Array], moves: Sequence[Array], limit: Any, names: Any = np) -> Any:
    """Return whether a move has a part whose slope, below the limit, is hidden by the rest.

    A whole leaf counts, even if its gradient is zero. In other leaves the entries count whose
    gradient is small but not zero, since most zeros are right (the other entries of a maximum).
    `products` are the gradients times the moves. Arrays may be on a device, whose namespace is
    `names`; the result is then a number, 0 for no.
    """
    count = names.count_nonzero
    found: Any = False
    for p, u in zip(products, moves, strict=True):
        lost = count(abs(p) < limit)
        if names is np and not lost:  # on a device, `lost` must not be read yet
            continue
        found |= (lost + count(p) > p.size) | ((lost == p.size) & (count(u) > 0))
    return found


def hidden_part(
    products: Sequence[Array], moves: Sequence[Array], limit: Any, names: Any = np
) -> list[Array]:
    """Return the part of a move whose slope is hidden by the rest, zero elsewhere."""
    parts: list[Array] = []
    for p, u in zip(products, moves, strict=True):
        lost = abs(p) < limit
        parts.append(names.where(lost & ((p != 0) | lost.all()), u, 0.0))
    return parts
