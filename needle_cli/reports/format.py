"""What a format of the report is: made with a function to write with, then told every event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from needle_cli.reports.events import Event, RunDone, RunFailed, RunInfo, Summary
from needle_cli.settings import Settings

Writer = Callable[[str], object]
Listener = Callable[[Event], None]


class Format:
    """A format that is written at once, when the run is over.

    A class NAME in formats/name.py, and the line of the name in `settings.FORMATS`, is all that a
    format needs. One that writes while the run goes on has a `handle` of its own.
    """

    def __init__(self, write: Writer, settings: Settings) -> None:
        self.write = write

    def handle(self, event: Event) -> None:
        """Write at the end, or the error that kept the run from one."""
        if isinstance(event, RunDone):
            self.write(self.done(event.info, event.summary))
        elif isinstance(event, RunFailed):
            self.write(self.failed(event.error))

    def done(self, info: RunInfo, summary: Summary) -> str:
        """Return the whole text of a run."""
        raise NotImplementedError

    def failed(self, error: Mapping[str, Any]) -> str:
        """Return the whole text of a run that failed; `error` is that of the report."""
        raise NotImplementedError
