"""Turn outcomes into rows: answers, crashes, time limits, side effects, missing specs."""

from __future__ import annotations

from collections.abc import Sequence
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

SIDE_EFFECTS = "purity"
"""The check of a row about side effects that are seen from outside."""

FAULTS = "faults"
"""The check of the row that an answer may have besides those that were asked."""

CHANNEL = "its worker gave an answer that cannot be read"

DRAWN = "as drawn"
"""The label of a crash's case, which is not shrunk."""

MOST_PRINTED, MOST_NAMED = 60, 3


def rows_of(outcome: Outcome, unit: Unit) -> list[Row]:
    """Return the rows of one operator's outcome, its known failures marked."""
    spec = shown_path(Path(unit.spec)) if unit.spec else ""
    try:
        rows = _with_side_effects(_rows(outcome), outcome)
        pinned = [known_failures.pinned_of(item) for item in outcome.data.get("known", ())]
    except (AttributeError, LookupError, TypeError, ValueError):
        rows, pinned = [_row(outcome, "error", FIRST_CHECK, CHANNEL, None)], []
    rows = [replace(row, path=unit.path, line=unit.line, spec=spec) for row in rows]
    if not unit.known:
        return rows
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
        return _answers(outcome, [documents.row_of(row) for row in data["rows"]])
    if outcome.ending == "not_reached":
        return [_row(outcome, "timeout", FIRST_CHECK, "not reached within --max-time", None)]
    if outcome.ending == "answer":
        return _raised(outcome)
    status = "timeout" if outcome.ending == "timeout" else "error"
    place = f" at {outcome.place}" if outcome.place else ""
    reason = outcome.reason + place
    found = [documents.row_of(row) for row in outcome.found]
    found = [replace(row, reason=f"found before this: {reason}") for row in found]
    if any(row.check == outcome.check for row in found):
        return found
    return [*found, _row(outcome, status, outcome.check, reason, outcome.record)]


def _answers(outcome: Outcome, rows: Sequence[Row]) -> list[Row]:
    """Return one row for every check that was asked, and an error where there is none, or two."""
    task = outcome.task
    asked = {(task.op, check, task.device, task.dtype): check for check in task.checks}
    given = [(row.op, row.check, row.device, row.dtype) for row in rows]
    extra = (task.op, FAULTS, task.device, task.dtype)
    if task.faults and extra in given:
        asked[extra] = FAULTS
    answers = []
    for question, check in asked.items():
        found = [row for row, heading in zip(rows, given, strict=True) if heading == question]
        text = f"{len(found)} answers to this question came from its worker"
        answers.append(found[0] if len(found) == 1 else _row(outcome, "error", check, text, None))
    if set(given) <= asked.keys():
        return answers
    return [_row(outcome, "error", task.checks[0], CHANNEL, None), *answers[1:]]


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


def _with_side_effects(rows: list[Row], outcome: Outcome) -> list[Row]:
    """Return the rows with what was seen of side effects from outside, in that of `purity`."""
    printed, changed = outcome.data.get("printed", ""), outcome.data.get("changed", ())
    if changed:
        failed = outcome.data.get("internal", "")
        broke = f", and so broke its judge ({failed})" if failed else ""
        text = f"changes what is not its own: {_listed(changed)}{broke}"
        rows = _with(rows, outcome, "fail", text)
    if printed:
        first = printed.strip().splitlines()[0] if printed.strip() else repr(printed[:MOST_PRINTED])
        cut = first[:MOST_PRINTED] + ("…" if len(first) > MOST_PRINTED else "")
        rows = _with(rows, outcome, "error", f"printed to standard output: {cut}")
    return rows


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _with(rows: Sequence[Row], outcome: Outcome, status: str, reason: str) -> list[Row]:
    """Return rows with a finding of the check `purity`, whose row gets a status and a reason."""
    task = outcome.task
    row = next((row for row in rows if row.check == SIDE_EFFECTS), None)
    kept = [other for other in rows if other is not row]
    if row is None:
        row = Row(task.op, SIDE_EFFECTS, task.device, task.dtype, status)
    elif row.status == "error":
        status = "error"
    findings = (*row.findings, FindingView(reason))
    done = replace(row, status=status, reason=reason, findings=findings)
    place = next((k for k, other in enumerate(rows) if other is row), len(rows))
    return [*kept[:place], done, *kept[place:]]
