"""Mutants through the tool's own workers: judged, replayed, and compared where nothing is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from needle_cli.explanations import CHECKS
from needle_cli.operators.unit import Unit, ours
from needle_cli.records import tokens
from needle_cli.records.tokens import Record
from needle_cli.reports.events import FINDING, FindingView, Row
from needle_cli.running import replay, rows
from needle_cli.running.local import LocalRunner
from needle_cli.running.tasks import Limits, Outcome, Task
from needle_cli.settings import PROFILES, resolve
from tests.mutants.agreement import INFINITE, OUTSIDE, WITHIN
from tests.mutants.edits import Mutant, one_per_kind

FIRST = ("contract", "gradient")
"""Asked before the other checks, which need not be asked where these find something."""

BEYOND = {INFINITE, OUTSIDE, "third order"}
"""Where an edit may differ without any spec having promised anything."""

BUDGET = 200
"""Cases on which an edit that nobody caught is compared with the right gradient."""


@dataclass
class Verdict:
    """What came of a mutant.

    `status` is `caught`; or, where no check says no, what the comparison by value says:
    `equivalent` (not one number differs), `rounding` (only the last digits do), `beyond` (only
    where no spec promises anything) or `survived`.
    """

    mutant: Mutant
    status: str = "survived"
    operator: str = ""
    check: str = ""
    message: str = ""
    case: str = ""
    record: Record | None = None
    rows: tuple[str, ...] = ()
    replays: tuple[str, str] = ("", "")
    agreement: dict[str, Any] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with the tool here: caught with both replays, or no change."""
        if self.status == "caught":
            return self.replays == ("FAILS", "FIXED")
        return self.status != "survived"

    @property
    def within(self) -> bool:
        """Whether it survived although cases that its specs allow would show it."""
        differences = self.agreement.get("differences", ())
        return self.status == "survived" and any(d["where"] == WITHIN for d in differences)


class Campaign:
    """Judges mutants with worker processes; `checks` narrows the questions asked."""

    def __init__(
        self, jobs: int = 2, checks: Sequence[str] = tuple(CHECKS), seed: int = 0,
        shrink: bool = True, tell: Callable[[str], None] = lambda text: None,
    ) -> None:  # fmt: skip
        self.units = {unit.name: unit for unit in ours(resolve({}))}
        self.checks = tuple(checks)
        self.seed = seed
        self.shrink = shrink
        self.tell = tell
        self.runner = LocalRunner(jobs, Limits(60.0, 4 * 2**30, "tests.mutants.judging"))

    def run(self, mutants: Sequence[Mutant]) -> list[Verdict]:
        """Return one verdict per mutant, in order.

        The case that is shown and replayed is made smaller for one mutant per kind and operator;
        for the others it is the smallest one met. Shrinking all takes three times as long.
        """
        verdicts = [Verdict(mutant) for mutant in mutants]
        try:
            quick = int(PROFILES["quick"]["max-examples"])
            first = tuple(check for check in self.checks if check in FIRST)
            rest = tuple(check for check in self.checks if check not in FIRST)
            shown = {id(mutant) for mutant in one_per_kind(mutants)}
            self._judge([v for v in verdicts if id(v.mutant) in shown], first, quick, self.shrink)
            self._judge([v for v in verdicts if id(v.mutant) not in shown], first, quick)
            self._judge(verdicts, rest, quick)
            self._replay([v for v in verdicts if v.status == "caught"])
            left = [v for v in verdicts if v.status == "survived"]
            self._compare(left)
            left = [v for v in left if v.status == "survived"]
            self._judge(left, self.checks, 100, users=_users_that_differ)
            self._replay([v for v in left if v.status == "caught"])
        finally:
            self.runner.close()
        return verdicts

    def _judge(
        self, verdicts: Sequence[Verdict], checks: Sequence[str], examples: int,
        shrink: bool = False, users: Callable[[Verdict], Sequence[str]] | None = None,
    ) -> None:  # fmt: skip
        """Judge by the nearest operator; what it does not catch goes on to the next.

        Without `users` that is the nearest and one more: whether others could notice at all is
        told more cheaply by a comparison.
        """
        turn = 0
        lists = [v.mutant.operators[:2] if users is None else users(v) for v in verdicts]
        while True:
            wanted = {
                i: lists[i][turn]
                for i, v in enumerate(verdicts)
                if v.status == "survived" and turn < len(lists[i])
            }
            if not wanted or not checks:
                return
            self.tell(f"judging {len(wanted)} mutants, {examples} examples, {len(checks)} checks")
            tasks = [
                self._task("judge", verdicts[i].mutant, self.units[operator], i, checks,
                           examples, shrink=shrink)
                for i, operator in wanted.items()
            ]  # fmt: skip
            for done, outcome in enumerate(self._outcomes(tasks), start=1):
                self._judged(verdicts[int(outcome.task.names[-1])], outcome)
                if done % 100 == 0:
                    self.tell(f"{done} of {len(tasks)}")
            turn += 1

    def _judged(self, verdict: Verdict, outcome: Outcome) -> None:
        if "internal" in outcome.data:
            raise AssertionError(f"{verdict.mutant.name}\n{outcome.data['traceback']}")
        unit = self.units[outcome.task.op]
        found = rows.rows_of(outcome, unit)
        wrong = [row for row in found if row.status in FINDING]
        doubtful = [row for row in found if row.status in ("cannot_tell", "timeout")]
        verdict.tried.append(unit.name)
        if not wrong:
            verdict.rows += tuple(f"{unit.name} {row.check} {row.status}" for row in doubtful)
            return
        verdict.status, verdict.operator = "caught", unit.name
        verdict.rows = tuple(f"{row.check} {row.status}" for row in wrong)
        row, finding = _shown(wrong)
        verdict.check, verdict.message = row.check, row.reason
        if finding is not None:
            verdict.message = finding.message or str(finding.cause)
            if finding.smallest is not None:
                verdict.case = _case(finding)
                verdict.record = finding.smallest.record

    def _replay(self, verdicts: Sequence[Verdict]) -> None:
        """Ask every smallest case again, by its token, of the edited and of the right engine."""
        words: dict[int, dict[bool, str]] = {i: {} for i in range(len(verdicts))}
        tasks = []
        for i, verdict in enumerate(verdicts):
            if verdict.record is None:
                continue
            record = tokens.decode(tokens.encode(verdict.record))
            unit = self.units[verdict.operator]
            for edited in (True, False):
                tasks.append(self._task(
                    "again", verdict.mutant if edited else None, unit, f"{i}",
                    (verdict.check,), 1, record=record, careful=True,
                ))  # fmt: skip
        # One engine after the other: a worker imports it anew only when it changes.
        tasks.sort(key=lambda task: len(task.names) == 1)
        self.tell(f"replaying {len(tasks)} cases")
        for outcome in self._outcomes(tasks):
            i, edited = int(outcome.task.names[-1]), len(outcome.task.names) == 3
            asked = replay.Asked("", outcome.task.record or {}, None)
            unit = self.units[verdicts[i].operator]
            words[i][edited] = replay.judged(asked, unit, [outcome]).word
        for i, verdict in enumerate(verdicts):
            verdict.replays = (words[i].get(True, "no case"), words[i].get(False, "no case"))

    def _compare(self, verdicts: Sequence[Verdict]) -> None:
        """Compare by value what no operator caught."""
        self.tell(f"comparing {len(verdicts)} edits by value")
        tasks = [
            self._task("compare", v.mutant, self.units[operator], i, (),
                       max(40, BUDGET // len(v.mutant.operators)))
            for i, v in enumerate(verdicts)
            for operator in v.mutant.operators
        ]  # fmt: skip
        found: dict[int, list[dict[str, Any]]] = {}
        for outcome in self._outcomes(tasks):
            if "agreement" not in outcome.data:
                raise AssertionError(f"{outcome.task.op}: {outcome.data or outcome.reason}")
            document = outcome.data["agreement"]
            for difference in document["differences"]:
                difference["operator"] = outcome.task.op
            found.setdefault(int(outcome.task.names[-1]), []).append(document)
        for i, verdict in enumerate(verdicts):
            verdict.agreement = _joined(found.get(i, []))
            verdict.status = _status(verdict.agreement)

    def _task(
        self, action: str, mutant: Mutant | None, unit: Unit, place: int | str,
        checks: Sequence[str], examples: int, **more: Any,
    ) -> Task:  # fmt: skip
        names = (str(place),) if mutant is None else (mutant.module, mutant.text, str(place))
        return Task(
            action, unit.name, unit.spec, "", "", (), tuple(checks), examples,
            self.seed, "cpu", "float64", names=names, **more,
        )  # fmt: skip

    def _outcomes(self, tasks: Sequence[Task]) -> Iterable[Outcome]:
        return self.runner.outcomes(tasks, lambda task: None)


def _users_that_differ(verdict: Verdict) -> list[str]:
    """Return the operators in which an edit shows, those first in which a spec's case does."""
    differences = sorted(verdict.agreement["differences"], key=lambda d: d["where"] != WITHIN)
    return list(dict.fromkeys(d["operator"] for d in differences))


def _shown(rows: Sequence[Row]) -> tuple[Row, FindingView | None]:
    """Return the row to replay: the first with a case on record."""
    for row in rows:
        for finding in row.findings:
            if finding.smallest is not None and finding.smallest.record is not None:
                return row, finding
    return rows[0], rows[0].findings[0] if rows[0].findings else None


def _case(finding: FindingView) -> str:
    """Return the smallest case on one line: shapes, parameters, and the worst entry."""
    assert finding.smallest is not None
    shapes = ", ".join(f"{n} {list(s)}" for n, s in finding.smallest.shapes.items())
    params = (finding.smallest.record or {}).get("params", {})
    words = [shapes, *(f"{name} = {value}" for name, value in params.items())]
    spot = finding.spot
    if spot.analytic is not None and spot.numeric is not None:
        words.append(f"{spot.input}{spot.index or ''}: {spot.analytic} against {spot.numeric}")
    return "; ".join(words)


def _joined(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the comparisons of several operators as one."""
    return {
        "cases": sum(d["cases"] for d in documents),
        "values": sum(d["values"] for d in documents),
        "largest": max((float(d["largest"]) for d in documents), default=0.0),
        "roundings": max((float(d["roundings"]) for d in documents), default=0.0),
        "differences": [x for d in documents for x in d["differences"]],
    }


def _status(agreement: dict[str, Any]) -> str:
    """Say whether an edit changes nothing, something beyond every spec only, or something more."""
    places = {difference["where"] for difference in agreement["differences"]}
    if not places:
        return "rounding" if agreement["largest"] else "equivalent"
    return "beyond" if places <= BEYOND else "survived"
