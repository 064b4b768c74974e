"""Put drawn values on declared kinks, right beside them, and on the closed ends of domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from needle_cli.checking.claims import Kink
from needle_cli.checking.domains.base import DomainKind, Generator
from needle_cli.checking.kinks.clearance import Drawn, kink_value
from needle_cli.checking.model import Array

BESIDE = (0.0, 0.0, 0.0, 1e-3, -1e-3, 1e-8, -1e-8)
"""Distances from a kink in units of its size (or of 1 at zero); 0 is the kink itself. One rounding
of the dtype to either side comes on top."""


def put_on_kinks(
    drawn: Drawn,
    kinks: Sequence[Kink],
    domains: Mapping[str, DomainKind],
    params: Mapping[str, Any],
    rng: Generator,
    dtype: np.dtype[Any],
) -> bool:
    """Move about half of the entries onto or beside kinks, in place; tell whether any could be."""
    done = False
    for kink in kinks:
        names = [name for name in kink.of if name in drawn]
        if kink.kind == "equal":
            before = {name: list(drawn[name]) for name in names}
            done |= _make_equal(drawn, names, domains, rng)
            for name in names:
                pairs = zip(before[name], drawn[name], strict=True)
                drawn[name] = [domains[name].restored(old, new) for old, new in pairs]
            continue
        for name in names:
            for i, array in enumerate(drawn[name]):
                moved = _moved(array, kink, params, rng, dtype)
                kept = domains[name].restored(array, moved)
                done |= bool(np.any(kept != array))
                drawn[name][i] = kept
    return done | _put_on_edges(drawn, domains, rng)


def _put_on_edges(drawn: Drawn, domains: Mapping[str, DomainKind], rng: Generator) -> bool:
    """Move about a third of the entries onto closed ends, in place."""
    done = False
    for name, arrays in drawn.items():
        ends = domains[name].closed_ends
        for i, array in enumerate(arrays if ends else ()):
            if array.size:
                mask = rng.random(array.shape) < 0.33
                mask.flat[int(rng.integers(array.size))] = True
                arrays[i] = np.where(mask, rng.choice(ends, array.shape), array)
                done = True
    return done


def _moved(
    array: Array, kink: Kink, params: Mapping[str, Any], rng: Generator, dtype: np.dtype[Any]
) -> Array:
    """Return an array with about half of its entries on a kink or right beside one."""
    if array.size == 0:
        return array
    mask = rng.random(array.shape) < 0.5
    mask.flat[int(rng.integers(array.size))] = True
    if kink.kind == "tie":
        return _tied(array, mask, rng)
    at = np.full(array.shape, kink_value(kink, params))
    if kink.kind == "integer":
        at = np.round(array - at) + at
    # Offsets are taken in the dtype, where the kink's neighbours are the next numbers.
    exact = at.astype(dtype)
    unit = np.maximum(np.abs(at), 1.0)
    offset = rng.choice(BESIDE, array.shape) * unit
    near = np.where(offset == 0.0, exact, exact + offset)
    # Not beside 0: the next numbers are smaller than any step of a direction that moves others too.
    side = rng.choice((-1.0, 1.0), array.shape)
    neighbour = exact + (side * unit * float(np.finfo(dtype).eps)).astype(dtype)
    near = np.where((at != 0) & (rng.random(array.shape) < 0.2), neighbour, near)
    return np.where(mask, near, array)


def _tied(array: Array, mask: Array, rng: Generator) -> Array:
    """Return an array with ties at its largest, its smallest, or any of its values."""
    if array.size < 2:
        return array
    mask = mask.copy()
    mask.flat[rng.permutation(array.size)[:2]] = True
    extreme = (array.max(), array.min(), array.flat[int(rng.integers(array.size))])
    chosen = extreme[int(rng.integers(3))]
    tied = np.where(mask, chosen, array)
    alone = int(rng.choice(np.flatnonzero(mask)))
    tied.flat[alone] += _offset(float(chosen), rng)
    return tied


def _offset(value: float, rng: Generator) -> float:
    """Return how far beside a value one of several equal entries is moved; often not at all."""
    return float(rng.choice(BESIDE)) * max(abs(value), 1.0)


def _make_equal(
    drawn: Drawn, names: Sequence[str], domains: Mapping[str, DomainKind], rng: Generator
) -> bool:
    """Give inputs common entries: the same value at places that meet when they broadcast.

    It is one of their own there, the first that lies in every input's domain.
    """
    members = [(name, i) for name in names for i in range(len(drawn[name]))]
    if len(members) < 2 or any(drawn[name][i].size == 0 for name, i in members):
        return False
    try:
        shape = np.broadcast_shapes(*(drawn[name][i].shape for name, i in members))
    except ValueError:
        return False  # no entry of one meets one of another
    for name, i in members:
        drawn[name][i] = np.array(drawn[name][i])  # arithmetic makes numbers of 0-d arrays
    done = False
    for number in range(max(1, int(np.prod(shape)) // 3)):
        place = tuple(int(rng.integers(n)) for n in shape)
        met = [(drawn[name][i], _folded(place, drawn[name][i].shape)) for name, i in members]
        for value in [array[at] for array, at in met]:
            if all(domains[name].inside(np.asarray(value)).all() for name in names):
                for array, at in met:
                    array[at] = value
                done = True
                if number:
                    _part(met[int(rng.integers(len(met)))], [domains[n] for n in names], rng)
                break
    return done


def _part(
    met: tuple[Array, tuple[int, ...]], domains: Sequence[DomainKind], rng: Generator
) -> None:
    """Move one of the equal entries beside the others, now and then, in place."""
    array, at = met
    value = float(array[at])
    moved = value + _offset(value, rng)
    if all(domain.inside(np.asarray(moved)).all() for domain in domains):
        array[at] = moved


def _folded(place: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the entry of an operand that a place of the broadcast result reads."""
    tail = place[len(place) - len(shape) :]
    return tuple(0 if n == 1 else p for p, n in zip(tail, shape, strict=True))
