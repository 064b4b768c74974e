"""Pages of the site that are made, not written: operators, and pictures by our own code."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from needle import ops
from needle_cli.checking.model import Plan
from needle_cli.checking.search.error_curve import error_curve
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.operators import catalogue
from needle_cli.reports.events import Curve
from needle_cli.reports.formats import charts
from needle_cli.specs import load_spec, read_header

ROOT = Path(__file__).parent.parent
PICTURED = {"exp": "exponential/exp", "power": "arithmetic/power"}


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
    # Alone in a file there is no page whose colour it could take.
    return drawn.replace("currentColor", "#808080")
