"""A worker process: judges one operator at a time, and survives or explains what the operator does.

This module imports nothing heavy, so that the thread counts of the BLAS libraries can be set
before NumPy is loaded. What an operator can damage (standard output, the working directory, the
environment, memory) is set up before each task and checked after it. A damaged worker says so and
is replaced.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import mmap
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from needle_cli import stopping
from needle_cli.problems import Problem
from needle_cli.records.tokens import Record
from needle_cli.running.tasks import Data, Task

ONE_THREAD = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
POOL_LIMIT = "CUPY_GPU_MEMORY_LIMIT"
"""The environment variable that limits CuPy's memory pool, in bytes."""

OUT_OF_MEMORY = 86
"""Exit code of a worker whose resident size went over the limit."""

CHANNEL_LOST = 87
"""Exit code of a worker whose channel to the tool no longer works."""

TICK = 0.2
ALWAYS_OPERATORS = (MemoryError, RecursionError, SystemExit, KeyboardInterrupt, GeneratorExit)
"""Exceptions that the operator causes, wherever they are raised."""


@dataclass(frozen=True)
class Workplace:
    """What a worker needs apart from tasks: its own folder, limits, the module that judges.

    If one question takes longer than `patience` seconds, its case is recorded, because it may never
    end. `gpu` is the device of this worker, "" for the host; the memory pool on the device has the
    same limit as the host's memory.
    """

    folder: str
    memory: int
    patience: float
    judging: str
    gpu: str = ""


class Judging(Protocol):
    """The module that does the work; `needle_cli.running.worker_tasks`, or a stand-in in tests."""

    def describe(self, check: str, case: Any, task: Task) -> Record:
        """Return the record of a case at which a check was asked."""


class Trail:
    """The current check and case, readable from outside after this process has ended.

    The current check is written into a mapped file at every question (a few hundred nanoseconds).
    The case is written if the task is careful, or by the watchdog if a question takes long.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "case.json"
        path = folder / "check"
        path.write_bytes(bytes(64))
        with path.open("r+b") as stream:
            self._page = mmap.mmap(stream.fileno(), 64)
        self._words: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self.judging: Judging | None = None
        self.task: Task | None = None
        self.current: tuple[str, Any] | None = None
        self.since = time.monotonic()

    def begin(self, task: Task) -> None:
        """Clear the trail of the last task."""
        self.task, self.current = task, None
        self.path.unlink(missing_ok=True)
        self._page[:] = bytes(64)

    def __call__(self, check: str, case: Any) -> None:
        """Note that a check is about to be asked of a case."""
        word = self._words.get(check)
        if word is None:
            word = self._words[check] = check.encode()[:64].ljust(64, b"\0")
        self._page[:] = word
        self.current = (check, case)
        self.since = time.monotonic()
        if self.task is not None and self.task.careful:
            self.write()

    def end(self) -> None:
        """Note that no check is running."""
        self.current = None

    def write(self) -> None:
        """Write the record of the current case."""
        current, task = self.current, self.task
        if current is None or task is None or self.judging is None:
            return
        with self._lock, contextlib.suppress(Exception):
            record = self.judging.describe(*current, task)
            self.path.write_text(json.dumps(record), encoding="utf-8")


class Streams:
    """Standard streams of an operator: input is empty, output goes to files that are read later."""

    def __init__(self, folder: Path) -> None:
        self.paths = (folder / "stdout", folder / "stderr")
        self._null = os.open(os.devnull, os.O_RDONLY)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        self._files = [os.open(path, flags, 0o600) for path in self.paths]

    def begin(self) -> None:
        """Point the descriptors and Python's streams at fresh files."""
        os.dup2(self._null, 0)
        for target, handle in enumerate(self._files, start=1):
            os.ftruncate(handle, 0)
            os.dup2(handle, target)
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - lives as long as the worker
        sys.stdout = _stream(1)
        sys.stderr = _stream(2)

    def printed(self) -> str:
        """Return the start of what was written to standard output since `begin`."""
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        with self.paths[0].open("rb") as stream:
            return stream.read(4096).decode("utf-8", "replace")


def _stream(handle: int) -> Any:
    return open(handle, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)


def serve(channel: Connection, place: Workplace) -> None:
    """Answer tasks until the channel closes: the main function of a worker process."""
    for name in ONE_THREAD:
        os.environ[name] = "1"
    os.environ[POOL_LIMIT] = str(place.memory)
    folder = Path(place.folder)
    _settle(folder)
    streams, trail = Streams(folder), Trail(folder)
    streams.begin()
    try:
        judging: Any = importlib.import_module(place.judging)
    except BaseException:
        channel.send_bytes(json.dumps({"broken": traceback.format_exc()}).encode())
        return
    trail.judging = judging
    # CUDA reserves terabytes of address space, so there the resident size is watched instead.
    limited = not place.gpu and _limit_memory(place.memory)
    _follow_parent()
    watched = 0 if limited else place.memory
    watching = (trail, watched, place.patience)
    threading.Thread(target=_watch, args=watching, daemon=True).start()
    channel.send_bytes(b"ready")
    guard = Guard(place.memory)
    while True:
        try:
            task: Task = channel.recv()
        except (EOFError, OSError):
            return
        guard.begin()
        streams.begin()
        trail.begin(task)
        channel.send_bytes(b"begin")
        answer = _answer(task, judging, trail)
        trail.end()
        answer["printed"] = streams.printed()
        answer["retire"] = guard.damaged() or not answer.get("clean", False)
        try:
            channel.send_bytes(json.dumps(answer).encode())
        except OSError:
            os._exit(CHANNEL_LOST)


def _answer(task: Task, judging: Any, trail: Trail) -> Data:
    """Do the task; an exception becomes part of the answer."""
    try:
        answer: Data = getattr(judging, task.action)(task, trail)
    except Problem as problem:
        return {"problem": {**problem.document(), "code": problem.code}, "clean": True}
    except BaseException as error:
        check = trail.current[0] if trail.current else ""
        record = _described(trail, judging, task)
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        kind = "raised" if _is_operators(error, task) else "internal"
        details = "".join(traceback.format_exception(error))
        return {kind: text, "check": check, "record": record, "traceback": details}
    return answer


def _described(trail: Trail, judging: Any, task: Task) -> Record | None:
    with contextlib.suppress(Exception):
        if trail.current is not None:
            record: Record = judging.describe(*trail.current, task)
            return record
    return None


def _is_operators(error: BaseException, task: Task) -> bool:
    """Whether the operator, and not the tool, caused an exception."""
    if isinstance(error, ALWAYS_OPERATORS):
        return True
    if getattr(error, "operators_doing", False):
        return True
    source = os.path.abspath(task.source) if task.source else f"{os.sep}needle{os.sep}ops{os.sep}"
    frames = traceback.extract_tb(error.__traceback__)
    return any(source in os.path.abspath(frame.filename) for frame in frames)


class Guard:
    """Undoes what an operator changed in the process, or says that the process is damaged."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._folder = os.getcwd()
        self._environ = dict(os.environ)
        self._path = list(sys.path)
        self._recursion = sys.getrecursionlimit()
        self._threads = threading.active_count()
        self._handlers = self._signals()

    def begin(self) -> None:
        """Undo what can be undone."""
        with contextlib.suppress(OSError):
            os.chdir(self._folder)
        if dict(os.environ) != self._environ:
            os.environ.clear()
            os.environ.update(self._environ)
        sys.path[:] = self._path
        sys.setrecursionlimit(self._recursion)

    def damaged(self) -> bool:
        """Whether the process should not be used again."""
        return (
            threading.active_count() > self._threads
            or self._signals() != self._handlers
            or resident() > self._memory // 2
        )

    @staticmethod
    def _signals() -> list[Any]:
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def _settle(folder: Path) -> None:
    """Leave the terminal's process group and let crashes write where they happened."""
    if hasattr(os, "setsid"):
        with contextlib.suppress(OSError):
            os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopping.unblock()
    handle = os.open(folder / "fault", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    faulthandler.enable(handle)


def _limit_memory(limit: int) -> bool:
    """Let allocations beyond the limit fail; return False if the system cannot do that."""
    if not sys.platform.startswith("linux"):
        return False
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ValueError, OSError):
        return False
    return True


def _follow_parent() -> None:
    """End with the tool, even if it is killed while this process hangs (Linux)."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(Exception):
            import ctypes

            ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))


def _watch(trail: Trail, memory: int, patience: float) -> None:
    """Record a question that takes long; end the process if its parent or its memory is gone."""
    parent = os.getppid()
    while True:
        time.sleep(TICK)
        if os.getppid() != parent:
            os._exit(1)
        if memory and resident() > memory:
            os._exit(OUT_OF_MEMORY)
        if trail.current is not None and time.monotonic() - trail.since > patience:
            trail.write()
            trail.since = time.monotonic() + 5.0


def resident() -> int:
    """Return the resident size of this process in bytes; 0 if it is unknown."""
    try:
        with open("/proc/self/statm", "rb") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        pass
    try:
        psutil: Any = importlib.import_module("psutil")
        return int(psutil.Process().memory_info().rss)
    except ImportError:
        return 0
