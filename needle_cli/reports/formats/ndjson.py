"""`ndjson`: every event of the run as it comes, one JSON object a line."""

from __future__ import annotations

from needle_cli import console
from needle_cli.reports import documents
from needle_cli.reports.events import (
    Event,
    OperatorDone,
    OperatorStarted,
    RunFailed,
    RunInfo,
    RunStarted,
)
from needle_cli.reports.format import Format, Writer
from needle_cli.settings import Settings


class Ndjson(Format):
    """Writes raw events; operators come in the order in which workers finish."""

    streams = True

    def __init__(self, write: Writer, settings: Settings) -> None:
        super().__init__(write, settings)
        self._info: RunInfo | None = None

    def handle(self, event: Event) -> None:
        """Write one line."""
        self.write(console.json_text(self._line(event), indent=None))

    def _line(self, event: Event) -> documents.Document:
        if isinstance(event, RunStarted):
            self._info = event.info
            return {
                "event": "run_started",
                "schema": documents.SCHEMA,
                "schema_version": documents.SCHEMA_VERSION,
                "run": documents.run(event.info),
            }
        if isinstance(event, OperatorStarted):
            return {"event": "operator_started", "op": event.op}
        if isinstance(event, OperatorDone):
            assert self._info is not None
            rows = [documents.row(row, self._info) for row in event.rows]
            return {"event": "operator_done", "op": event.op, "results": rows}
        if isinstance(event, RunFailed):
            return {"event": "run_failed", "error": dict(event.error)}
        return {"event": "run_done", "summary": documents.totals(event.summary)}
