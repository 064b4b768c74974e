"""Extreme magnitudes inside a domain: very large, very small, saturating."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from needle_cli.checking.cases.domains import SCALABLE, Generator, limits, rms
from needle_cli.checking.claims import Domain
from needle_cli.checking.model import Array

MAGNITUDES = (1e4, 1e-8, 30.0, 1e8, 1e-4, 1e3)
"""Where overflow, saturation and cancellation show; what a dtype cannot hold is left out."""


def extreme(domain: Domain, array: Array, dtype: np.dtype[Any], rng: Generator) -> Array | None:
    """Return the array with every entry at an extreme magnitude; None where none is inside.

    Signs and small differences of the given array are kept. An open interval gets entries next to
    its ends; a closed one has no extremes.
    """
    if domain.name in SCALABLE and domain.name not in ("symmetric", "distinct"):
        information = np.finfo(dtype)
        low, high = float(information.smallest_normal), float(information.max) / 16
        options = [m for m in MAGNITUDES if low < m / 4 and m * 4 < high]
        chosen = rng.choice(options, array.shape)
        unit = array / (rms(array) or 1.0)
        # Between a half and two, and different for different entries: ties are another check's.
        spread = 0.5 + 1.5 * np.abs(unit) / (1.0 + np.abs(unit))
        return np.asarray(np.copysign(spread * chosen, unit))
    if domain.name == "interval":
        return _beside_open_ends(domain, array, dtype, rng)
    return None


def _beside_open_ends(
    domain: Domain, array: Array, dtype: np.dtype[Any], rng: Generator
) -> Array | None:
    """Return entries a hair inside the open ends of an interval."""
    low, high = limits(domain)
    ends = []
    hair = max(1e-8, 8 * float(np.finfo(dtype).eps))
    if domain.open_low and math.isfinite(low):
        ends.append(low + hair * max(abs(low), 1.0))
    if domain.open_high and math.isfinite(high):
        ends.append(high - hair * max(abs(high), 1.0))
    return np.asarray(rng.choice(ends, array.shape)) if ends else None
