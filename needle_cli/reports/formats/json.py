"""`json`: one strict JSON document, written without rich."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from needle_cli import console
from needle_cli.reports import documents
from needle_cli.reports.events import RunInfo, Summary
from needle_cli.reports.format import Format


class Json(Format):
    """The report as report.schema.json describes it."""

    def done(self, info: RunInfo, summary: Summary) -> str:
        """Return the document of a run."""
        return _text(documents.report(info, summary))

    def failed(self, error: Mapping[str, Any]) -> str:
        """Return the document of an error."""
        return _text(documents.failed(error))


def _text(document: documents.Document) -> str:
    return console.json_text(document)
