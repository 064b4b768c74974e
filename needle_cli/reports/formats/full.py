"""`full`: the table, the failures, the summary; drawn at the end, in catalogue order."""

from __future__ import annotations

from collections.abc import Sequence

from needle_cli import console
from needle_cli._version import __version__
from needle_cli.reports.events import Event, Row, RunDone, RunInfo, Summary
from needle_cli.reports.format import Format, Writer
from needle_cli.reports.lines import Line, blocks, by_operator, footer, per_check
from needle_cli.reports.terminal import details
from needle_cli.reports.terminal.page import Page
from needle_cli.reports.terminal.table import listing, slowest, table
from needle_cli.settings import Settings


class Full(Format):
    """The screen of a run; an error that keeps a run from starting goes to stderr."""

    def __init__(self, write: Writer, settings: Settings) -> None:
        super().__init__(write, settings)
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
            self.write(page.text())

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
            for finding in row.findings:
                if self._verbosity >= 2 and finding.traceback:
                    page.block("Traceback", finding.traceback.rstrip())
                    page.line()
            shown.add(row.op)
        for internal in summary.internal:
            page.entry("Internal error", f"while judging {internal.op}: {internal.message}", "red")
            if self._verbosity >= 2:
                page.line(internal.traceback.rstrip())
            page.line()
        if self._slowest:
            slowest(page, by_operator(summary.rows))
        for mark, notes in (("?", (*summary.unasked, *summary.notes)), ("!", summary.told)):
            for note in notes:
                page.pieces((f" {mark} {note}", "yellow"))
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
