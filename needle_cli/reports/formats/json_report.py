"""`json`: one strict document, never through rich."""

from __future__ import annotations

import json

from needle_cli.reports import documents
from needle_cli.reports.events import Event, RunDone, RunFailed
from needle_cli.reports.outputs import Writer
from needle_cli.settings import Settings


class JsonReport:
    """Writes the report when the run is over."""

    def __init__(self, write: Writer, settings: Settings) -> None:
        self._write = write

    def handle(self, event: Event) -> None:
        """Write the document at the end, or the error that kept it from being made."""
        if isinstance(event, RunDone):
            document = documents.report(event.info, event.summary)
        elif isinstance(event, RunFailed):
            document = documents.failed(event.error)
        else:
            return
        self._write(json.dumps(document, indent=2, allow_nan=False) + "\n")
