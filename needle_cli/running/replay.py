"""Ask recorded cases again, three times each, in a worker process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from needle_cli.operators.unit import Unit, ours, users
from needle_cli.problems import FINDINGS, PASSED, UNUSABLE, Problem
from needle_cli.records.tokens import Record
from needle_cli.reports import documents
from needle_cli.reports.events import FindingView
from needle_cli.running.runners import running
from needle_cli.running.tasks import Outcome, Task
from needle_cli.settings import Settings

TRIES = 3
CODES = {"FIXED": PASSED, "FAILS": FINDINGS, "FLAKY": FINDINGS, "CANNOT": UNUSABLE}


@dataclass(frozen=True)
class Asked:
    """A recorded case: its ID, its record and, unless it came as a token, its file."""

    identity: str
    record: Record
    path: Path | None


@dataclass(frozen=True)
class Verdict:
    """The result of asking a recorded case again, in one word and a sentence."""

    asked: Asked
    word: str
    message: str = ""
    finding: FindingView | None = None
    unit: Unit | None = None

    @property
    def code(self) -> int:
        """The exit code of this case alone."""
        return CODES[self.word]


def ask(cases: Sequence[Asked], settings: Settings) -> list[Verdict]:
    """Ask every case `TRIES` times; return one verdict per case, in order."""
    verdicts: dict[int, Verdict] = {}
    tasks: dict[int, tuple[Asked, Unit]] = {}
    with running(settings, len(cases), here=True) as runner:
        for place, asked in enumerate(cases):
            try:
                tasks[place] = (asked, unit_of(asked.record, settings))
            except Problem as problem:
                verdicts[place] = Verdict(asked, "CANNOT", str(problem))
        tries: dict[int, list[Outcome]] = {place: [] for place in tasks}
        for _ in range(TRIES):
            work = [
                task_of(asked.record, unit, settings, place)
                for place, (asked, unit) in tasks.items()
                if not tries[place] or tries[place][-1].ending != "timeout"
            ]
            for outcome in runner.outcomes(work, lambda task: None):
                tries[int(outcome.task.names[0])].append(outcome)
        for place, (asked, unit) in tasks.items():
            verdicts[place] = judged(asked, unit, tries[place])
    return [verdicts[place] for place in sorted(verdicts)]


def unit_of(record: Record, settings: Settings) -> Unit:
    """Return the operator that a record is about; raises `Problem` if there is none."""
    name = str(record["op"])
    if record.get("file"):
        units = users(_users_file(str(record["file"]), settings), settings)
    else:
        units = ours(settings)
    unit = next((unit for unit in units if unit.name == name), None)
    if unit is None or not unit.exists:
        raise Problem(f"there is no operator {name}")
    if not unit.spec:
        raise Problem(f"the operator {name} has no spec")
    return unit


def _users_file(file: str, settings: Settings) -> str:
    """Return the path of a recorded file, which is below this folder or the project's."""
    path = Path(file)
    for folder in (settings.root, Path()):
        if (folder / path).is_file():
            return str(folder / path)
    raise Problem(f"{file} is not here: run needle replay in the folder it lies in")


def task_of(record: Record, unit: Unit, settings: Settings, place: int) -> Task:
    """Return the task that asks a record's question again; `place` is the case's number."""
    return Task(
        action="again",
        op=unit.name,
        spec=unit.spec,
        source=unit.source,
        file=str(record.get("file") or ""),
        trust=settings["trust"],
        checks=(str(record["check"]),),
        examples=1,
        seed=int(record.get("seed") or 0),
        device=str(record["device"]),
        dtype=str(record["dtype"]),
        record=record,
        names=(str(place),),
        careful=True,
    )


def judged(asked: Asked, unit: Unit, tries: Sequence[Outcome]) -> Verdict:
    """Return the verdict of a case from its tries."""
    for outcome in tries:
        if "problem" in outcome.data:
            return Verdict(asked, "CANNOT", str(Problem.of(outcome.data["problem"])), unit=unit)
        if "internal" in outcome.data:
            return Verdict(asked, "CANNOT", outcome.data["internal"], unit=unit)
    failed = [outcome for outcome in tries if _says_no(outcome)]
    if not failed:
        return Verdict(asked, "FIXED", unit=unit)
    message, finding = _what(failed[0])
    if len(failed) == len(tries):
        return Verdict(asked, "FAILS", message, finding, unit)
    text = f"{len(failed)} of {len(tries)} tries fail: {message}"
    return Verdict(asked, "FLAKY", text, finding, unit)


def _says_no(outcome: Outcome) -> bool:
    data = outcome.data
    return (
        outcome.ending != "answer"
        or bool(data.get("rows"))
        or bool(data.get("raised"))
        or bool(data.get("printed"))
    )


def _what(outcome: Outcome) -> tuple[str, FindingView | None]:
    """Return the message of a failing try, and its finding if there is one."""
    data = outcome.data
    if outcome.ending != "answer":
        place = f" at {outcome.place}" if outcome.place else ""
        return outcome.reason + place, None
    if data.get("rows"):
        (finding,) = documents.row_of(data["rows"][0]).findings
        return finding.cause or finding.message or "the finding is still there", finding
    if data.get("raised"):
        return f"raised {data['raised']}", None
    return f"printed to standard output: {data['printed'].strip()[:60]}", None
