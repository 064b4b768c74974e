"""Extreme magnitudes inside a domain: very large, very small, saturating."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from needle_cli.checking.claims import Domain
from needle_cli.checking.domains.domains import SCALABLE, Generator, limits, rms
from needle_cli.checking.model import Array
from needle_cli.checking.numerics.steps import REACH

BANDS = ((2.0, 16.0), (16.0, 64.0), (64.0, 1e4), (1e4, 1e8), (1e-3, 0.25), (1e-8, 1e-3))
"""Magnitudes where saturation begins, where overflow and where cancellation show. Together they
leave no gap that a branch could hide in; what a dtype cannot hold is left out.
"""


def extreme(domain: Domain, array: Array, dtype: np.dtype[Any], rng: Generator) -> Array | None:
    """Return the array with every entry at an extreme magnitude; None where none is inside.

    Signs are kept. Half of the cases stay within one band, so that large entries do not hide what
    small ones do. An interval gets what it holds of them, and entries next to its open ends.
    """
    if domain.name in SCALABLE and domain.name not in ("symmetric", "distinct"):
        return np.asarray(np.copysign(_magnitudes(array.shape, dtype, rng), array))
    if domain.name == "interval":
        return _within(domain, array, dtype, rng)
    return None


def _magnitudes(shape: tuple[int, ...], dtype: np.dtype[Any], rng: Generator) -> Array:
    """Draw magnitudes evenly in their logarithm within bands that a dtype can hold."""
    information = np.finfo(dtype)
    least, most = 4 * float(information.smallest_normal), float(information.max) / 64
    bands = np.log([(max(a, least), min(b, most)) for a, b in BANDS if a < most and b > least])
    alone = rng.random() < 0.5
    chosen = rng.integers(len(bands), size=() if alone else shape)
    ends = bands[np.broadcast_to(chosen, shape)]
    return np.asarray(np.exp(rng.uniform(ends[..., 0], ends[..., 1])))


def _within(domain: Domain, array: Array, dtype: np.dtype[Any], rng: Generator) -> Array | None:
    """Return entries of an interval that are large, small, or next to an open end."""
    low, high = limits(domain)
    margin = REACH * rms(array)
    moved = np.copysign(_magnitudes(array.shape, dtype, rng), rng.choice((-1.0, 1.0), array.shape))
    held = (moved > low + margin) & (moved < high - margin)
    ends = _beside_open_ends(domain, array, dtype, rng)
    if not held.any():
        return ends
    found = np.where(held, moved, array)
    return found if ends is None else np.where(rng.random(array.shape) < 0.5, found, ends)


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
