"""What a reader has to act on, in the words that all machine formats share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from needle_cli.console import tame
from needle_cli.problems import counted
from needle_cli.records.tokens import leaves
from needle_cli.reports import documents
from needle_cli.reports.events import ACCEPTED, OF_THE_GATE, FindingView, Row, RunInfo, Summary
from needle_cli.reports.numbers import array_text, brief, param_text, shape_word

LONGEST = 4000
"""Longer lines, in characters, are cut: the message of an operator may have any length."""


@dataclass(frozen=True)
class Issue:
    """A finding, an unanswered question, or an error of the tool itself.

    `row` is None for errors of the tool and of the whole run, and for a device on which nothing was
    judged. That is no error (`harmless`), nor is what the gate only tells. `title` is one line;
    `text` is a few lines: cause, smallest case, how to ask again.
    """

    row: Row | None
    title: str
    text: str
    path: str = ""
    line: int = 0
    harmless: bool = False

    @property
    def serious(self) -> bool:
        """Whether this is a finding or an error, and not only an open question."""
        return not self.harmless and (self.row is None or self.row.is_finding)

    @property
    def accepted(self) -> bool:
        """Whether a reason was given for it."""
        return self.row is not None and any(f.code == ACCEPTED for f in self.row.findings)

    @property
    def fingerprint(self) -> str:
        """A key that is the same in every run: operator, check, kind of device and dtype.

        The gate says several things about an operator, which are told apart by their words.
        """
        row = self.row
        parts = (
            (row.op, row.check, row.device.partition(":")[0], row.dtype) if row else (self.text,)
        )
        if row is not None and row.check in OF_THE_GATE:
            parts = (*parts, *(finding.message for finding in row.findings))
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def issues_of(info: RunInfo, summary: Summary) -> list[Issue]:
    """Return the issues of a run, worst first, then in catalogue order."""
    rows = [row for row in summary.rows if row.is_open]
    rows.sort(key=lambda row: row.severity)
    internal = [
        Issue(None, f"internal error at {item.op}", tame(item.message)) for item in summary.internal
    ]
    found = [issue_of(part, info) for row in rows for part in _parts(row) if _refuses(part)]
    told = [replace(issue_of(part, info), harmless=True)
            for row in summary.rows for part in _parts(row) if not _refuses(part)]  # fmt: skip
    return internal + found + unasked_of(summary) + told


def _parts(row: Row) -> list[Row]:
    """Return a row of the gate as one row for each finding, at the finding's own place."""
    if row.check not in OF_THE_GATE or not row.findings:
        return [row]
    return [
        replace(row, findings=(f,), path=f.path or row.path, line=f.line or row.line)
        for f in row.findings
    ]


def _refuses(row: Row) -> bool:
    return all(finding.refuses for finding in row.findings)


def unasked_of(summary: Summary) -> list[Issue]:
    """Return the issues of the devices on which nothing was judged."""
    return [Issue(None, "not answered", tame(text), harmless=True) for text in summary.unasked]


def issue_of(row: Row, info: RunInfo) -> Issue:
    """Return the issue of one row: its first finding in full and the number of the others."""
    title = f"{row.op}: {row.check} [{place_of(row)}]"
    lines = [what(row.findings[0]) if row.findings else row.reason or row.status]
    for finding in row.findings[:1]:
        lines += details(finding, row, info)
    if len(row.findings) > 1:
        lines.append(f"and {counted(len(row.findings) - 1, 'other finding')} of this check")
    text = "\n".join(line if len(line) <= LONGEST else line[:LONGEST] + "…" for line in lines)
    return Issue(row, tame(title), tame(text), row.path, row.line)


def what(finding: FindingView) -> str:
    """Return cause, entry, numbers and ID of a finding."""
    spot = finding.spot
    text = finding.cause or finding.message or "wrong"
    if spot.analytic is not None and spot.numeric is not None:
        text += f" at {spot.name} ({brief(spot.analytic)} ≠ {brief(spot.numeric)})"
    return text + (f" [{finding.replay_id}]" if finding.replay_id else "")


def place_of(row: Row) -> str:
    """Return `cpu-float64`."""
    return f"{row.device}-{row.dtype}"


def failure(error: Mapping[str, Any]) -> Issue:
    """Return the issue of a run that failed."""
    near = f" (did you mean {error['nearest']}?)" if error.get("nearest") else ""
    return Issue(
        None, f"needle could not run: {error['kind']} error", tame(f"{error['message']}{near}"),
        str(error.get("path", "")), int(error.get("line", 0) or 0),
    )  # fmt: skip


def details(finding: FindingView, row: Row, info: RunInfo) -> list[str]:
    """Return the lines after the first: what happened, the smallest case, how to ask again."""
    lines = []
    if finding.message and finding.message != finding.cause and finding.cause:
        lines.append(finding.message)
    if row.formula:
        lines.append(f"formula: {row.formula}")
    if finding.smallest is not None:
        lines.append(f"smallest case: {case_text(finding)}")
    if finding.add:
        lines += ["add to the spec:", finding.add]
    if finding.replay_id:
        lines.append(f"ask again: {documents.replay(finding, row, info)['command']}")
    elif row.check not in OF_THE_GATE:
        lines.append(f"ask again: {documents.seed_line(row, info)}")
    return lines


def case_text(finding: FindingView) -> str:
    """Return the smallest case on one line."""
    case = finding.smallest
    if case is None:
        return ""
    if case.record is None:
        return ", ".join(f"{name}: shape {shape_word(s)}" for name, s in case.shapes.items())
    words = [f"{name} = {array_text(array)}" for name, array in leaves(case.record)]
    words += [f"{name} = {param_text(v)}" for name, v in (case.record["params"] or {}).items()]
    cotangents = case.record["cotangent"] or ()
    words += [f"output gradient = {array_text(array)}" for array in cotangents]
    return ", ".join(words)
