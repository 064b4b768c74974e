"""`full`: the table, the failures, the summary; drawn at the end, in catalogue order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from needle_cli import console
from needle_cli._version import __version__
from needle_cli.reports.events import (
    FINDING,
    UNANSWERED,
    Event,
    Row,
    RunDone,
    RunInfo,
    Spot,
    Summary,
)
from needle_cli.reports.numbers import bar, percent
from needle_cli.reports.outputs import Writer
from needle_cli.reports.terminal import details
from needle_cli.reports.terminal.page import Page
from needle_cli.settings import Settings

MARKS = {"pass": "✓", "fail": "✗", "error": "✗", "no_derivative": "✗", "timeout": "?",
         "cannot_tell": "?", "known": "known", "not_applicable": "–"}  # fmt: skip
STYLES = {"pass": "green", "known": "yellow", **details.STYLES}
SLOWEST = 10
GAP = 3
"""Blanks between two columns of the table."""

LEAST_AT = 10
"""Columns that the place of the worst error needs; with less there is a list instead."""

FAULTS = "faults"
"""The row that says how many planted faults an operator's spec catches."""

NOT_ASKED = "not asked"
"""How the reason of a check begins that another check's finding kept from being asked."""


@dataclass(frozen=True)
class Line:
    """One row of the screen's table."""

    status: str
    name: str
    check: str
    examples: int
    worst: Spot | None
    at: str
    seconds: float
    faults: str = ""


class Terminal:
    """Draws the screen of a run."""

    def __init__(self, write: Writer, settings: Settings) -> None:
        self._write = write
        self._verbosity: int = settings["verbosity"]
        self._hints: str = settings["hints"]
        self._slowest: bool = settings["profile-time"]
        self._colour = console.coloured(settings["color"])
        self._columns = console.width()

    def handle(self, event: Event) -> None:
        """Draw everything when the run is over."""
        if isinstance(event, RunDone):
            page = Page(self._colour, self._columns)
            self._draw(page, event.info, event.summary)
            self._write(page.text())

    def _draw(self, page: Page, info: RunInfo, summary: Summary) -> None:
        if self._verbosity >= 0:
            self._header(page, info)
            lines = self._lines(summary.rows)
            if lines:
                (table if self._columns >= console.NARROW else listing)(page, lines)
        shown: set[str] = set()
        for row, others in blocks(summary.rows):
            siblings = [r for r in summary.rows if r.op == row.op and r.op not in shown]
            details.show(page, row, info, self._hints, others, siblings)
            shown.add(row.op)
        for internal in summary.internal:
            page.entry("Internal error", f"while judging {internal.op}: {internal.message}", "red")
            if self._verbosity >= 2:
                page.line(internal.traceback.rstrip())
            page.line()
        if self._slowest:
            slowest(page, by_operator(summary.rows))
        for note in summary.notes:
            page.pieces((f" ? {note}", "yellow"))
        self._footer(page, info, summary)

    def _header(self, page: Page, info: RunInfo) -> None:
        count = len(info.operators)
        words = [
            f"needle {__version__}",
            ", ".join(info.devices),
            ", ".join(info.dtypes),
            f"profile {info.profile}",
            f"{count} operator{'s' * (count != 1)} from {info.source}",
        ]
        page.entry("", " · ".join(words), margin=0)
        page.line()

    def _lines(self, rows: Sequence[Row]) -> list[Line]:
        if self._verbosity < 1:
            return by_operator(rows)
        several = len({(row.device, row.dtype) for row in rows}) > 1
        return [per_check(row, several) for row in rows]

    def _footer(self, page: Page, info: RunInfo, summary: Summary) -> None:
        for words in footer(info, summary):
            page.entry("", words, margin=1)


def by_operator(rows: Sequence[Row]) -> list[Line]:
    """Return one line per operator: its worst check, its largest share, all its time."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.op, []).append(row)
    return [_operator_line(op, group) for op, group in groups.items()]


def _operator_line(op: str, rows: Sequence[Row]) -> Line:
    worst = min(rows, key=lambda row: row.severity)
    unsettled = worst.status in FINDING | UNANSWERED
    told = [row for row in rows if row.status == worst.status] if unsettled else rows
    spots = [row.worst for row in told if row.worst and row.worst.of_allowed is not None]
    top = max(spots, key=lambda spot: spot.of_allowed or 0.0, default=None)
    at = top.name if top is not None else ""
    if unsettled:
        more = len({row.check for row in told}) - 1
        at = told[0].check + (f", {more} more" if more else "")
    elif worst.status == "known":
        at = worst.reason
    asked = [row for row in rows if row.check != FAULTS]
    score = next((row.reason.partition(";")[0] for row in rows if row.check == FAULTS), "")
    return Line(worst.status, op, "", max(row.examples for row in asked or rows), top, at,
                sum(row.seconds for row in rows), score)  # fmt: skip


def blocks(rows: Sequence[Row]) -> list[tuple[Row, list[str]]]:
    """Return the rows whose failure is told, each with the checks that failed in the same words.

    An operator that cannot be computed fails in every check alike, and what was not asked for that
    reason is no news: both are told once.
    """
    told: dict[tuple[str, ...], tuple[Row, list[str]]] = {}
    for row in rows:
        if row.status not in FINDING | UNANSWERED:
            continue
        words = row.findings[0].message if row.findings else row.reason
        key = (row.op, row.device, row.dtype, words or row.check)
        same = row.status == "error" or not (row.findings and row.findings[0].cause)
        if key in told and same:
            told[key][1].append(row.check)
        elif not words.startswith(NOT_ASKED):
            told[(*key, row.check) if key in told else key] = (row, [])
    return list(told.values())


def per_check(row: Row, several: bool) -> Line:
    """Return the line of one check."""
    at = row.worst.name if row.worst is not None else ""
    if row.status not in ("pass", "fail"):
        at = row.reason
    where = f" [{row.device}-{row.dtype}]" if several else ""
    return Line(row.status, row.op, row.check + where, row.examples, row.worst, at, row.seconds)


def table(page: Page, lines: Sequence[Line]) -> None:
    """Add the table, the verdict first; a list where names would not fit beside the numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

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
    """Return the width of every column; `at` takes what is left, up to what it needs."""
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


def footer(info: RunInfo, summary: Summary) -> list[str]:
    """Return the lines of the summary."""
    lines = by_operator(summary.rows)
    kinds = [
        ("passed", {"pass"}), ("not applicable", {"not_applicable"}), ("known", {"known"}),
        ("with findings", set(FINDING)), ("unanswered", set(UNANSWERED)),
    ]  # fmt: skip
    counts = [(sum(line.status in group for line in lines), word) for word, group in kinds]
    words = [f"{count} {word}" for count, word in counts if count]
    passed = [line.worst for line in lines if line.worst and line.status == "pass"]
    shares = [spot.of_allowed for spot in passed if spot.of_allowed is not None]
    text = ", ".join(words) or "nothing judged"
    if shares:
        text += f" · worst error {percent(max(shares))} of what is allowed"
    first = [f"{text} · {summary.seconds:.1f} s"]
    if summary.interrupted:
        first.append(f"interrupted: {len(summary.left_out)} operators were not judged")
    elif summary.left_out:
        first.append(f"stopped by --max-failures: {len(summary.left_out)} operators not reported")
    return [*first, f"seed {info.seed} · all checks: needle list checks"]


def _time(line: Line) -> str:
    return f"{line.seconds:.1f} s"


def _share(line: Line) -> str:
    if line.worst is None or line.worst.of_allowed is None:
        return "–"
    share = line.worst.of_allowed
    return f"{percent(share):>5} {bar(share)}" if line.status == "pass" else f"{percent(share):>5}"
