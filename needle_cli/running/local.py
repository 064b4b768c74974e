"""Run tasks in processes of this machine, so that a crash ends one worker and not the run.

Every supervisor has its own channel and shares no lock with another, so that what an operator does
to its worker, or to the supervisor, affects only its own task. (A pool library was tried: pebble
notices `os._exit(0)` only after the time limit, and fails as a whole when an idle worker ends.)
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from multiprocessing.connection import wait
from typing import Any

from needle_cli import stopping
from needle_cli.running import processes
from needle_cli.running.channel import Ear, Malformed, message_of
from needle_cli.running.preloading import packages_of
from needle_cli.running.supervisor import INTO_CHANNEL, serve
from needle_cli.running.tasks import BrokenWorker, Data, Limits, Outcome, Task
from needle_cli.running.worker import Workplace

START_LIMIT = 120.0
"""Seconds within which a new supervisor must be ready; after that the run ends with an error."""

DELAY = 15.0
"""Seconds after the time limit of a task within which its supervisor must have ended it."""

TRIES = 3
"""How often a task is given if its supervisor ends before it has begun."""


class Supervisor:
    """One supervisor, as the tool sees it: its process, channel, slot and current task."""

    def __init__(self, place: Workplace) -> None:
        self.slot, self.packages = place.gpu, place.packages
        self._limit = place.timeout + DELAY
        number = secrets.token_hex(16)
        context = multiprocessing.get_context("spawn")
        self.channel, theirs = context.Pipe()
        self.ear = Ear(self.channel, number)
        self.process = context.Process(
            target=serve, args=(theirs, place, number), name="needle supervisor"
        )
        with stopping.without_interrupts():
            self.process.start()
        theirs.close()
        self.ready = False
        self.worker = 0
        self.task: Task | None = None
        self.begun = time.monotonic()

    def give(self, task: Task) -> None:
        """Send a task, which is read when the supervisor is ready."""
        self.task, self.worker, self.begun = task, 0, time.monotonic()
        with contextlib.suppress(OSError):
            self.channel.send(task)

    @property
    def until(self) -> float:
        """When it must have said something."""
        return self.begun + (self._limit if self.worker else START_LIMIT)

    def leave(self) -> None:
        """Send no task and close the channel: the supervisor ends its worker and itself."""
        with contextlib.suppress(OSError):
            self.channel.send(None)
        self.channel.close()

    def end(self, seconds: float) -> None:
        """End the process and its worker if they have not ended themselves within a time."""
        until = time.monotonic() + seconds
        wait([self.process.sentinel], seconds)
        while self.process.is_alive() and time.monotonic() < until:
            time.sleep(0.005)  # its files are closed before it is gone
        if self.process.is_alive():
            self.process.kill()
            self.process.join(processes.PATIENCE)
        if self.worker and self.process.exitcode != 0:
            processes.kill_session(self.worker)


class LocalRunner:
    """Runs tasks in processes of this machine.

    A GPU has one worker at a time: processes that share a GPU only wait for each other, and each
    would allocate memory of its own there.

    Args:
        jobs: how many workers for tasks on the host at a time.
        limits: what one task and one worker may use.
    """

    def __init__(self, jobs: int, limits: Limits) -> None:
        self.jobs, self.limits = jobs, limits
        self._supervisors: list[Supervisor] = []
        self._suspects: dict[Any, Outcome] = {}
        self._lost: dict[Any, int] = {}

    def outcomes(self, tasks: Iterable[Task], started: Callable[[Task], None]) -> Iterator[Outcome]:
        """Yield one outcome per task, in the order in which they end."""
        waiting = deque(tasks)
        while waiting or self._busy():
            if waiting and self.limits.passed:
                yield from (Outcome(task, "not_reached") for task in waiting)
                waiting.clear()
            self._assign(waiting, started)
            for supervisor in self._ready():
                outcome = self._look(supervisor)
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
        """Stop every process at once."""
        leaving, self._supervisors = self._supervisors, []
        for supervisor in leaving:
            supervisor.leave()
        for supervisor in leaving:
            supervisor.end(processes.PATIENCE + processes.GRACE)

    def _busy(self) -> list[Supervisor]:
        return [one for one in self._supervisors if one.task is not None]

    def _assign(self, waiting: deque[Task], started: Callable[[Task], None]) -> None:
        """Give every idle supervisor a task for its slot; start some while there are tasks."""
        slots = dict.fromkeys(task.slot for task in waiting)
        while slots:
            slot = next(iter(slots))
            task = next((task for task in waiting if task.slot == slot), None)
            idle = None if task is None else self._idle(slot, packages_of(task.source))
            if task is None or idle is None:
                del slots[slot]
                continue
            waiting.remove(task)
            if _key(task) not in self._suspects and _key(task) not in self._lost:
                started(task)
            idle.give(task)

    def _idle(self, slot: str, packages: tuple[str, ...]) -> Supervisor | None:
        """Return an idle supervisor of a slot that has loaded packages, and no others.

        Start it if there are fewer than allowed, or in the place of one that has loaded others.
        """
        those = [one for one in self._supervisors if one.slot == slot]
        idle = [one for one in those if one.task is None]
        fitting = next((one for one in idle if one.packages == packages), None)
        if fitting is not None:
            return fitting
        if len(those) >= (1 if slot else self.jobs):
            if not idle:
                return None
            self._supervisors.remove(idle[0])
            idle[0].leave()
            idle[0].end(processes.GRACE)
        limits = self.limits
        made = Supervisor(Workplace(
            limits.timeout, limits.memory, limits.judging, slot, limits.forks,
            packages if limits.forks else (),
        ))  # fmt: skip
        made.packages = packages
        self._supervisors.append(made)
        return made

    def _ready(self) -> list[Supervisor]:
        """Wait for a message, an exit or a time limit; return the supervisors concerned."""
        busy = self._busy()
        watched: dict[Any, Supervisor] = {one.process.sentinel: one for one in busy}
        watched |= {one.channel: one for one in busy if not one.ear.closed}
        seconds = min([one.until - time.monotonic() for one in busy], default=0.0)
        with stopping.waiting():
            found = wait(list(watched), max(0.0, min(seconds, 1.0)))
        concerned = {id(watched[thing]): watched[thing] for thing in found}
        concerned |= {id(one): one for one in busy if time.monotonic() > one.until}
        return list(concerned.values())

    def _look(self, supervisor: Supervisor) -> Outcome | None:
        """Hear what a supervisor says; return the outcome of its task if the task has ended."""
        alive = supervisor.process.is_alive()
        try:
            for kind, text in supervisor.ear.hear():
                message = message_of(text)
                if kind == "broken":
                    return self._gone(supervisor, message["text"])
                if kind == "ended":
                    return self._ended(supervisor, message)
                supervisor.ready, supervisor.begun = True, time.monotonic()
                supervisor.worker = message.get("process", 0)
        except Malformed:
            return self._lose(supervisor, "crashed", INTO_CHANNEL)
        if not alive or supervisor.ear.closed:
            return self._gone(supervisor)
        if time.monotonic() > supervisor.until:
            if not supervisor.ready:
                raise BrokenWorker(f"a worker was not ready after {START_LIMIT:.0f} s")
            return self._lose(supervisor, "timeout", f"no answer within {self.limits.timeout:g} s")
        return None

    def _ended(self, supervisor: Supervisor, message: Data) -> Outcome:
        task, supervisor.task = supervisor.task, None
        assert task is not None
        self._lost.pop(_key(task), None)
        return outcome_of(task, message)

    def _gone(self, supervisor: Supervisor, why: str = "") -> Outcome:
        """Return the outcome of a task whose supervisor has ended, which it never does itself.

        Perhaps an earlier operator has seen to that, so another supervisor gets the task.
        """
        task = supervisor.task
        assert task is not None
        if supervisor.worker:
            return self._lose(supervisor, "crashed", "ended the process that supervises it")
        self._lost[_key(task)] = self._lost.get(_key(task), 0) + 1
        if not supervisor.ready or self._lost[_key(task)] == TRIES:
            supervisor.end(processes.GRACE)
            code = supervisor.process.exitcode
            raise BrokenWorker(why or f"a worker ended before it was ready (exit code {code})")
        return self._lose(supervisor, "not_taken")

    def _lose(self, supervisor: Supervisor, ending: Any, reason: str = "") -> Outcome:
        """Give up a supervisor, and return the outcome of its task."""
        task, seconds = supervisor.task, time.monotonic() - supervisor.begun
        assert task is not None
        supervisor.task = None
        self._supervisors.remove(supervisor)
        supervisor.leave()
        supervisor.end(0.0)
        return Outcome(task, ending, seconds, reason=reason)

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


def outcome_of(task: Task, ended: Data) -> Outcome:
    """Return the outcome of a task from what its supervisor says; its JSON texts are read here."""
    seconds, ending, reason = ended["seconds"], ended["ending"], ended["reason"]
    if ending == "answer":
        answer = _read(ended["answer"])
        if answer is not None:
            return Outcome(task, "answer", seconds, {**answer, "printed": ended["printed"]})
        ending, reason = "crashed", INTO_CHANNEL
    found = tuple(row for text in ended["found"] if (row := _read(text)) is not None)
    record = _read(ended.get("record", ""))
    # Later checks may have been asked before it was seen that the worker has to be ended.
    check = str((record or {}).get("check", ended["check"]))
    return Outcome(task, ending, seconds, {}, reason, check, record, ended["place"], found)


def _read(text: str) -> Data | None:
    try:
        return message_of(text)
    except Malformed:
        return None


def _key(task: Task) -> Any:
    return (task.action, task.op, task.source, task.device, task.dtype, task.names)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1
