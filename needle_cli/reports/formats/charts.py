"""The charts of the html report, as SVG in the text colour of the page."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from needle_cli.reports.events import Curve, Spot

LINE, GOOD, BAD = "#2f7ed8", "#2e9e5b", "#d6453d"
INK = "#123456"
"""A placeholder for the page's text colour, replaced when the chart is written."""

MOST_CELLS = 1024
LABELLED = 36
"""A heat map with at most this many cells shows the number of every cell."""

STYLE: Any = {
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
    "ytick.color": INK, "font.size": 8, "svg.fonttype": "none", "svg.hashsalt": "needle",
    "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip


def curve(data: Curve) -> str:
    """Return a chart of the numeric slope's error against the step, with step and gradient."""
    errors = [e if math.isfinite(e) else math.nan for e in data.errors]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.6, 2.1), layout="constrained")
        axes = figure.subplots()
        axes.loglog(data.steps, errors, marker="o", markersize=2.5, color=LINE, linewidth=1.2)
        axes.axvline(data.step, color=GOOD, linewidth=1, linestyle="--")
        # The curve falls from the upper left, so names stand at the lower left or upper right.
        high = data.gradient > math.sqrt(data.known)
        axes.text(data.step, 0.84 if high else 0.98, " our step", color=GOOD, va="top",
                  transform=axes.get_xaxis_transform())  # fmt: skip
        if math.isfinite(data.gradient):
            axes.axhline(data.gradient, color=INK, linewidth=1, linestyle=":")
            axes.text(
                1.0 if high else 0.01,
                data.gradient,
                "the gradient",
                va="bottom",
                ha="right" if high else "left",
                transform=axes.get_yaxis_transform(),
            )
        axes.set_xlabel("step")
        axes.set_ylabel("relative error")
        return _svg(figure, "error of the numeric slope against the step")


def history(shares: Sequence[float | None]) -> str:
    """Return a chart of the worst errors of reports, oldest first, as shares of the bound."""
    values = [math.nan if share is None else max(share, 1e-4) for share in shares]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.6, 1.5), layout="constrained")
        axes = figure.subplots()
        axes.semilogy(range(len(values)), values, marker="o", markersize=3, color=LINE)
        axes.axhline(1.0, color=BAD, linewidth=1, linestyle="--")
        axes.set_xticks(range(len(values)), ["earlier"] * (len(values) - 1) + ["now"])
        axes.set_ylabel("worst error")
        return _svg(figure, "worst error of earlier reports and of this one")


def heat(elements: Sequence[Spot]) -> str:
    """Return analytic minus numeric of a vector or matrix as colours; "" for anything else."""
    grid = _grid(elements)
    if grid is None:
        return ""
    finite = [abs(x) for row in grid for x in row if math.isfinite(x)]
    largest = max(finite, default=0.0) or 1.0
    height = min(3.0, 0.6 + 0.28 * len(grid))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.6, height), layout="constrained")
        axes = figure.subplots()
        colours = mpl.colormaps["RdBu_r"].with_extremes(bad="#888888")
        image = axes.imshow(grid, cmap=colours, vmin=-largest, vmax=largest, aspect="auto")
        figure.colorbar(image, ax=axes, shrink=0.9)
        axes.set_xticks([])
        axes.set_yticks([])
        if sum(map(len, grid)) <= LABELLED:
            for i, row in enumerate(grid):
                for j, value in enumerate(row):
                    strong = math.isfinite(value) and abs(value) > 0.6 * largest
                    axes.text(j, i, f"{value:.2g}", ha="center", va="center", fontsize=6,
                              color="white" if strong else "#222222")  # fmt: skip
        return _svg(figure, "analytic minus numeric, entry by entry")


def _grid(elements: Sequence[Spot]) -> list[list[float]] | None:
    """Return the differences of the first input with a difference for every entry."""
    by_input: dict[str, dict[tuple[int, ...], float]] = {}
    for spot in elements:
        if spot.index is not None and spot.analytic is not None and spot.numeric is not None:
            by_input.setdefault(spot.input, {})[spot.index] = spot.analytic - spot.numeric
    for cells in by_input.values():
        ranks = {len(index) for index in cells}
        if len(cells) < 2 or len(cells) > MOST_CELLS or ranks not in ({1}, {2}):
            continue
        places = {(0, *index) if len(index) == 1 else index: x for index, x in cells.items()}
        rows, columns = (1 + max(place[axis] for place in places) for axis in (0, 1))
        if rows * columns == len(places):
            return [[places[i, j] for j in range(columns)] for i in range(rows)]
    return None


def _svg(figure: Figure, title: str) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    label = f'<svg role="img" aria-label="{title}" '
    return label + text.removeprefix("<svg ")
