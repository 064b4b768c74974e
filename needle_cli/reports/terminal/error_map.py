"""The error of a matrix as a map in the terminal: which rows, which columns, which sign."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from needle_cli.reports.events import Spot
from needle_cli.reports.numbers import small

LARGEST = (16, 24)
"""No map is drawn of a matrix with more rows or columns."""

HOT = ((0.7, "bold white on red"), (0.3, "red"), (0.0, "dim red"))
COLD = ((0.7, "bold white on blue"), (0.3, "blue"), (0.0, "dim blue"))
"""Styles by the share of the largest error: too large an entry is red, too small a one blue."""


@dataclass(frozen=True)
class Map:
    """The rows of a map, each a list of styled pieces, and its title."""

    title: str
    rows: list[list[tuple[str, str]]]


def heat_map(elements: Sequence[Spot]) -> Map | None:
    """Return the map of the matrix with the largest error; None if there is none to draw.

    Every entry of the matrix must be among the elements. If an input has more than two axes, the
    last two are drawn, at the place of the largest error. A cell shows the error in tenths of the
    largest, with its sign; a dot is within bounds.
    """
    errors = {(e.input, e.index): error for e in elements if (error := _error(e)) is not None}
    wrong = [e for e in elements if e.wrong and (e.input, e.index) in errors]
    drawable = [e for e in wrong if e.index is not None and len(e.index) >= 2]
    if not drawable:
        return None
    top = max(drawable, key=lambda e: abs(errors[e.input, e.index]))
    assert top.index is not None
    lead = top.index[:-2]
    cells = {
        e.index[-2:]: e
        for e in elements
        if e.input == top.input and e.index is not None and e.index[:-2] == lead
    }
    height, width = (1 + max(place[axis] for place in cells) for axis in (0, 1))
    if len(cells) != height * width or min(height, width) < 2:
        return None
    if height > LARGEST[0] or width > LARGEST[1]:
        return None
    largest = abs(errors[top.input, top.index])
    rows = [
        [_cell(cells[i, j], errors.get((top.input, cells[i, j].index)), largest)
         for j in range(width)]
        for i in range(height)
    ]  # fmt: skip
    where = f"{top.input}[{', '.join([*map(str, lead), ':', ':'])}]" if lead else top.input
    title = f"{where}: analytic minus numeric, in tenths of {small(largest)}; · is within bounds"
    return Map(title, rows)


def _error(spot: Spot) -> float | None:
    if spot.analytic is None or spot.numeric is None:
        return None
    error = spot.analytic - spot.numeric
    return error if math.isfinite(error) else None


def _cell(spot: Spot, error: float | None, largest: float) -> tuple[str, str]:
    """Return one cell, four columns wide."""
    if error is None:
        return "   !", HOT[0][1]
    if not spot.wrong or largest == 0:
        return "   ·", "dim"
    share = abs(error) / largest
    style = next(style for limit, style in (HOT if error > 0 else COLD) if share >= limit)
    return f"{'+' if error > 0 else '-'}{max(1, round(10 * share))}".rjust(4), style
