"""The content of tables: one line per operator or per check, and the summary below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from needle_cli.problems import counted
from needle_cli.reports.events import FINDING, GATE, UNANSWERED, Row, RunInfo, Spot, Summary
from needle_cli.reports.numbers import percent

MARKS = {"pass": "✓", "fail": "✗", "error": "✗", "no_derivative": "✗", "timeout": "?",
         "cannot_tell": "?", "known": "known", "not_applicable": "–"}  # fmt: skip

FAULTS = "faults"
"""The check whose row says how many planted faults an operator's spec catches."""


@dataclass(frozen=True)
class Line:
    """One row of the screen's table."""

    status: str
    name: str
    check: str
    examples: int
    worst: Spot | None
    at: str
    seconds: float
    faults: str = ""


def by_operator(rows: Sequence[Row]) -> list[Line]:
    """Return one line per operator: its worst check, its largest error, its total time.

    What the gate only tells about the whole change is no operator.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.op == GATE and row.status == "pass":
            continue
        groups.setdefault(row.op, []).append(row)
    return [_operator_line(op, group) for op, group in groups.items()]


def _operator_line(op: str, rows: Sequence[Row]) -> Line:
    worst = min(rows, key=lambda row: row.severity)
    unsettled = worst.is_open
    told = [row for row in rows if row.status == worst.status] if unsettled else rows
    spots = [row.worst for row in told if row.worst and row.worst.of_allowed is not None]
    top = max(spots, key=lambda spot: spot.of_allowed or 0.0, default=None)
    at = top.name if top is not None else ""
    if unsettled:
        more = len({row.check for row in told}) - 1
        at = told[0].check + (f", {more} more" if more else "")
    elif worst.status == "known":
        at = worst.reason
    asked = [row for row in rows if row.check != FAULTS]
    score = next((row.reason.partition(";")[0] for row in rows if row.check == FAULTS), "")
    return Line(worst.status, op, "", max(row.examples for row in asked or rows), top, at,
                sum(row.seconds for row in rows), score)  # fmt: skip


def blocks(rows: Sequence[Row]) -> list[tuple[Row, list[str]]]:
    """Return the rows whose failure is shown, each with the checks that failed in the same words.

    An operator that cannot be computed fails in every check in the same way, and a check that was
    not asked for that reason adds nothing: both are shown once.
    """
    told: dict[tuple[str, ...], tuple[Row, list[str]]] = {}
    for row in rows:
        if not row.is_open:
            continue
        words = row.findings[0].message if row.findings else row.reason
        key = (row.op, row.device, row.dtype, words or row.check)
        same = row.status == "error" or not (row.findings and row.findings[0].cause)
        if key in told and same:
            told[key][1].append(row.check)
        elif row.findings or row.status != "error":
            told[(*key, row.check) if key in told else key] = (row, [])
    return list(told.values())


def per_check(row: Row, several: bool) -> Line:
    """Return the line of one check."""
    at = row.worst.name if row.worst is not None else ""
    if row.status not in ("pass", "fail"):
        at = row.reason
    where = f" [{row.device}-{row.dtype}]" if several else ""
    return Line(row.status, row.op, row.check + where, row.examples, row.worst, at, row.seconds)


def footer(info: RunInfo, summary: Summary) -> list[str]:
    """Return the lines of the summary."""
    lines = by_operator(summary.rows)
    kinds = [
        ("passed", {"pass"}), ("not applicable", {"not_applicable"}), ("known", {"known"}),
        ("with findings", set(FINDING)), ("unanswered", set(UNANSWERED)),
    ]  # fmt: skip
    counts = [(sum(line.status in group for line in lines), word) for word, group in kinds]
    words = [f"{count} {word}" for count, word in counts if count]
    passed = [line.worst for line in lines if line.worst and line.status == "pass"]
    shares = [spot.of_allowed for spot in passed if spot.of_allowed is not None]
    text = ", ".join(words) or "nothing judged"
    if shares:
        text += f" · worst error {percent(max(shares))} of what is allowed"
    first = [f"{text} · {summary.seconds:.1f} s"]
    left = counted(len(summary.left_out), "operator")
    if summary.interrupted:
        first.append(f"interrupted: {left} not judged")
    elif summary.left_out:
        first.append(
            f"stopped by --max-failures: {counted(len(summary.left_out), 'operator')} not reported"
        )
    return [*first, f"seed {info.seed} · all checks: needle list checks"]
