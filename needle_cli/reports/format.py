"""The base of the formats: constructed with a function that writes, then given every event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from needle_cli.reports.events import Event, RunDone, RunFailed, RunInfo, Summary
from needle_cli.settings import Settings

Writer = Callable[[str], object]
Listener = Callable[[Event], None]


class Format:
    """A format that is written at the end of the run.

    A new format is a class NAME in formats/name.py and a line in `settings.FORMATS`. A format that
    writes during the run overrides `handle` and says that it `streams`.
    """

    streams = False

    def __init__(self, write: Writer, settings: Settings) -> None:
        self.write = write

    def handle(self, event: Event) -> None:
        """Write the report at the end of the run, or the error that stopped it."""
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
