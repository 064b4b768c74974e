"""Run tasks in worker processes, so that a crash ends one worker and not the run.

Every worker has its own channel and folder and shares no lock with another, so that a worker that
is killed, or ends itself, affects only its own operator. (A pool library was tried: pebble notices
`os._exit(0)` only after the time limit, and fails as a whole when an idle worker ends.)
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from needle_cli import stopping
from needle_cli.records.tokens import Record
from needle_cli.running.tasks import BrokenWorker, Limits, Outcome, Task
from needle_cli.running.worker import CHANNEL_LOST, OUT_OF_MEMORY, Workplace, serve

LARGEST_ANSWER = 256 * 2**20
START_LIMIT = 120.0
"""Seconds within which a new worker must be ready; after that the run ends with an error."""


class Worker:
    """One process, its channel, its folder, its slot and its current task."""

    def __init__(self, place: Workplace) -> None:
        self.folder, self.slot = Path(place.folder), place.gpu
        self.folder.mkdir()
        context = multiprocessing.get_context("spawn")
        self.channel, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, place), name="needle worker")
        with stopping.without_interrupts():
            self.process.start()
        theirs.close()
        self.ready = False
        self.taken = False
        self.task: Task | None = None
        self.begun = time.monotonic()

    def give(self, task: Task) -> None:
        """Send a task; the worker reads it when it is ready."""
        self.task, self.taken, self.begun = task, False, time.monotonic()
        with contextlib.suppress(OSError):
            self.channel.send(task)

    def kill(self) -> None:
        """End the process and everything it started."""
        pid = self.process.pid
        if pid is not None and hasattr(os, "killpg"):
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(OSError, ValueError):
            self.process.kill()
        self.process.join(5.0)
        self.channel.close()

    def last_position(self) -> tuple[str, Record | None]:
        """Return the last check and case of the process."""
        check, record = "", None
        with contextlib.suppress(OSError):
            check = (self.folder / "check").read_bytes().rstrip(b"\0").decode("ascii", "replace")
        with contextlib.suppress(OSError, ValueError):
            record = json.loads((self.folder / "case.json").read_text(encoding="utf-8"))
        return check, record

    def fault(self) -> str:
        """Return `file:line in function` of a crash, from the output of faulthandler."""
        with contextlib.suppress(OSError):
            text = (self.folder / "fault").read_text(encoding="utf-8", errors="replace")
            current = text.partition("Current thread")[2] or text
            frames = re.findall(r'File "(.+)", line (\d+) in (\S+)', current)
            for path, line, function in frames:
                if "needle_cli" not in path and "ctypes" not in path and "<frozen" not in path:
                    return f"{Path(path).name}:{line} in {function}"
        return ""


class LocalRunner:
    """Runs tasks in worker processes of this machine.

    A GPU has one worker, which does nothing else: processes that share a GPU only wait for each
    other, and each would allocate memory of its own there.

    Args:
        jobs: how many workers for tasks on the host.
        limits: what one task and one worker may use.
    """

    def __init__(self, jobs: int, limits: Limits) -> None:
        self.jobs, self.limits = jobs, limits
        self._folder = Path(tempfile.mkdtemp(prefix="needle-"))
        self._workers: list[Worker] = []
        self._count = 0
        self._suspects: dict[Any, Outcome] = {}

    def outcomes(self, tasks: Iterable[Task], started: Callable[[Task], None]) -> Iterator[Outcome]:
        """Yield one outcome per task, in the order in which they end.

        A thread that an operator left behind may end a worker between two tasks. The task that the
        worker had not read yet goes to another one.
        """
        waiting = deque(tasks)
        while waiting or self._busy():
            if waiting and self.limits.passed:
                yield from (Outcome(task, "not_reached") for task in waiting)
                waiting.clear()
            self._assign(waiting, started)
            for worker in self._ready():
                outcome = self._look(worker)
                if outcome is None:
                    continue
                if outcome.ending == "not_taken":
                    waiting.appendleft(outcome.task)
                    continue
                again = self._careful_repetition(outcome)
                if again is not None:
                    waiting.appendleft(again)
                else:
                    yield self._settled(outcome)

    def close(self) -> None:
        """Stop every worker at once and remove their folders."""
        while self._workers:
            self._workers.pop().kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.task is not None]

    def _assign(self, waiting: deque[Task], started: Callable[[Task], None]) -> None:
        """Give every idle worker a task for its slot; start workers while there are tasks."""
        slots = dict.fromkeys(task.slot for task in waiting)
        while slots:
            slot = next(iter(slots))
            task = next((task for task in waiting if task.slot == slot), None)
            idle = None if task is None else self._idle(slot)
            if task is None or idle is None:
                del slots[slot]
                continue
            waiting.remove(task)
            if _key(task) not in self._suspects:
                started(task)
            idle.give(task)

    def _idle(self, slot: str) -> Worker | None:
        """Return an idle worker of a slot; start one if there are fewer than allowed."""
        workers = [worker for worker in self._workers if worker.slot == slot]
        idle = next((worker for worker in workers if worker.task is None), None)
        if idle is None and len(workers) < (1 if slot else self.jobs):
            self._count += 1
            folder, patience = self._folder / str(self._count), min(1.0, self.limits.timeout / 5)
            limits = self.limits
            idle = Worker(Workplace(str(folder), limits.memory, patience, limits.judging, slot))
            self._workers.append(idle)
        return idle

    def _ready(self) -> list[Worker]:
        """Wait for a message, an exit or a time limit; return the workers concerned."""
        busy = self._busy()
        watched: dict[Any, Worker] = {}
        for worker in busy:
            watched[worker.channel] = worker
            watched[worker.process.sentinel] = worker
        ends = [worker.begun + self._limit(worker) for worker in busy]
        wait_limit = max(0.0, min([*ends, time.monotonic() + 1.0]) - time.monotonic())
        with stopping.waiting():
            heard = wait(list(watched), wait_limit)
        found = {id(watched[x]): watched[x] for x in heard}
        for worker in busy:
            if time.monotonic() > worker.begun + self._limit(worker):
                found[id(worker)] = worker
        return list(found.values())

    def _limit(self, worker: Worker) -> float:
        return self.limits.timeout if worker.ready else START_LIMIT

    def _look(self, worker: Worker) -> Outcome | None:
        """Read what a worker said; return the outcome of its task if the task has ended."""
        message = _message(worker.channel)
        if message in (b"ready", b"begin"):
            worker.ready, worker.begun = True, time.monotonic()
            worker.taken = message == b"begin"
            return None
        if message:
            return self._answered(worker, message)
        if message is None or not worker.process.is_alive():
            return self._ended(worker)
        if time.monotonic() > worker.begun + self._limit(worker):
            return self._too_long(worker)
        return None

    def _answered(self, worker: Worker, message: bytes) -> Outcome:
        task, seconds = worker.task, time.monotonic() - worker.begun
        assert task is not None
        try:
            data = json.loads(message)
            retire = data.get("retire", False)
        except (ValueError, AttributeError, RecursionError):
            self._drop(worker)
            return Outcome(task, "crashed", seconds, reason="wrote into the tool's own channel")
        if "broken" in data:
            raise BrokenWorker(data["broken"])
        worker.task = None
        if retire:
            self._drop(worker)
        return Outcome(task, "answer", seconds, data)

    def _ended(self, worker: Worker) -> Outcome:
        task, seconds = worker.task, time.monotonic() - worker.begun
        assert task is not None
        worker.process.join(2.0)
        code = worker.process.exitcode
        check, record = worker.last_position()
        place = worker.fault()
        if not worker.ready:
            stderr = worker.folder / "stderr"
            text = stderr.read_text(errors="replace") if stderr.exists() else ""
            raise BrokenWorker(f"a worker ended before it was ready (exit code {code})\n{text}")
        self._drop(worker)
        if not worker.taken:
            return Outcome(task, "not_taken")
        reason = ending_words(code)
        return Outcome(task, "crashed", seconds, {}, reason, check, record, place)

    def _too_long(self, worker: Worker) -> Outcome:
        task = worker.task
        assert task is not None
        if not worker.ready:
            raise BrokenWorker(f"a worker was not ready after {START_LIMIT:.0f} s")
        check, record = worker.last_position()
        self._drop(worker)
        reason = f"no answer within {self.limits.timeout:g} s"
        return Outcome(task, "timeout", self.limits.timeout, {}, reason, check, record)

    def _drop(self, worker: Worker) -> None:
        worker.task = None
        self._workers.remove(worker)
        worker.kill()

    def _careful_repetition(self, outcome: Outcome) -> Task | None:
        """Return the careful task that finds the place of a crash; once per task."""
        if outcome.ending != "crashed" or outcome.task.careful or outcome.record is not None:
            return None
        careful = replace(outcome.task, careful=True)
        self._suspects[_key(careful)] = outcome
        return careful

    def _settled(self, outcome: Outcome) -> Outcome:
        """Merge the outcome of a crash with that of its careful repetition."""
        first = self._suspects.pop(_key(outcome.task), None) if outcome.task.careful else None
        if first is None:
            return outcome
        if outcome.ending == "crashed":
            return replace(outcome, task=first.task)
        return replace(first, reason=f"{first.reason}, but not when it was tried again")


def _key(task: Task) -> Any:
    return (task.action, task.op, task.source, task.device, task.dtype, task.names)


def _message(channel: Connection) -> bytes | None:
    """Return a message, b"" when there is none yet, None when the channel is closed or damaged."""
    try:
        return channel.recv_bytes(LARGEST_ANSWER) if channel.poll(0) else b""
    except (EOFError, OSError):
        return None


def ending_words(code: int | None) -> str:
    """Return in words how a process ended, from its exit code."""
    if code == OUT_OF_MEMORY:
        return "used more memory than --memory-limit allows"
    if code == CHANNEL_LOST:
        return "closed a file that is not its own: the channel of its process"
    if code is not None and code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = ", perhaps because memory ran out" if name == "SIGKILL" else ""
        return f"crashed its process ({name}{hint})"
    return f"ended its process with exit code {code}"


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1
