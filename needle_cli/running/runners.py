"""Choose the runner from the settings."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from needle_cli.explanations import FAULTS
from needle_cli.problems import Problem
from needle_cli.running.executor import ExecutorRunner, executor_of
from needle_cli.running.local import LocalRunner, usable_cores
from needle_cli.running.tasks import BrokenWorker, Data, Limits, Runner, Task
from needle_cli.settings import Settings

JUDGING = "_NEEDLE_JUDGING"
"""With this environment variable tests replace `needle_cli.running.worker_tasks` in workers."""


@contextlib.contextmanager
def running(settings: Settings, tasks: int, *, here: bool = False) -> Iterator[Runner]:
    """Give a runner, and end it with all its processes and folders whatever happens.

    It is the executor of `--executor`, or, without one and `here`, processes of this machine.
    """
    if settings["executor"] and not here:
        runner: Runner = ExecutorRunner(executor_of(settings["executor"]), _limits(settings))
    else:
        jobs = usable_cores() if settings["jobs"] == "auto" else settings["jobs"]
        runner = LocalRunner(max(1, min(jobs, tasks)), _limits(settings))
    try:
        yield runner
    finally:
        runner.close()


def answer(task: Task, settings: Settings) -> Data:
    """Run one task in a worker of this machine and return its answer.

    Raises the task's `Problem`, if any, and `BrokenWorker` if there is no answer.
    """
    with running(settings, 1, here=True) as runner:
        outcome = next(iter(runner.outcomes([task], lambda task: None)))
    if "problem" in outcome.data:
        raise Problem.of(outcome.data["problem"])
    if outcome.ending != "answer" or "clean" not in outcome.data:
        if "traceback" in outcome.data and "raised" not in outcome.data:
            raise BrokenWorker(f"the task {task.action!r} failed: {outcome.data['traceback']}")
        reason = outcome.data.get("raised") or outcome.reason
        what = Path(task.source).name if task.source else "the specs"
        raise Problem(f"{what} cannot be read: {reason}", kind="spec")
    return outcome.data


def _limits(settings: Settings) -> Limits:
    max_time = settings["max-time"]
    return Limits(
        timeout=settings["timeout"] * (1 + len(FAULTS) * settings["faults"]),
        memory=settings["memory-limit"],
        judging=os.environ.get(JUDGING, "needle_cli.running.worker_tasks"),
        until=None if max_time is None else time.monotonic() + max_time,
    )
