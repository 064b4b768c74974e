"""What is asked of a worker, how it can end, and what every runner of tasks promises."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from needle_cli.records.tokens import Record

Data: TypeAlias = dict[str, Any]
Breadcrumb: TypeAlias = Callable[[str, Any], None]
Ending: TypeAlias = Literal["answer", "crashed", "timeout", "not_reached", "not_taken"]


@dataclass(frozen=True)
class Task:
    """One unit of work: strings and numbers only; the worker looks up everything itself.

    `action` names a function of the judging module. `source` is the path of a user's file, "" for
    the operators of the engine; `file` is how a record names it, below the project's folder.
    `known` are the checks whose failure is known, each with the token of its case. `careful` writes
    every case down before it is asked, to learn where a crash happens.
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
        """The GPU that the task needs for itself, "" for a task on the host."""
        return self.device if self.device.startswith("cuda") else ""


@dataclass(frozen=True)
class Outcome:
    """How a task ended; `check` and `record` say where it was if it did not answer."""

    task: Task
    ending: Ending
    seconds: float = 0.0
    data: Data = field(default_factory=dict)
    reason: str = ""
    check: str = ""
    record: Record | None = None
    place: str = ""


@dataclass(frozen=True)
class Limits:
    """What tasks may use, and the module that judges them in workers.

    `timeout` is in seconds for one task, without the start of its worker, `memory` in bytes for one
    worker. After the moment `until` (`time.monotonic`) no task is started.
    """

    timeout: float
    memory: int
    judging: str
    until: float | None = None

    @property
    def passed(self) -> bool:
        """Whether no task is to be started any more."""
        return self.until is not None and time.monotonic() > self.until


class Runner(Protocol):
    """Anything that runs tasks: processes of this machine, or a `concurrent.futures.Executor`."""

    def outcomes(self, tasks: Iterable[Task], started: Callable[[Task], None]) -> Iterator[Outcome]:
        """Yield one outcome per task, in the order in which they end."""

    def close(self) -> None:
        """Stop every worker at once."""


class BrokenWorker(Exception):
    """Workers cannot start: the tool's own fault; the text is their traceback."""
