"""Choose the runner from the settings."""

from __future__ import annotations

import os
import time

from needle_cli.explanations import FAULTS
from needle_cli.problems import Problem
from needle_cli.running.executor import ExecutorRunner, executor_of
from needle_cli.running.local import LocalRunner, usable_cores
from needle_cli.running.tasks import BrokenWorker, Data, Limits, Runner, Task
from needle_cli.settings import Settings

JUDGING = "_NEEDLE_JUDGING"
"""With this environment variable tests replace `needle_cli.running.worker_tasks` in workers."""


def runner_of(settings: Settings, tasks: int) -> Runner:
    """Return the runner: processes of this machine, or the executor of `--executor`."""
    if not settings["executor"]:
        return local_runner(settings, tasks)
    return ExecutorRunner(executor_of(settings["executor"]), _limits(settings))


def local_runner(settings: Settings, tasks: int) -> LocalRunner:
    """Return a runner with processes of this machine."""
    jobs = usable_cores() if settings["jobs"] == "auto" else settings["jobs"]
    return LocalRunner(max(1, min(jobs, tasks)), _limits(settings))


def answer(task: Task, settings: Settings) -> Data:
    """Run one task in a worker of this machine and return its answer.

    Raises the task's `Problem`, if any, and `BrokenWorker` if there is no answer.
    """
    runner = local_runner(settings, 1)
    try:
        outcome = next(iter(runner.outcomes([task], lambda task: None)))
    finally:
        runner.close()
    if "problem" in outcome.data:
        raise Problem.of(outcome.data["problem"])
    if outcome.ending != "answer" or "clean" not in outcome.data:
        detail = outcome.data.get("raised") or outcome.data.get("traceback") or outcome.reason
        raise BrokenWorker(f"the task {task.action!r} failed: {detail}")
    return outcome.data


def _limits(settings: Settings) -> Limits:
    max_time = settings["max-time"]
    return Limits(
        timeout=settings["timeout"] * (1 + len(FAULTS) * settings["faults"]),
        memory=settings["memory-limit"],
        judging=os.environ.get(JUDGING, "needle_cli.running.worker_tasks"),
        until=None if max_time is None else time.monotonic() + max_time,
    )
