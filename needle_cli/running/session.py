"""One run of `needle check ops`: units to tasks to rows to reports to an exit code."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from needle_cli._version import __version__
from needle_cli.explanations import CHECKS, FAULTS
from needle_cli.operators.selection import Unit
from needle_cli.problems import (
    FINDINGS,
    INTERNAL,
    INTERRUPTED,
    NOTHING,
    PASSED,
    UNANSWERED,
    UNUSABLE,
    Problem,
    worst_code,
)
from needle_cli.records.store import Store
from needle_cli.reports import trend
from needle_cli.reports.events import (
    Event,
    InternalError,
    OperatorDone,
    OperatorStarted,
    Row,
    RunDone,
    RunInfo,
    RunStarted,
    Summary,
    share_of,
)
from needle_cli.running import outcomes
from needle_cli.running.local import LocalRunner, Outcome, Runner, usable_cores
from needle_cli.running.worker import Task
from needle_cli.settings import Settings

Listener = Callable[[Event], None]


@dataclass
class Progress:
    """What a run has learned so far."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    internal: list[InternalError] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)
    interrupted: bool = False


class Run:
    """Judges units and tells listeners; `runner` may be replaced by anything that runs tasks.

    `every` are the operators among which `units` were chosen: `--against` compares them all.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        settings: Settings,
        argv: Sequence[str],
        listeners: Sequence[Listener],
        warn: Callable[[str], None],
        runner: Runner | None = None,
        every: Sequence[Unit] | None = None,
    ) -> None:
        self.every = list(units if every is None else every)
        self.selected = tuple(unit.name for unit in units)
        shard = settings["shard"]
        self.units = list(units if shard is None else share_of(units, shard))
        self.settings = settings
        self.listeners = listeners
        self.checks = chosen_checks(settings)
        self.named = named_devices(settings["device"])
        self.devices, refused = usable_devices(self.named)
        self.state = Progress(notes=refused)
        self.before = trend.earlier(settings["earlier"][-1]) if settings["earlier"] else {}
        self.unanswered = bool(refused)
        self.store = Store(settings.root, warn)
        self.info = self._info(argv)
        self.runner = runner
        self.started = time.monotonic()

    def go(self) -> Summary:
        """Judge everything, say so, and return what came of it."""
        self._tell(RunStarted(self.info))
        for unit in self.units:
            self.state.rows[unit.name] = outcomes.without_judging(unit, self.info)
        self._compare()
        tasks = self._tasks()
        if tasks:
            self._judge(tasks)
        if self.state.problems:
            raise outcomes.joined(self.state.problems)
        summary = self._summary()
        self._tell(RunDone(self.info, summary))
        return summary

    def _compare(self) -> None:
        """Add what is asked less than `--against` asked, and what its own judge refuses."""
        if not self.settings["against"]:
            return
        from needle_cli.gate import against

        found = against.compare(self.every, self.settings)
        for row in against.rows_of(found, self.units, self.settings):
            self.state.rows.setdefault(row.op, []).append(row)

    def _judge(self, tasks: list[Task]) -> None:
        runner = self.runner or runner_of(self.settings, len(tasks))
        try:
            self._take(runner, [*self._loading(tasks), *tasks])
        except KeyboardInterrupt:
            self.state.interrupted = True
        finally:
            runner.close()

    def _take(self, runner: Runner, tasks: list[Task]) -> None:
        for outcome in runner.outcomes(tasks, self._begun):
            if outcome.task.action == "load":
                self._loaded(outcome)
            else:
                self._judged(outcome)
            if self.state.problems or self._enough():
                return

    def _begun(self, task: Task) -> None:
        if task.action == "judge":
            self._tell(OperatorStarted(task.op))

    def _loaded(self, outcome: Outcome) -> None:
        for problem in outcome.data.get("problems", ()):
            self.state.problems.append(outcomes.problem_of(problem))

    def _judged(self, outcome: Outcome) -> None:
        unit = next(u for u in self.units if u.name == outcome.task.op)
        if "problem" in outcome.data and outcome.data["problem"]["kind"] != "gone":
            self.state.problems.append(outcomes.problem_of(outcome.data["problem"]))
            return
        if "internal" in outcome.data:
            data = outcome.data
            self.state.internal.append(
                InternalError(unit.name, data["internal"], data["traceback"])
            )
        rows = [self._stored(row) for row in outcomes.rows_of(outcome, unit)]
        self.state.rows[unit.name].extend(rows)
        self.state.waiting[unit.name] -= 1
        self._tell(OperatorDone(unit.name, tuple(rows), outcome.seconds))

    def _stored(self, row: Row) -> Row:
        """Write the failing cases of a row to disk and note their IDs and tokens."""
        from needle_cli.records import tokens

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

    def _enough(self) -> bool:
        """Tell whether --max-failures is reached by operators that are settled, in order."""
        return self._cut() is not None

    def _cut(self) -> int | None:
        """Return how many units are reported when --max-failures ends the run, else None.

        Counted in catalogue order over units that are settled, so that the report does not depend
        on which worker was quicker.
        """
        limit, failed = self.settings["max-failures"], 0
        if limit is None:
            return None
        for count, unit in enumerate(self.units, start=1):
            if self.state.waiting.get(unit.name, 0):
                return None
            failed += any(row.status in outcomes.FINDING for row in self.state.rows[unit.name])
            if failed >= limit:
                return count
        return None

    def _tasks(self) -> list[Task]:
        tasks = []
        for unit in self.units:
            if not unit.spec or not unit.exists or not self.checks:
                continue
            for device in self.devices:
                for dtype in self.settings["dtype"]:
                    tasks.append(self._task(unit, device, dtype))
            self.state.waiting[unit.name] = sum(task.op == unit.name for task in tasks)
        return tasks

    def _task(self, unit: Unit, device: str, dtype: str) -> Task:
        settings = self.settings
        return Task(
            action="judge",
            op=unit.name,
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
        """Return the tasks that load every spec first, so that a broken one ends the run early."""
        sources = dict.fromkeys(task.source for task in tasks)
        return [
            Task("load", "", source=source, trust=self.settings["trust"], names=tuple(
                dict.fromkeys(task.spec for task in tasks if task.source == source)
            ))
            for source in sources
        ]  # fmt: skip

    def _summary(self) -> Summary:
        state, cut = self.state, self._cut()
        units = self.units if cut is None else self.units[:cut]
        names = {unit.name for unit in units}
        rows = [row for unit in units for row in in_order(state.rows[unit.name])]
        here = {unit.name for unit in self.units}
        rows += [row for name, more in state.rows.items() if name not in here for row in more]
        left = tuple(
            u.name for u in self.units if u.name not in names or state.waiting.get(u.name, 0)
        )
        notes = [*state.notes, *trend.warnings(rows, self.before)]
        if not self.units:
            notes.append("this shard has no operators" if self.selected else "no operator changed")
        return Summary(
            tuple(rows), self._code(rows), time.monotonic() - self.started, tuple(notes),
            tuple(state.internal), state.interrupted, left, self.before,
        )  # fmt: skip

    def _code(self, rows: Sequence[Row]) -> int:
        if self.state.interrupted:
            return INTERRUPTED
        codes = {PASSED if rows or not self.units else NOTHING}
        lenient = self.settings["allow-inconclusive"]
        for row in rows:
            if row.status in outcomes.FINDING:
                codes.add(FINDINGS)
            elif row.status == "timeout" or (row.status == "cannot_tell" and not lenient):
                codes.add(UNANSWERED)
        if self.unanswered:
            codes.add(UNANSWERED)
        if self.state.internal:
            codes.add(INTERNAL)
        if self.state.problems:
            codes.add(UNUSABLE)
        code = worst_code(codes)
        return PASSED if code == FINDINGS and self.settings["exit-zero"] else code

    def _info(self, argv: Sequence[str]) -> RunInfo:
        settings = self.settings
        return RunInfo(
            seed=settings["seed"], profile=settings["profile"], argv=portable(argv),
            started=datetime.now(UTC).isoformat(timespec="seconds"), versions=versions(),
            devices=self.named, dtypes=tuple(settings["dtype"]),
            checks=self.checks, examples=settings["max-examples"],
            operators=self.selected, source=self._source(),
            again=again_options(settings), shard=settings["shard"],
        )  # fmt: skip

    def _source(self) -> str:
        files = dict.fromkeys(os.path.basename(unit.source) for unit in self.units if unit.source)
        return ", ".join(files) if files else "specs/"

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)


def recorded_file(source: str, settings: Settings) -> str:
    """Return how records name a user's file: below the project's folder, or by its bare name."""
    if not source:
        return ""
    path = Path(source).resolve()
    root = settings.root.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def again_options(settings: Settings) -> str:
    """Return the options of this command line without which a case could not be asked again."""
    words = ""
    if settings.origins["specs"] == "flag" and not os.path.isabs(settings["specs"]):
        words += f" --specs {settings['specs']}"
    if settings.origins["trust"] == "flag":
        words += "".join(f" --trust {name}" for name in settings["trust"])
    return words


def runner_of(settings: Settings, tasks: int) -> Runner:
    """Return what runs the tasks: processes of this machine, or the executor that is named."""
    if not settings["executor"]:
        return local_runner(settings, tasks)
    from needle_cli.running.executor import ExecutorRunner, executor_of

    until, judging, timeout = _limits(settings)
    executor = executor_of(settings["executor"])
    return ExecutorRunner(executor, timeout, settings["memory-limit"], until, judging)


def local_runner(settings: Settings, tasks: int) -> LocalRunner:
    """Return the runner of this machine that the settings ask for."""
    jobs = usable_cores() if settings["jobs"] == "auto" else settings["jobs"]
    until, judging, timeout = _limits(settings)
    return LocalRunner(max(1, min(jobs, tasks)), timeout, settings["memory-limit"], until, judging)


def _limits(settings: Settings) -> tuple[float | None, str, float]:
    """Return when no task is started any more, the module that judges, and seconds for a task."""
    until = None
    if settings["max-time"] is not None:
        until = time.monotonic() + settings["max-time"]
    judging = os.environ.get(JUDGING, "needle_cli.running.worker_tasks")
    return until, judging, settings["timeout"] * (1 + len(FAULTS) * settings["faults"])


JUDGING = "_NEEDLE_JUDGING"
"""Environment variable by which the tests replace `needle_cli.running.worker_tasks` in workers."""


def chosen_checks(settings: Settings) -> tuple[str, ...]:
    """Return the checks that --select and --ignore leave, in their fixed order."""
    selected = settings["select"] or tuple(CHECKS)
    left = tuple(c for c in CHECKS if c in selected and c not in settings["ignore"])
    if not left:
        raise Problem("--select and --ignore leave no check", kind="nothing", code=NOTHING)
    return left


def usable_devices(devices: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the devices that can judge, and a line for each that cannot."""
    reasons = {device: why_not(device) for device in devices}
    usable = [device for device, reason in reasons.items() if not reason]
    return usable, [f"not answered on {d}: {reason}" for d, reason in reasons.items() if reason]


def named_devices(devices: Sequence[str]) -> tuple[str, ...]:
    """Return the devices that are meant, once each: `all` is the host and every GPU."""
    named = [["cpu", *_gpus()] if device == "all" else [device] for device in devices]
    found: dict[str, str] = {}
    for device in (device for names in named for device in names):
        found.setdefault("cuda:0" if device == "cuda" else device, device)
    return tuple(found.values())


def _gpus() -> list[str]:
    """Return the GPUs that can be used; `cuda:0`, which says why not, where there is none."""
    from needle import backend

    found = [device for device in backend.all_devices() if device != backend.cpu()]
    return [f"cuda:{place}" for place in range(len(found))] or ["cuda:0"]


def why_not(device: str) -> str:
    """Say why nothing can be judged on a device; "" where it can."""
    if device in ("cpu", "sim"):
        return ""
    from needle import DeviceUnavailableError, backend

    try:
        backend.cuda(int(device.partition(":")[2] or 0)).namespace()
    except DeviceUnavailableError as error:
        return " ".join(str(error).split())
    return ""


def device_states() -> dict[str, str]:
    """Return what can be said of every kind of device."""
    return {
        "cpu": f"ready, {usable_cores()} cores",
        "cuda": why_not("cuda") or "ready",
        "sim": "ready: refuses what a GPU refuses, computes on the host",
    }


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Return rows sorted by device, dtype and the fixed order of checks."""
    order = {name: place for place, name in enumerate(CHECKS)}
    return sorted(rows, key=lambda row: (row.device, row.dtype, order.get(row.check, len(order))))


DESTINATIONS = ("--report", "--shard", "--format", "-j", "--jobs", "--executor")
"""Options that say where a run is made and where its answer goes, not what was asked."""


def versions() -> dict[str, str]:
    """Return the versions a report states, without importing what they belong to."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"needle": __version__, "python": platform.python_version()}
    for name in ("numpy", "scipy", "hypothesis"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def portable(argv: Sequence[str]) -> tuple[str, ...]:
    """Return what was asked, without absolute paths and without where the answer goes.

    The parts of a run that is sharded state what the whole run would.
    """

    def shorten(word: str) -> str:
        head, equals, tail = word.rpartition("=")
        return head + equals + os.path.basename(tail) if os.path.isabs(tail) else word

    kept: list[str] = []
    words = iter(argv)
    for word in words:
        if word in DESTINATIONS:
            next(words, None)
        elif word.partition("=")[0] not in DESTINATIONS:
            kept.append(shorten(word))
    return tuple(kept)
