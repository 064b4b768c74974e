"""Gradient entries that are not finite: they are wrong if the slope is finite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.model import Array, Verdict
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.nonsmooth import examine
from needle_cli.checking.numerics.probes import Tangent, projected, unit_direction
from needle_cli.checking.point import Subject

MOST_ENTRIES = 24
"""How many entries of one leaf are judged; tuned, see benchmarks."""


def nonfinite_gradient(
    subject: Subject,
    cotangent: Array,
    gradients: Sequence[Array],
    tangent: Tangent | None,
) -> tuple[Verdict, str]:
    """Judge NaN and infinite gradient entries: they are wrong if the slope there is finite.

    NaN comes first. Equal inputs are asked once, as many zeros under a root.
    """
    for position, g in enumerate(gradients):
        leaf = subject.leaves[subject.judged[position]]
        for flat in _representatives(g, leaf)[:MOST_ENTRIES]:
            index = tuple(int(k) for k in np.unravel_index(flat, g.shape))
            line = Line(subject, unit_direction(subject, position, index))
            if tangent is not None:
                line = Line(subject, projected(subject, line.direction, tangent))
            point = examine(subject, line, cotangent, np.random.default_rng(0), None, slopes=True)
            if point.finite_slope is None:
                continue
            with np.errstate(all="ignore"):
                true = point.finite_slope / float(line.direction[position][index])
            if np.isfinite(true):
                name = subject.names[subject.judged[position]]
                at = f"{name}{list(index)}" if index else name
                value = float(leaf[index])
                return (
                    Verdict.FAIL,
                    f"the gradient is {g[index]} at {at} = {value!r}, where the slope is finite",
                )
    return Verdict.NO_DERIVATIVE, "the slope is not finite where the gradient is not"


def _representatives(g: Array, leaf: Array) -> Array:
    """Return the flat indices of entries that are not finite, one per kind and input value."""
    places = np.flatnonzero(~np.isfinite(g))
    nan = np.isnan(g.reshape(-1)[places])
    kinds = np.stack([~nan, leaf.reshape(-1)[places].astype(np.float64)])
    _, first = np.unique(kinds, axis=1, return_index=True)
    return places[first]
