"""The last run, kept in `.needle/last`: its report, and which operators had findings."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from needle_cli.operators.unit import Unit
from needle_cli.records.store import FOLDER, make_folder, write_whole
from needle_cli.reports import documents
from needle_cli.reports.events import Event, RunDone

REPORT = "report.json"
FAILED = "failed.json"


class LastRun:
    """Listens to a run and keeps what `--lf`, `--ff` and `needle baseline` need later.

    A folder that cannot be written is not an error here: the store of failing cases warns about it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def handle(self, event: Event) -> None:
        """Write both files at the end of the run."""
        if not isinstance(event, RunDone):
            return
        document = documents.report(event.info, event.summary)
        judged = {row.op for row in event.summary.rows}
        bad = {row.op for row in event.summary.rows if row.is_open}
        failed = sorted((failed_operators(self._root) - judged) | bad)
        with contextlib.suppress(OSError):
            folder = make_folder(self._root, "last")
            write_whole(folder / REPORT, json.dumps(document, allow_nan=False) + "\n")
            write_whole(folder / FAILED, json.dumps(failed) + "\n")


def failed_operators(root: Path) -> set[str]:
    """Return the operators that had findings or unanswered questions when last judged."""
    with contextlib.suppress(OSError, ValueError):
        names = json.loads((root / FOLDER / "last" / FAILED).read_text(encoding="utf-8"))
        return {name for name in names if isinstance(name, str)}
    return set()


def only_failed(units: Sequence[Unit], root: Path) -> list[Unit]:
    """Return the units that failed last; all of them if none did."""
    failed = failed_operators(root)
    return [unit for unit in units if unit.name in failed] or list(units)


def failed_first(units: Sequence[Unit], root: Path) -> list[Unit]:
    """Return the units, starting with those that failed last."""
    failed = failed_operators(root)
    return sorted(units, key=lambda unit: unit.name not in failed)
