"""Turn outcomes into rows: answers, crashes, time limits, printed text, missing specs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from needle_cli.operators import known_failures
from needle_cli.operators.unit import Unit
from needle_cli.problems import shown_path
from needle_cli.records.tokens import Record, leaves
from needle_cli.reports import documents
from needle_cli.reports.events import CaseView, FindingView, Row, RunInfo
from needle_cli.running.tasks import Outcome

FIRST_CHECK = "forward"
"""The check of a row if an operator ends its process before any check started."""

PRINTING_CHECK = "purity"
"""The check that covers printing: an operator must have no side effects."""

DRAWN = "as drawn"
"""The label of a crash's case, which is not shrunk."""

MOST_PRINTED = 60


def rows_of(outcome: Outcome, unit: Unit) -> list[Row]:
    """Return the rows of one operator's outcome, its known failures marked."""
    spec = shown_path(Path(unit.spec)) if unit.spec else ""
    rows = [replace(row, path=unit.path, line=unit.line, spec=spec) for row in _rows(outcome)]
    printed = outcome.data.get("printed", "")
    rows = _with_printed(rows, printed, outcome) if printed else rows
    if not unit.known:
        return rows
    pinned = [known_failures.pinned_of(item) for item in outcome.data.get("known", ())]
    return known_failures.apply(rows, unit.known, pinned, date.today(), unit.asked)


def without_judging(unit: Unit, info: RunInfo) -> list[Row]:
    """Return the rows that need no judging: a spec, an operator or its whole source is missing."""
    device, dtype = info.devices[0], info.dtypes[0]
    if unit.fault:
        found = FindingView(unit.fault)
        return [Row(unit.name, FIRST_CHECK, device, dtype, "error", unit.fault, path=unit.path,
                    line=unit.line, findings=(found,))]  # fmt: skip
    if unit.spec and unit.exists:
        return []
    row = Row(unit.name, "spec", device, dtype, "fail", path=unit.path, line=unit.line)
    if not unit.exists:
        reason = "spec without operator: the function does not exist, or is not in __all__"
        return [replace(row, reason=reason)]
    if unit.source:
        stem = Path(unit.source).stem
        reason = f"no spec: write {stem}.specs/{unit.function}.toml beside the file"
        return [replace(row, reason=reason)]
    return [replace(row, reason=f"no spec: write specs/{unit.name}.toml")]


def _rows(outcome: Outcome) -> list[Row]:
    data = outcome.data
    if outcome.ending == "answer" and "rows" in data:
        return [documents.row_of(row) for row in data["rows"]]
    if outcome.ending == "not_reached":
        return [_row(outcome, "timeout", FIRST_CHECK, "not reached within --max-time", None)]
    if outcome.ending == "answer":
        return _raised(outcome)
    status = "timeout" if outcome.ending == "timeout" else "error"
    place = f" at {outcome.place}" if outcome.place else ""
    return [_row(outcome, status, outcome.check, outcome.reason + place, outcome.record)]


def _raised(outcome: Outcome) -> list[Row]:
    data = outcome.data
    if "internal" in data:
        return []
    if "problem" in data:
        return [_row(outcome, "error", FIRST_CHECK, data["problem"]["message"], None)]
    return [_row(outcome, "error", data["check"], f"raised {data['raised']}", data["record"])]


def _row(outcome: Outcome, status: str, check: str, reason: str, record: Record | None) -> Row:
    task = outcome.task
    row = Row(task.op, check or FIRST_CHECK, task.device, task.dtype, status, reason,
              seconds=round(outcome.seconds, 6))  # fmt: skip
    view = _case(record, reason) if record else None
    return replace(row, findings=(FindingView(reason, smallest=view),))


def _case(record: Record, reason: str) -> CaseView:
    shapes = {name: array["shape"] for name, array in leaves(record)}
    return CaseView(record, reason, DRAWN, shapes)


def _with_printed(rows: list[Row], printed: str, outcome: Outcome) -> list[Row]:
    """Turn printing into an error of the check `purity`."""
    first = printed.strip().splitlines()[0] if printed.strip() else repr(printed[:MOST_PRINTED])
    cut = first[:MOST_PRINTED] + ("…" if len(first) > MOST_PRINTED else "")
    reason = f"printed to standard output: {cut}"
    task = outcome.task
    found = next((row for row in rows if row.check == PRINTING_CHECK), None)
    path, line = (rows[0].path, rows[0].line) if rows else ("", 0)
    row = found or Row(
        task.op, PRINTING_CHECK, task.device, task.dtype, "error", path=path, line=line
    )
    finding = FindingView(reason)
    printing = replace(row, status="error", reason=reason, findings=(*row.findings, finding))
    return [printing if row is found else row for row in rows] + ([] if found else [printing])
