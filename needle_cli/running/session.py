"""One run of `needle check ops`: from units to tasks, rows, a summary and an exit code."""

from __future__ import annotations

import itertools
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from needle_cli import stopping
from needle_cli.explanations import CHECKS
from needle_cli.operators.unit import Unit
from needle_cli.problems import (
    FINDINGS,
    INTERNAL,
    NOTHING,
    PASSED,
    UNANSWERED,
    UNUSABLE,
    Problem,
    joined,
    worst_code,
)
from needle_cli.records import tokens
from needle_cli.records.store import Store
from needle_cli.reports import trend
from needle_cli.reports.events import (
    Event,
    InternalError,
    OperatorDone,
    OperatorStarted,
    Row,
    RunDone,
    RunStarted,
    Summary,
    share_of,
)
from needle_cli.running.devices import named_devices, usable_devices
from needle_cli.running.provenance import recorded_file, run_info
from needle_cli.running.rows import rows_of, without_judging
from needle_cli.running.runners import running
from needle_cli.running.tasks import BrokenWorker, Outcome, Runner, Task
from needle_cli.settings import Settings

Listener = Callable[[Event], None]

OF_AN_OPERATOR = ("gone", "import", "function")
"""Problems of one operator, which end no run: its function or its whole file is missing, or a
function of its spec fails at a case."""


@dataclass
class Progress:
    """The results of a run so far; `stopped` is the exit code of the signal that ended it, or 0."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    internal: list[InternalError] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unasked: tuple[str, ...] = ()
    waiting: dict[str, int] = field(default_factory=dict)
    stopped: int = 0


class Run:
    """Judges units and sends events to listeners.

    `units` are those that are judged here: with `--shard`, a part of those given.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        settings: Settings,
        argv: Sequence[str],
        listeners: Sequence[Listener],
        warn: Callable[[str], None],
    ) -> None:
        self.selected = tuple(unit.name for unit in units)
        shard = settings["shard"]
        self.units = list(units if shard is None else share_of(units, shard))
        self.settings = settings
        self.listeners = listeners
        self.checks = chosen_checks(settings)
        named = named_devices(settings["device"])
        self.devices, refused = usable_devices(named)
        self.state = Progress(unasked=tuple(refused))
        self.before = trend.earlier(settings["earlier"][-1]) if settings["earlier"] else {}
        self.store = Store(settings.root, warn)
        self.info = run_info(self.units, self.selected, settings, argv, named, self.checks)
        self.started = time.monotonic()

    def go(self, said: Sequence[Row] = ()) -> Summary:
        """Judge everything, send the events, and return the summary.

        `said` are rows that were found without judging: those of the gate about the change.
        """
        self._tell(RunStarted(self.info))
        for unit in self.units:
            self.state.rows[unit.name] = without_judging(unit, self.info)
        for row in said:
            self.state.rows.setdefault(row.op, []).append(row)
        tasks = self._tasks()
        if tasks:
            self._judge(tasks)
        if self.state.problems:
            raise joined(self.state.problems)
        summary = self._summary()
        self._tell(RunDone(self.info, summary))
        return summary

    def _judge(self, tasks: list[Task]) -> None:
        try:
            with running(self.settings, len(tasks)) as runner:
                self._take(runner, [*self._loading(tasks), *tasks])
        except KeyboardInterrupt as stop:
            self.state.stopped = stopping.code_of(stop)
        except BrokenWorker as broken:
            name = next(name for name, count in self.state.waiting.items() if count)
            self.state.internal.append(InternalError(name, str(broken), traceback.format_exc()))

    def _take(self, runner: Runner, tasks: list[Task]) -> None:
        for outcome in runner.outcomes(tasks, self._begun):
            if outcome.task.action == "load":
                self._loaded(outcome)
            else:
                self._judged(outcome)
            if self.state.problems or self._cut() is not None:
                return

    def _unit(self, task: Task) -> Unit:
        return next(u for u in self.units if (u.own_name, u.source) == (task.op, task.source))

    def _begun(self, task: Task) -> None:
        if task.action == "judge":
            self._tell(OperatorStarted(self._unit(task).name))

    def _loaded(self, outcome: Outcome) -> None:
        for problem in outcome.data.get("problems", ()):
            self.state.problems.append(Problem.of(problem))

    def _judged(self, outcome: Outcome) -> None:
        unit = self._unit(outcome.task)
        if "problem" in outcome.data and outcome.data["problem"]["kind"] not in OF_AN_OPERATOR:
            self.state.problems.append(Problem.of(outcome.data["problem"]))
            return
        if "internal" in outcome.data and not outcome.data.get("changed"):
            data = outcome.data
            self.state.internal.append(
                InternalError(unit.name, data["internal"], data["traceback"])
            )
        rows = [self._stored(replace(row, op=unit.name)) for row in rows_of(outcome, unit)]
        self.state.rows[unit.name].extend(rows)
        self.state.waiting[unit.name] -= 1
        self._tell(OperatorDone(unit.name, tuple(rows), outcome.seconds))

    def _stored(self, row: Row) -> Row:
        """Write the failing cases of a row to disk and note their IDs and tokens."""
        findings = []
        for finding in row.findings:
            record = finding.smallest.record if finding.smallest else None
            if record is not None:
                token = tokens.encode(record)
                identity = self.store.save(record, self.info.versions)
                short = token if len(token) <= tokens.SHORTEST_LISTED else ""
                finding = replace(finding, replay_id=identity, token=short)
            findings.append(finding)
        return replace(row, findings=tuple(findings))

    def _cut(self) -> int | None:
        """Return how many units are reported if --max-failures ends the run, else None.

        Finished units are counted in catalogue order, so that the report does not depend on which
        worker was faster.
        """
        limit, failed = self.settings["max-failures"], 0
        if limit is None:
            return None
        for count, unit in enumerate(self.units, start=1):
            if self.state.waiting.get(unit.name, 0):
                return None
            failed += any(row.is_finding for row in self.state.rows[unit.name])
            if failed >= limit:
                return count
        return None

    def _tasks(self) -> list[Task]:
        tasks = []
        for unit in self.units:
            if not unit.spec or not unit.exists or unit.fault or not self.checks:
                continue
            places = itertools.product(self.devices, self.settings["dtype"])
            mine = [self._task(unit, device, dtype) for device, dtype in places]
            self.state.waiting[unit.name] = len(mine)
            tasks += mine
        return tasks

    def _task(self, unit: Unit, device: str, dtype: str) -> Task:
        settings = self.settings
        return Task(
            action="judge",
            op=unit.own_name,
            spec=unit.spec,
            source=unit.source,
            file=recorded_file(unit.source, settings),
            trust=settings["trust"],
            checks=self.checks,
            examples=settings["max-examples"],
            seed=settings["seed"],
            device=device,
            dtype=dtype,
            order=int(settings["order"]),
            shrink=settings["shrink"],
            faults=settings["faults"],
            known=tuple(
                (entry.check, entry.token)
                for entry in unit.known
                if entry.device in ("", device.partition(":")[0]) and entry.dtype in ("", dtype)
            ),
        )

    def _loading(self, tasks: list[Task]) -> list[Task]:
        """Return the tasks that load all specs first, so that a broken spec ends the run early."""
        sources = dict.fromkeys(task.source for task in tasks)
        return [
            Task("load", "", source=source, trust=self.settings["trust"], names=tuple(
                dict.fromkeys(task.spec for task in tasks if task.source == source)
            ))
            for source in sources
        ]  # fmt: skip

    def _summary(self) -> Summary:
        state, cut = self.state, self._cut()
        self._account()
        units = self.units if cut is None else self.units[:cut]
        names = {unit.name for unit in units}
        rows = [row for unit in units for row in in_order(state.rows[unit.name])]
        here = {unit.name for unit in self.units}
        rows += [row for name, more in state.rows.items() if name not in here for row in more]
        left = tuple(
            u.name for u in self.units if u.name not in names or state.waiting.get(u.name, 0)
        )
        notes = trend.warnings(rows, self.before)
        if not self.units:
            notes.append("this shard has no operators" if self.selected else "no operator changed")
        return Summary(
            tuple(rows), self._code(rows), time.monotonic() - self.started, tuple(notes),
            tuple(state.internal), bool(state.stopped), left, self.before,
            state.unasked,
        )  # fmt: skip

    def _account(self) -> None:
        """Note an internal error for every operator that is neither reported nor left out."""
        asked = {(device, dtype) for device in self.devices for dtype in self.settings["dtype"]}
        failed = {item.op for item in self.state.internal}
        for name, waiting in self.state.waiting.items():
            reported = {(row.device, row.dtype) for row in self.state.rows[name]}
            if not waiting and name not in failed and not asked <= reported:
                text = "its verdict was lost"
                self.state.internal.append(InternalError(name, text, f"{name}: {text}\n"))

    def _code(self, rows: Sequence[Row]) -> int:
        if self.state.stopped:
            return self.state.stopped
        codes = {PASSED if rows or not self.units else NOTHING}
        lenient = self.settings["allow-inconclusive"]
        for row in rows:
            if row.is_finding:
                codes.add(FINDINGS)
            elif row.status == "timeout" or (row.status == "cannot_tell" and not lenient):
                codes.add(UNANSWERED)
        if self.state.unasked:
            codes.add(UNANSWERED)
        if self.state.internal:
            codes.add(INTERNAL)
        if self.state.problems:
            codes.add(UNUSABLE)
        code = worst_code(codes)
        return PASSED if code == FINDINGS and self.settings["exit-zero"] else code

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)


def chosen_checks(settings: Settings) -> tuple[str, ...]:
    """Return the checks that --select and --ignore leave, in their fixed order."""
    selected = settings["select"] or tuple(CHECKS)
    left = tuple(c for c in CHECKS if c in selected and c not in settings["ignore"])
    if not left:
        raise Problem("--select and --ignore leave no check", kind="nothing", code=NOTHING)
    return left


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Return rows sorted by device, dtype and the fixed order of checks."""
    order = {name: place for place, name in enumerate(CHECKS)}
    return sorted(rows, key=lambda row: (row.device, row.dtype, order.get(row.check, len(order))))
