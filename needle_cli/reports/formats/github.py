"""`github`: workflow commands that put findings on the lines of a pull request.

GitHub shows ten annotations of a step at most and drops the rest without a word, so that nine are
written, worst first, and a tenth that says how many more there are.
"""

from __future__ import annotations

from needle_cli.reports.events import Event, RunDone, RunFailed
from needle_cli.reports.issues import Issue, failure, issues_of
from needle_cli.reports.outputs import Writer
from needle_cli.settings import Settings

MOST = 9


class Github:
    """Writes `::error` and `::warning` lines when the run is over."""

    def __init__(self, write: Writer, settings: Settings) -> None:
        self._write = write

    def handle(self, event: Event) -> None:
        """Write the lines at the end."""
        if isinstance(event, RunDone):
            self._write(
                "".join(f"{line}\n" for line in lines(issues_of(event.info, event.summary)))
            )
        elif isinstance(event, RunFailed):
            self._write(f"{command(failure(event.error))}\n")


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
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
