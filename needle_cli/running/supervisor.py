"""A supervisor: starts a worker for every task, hears it, and ends it with all that it started.

It runs no operator. Where the system can fork (Linux) it loads engine and judge once and every
worker is a copy of it, so that no operator sees what another one did. Elsewhere a worker is a new
process, and it is kept for the next task only if it judged one of the engine's own operators and
that changed nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Protocol

from needle_cli.running import processes
from needle_cli.running.channel import CHANNEL_LOST, Ear, Malformed, Voice
from needle_cli.running.forked import Template
from needle_cli.running.spawned import Spawner
from needle_cli.running.tasks import Data, Task
from needle_cli.running.worker import Files, Workplace

TICK = 0.05
FAMILY_TICK = 1.0
"""Seconds between two looks at the processes that a worker has started, and at their memory."""

MOST_PROCESSES = 200
"""A worker that starts more processes is ended, before the machine has no time for anyone else."""

MOST_OUTPUT = 64 * 2**20
"""A worker that writes more bytes to its standard streams is ended."""

MOST_FOUND = 100
"""A worker says fewer rows than this: one for every check at most."""

INTO_CHANNEL = "wrote into the tool's own channel"
CLOSED_CHANNEL = "closed a file that is not its own: the channel of its process"
TOO_MUCH_MEMORY = "used more memory than --memory-limit allows"
TOO_MANY_PROCESSES = f"started more than {MOST_PROCESSES} processes"
TOO_MUCH_OUTPUT = f"wrote more than {MOST_OUTPUT >> 20} MiB to its standard streams"


class Worker(Protocol):
    """A worker with a task, as its supervisor sees it."""

    @property
    def pid(self) -> int:
        """The number of its process."""

    @property
    def ear(self) -> Ear:
        """Hears what it says."""

    @property
    def files(self) -> Files:
        """What it leaves behind."""

    def code(self) -> int | None:
        """Return the exit code, None while the process runs."""

    def end(self, ended: Data) -> None:
        """End the process and everything it started; `ended` says how its task has ended."""


class Workers(Protocol):
    """Makes workers."""

    def worker(self, task: Task) -> Worker:
        """Return a worker that has begun a task."""

    def close(self) -> None:
        """Remove what is left."""


def serve(channel: Connection, place: Workplace, number: str) -> None:
    """Do tasks until the channel closes: the main function of a supervisor."""
    processes.detach()
    voice, parent = Voice(channel, number), os.getppid()

    def is_left(seconds: float = 0.0) -> bool:
        # While a worker has a task the tool says nothing: a message is the end of the channel.
        try:
            return channel.poll(seconds) or os.getppid() != parent
        except OSError:
            return True

    try:
        workers: Workers = Template(place, channel) if place.forks else Spawner(place)
        voice.say("ready", {})
        with contextlib.closing(workers):
            while True:
                while not is_left(processes.GRACE):
                    pass
                task = channel.recv() if channel.poll(0) else None
                if task is None:
                    return
                worker = workers.worker(task)
                voice.say("begun", {"process": worker.pid})
                ended = _ended(worker, place, is_left)
                worker.end(ended)
                if is_left():
                    return
                voice.say("ended", ended)
    except (EOFError, ConnectionError):
        return
    except BaseException:
        voice.say("broken", {"text": traceback.format_exc()})


def _ended(worker: Worker, place: Workplace, is_left: Callable[[], bool]) -> Data:
    """Wait until a task has ended and say how; `answer` and what was found are unread JSON."""
    limits = _Limits(worker, place)
    ended: Data = {"ending": "", "reason": "", "found": []}
    while not ended["ending"] and not is_left():
        wait([] if worker.ear.closed else [worker.ear.channel], TICK)
        code = worker.code()
        try:
            for kind, text in worker.ear.hear():
                _take(ended, kind, text)
        except Malformed:
            ended |= {"ending": "crashed", "reason": INTO_CHANNEL}
        if not ended["ending"]:
            if code is not None:
                ended |= {"ending": "crashed", "reason": ending_words(code)}
            else:
                ended |= limits.passed()
    return {
        **ended,
        "seconds": time.monotonic() - limits.begun,
        "check": worker.files.check,
        "place": worker.files.fault() if ended["ending"] == "crashed" else "",
        "printed": worker.files.printed(),
    }


def _take(ended: Data, kind: str, text: str) -> None:
    if kind == "found" and len(ended["found"]) < MOST_FOUND:
        ended["found"].append(text)
    elif kind == "case":
        ended["record"] = text
    elif kind == "answer":
        ended |= {"ending": "answer", "answer": text}
    else:
        raise Malformed


class _Limits:
    """What a worker may use: time, memory, processes, output, and its channel."""

    def __init__(self, worker: Worker, place: Workplace) -> None:
        self.begun = time.monotonic()
        self._worker, self._place = worker, place
        self._inherited = processes.memory_of(os.getpid()) if place.forks else 0
        self._closed: float | None = None
        self._counted, self._entities = self.begun, processes.entities()

    def passed(self) -> Data:
        """Return how the task ends if the worker is over a limit, else nothing."""
        now = time.monotonic()
        if now > self.begun + self._place.timeout:
            return {"ending": "timeout", "reason": f"no answer within {self._place.timeout:g} s"}
        if self._worker.ear.closed:
            self._closed = self._closed or now
            if now > self._closed + processes.GRACE:
                return {"ending": "crashed", "reason": CLOSED_CHANNEL}
        if self._worker.files.size() > MOST_OUTPUT:
            return {"ending": "crashed", "reason": TOO_MUCH_OUTPUT}
        used = processes.memory_of(self._worker.pid)
        crowded = processes.entities() > self._entities + MOST_PROCESSES
        if crowded or now > self._counted + FAMILY_TICK:
            self._counted, self._entities = now, processes.entities()
            family = processes.family_of(self._worker.pid)
            if len(family) > MOST_PROCESSES:
                return {"ending": "crashed", "reason": TOO_MANY_PROCESSES}
            used = max(used, processes.memory_of_all(family) if len(family) > 1 else 0)
        if used - self._inherited > self._place.memory:
            return {"ending": "crashed", "reason": TOO_MUCH_MEMORY}
        return {}


def ending_words(code: int) -> str:
    """Return in words how a process ended, from its exit code."""
    if code == CHANNEL_LOST:
        return CLOSED_CHANNEL
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = ", perhaps because memory ran out" if name == "SIGKILL" else ""
        return f"crashed its process ({name}{hint})"
    return f"ended its process with exit code {code}"
