"""Signals that stop the tool: Ctrl-C, SIGTERM and SIGHUP all end it with its reports written.

They raise `Stopped` only where the tool waits (`waiting`), or else when the command has ended. An
exception anywhere else could leave a report half written, a process that nobody knows of, or be
lost: Python drops it in a weak reference's callback. What is being written is finished, unless
nobody reads it (`writing`).
"""

from __future__ import annotations

import contextlib
import errno
import signal
import threading
from collections.abc import Iterator
from typing import Any

from needle_cli.problems import INTERRUPTED

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
INSISTENT = 3
"""This signal raises at once: somebody wants the tool to end that does not.

Not the second, because `timeout` and some build servers send the first one twice.
"""


UNREAD = 5.0
"""Seconds for which a write goes on after a signal: a pipe that nobody reads would block for ever.

Chosen below the 10 seconds after which containers and build servers kill.
"""


class Stopped(KeyboardInterrupt):
    """A signal asks the tool to end; `code` is the exit code, 128 plus the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.code = 128 + number


class _State:
    """What this process has been told; only the main thread gets signals, so there is no lock.

    `first` is the signal that came first, 0 before that, and `count` how many have come.
    """

    waiting, writing, raised = False, False, False
    first, count = 0, 0


def code_of(stop: KeyboardInterrupt) -> int:
    """Return the exit code of an interruption."""
    return stop.code if isinstance(stop, Stopped) else INTERRUPTED


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Let the signals raise `Stopped`, except those that the caller ignores (`nohup`)."""
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before: dict[int, Any] = {}
    _State.waiting = _State.writing = _State.raised = False
    _State.first, _State.count = 0, 0
    if _in_main_thread():
        for number in numbers:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, _hear)
        if hasattr(signal, "setitimer"):
            before[signal.SIGALRM] = signal.signal(signal.SIGALRM, _give_up)
    try:
        yield
        _raise_once()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def waiting() -> Iterator[None]:
    """Let a signal interrupt this block, in which the tool waits for something else."""
    if not _in_main_thread():
        yield
        return
    _raise_once()
    _State.waiting = True
    try:
        yield
    finally:
        _State.waiting = False


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Let no signal interrupt this block, in which the tool writes to what may be a pipe.

    Raises `TimeoutError`, an `OSError`, if `UNREAD` seconds after a signal it is still not done.
    """
    if not _in_main_thread():
        yield
        return
    _State.writing = True
    if _State.first:
        _alarm(UNREAD)
    try:
        yield
    finally:
        _State.writing = False
        _alarm(0.0)


def _alarm(seconds: float) -> None:
    if _State.first and hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _give_up(number: int, frame: object) -> None:
    if _State.writing:
        raise TimeoutError(errno.ETIMEDOUT, "nobody reads it")


def _hear(number: int, frame: object) -> None:
    _State.first, _State.count = _State.first or number, _State.count + 1
    if _State.waiting:
        _raise_once()
    if _State.writing:
        _alarm(UNREAD)
    if _State.count == INSISTENT:
        _State.raised = True
        raise Stopped(_State.first)


def _raise_once() -> None:
    if _State.first and not _State.raised:
        _State.raised = True
        raise Stopped(_State.first)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def without_interrupts() -> Iterator[None]:
    """Start processes in this block that a Ctrl-C does not reach before they call `unblock`.

    It goes to the whole group of a terminal, and Python itself would print a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # when it starts it unblocks the signal
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        unblock()


def unblock() -> None:
    """Let Ctrl-C reach this thread again."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
