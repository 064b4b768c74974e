"""Tasks through any `concurrent.futures.Executor`: other machines, a cluster, another pool.

A task is a few strings and numbers. The process that gets it looks up operator and spec itself, so
the checkout and the files must exist there under the same paths. It judges in its own child
process, so that an operator that ends its process affects no other operator.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import replace
from multiprocessing.util import Finalize
from typing import Any

from needle_cli import stopping
from needle_cli.problems import Problem
from needle_cli.running.local import LocalRunner
from needle_cli.running.tasks import Limits, Outcome, Task

TRIES = 3
"""How often a task is submitted if its worker is lost."""

TICK = 1.0
DELAY = 30.0
"""Seconds after --max-time and a task's time limit within which an executor must have answered."""


class ExecutorRunner:
    """Runs tasks through an executor, which is shut down at the end.

    Args:
        executor: the executor; its workers need this package and the files of the tasks.
        limits: what one task and one worker may use.
    """

    def __init__(self, executor: Executor, limits: Limits) -> None:
        self._executor, self._limits = executor, limits

    def outcomes(self, tasks: Iterable[Task], started: Callable[[Task], None]) -> Iterator[Outcome]:
        """Yield one outcome per task, in the order in which they end.

        A task whose worker was lost is submitted again.
        """
        pending: dict[Future[Outcome], tuple[Task, int]] = {}
        for task in tasks:
            started(task)
            pending[self._submit(task)] = (task, 1)
        while pending:
            if self._limits.passed:
                yield from self._not_reached(pending)
                if time.monotonic() > (self._limits.until or 0.0) + self._limits.timeout + DELAY:
                    text = "no answer within --max-time"
                    yield from (
                        Outcome(task, "timeout", reason=text) for task, _ in pending.values()
                    )
                    return
            with stopping.waiting():
                done, _ = wait(list(pending), timeout=TICK, return_when=FIRST_COMPLETED)
            for future in done:
                task, tries = pending.pop(future)
                lost = future.exception()
                if lost is None:
                    yield future.result()
                elif tries < TRIES:
                    pending[self._submit(task)] = (task, tries + 1)
                else:
                    text = f"its worker was lost {TRIES} times: {type(lost).__name__}: {lost}"
                    yield Outcome(task, "crashed", reason=" ".join(text.split())[:300])

    def close(self) -> None:
        """Cancel what has not started, and shut the executor down."""
        try:
            self._executor.shutdown(wait=False, cancel_futures=True)
        except TypeError:  # Dask's has no such argument, and cancels anyway
            self._executor.shutdown(wait=False)

    def _submit(self, task: Task) -> Future[Outcome]:
        # `until` is a time of this machine's clock and means nothing on another machine.
        return self._executor.submit(judge_here, task, replace(self._limits, until=None))

    def _not_reached(self, pending: dict[Future[Outcome], tuple[Task, int]]) -> Iterator[Outcome]:
        for future in [future for future in pending if future.cancel()]:
            yield Outcome(pending.pop(future)[0], "not_reached")


def judge_here(task: Task, limits: Limits) -> Outcome:
    """Judge one task in a child of this process; an executor's worker calls this."""
    with _children():
        return next(iter(_runner(limits).outcomes([task], lambda _: None)))


_mine = threading.local()


def _runner(limits: Limits) -> LocalRunner:
    """Return this thread's runner, which keeps its child from one task to the next."""
    kept: dict[Any, LocalRunner] = _mine.__dict__.setdefault("runners", {})
    key = (limits, os.getpid())
    if key not in kept:
        kept[key] = LocalRunner(1, limits)
        # Not atexit, which the workers of pools never run. This also runs before they wait for
        # their children.
        Finalize(None, kept[key].close, exitpriority=10)
    return kept[key]


class _children:
    """A context in which this process may have children.

    Pools mark their workers as daemons, and `multiprocessing` forbids daemons to have children,
    because these could outlive them. Ours end with their parent.
    """

    def __enter__(self) -> None:
        self._config: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]
        self._daemon = self._config.get("daemon")
        self._config["daemon"] = False

    def __exit__(self, *_: object) -> None:
        self._config["daemon"] = self._daemon


def executor_of(word: str) -> Executor:
    """Return the executor that `MODULE:FACTORY` makes; raises `Problem` if it makes none."""
    module, colon, name = word.partition(":")
    if not colon or not module or not name:
        raise Problem(f"--executor: expected MODULE:FACTORY, not {word!r}")
    try:
        with stopping.waiting():  # for a cluster, perhaps
            executor = getattr(importlib.import_module(module), name)()
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise Problem(f"--executor {word}: {text}") from error
    if not callable(getattr(executor, "submit", None)):
        kind = type(executor).__name__
        raise Problem(f"--executor {word} makes a {kind}, which has no submit()")
    made: Executor = executor
    return made


def dask() -> Executor:
    """Return an executor of the Dask cluster at DASK_SCHEDULER_ADDRESS."""
    distributed: Any = importlib.import_module("distributed")
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if not address:
        raise ValueError("DASK_SCHEDULER_ADDRESS is not set: tcp://HOST:PORT of the scheduler")
    made: Executor = distributed.Client(address).get_executor()
    return made


def mpi() -> Executor:
    """Return an executor of the MPI job that this process leads, under `-m mpi4py.futures`."""
    futures: Any = importlib.import_module("mpi4py.futures")
    made: Executor = futures.MPIPoolExecutor()
    return made
