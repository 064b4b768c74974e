"""The table of the screen, and the list that replaces it on a narrow one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from needle_cli import console
from needle_cli.reports.lines import MARKS, Line
from needle_cli.reports.numbers import bar, percent
from needle_cli.reports.terminal import details
from needle_cli.reports.terminal.page import Page

STYLES = {"pass": "green", "known": "yellow", **details.STYLES}
SLOWEST = 10
GAP = 3
"""Blanks between two columns of the table."""

LEAST_AT = 10
"""Columns that the place of the worst error needs; a narrower screen gets a list."""


def table(page: Page, lines: Sequence[Line]) -> None:
    """Add the table, verdict first; a list if names would not fit beside the numbers."""
    checks = any(line.check for line in lines)
    widths = _widths(page.columns, lines, checks)
    if widths["at"] < LEAST_AT:
        return listing(page, lines)
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=True, padding=(0, 1))
    for title, width in widths.items():
        right = title in ("examples", "time")
        grid.add_column(title, width=width, overflow="fold", justify="right" if right else "left")
    for line in lines:
        cells = [Text(MARKS[line.status], STYLES.get(line.status, ""))]
        cells.append(Text(console.tame(line.name)))
        cells += [Text(line.check)] if checks else []
        cells += [Text(line.faults)] if "faults" in widths else []
        cells += [Text(str(line.examples)), Text(_share(line)), Text(console.tame(line.at))]
        grid.add_row(*cells, Text(_time(line)))
    page.table(grid)
    page.line()
    return None


def _widths(columns: int, lines: Sequence[Line], checks: bool) -> dict[str, int]:
    """Return the width of every column; `at` gets the rest, up to what it needs."""
    widths = {"✓ / ✗": 5, "operator": max([8, *(len(line.name) for line in lines)])}
    if checks:
        widths["check"] = max(len(line.check) for line in lines)
    if any(line.faults for line in lines):
        widths["faults"] = max([6, *(len(line.faults) for line in lines)])
    widths |= {
        "examples": 8,
        "worst error": max([11, *(len(_share(line)) for line in lines)]),
        "at": 0,
        "time": max([5, *(len(_time(line)) for line in lines)]),
    }
    needed = max([LEAST_AT, *(len(line.at) for line in lines)])
    widths["at"] = min(needed, columns - sum(widths.values()) - GAP * len(widths))
    return widths


def listing(page: Page, lines: Sequence[Line]) -> None:
    """Add a list instead of the table, for narrow screens."""
    for line in lines:
        check = f" · {line.check}" if line.check else ""
        page.pieces((f"{MARKS[line.status]} ", STYLES.get(line.status, "")),
                    (f"{line.name}{check}", "bold"))  # fmt: skip
        share = percent(line.worst.of_allowed) if line.worst else ""
        score = f"faults {line.faults}" if line.faults else ""
        words = [score, f"{line.examples} examples", f"worst {share}" if share else "", line.at,
                 f"{line.seconds:.1f} s"]  # fmt: skip
        page.entry("", " · ".join(word for word in words if word), "dim", margin=4)
    page.line()


def slowest(page: Page, lines: Iterable[Line]) -> None:
    """Add the operators that took longest."""
    ranked = sorted(lines, key=lambda line: -line.seconds)[:SLOWEST]
    page.line(" Where the time went")
    for line in ranked:
        page.line(f"   {line.seconds:7.2f} s  {line.name}")
    page.line()


def _time(line: Line) -> str:
    return f"{line.seconds:.1f} s"


def _share(line: Line) -> str:
    if line.worst is None or line.worst.of_allowed is None:
        return "–"
    share = line.worst.of_allowed
    return f"{percent(share):>5} {bar(share)}" if line.status == "pass" else f"{percent(share):>5}"
