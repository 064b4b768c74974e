"""`concise`: one line per finding, for grep and editors; the form is stable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from needle_cli.console import tame
from needle_cli.reports.events import Row, RunInfo, Summary
from needle_cli.reports.format import Format
from needle_cli.reports.issues import what


class Concise(Format):
    """Lines of the form `path:line: op[device-dtype] check: what [ID]`, in catalogue order.

    Notes about the whole run, such as a device that is missing, follow as lines of their own.
    """

    def done(self, info: RunInfo, summary: Summary) -> str:
        """Return a line for every finding and every open question, then what was not asked."""
        rows = [row for row in summary.rows if row.is_open]
        lines = [line for row in rows for line in lines_of(row)]
        return "".join(f"{line}\n" for line in [*lines, *map(_one_line, summary.remarks)])

    def failed(self, error: Mapping[str, Any]) -> str:
        """Return the error as one line."""
        return _one_line(f"{place_of(error)}error: {error['message']}") + "\n"


def place_of(error: Mapping[str, Any]) -> str:
    """Return `path:line: ` of an error, without the parts that are unknown."""
    line = f":{error['line']}" if error.get("line") else ""
    return f"{error['path']}{line}: " if error.get("path") else ""


def lines_of(row: Row) -> list[str]:
    """Return one line per finding of a row, or one for the row itself."""
    place = f"{row.path}:{row.line}: " if row.path else ""
    head = f"{place}{row.op}[{row.device}-{row.dtype}] {row.check}: "
    if not row.findings:
        return [_one_line(head + (row.reason or row.status))]
    return [_one_line(head + what(finding)) for finding in row.findings]


def _one_line(text: str) -> str:
    return " ".join(tame(text).split())
