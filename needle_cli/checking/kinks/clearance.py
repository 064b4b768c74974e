"""Keep drawn values away from declared kinks, by the margin that the largest step needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from needle_cli.checking.claims import Kink
from needle_cli.checking.domains.base import DomainKind, Generator, rms, spaced
from needle_cli.checking.model import Array
from needle_cli.checking.numerics.steps import REACH

MARGIN = 1.2 * REACH
"""The distance to a kink in units of the root mean square: what a step can cover, and a fifth."""

CROWD = 160
"""Above so many entries no spacing leaves room for the largest step between all of them."""

Drawn = dict[str, list[Array]]
"""The members of every floating input; one member unless it is a list."""


def clear_of_kinks(
    drawn: Drawn,
    kinks: Sequence[Kink],
    domains: Mapping[str, DomainKind],
    params: Mapping[str, Any],
    rng: Generator,
) -> Drawn:
    """Return the values moved away from every declared kink, as far as that is possible.

    Moving away from one kink may move onto another: three rounds, then the values are left where
    they are, since the judge resolves a kink that it meets.
    """
    for _ in range(3):
        for kink in kinks:
            copied = {name: [np.array(a) for a in arrays] for name, arrays in drawn.items()}
            moved = _ACT[kink.kind](copied, kink, domains, params, rng)
            drawn = {
                name: [
                    domains[name].restored(before, after) if name in domains else after
                    for before, after in zip(drawn[name], moved[name], strict=True)
                ]
                for name in drawn
            }
        if not any(touches(drawn, kink, params, domains) for kink in kinks):
            break
    return drawn


def _of(drawn: Drawn, kink: Kink) -> list[str]:
    return [name for name in kink.of if name in drawn]


def kink_value(kink: Kink, params: Mapping[str, Any]) -> float:
    """Return where a point kink lies; a parameter's name stands for its value."""
    value: Any = kink.value
    return float(params.get(value, 0.0) if isinstance(value, str) else value)


def _off_points(
    drawn: Drawn,
    kink: Kink,
    domains: Mapping[str, DomainKind],
    params: Mapping[str, Any],
    rng: Generator,
) -> Drawn:
    at = kink_value(kink, params)
    for name in _of(drawn, kink):
        drawn[name] = [_pushed(a, at, domains[name], rng) for a in drawn[name]]
    return drawn


def _pushed(array: Array, at: float, domain: DomainKind, rng: Generator) -> Array:
    """Move the entries near `at` to a margin or two beside it, on their own side if they can be."""
    margin = MARGIN * rms(array)
    near = np.abs(array - at) < margin
    if not np.any(near):
        return array
    side = np.where(array >= at, 1.0, -1.0)
    away = side * margin * rng.uniform(1.1, 2.5, array.shape)
    first, second = at + away, at - away
    return np.where(near, np.where(domain.inside(first), first, second), array)


def _off_integers(
    drawn: Drawn,
    kink: Kink,
    domains: Mapping[str, DomainKind],
    params: Mapping[str, Any],
    rng: Generator,
) -> Drawn:
    names = _of(drawn, kink)
    if len(names) == 2:
        return _off_ratios(drawn, names, rng)
    at = kink_value(kink, params)
    for name in names:
        drawn[name] = [
            at + np.floor(a - at) + 0.12 + 0.76 * ((a - at) - np.floor(a - at)) for a in drawn[name]
        ]
    return drawn


def _off_ratios(drawn: Drawn, names: Sequence[str], rng: Generator) -> Drawn:
    """Redraw dividends whose quotient is nearly whole for some divisor they meet."""
    for top, bottom in zip(drawn[names[0]], drawn[names[1]], strict=True):
        for _ in range(60):
            bad = _nearly_whole(top, bottom)
            if not np.any(bad):
                break
            top[bad] *= rng.uniform(0.8, 1.25, int(np.count_nonzero(bad)))
    return drawn


def _nearly_whole(top: Array, bottom: Array) -> Array:
    """Tell for every dividend whether a quotient it takes part in is nearly whole."""
    ratio = top / bottom
    reach = (
        2.0 * MARGIN * (rms(top) / np.abs(bottom) + np.abs(ratio) * rms(bottom) / np.abs(bottom))
    )
    close = np.abs(ratio - np.round(ratio)) < np.minimum(reach, 0.3)
    extra = close.ndim - top.ndim
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(top.shape) if n == 1 and close.shape[i + extra] > 1
    )
    folded: Array = np.any(close, axis=axes, keepdims=True).reshape(top.shape)
    return folded


def _off_ties(
    drawn: Drawn,
    kink: Kink,
    domains: Mapping[str, DomainKind],
    params: Mapping[str, Any],
    rng: Generator,
) -> Drawn:
    for name in _of(drawn, kink):
        drawn[name] = [_untied(a, kink, params, rng) for a in drawn[name]]
    return drawn


def _untied(array: Array, kink: Kink, params: Mapping[str, Any], rng: Generator) -> Array:
    """Space the entries out: all of them, or those of each row where there are too many."""
    if array.size <= CROWD or array.ndim < 2:
        return spaced(array, rng, None)
    axis = params.get(kink.along) if isinstance(kink.along, str) else kink.along
    if isinstance(axis, tuple | list):
        axis = axis[0] if len(axis) == 1 else None
    if not isinstance(axis, int) or not -array.ndim <= axis < array.ndim:
        return spaced(array, rng, None)
    return spaced(array, rng, axis)


def _off_each_other(
    drawn: Drawn,
    kink: Kink,
    domains: Mapping[str, DomainKind],
    params: Mapping[str, Any],
    rng: Generator,
) -> Drawn:
    """Put the entries of each input into its own part of every cell of a common grid."""
    members = [(name, i) for name in _of(drawn, kink) for i in range(len(drawn[name]))]
    if len(members) < 2:
        return drawn
    largest = max(rms(drawn[name][i]) for name, i in members)
    cell = 0.05 * largest * len(members)
    for place, (name, i) in enumerate(members):
        if cell == 0.0:
            break
        whole = np.floor(drawn[name][i] / cell)
        part = drawn[name][i] / cell - whole
        drawn[name][i] = cell * (whole + (place + 0.2 + 0.4 * part) / len(members))
    return drawn


_ACT = {
    "point": _off_points,
    "integer": _off_integers,
    "tie": _off_ties,
    "equal": _off_each_other,
}


def touches(
    drawn: Drawn, kink: Kink, params: Mapping[str, Any], domains: Mapping[str, DomainKind]
) -> bool:
    """Tell whether the largest step could reach a declared kink from these values.

    Entries that no step moves, the zeros of a triangle, do not count.
    """
    arrays = [domains[name].movable(array) for name in _of(drawn, kink) for array in drawn[name]]
    if kink.kind == "point":
        at = kink_value(kink, params)
        return any(bool(np.any(np.abs(a - at) < REACH * rms(a))) for a in arrays)
    if kink.kind == "integer" and len(_of(drawn, kink)) == 1:
        at = kink_value(kink, params)
        return any(
            bool(np.any(np.abs((a - at) - np.round(a - at)) < REACH * rms(a))) for a in arrays
        )
    if kink.kind == "tie":
        return any(
            a.size > 1 and float(np.min(np.diff(np.sort(a, axis=None)))) < 2 * REACH * rms(a)
            for a in arrays
        )
    if kink.kind == "equal":
        return any(
            _nearest(a, b) < REACH * (rms(a) + rms(b))
            for i, a in enumerate(arrays)
            for b in arrays[:i]
        )
    return False


def _nearest(a: Array, b: Array) -> float:
    """Return the smallest distance between an entry of `a` and one of `b`."""
    if a.size == 0 or b.size == 0:
        return float("inf")
    ordered = np.sort(b, axis=None)
    places = np.searchsorted(ordered, a.reshape(-1))
    below = ordered[np.maximum(places - 1, 0)]
    above = ordered[np.minimum(places, ordered.size - 1)]
    flat = a.reshape(-1)
    return float(min(np.min(np.abs(flat - below)), np.min(np.abs(flat - above))))
