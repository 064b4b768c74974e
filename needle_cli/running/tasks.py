"""A task for a worker, the ways it can end, and the protocol of a runner."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from needle_cli.records.tokens import Record
from needle_cli.running.processes import LINUX

Data: TypeAlias = dict[str, Any]
Ending: TypeAlias = Literal["answer", "crashed", "timeout", "not_reached", "not_taken"]


@dataclass(frozen=True)
class Task:
    """One unit of work: strings and numbers only; the worker looks up everything itself.

    `action` names a function of the judging module. `source` is the path of a user's file, "" for
    the operators of the engine; `file` is that path in records, relative to the project's folder.
    `known` are the checks with a known failure, each with the token of its case. `careful` records
    every case before it is asked, to find the place of a crash.
    """

    action: str
    op: str
    spec: str = ""
    source: str = ""
    file: str = ""
    trust: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    examples: int = 100
    seed: int = 0
    device: str = "cpu"
    dtype: str = "float64"
    order: int = 2
    shrink: bool = True
    faults: bool = False
    record: Record | None = None
    names: tuple[str, ...] = ()
    known: tuple[tuple[str, str], ...] = ()
    careful: bool = False

    @property
    def slot(self) -> str:
        """The GPU that the task occupies; "" for a task on the host."""
        return self.device if self.device.startswith("cuda") else ""


class Breadcrumb(Protocol):
    """What an action says before it answers, for the case that it never does."""

    def __call__(self, check: str, case: Any) -> None:
        """Note that a check is about to be asked of a case."""

    def found(self, row: Data) -> None:
        """Note the row of a check that has its first finding."""


@dataclass(frozen=True)
class Outcome:
    """How a task ended; `check` and `record` are the last ones if it did not answer.

    `data` is the answer. `found` are the rows of checks that had a finding before a task ended
    without an answer.
    """

    task: Task
    ending: Ending
    seconds: float = 0.0
    data: Data = field(default_factory=dict)
    reason: str = ""
    check: str = ""
    record: Record | None = None
    place: str = ""
    found: tuple[Data, ...] = ()


@dataclass(frozen=True)
class Limits:
    """Limits of tasks, and the module that judges them in workers.

    `timeout` is in seconds for one task, without the start of its worker; `memory` is in bytes for
    one worker. No task starts after the time `until` (of `time.monotonic`). `forks` says how
    workers start (`worker.Workplace`).
    """

    timeout: float
    memory: int
    judging: str
    until: float | None = None
    forks: bool = LINUX

    @property
    def passed(self) -> bool:
        """Whether no further task may start."""
        return self.until is not None and time.monotonic() > self.until


class Runner(Protocol):
    """Anything that runs tasks: processes of this machine, or a `concurrent.futures.Executor`."""

    def outcomes(self, tasks: Iterable[Task], started: Callable[[Task], None]) -> Iterator[Outcome]:
        """Yield one outcome per task, in the order in which they end."""

    def close(self) -> None:
        """Stop every worker at once."""


class BrokenWorker(Exception):
    """Workers cannot start, which is the tool's own fault; the text is their traceback."""
