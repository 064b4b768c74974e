"""Pages of the site that are made, not written: operators, and pictures by our own code."""

from __future__ import annotations

import inspect
import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from mkdocs.structure.files import File, Files
from scipy.special import erf, erfc

from needle import ops
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Case, Plan
from needle_cli.checking.numerics.comparison import ALL
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.windows import WIDTH, read
from needle_cli.checking.point import Subject
from needle_cli.checking.search.error_curve import error_curve
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.operators import catalogue
from needle_cli.reports.events import Curve
from needle_cli.reports.formats import charts
from needle_cli.specs import load_spec, read_header

GREY = "#808080"
"""Alone in a file there is no page whose colour a picture could take."""

ROOT = Path(__file__).parent.parent


def gelu(x: Any) -> Any:
    """Return x times the normal distribution's share below x, with its rounding as stairs."""
    return x * (1 + erf(x / np.sqrt(2))) / 2


def gelu_slope(x: Any) -> Any:
    """Return the derivative of `gelu`, without its stairs."""
    return erfc(-x / np.sqrt(2)) / 2 + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


PICTURED = {"exp": "exponential/exp", "power": "arithmetic/power"}
SLOPES = {"exp": (np.exp, np.exp, 1.0), "gelu": (gelu, gelu_slope, -6.54)}
"""Function, derivative and point of every picture of windows."""


def on_files(files: Files, config: Any) -> Files:
    """Add the page of every operator, their list, and the pictures."""
    entries = catalogue.operators()
    listed = ["# Operators", "", "| operator | what it computes |", "|---|---|"]
    for entry in entries:
        listed.append(f"| [`{entry.name}`](operators/{entry.name}.md) | {entry.summary} |")
        page = File.generated(config, f"operators/{entry.name}.md", content=_page(entry))
        files.append(page)
    files.append(File.generated(config, "operators.md", content="\n".join(listed) + "\n"))
    for name, spec in PICTURED.items():
        files.append(File.generated(config, f"pictures/step-{name}.svg", content=_picture(spec)))
    for name, case in SLOPES.items():
        files.append(
            File.generated(config, f"pictures/windows-{name}.svg", content=_windows(*case))
        )
    return files


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Put in the files that a page shows: lines of the form `--8<-- "path"`."""
    lines = [
        (ROOT / line.split('"')[1]).read_text("utf-8").rstrip()
        if line.startswith("--8<--")
        else line
        for line in markdown.splitlines()
    ]
    return "\n".join(lines) + "\n"


def _page(entry: catalogue.OperatorEntry) -> str:
    function = getattr(ops, entry.function)
    signature = f"{entry.function}{inspect.signature(function)}"
    parts = [
        f"# {entry.name}", "", f"`{signature}`", "", inspect.getdoc(function) or "", "",
        *_claims(ROOT / "specs" / f"{entry.name}.toml"),
        "## The code", "", "```python", _source(entry), "```", "",
    ]  # fmt: skip
    return "\n".join(parts)


def _claims(spec: Path) -> list[str]:
    """Return the lines about a spec; none for an operator that has none yet."""
    if not spec.exists():
        return []
    return [
        f"**Formula.** `{read_header(spec).formula}`", "",
        "## What it claims", "", "```toml", spec.read_text("utf-8").rstrip(), "```", "",
    ]  # fmt: skip


def _source(entry: catalogue.OperatorEntry) -> str:
    shown = [getattr(ops, name) for name in (entry.class_name, entry.function) if name]
    return "\n\n".join(inspect.getsource(item).rstrip() for item in shown)


def _picture(name: str) -> str:
    claims = load_spec(ROOT / "specs" / f"{name}.toml").claims
    op = operator_under_test(getattr(ops, claims.function), claims, name=name)
    curve = error_curve(op, claims, Plan(("gradient",)))
    assert curve is not None, f"{name} has no typical case"
    drawn = charts.curve(Curve(**vars(curve)))
    return drawn.replace("currentColor", GREY)


def _windows(f: Any, slope: Any, at: float) -> str:
    """Draw the error that every window of a sample claims, and its true one."""
    x = np.array([at])
    line = Line(
        Subject(Pair(f, lambda v, x: v), Case({"x": x}, judged=frozenset("x"))), [np.abs(x)]
    )
    steps = [t for t in ALL if t >= 16 * line.resolution]
    windows = [read(line, steps[k : k + WIDTH]).best for k in range(len(steps) - WIDTH + 1)]
    true = float(slope(at)) * abs(at)
    claimed = [float(w.error[0] / abs(true)) for w in windows]
    errors = [max(abs(float(w.slope[0]) - true) / abs(true), 1e-16) for w in windows]
    with mpl.rc_context({"font.size": 8, "text.color": GREY, "axes.labelcolor": GREY,
                         "axes.edgecolor": GREY, "xtick.color": GREY, "ytick.color": GREY,
                         "svg.hashsalt": "needle"}):  # fmt: skip
        figure = Figure(figsize=(3.6, 2.1), layout="constrained")
        axes = figure.subplots()
        largest = steps[: len(windows)]
        axes.loglog(largest, claimed, color=charts.LINE, linewidth=1.2, label="claimed")
        axes.loglog(largest, errors, color=charts.BAD, linewidth=0.8, label="true")
        axes.legend(frameon=False)
        axes.set_xlabel("largest step of the window")
        axes.set_ylabel("relative error")
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]
