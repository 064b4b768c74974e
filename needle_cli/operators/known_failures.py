"""Known failures: findings that a project accepts until a date, each pinned to one failing case.

An entry masks that failure and no other: its case is asked again in every run, and a finding with
another cause stays a finding. An entry whose case passes, or that has expired, is a finding too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from needle_cli.causes import CAUSES
from needle_cli.explanations import CHECKS
from needle_cli.problems import Problem, nearest
from needle_cli.records import tokens
from needle_cli.records.store import write_whole
from needle_cli.records.tokens import Record
from needle_cli.records.trusted import TokenError
from needle_cli.reports.events import UNANSWERED, FindingView, Row
from needle_cli.specs.document import read_document
from needle_cli.specs.errors import as_problems
from needle_cli.specs.header import KNOWN_FAILURES
from needle_cli.specs.table import Table
from needle_cli.specs.vocabulary import DEVICES, FLOAT_DTYPES

KEYS = ("op", "check", "device", "dtype", "issue", "reason", "until", "cause", "factor",
        "analytic", "token")  # fmt: skip
NONE = "none"
"""The value of `--baseline` that masks nothing."""

RATIO = "ratio"
LONGEST = 183
"""How many days ahead an entry may expire: half a year."""

PASSES_NOW = "known_failure_passes"
"""The code of the finding that a known failure has expired or passes."""

OUT_OF_BAND = ("spec", "against", "faults")
"""Rows that do not come from a case; they cannot be accepted."""


@dataclass(frozen=True)
class KnownFailure:
    """One entry of known-failures.toml; an empty device or dtype stands for all of them.

    `token` is the failing case, "" for an operator that cannot be asked, for example because it
    crashes. `cause` is the name of its likely cause, `factor` the factor of a ratio, and `analytic`
    the number that the gradient gave there: a different mistake gives a different number.
    """

    op: str
    check: str
    issue: str
    reason: str
    until: date
    device: str = ""
    dtype: str = ""
    token: str = ""
    cause: str = ""
    analytic: float | None = None
    factor: str = ""

    def covers(self, row: Row) -> bool:
        """Whether this entry is about a row."""
        return (
            (row.op, row.check) == (self.op, self.check)
            and self.device in ("", row.device.partition(":")[0])
            and self.dtype in ("", row.dtype)
        )


@dataclass(frozen=True)
class Pinned:
    """The result of an entry's case when it was asked again in a run."""

    check: str
    token: str
    fails: bool
    message: str = ""
    analytic: float | None = None


def read(
    path: Path, names: Sequence[str] | None = None, asked: str = ""
) -> tuple[KnownFailure, ...]:
    """Return the entries of a file; none if there is no file.

    `names` are the operators that exist; None allows any name. `asked` is what a command line names
    them by, "" for their own names. Raises `Problem` for an entry about an unknown operator, and
    for one without issue, reason or date.
    """
    if not path.is_file() or not path.read_bytes().strip():
        return ()
    with as_problems("baseline"):
        document = read_document(path)
        top = Table(document, "", document.data)
        top.only(("known",))
        return tuple(_entry(table, names, asked) for table in top.tables("known"))


def _entry(table: Table, names: Sequence[str] | None, asked: str) -> KnownFailure:
    table.only(KEYS)
    for key, what in (
        ("op", "the operator, family/function"),
        ("check", "the check that fails"),
        ("issue", "where this is being fixed: a number or an address"),
        ("reason", "why it is accepted until then"),
        ("until", "the date by which it has to be fixed, at most half a year ahead"),
    ):
        table.need(key, what)
    op = table.text("op")
    if names is not None and op not in names:
        raise table.error("op", f"there is no operator {op!r}", "", nearest(op, names))
    token = table.text("token")
    if token:
        try:
            tokens.decode(token)
        except TokenError as error:
            raise table.error("token", f"the token cannot be read: {error.message}") from error
    return KnownFailure(
        op, table.word("check", tuple(CHECKS)), table.text("issue"), table.text("reason"),
        _until(table), table.word("device", DEVICES), table.word("dtype", FLOAT_DTYPES), token,
        _cause(table, asked or op), table.number("analytic", 0.0) if "analytic" in table else None,
        table.text("factor"),
    )  # fmt: skip


def _cause(table: Table, asked: str) -> str:
    """Return the name of the cause; a sentence, which older files have, is refused.

    A ratio without its factor would mask every wrong factor.
    """
    name = table.text("cause")
    if name == RATIO and not table.text("factor"):
        text = (
            f"a {RATIO} has no factor, and would mask every other one: write the factor, or accept "
            f"the finding again with needle baseline accept {asked}"
        )
        raise table.error("cause", text, 'factor = "2"')
    if name and name not in CAUSES:
        text = (
            f"there is no cause {name!r}: write a name that needle list causes shows, such as "
            f'"ratio", or accept the finding again with needle baseline accept {asked}'
        )
        raise table.error("cause", text, "", nearest(name, tuple(CAUSES)))
    return name


def _until(table: Table) -> date:
    value: Any = table.data["until"]
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            value = None
    if type(value) is not date:
        raise table.wrong("until", "a date such as 2030-01-31")
    if value > date.today() + timedelta(days=LONGEST):
        raise table.wrong("until", "a date that is half a year ahead at most")
    return value


def apply(
    rows: Sequence[Row],
    entries: Sequence[KnownFailure],
    pinned: Sequence[Pinned],
    today: date,
    asked: str = "",
) -> list[Row]:
    """Return the rows of one operator with its known failures marked; see the module's text.

    `asked` is what a command line names the operator by, "" for its own name.
    """
    found = {(item.check, item.token): item for item in pinned}
    marked = list(rows)
    for entry in entries:
        for place, row in enumerate(marked):
            if entry.covers(row) and row.status != "not_applicable":
                case = found.get((entry.check, entry.token))
                marked[place] = _judged(row, entry, case, today, asked or entry.op)
    return marked


def _judged(row: Row, entry: KnownFailure, case: Pinned | None, today: date, asked: str) -> Row:
    bad = row.is_open
    if entry.until < today:
        text = f"the known failure has expired on {entry.until} ({entry.issue}: {entry.reason})"
        return _refused(row, text)
    if case is None and entry.token:
        return row  # the case was not asked: the operator failed before that
    fails = bad if case is None else case.fails
    if not fails and not bad:
        text = f"passes now; remove it: needle baseline prune {asked}"
        return _refused(row, text, PASSES_NOW)
    if not fails:
        return _refused(row, "fails, but the case of the known failure passes now")
    if case is not None and case.fails and not _pinned(entry, case):
        return _refused(row, f"fails, but not as it did when it was accepted ({entry.issue})")
    if bad and case is not None and not _same(row, entry, case):
        return _refused(row, f"fails in another way beside the known failure ({entry.issue})")
    return replace(row, status="known", reason=f"{entry.reason}, {entry.issue}", findings=())


def _pinned(entry: KnownFailure, case: Pinned) -> bool:
    """Whether a case fails with the same number as when it was accepted."""
    if entry.analytic is None or case.analytic is None:
        return True
    return math.isclose(entry.analytic, case.analytic, rel_tol=1e-6, abs_tol=1e-300)


def _same(row: Row, entry: KnownFailure, case: Pinned) -> bool:
    """Whether everything that a row found can be the known failure.

    Two different causes are two failures, and so are two ratios with different factors. If a cause
    is missing, the messages of this run's two findings are compared without their numbers.
    """
    if not row.findings:
        return row.status in UNANSWERED
    for finding in row.findings:
        mine, factor = finding.cause_name, finding.cause_values.get("factor", "")
        if mine and entry.cause and mine != entry.cause:
            return False
        if mine == entry.cause and factor and entry.factor and factor != entry.factor:
            return False
        neither = not (mine or entry.cause)
        if neither and _kind(finding.message) != _kind(case.message):
            return False
    return True


def _kind(message: str) -> str:
    """Return a message without its numbers, which change from case to case."""
    return "".join(c for c in message if not c.isdigit())


def _refused(row: Row, text: str, code: str = "") -> Row:
    """Return a row as a finding whose reason is about the known failure."""
    status = row.status if row.is_finding else "fail"
    first, *others = row.findings or (FindingView(""),)
    words = f"{text}; {first.message}" if first.message else text
    findings = (replace(first, message=words, code=code or first.code), *others)
    return replace(row, status=status, reason=text, findings=findings)


def from_row(row: Row, issue: str, reason: str, until: date) -> KnownFailure:
    """Return the entry that accepts a finding; raises `Problem` if it cannot be accepted."""
    if row.check in OUT_OF_BAND:
        raise Problem(f"{row.op}: {row.reason}: this cannot be accepted as a known failure",
                      kind="baseline")  # fmt: skip
    if any(finding.code == PASSES_NOW for finding in row.findings):
        raise Problem(f"{row.op} {row.check} {row.reason}", kind="baseline")
    token = cause = factor = ""
    analytic = None
    for finding in row.findings[:1]:
        cause, factor = finding.cause_name, finding.cause_values.get("factor", "")
        analytic = finding.spot.analytic
        if finding.smallest is not None and finding.smallest.record is not None:
            token = finding.token
            if not token:
                text = f"{row.op} {row.check}: its case is too large for a known failure"
                raise Problem(f"{text}; make it smaller first (run without --no-shrink)",
                              kind="baseline")  # fmt: skip
    device = row.device.partition(":")[0]
    if analytic is not None and not math.isfinite(analytic):
        analytic = None
    return KnownFailure(
        row.op,
        row.check,
        issue,
        reason,
        until,
        device,
        row.dtype,
        token,
        cause,
        analytic,
        factor,
    )


def write(path: Path, entries: Iterable[KnownFailure]) -> None:
    """Write entries in a fixed order and form, so that changes to the file are small."""
    ordered = sorted(
        entries, key=lambda e: (e.op, e.check, e.device, e.dtype, e.until, e.issue, e.token)
    )
    text = "\n".join(_text(entry) for entry in dict.fromkeys(ordered))
    write_whole(path, text)


def _text(entry: KnownFailure) -> str:
    lines = ["[[known]]"]
    for key in KEYS:
        value = getattr(entry, key)
        if value or value == 0:
            lines.append(f"{key} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    # TOML has the syntax of JSON, but no escaped surrogates, and it escapes DEL.
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return text.encode("utf-8", "replace").decode("utf-8")


def path_of(specs: Path, setting: str) -> Path | None:
    """Return the file of known failures for a setting; "" means the one among the specs."""
    if setting == NONE:
        return None
    return Path(setting) if setting else specs / KNOWN_FAILURES


def pinned_of(data: Mapping[str, Any]) -> Pinned:
    """Return what a worker reports about an entry's case."""
    return Pinned(data["check"], data["token"], data["fails"], data["message"], data["analytic"])


def record_of(entry: KnownFailure) -> Record | None:
    """Return the failing case of an entry."""
    return tokens.decode(entry.token) if entry.token else None
