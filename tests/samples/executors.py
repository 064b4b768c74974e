"""Executors for `--executor`: good ones, and some that are none."""

import os
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor


def threads():
    return ThreadPoolExecutor(2)


def processes():
    import multiprocessing

    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def nothing():
    return 3


def broken():
    raise ConnectionError("no scheduler at that address")


class Losing(ThreadPoolExecutor):
    """Loses the first two tries of every task, or all of them where LOSE_ALL is set."""

    tries: dict = {}  # noqa: RUF012

    def submit(self, function, task, *rest):
        count = self.tries[task.op] = self.tries.get(task.op, 0) + 1
        if count < 3 or os.environ.get("LOSE_ALL"):
            future = Future()
            future.set_exception(RuntimeError("the worker is gone"))
            return future
        return super().submit(function, task, *rest)


def losing():
    return Losing(2)
