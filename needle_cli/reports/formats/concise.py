"""`concise`: one line per finding, for grep and editors; the form is stable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from needle_cli.console import tame
from needle_cli.reports.events import (
    FINDING,
    UNANSWERED,
    Event,
    FindingView,
    Row,
    RunDone,
    RunFailed,
)
from needle_cli.reports.numbers import brief
from needle_cli.reports.outputs import Writer
from needle_cli.settings import Settings


class Concise:
    """Writes `path:line: op[device-dtype] check: what [ID]`."""

    def __init__(self, write: Writer, settings: Settings) -> None:
        self._write = write

    def handle(self, event: Event) -> None:
        """Write the lines at the end, in catalogue order."""
        if isinstance(event, RunDone):
            rows = [r for r in event.summary.rows if r.status in FINDING | UNANSWERED]
            self._write("".join(line + "\n" for row in rows for line in lines_of(row)))
        elif isinstance(event, RunFailed):
            self._write(f"{place_of(event.error)}error: {_one_line(event.error['message'])}\n")


def place_of(error: Mapping[str, Any]) -> str:
    """Return `path:line: ` of an error, as far as it is known."""
    line = f":{error['line']}" if error.get("line") else ""
    return f"{error['path']}{line}: " if error.get("path") else ""


def lines_of(row: Row) -> list[str]:
    """Return one line per finding of a row, or one for the row itself."""
    place = f"{row.path}:{row.line}: " if row.path else ""
    head = f"{place}{row.op}[{row.device}-{row.dtype}] {row.check}: "
    if not row.findings:
        return [head + _one_line(row.reason or row.status)]
    return [head + _one_line(what(finding)) for finding in row.findings]


def what(finding: FindingView) -> str:
    """Return cause, entry, numbers and ID of a finding."""
    spot = finding.spot
    text = finding.cause or finding.message or "wrong"
    if spot.analytic is not None and spot.numeric is not None:
        text += f" at {spot.name} ({brief(spot.analytic)} ≠ {brief(spot.numeric)})"
    return text + (f" [{finding.replay_id}]" if finding.replay_id else "")


def _one_line(text: str) -> str:
    return " ".join(tame(text).split())
