"""`github`: workflow commands that put findings on the lines of a pull request.

GitHub shows at most ten annotations of a step and silently drops the rest. So at most nine issues
are written, worst first, and a tenth annotation says how many more there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from needle_cli.console import Commands, tame
from needle_cli.reports.events import RunInfo, Summary
from needle_cli.reports.format import Format
from needle_cli.reports.issues import Issue, failure, issues_of

MOST = 9


class Github(Format):
    """`::error` and `::warning` lines."""

    def done(self, info: RunInfo, summary: Summary) -> str:
        """Return the lines of a run."""
        return Commands("".join(f"{line}\n" for line in lines(issues_of(info, summary))))

    def failed(self, error: Mapping[str, Any]) -> str:
        """Return the line of an error."""
        return Commands(f"{command(failure(error))}\n")


def lines(issues: list[Issue]) -> list[str]:
    """Return the commands for a run's issues, worst first as they come."""
    shown = [command(issue) for issue in issues[:MOST]]
    more = len(issues) - MOST
    if more > 0:
        text = f"and {more} more: see the log, or the report that was written with --report"
        shown.append(f"::warning title=needle::{_data(text)}")
    return shown


def command(issue: Issue) -> str:
    """Return the workflow command of one issue. Columns are left out: GitHub refuses them here."""
    fields = {"title": issue.title}
    if issue.path:
        line = str(max(issue.line, 1))
        fields = {"file": issue.path, "line": line, "endLine": line, **fields}
    given = ",".join(f"{key}={_property(value)}" for key, value in fields.items())
    return f"::{'error' if issue.serious else 'warning'} {given}::{_data(issue.text)}"


def _data(text: str) -> str:
    return tame(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
