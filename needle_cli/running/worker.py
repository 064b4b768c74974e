"""What a worker does: it judges one operator, and leaves traces that explain how it ended.

A worker is a process of its own: whatever an operator changes in it ends with it. It has one
descriptor of the tool's, the channel to its supervisor (`supervisor.py`).

This module imports nothing heavy, so that the thread counts of the BLAS libraries can be set
before NumPy is loaded.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import mmap
import os
import re
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from needle_cli.problems import Problem, said
from needle_cli.records.tokens import Record
from needle_cli.running.channel import Voice
from needle_cli.running.processes import LINUX
from needle_cli.running.tasks import Data, Task

if TYPE_CHECKING:
    from needle_cli.running.side_effects import Snapshot

ONE_THREAD = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
POOL_LIMIT = "CUPY_GPU_MEMORY_LIMIT"
"""The environment variable that limits CuPy's memory pool, in bytes."""

LONGEST_TRACEBACK = 20_000
TICK = 0.2
ALWAYS_OPERATORS = (MemoryError, RecursionError, SystemExit, KeyboardInterrupt, GeneratorExit)
"""Exceptions that the operator causes, wherever they are raised."""


@dataclass(frozen=True)
class Workplace:
    """What a worker needs apart from its task: limits, and the module that judges.

    A task may take `timeout` seconds and `memory` bytes. If one question takes longer than
    `patience` seconds, its case is said, because it may never end. `gpu` is the device of this
    worker, "" for the host; the memory pool on the device has the same limit as the host's memory.
    `forks` says whether workers are forked: on macOS the system's libraries do not survive that.
    `packages` are loaded before the first task.
    """

    timeout: float
    memory: int
    judging: str
    gpu: str = ""
    forks: bool = LINUX
    packages: tuple[str, ...] = ()

    @property
    def patience(self) -> float:
        """Seconds after which the case of a question is said."""
        return min(1.0, self.timeout / 5)

    def load(self) -> Desk:
        """Load the module that judges, with everything that it needs."""
        for name in ONE_THREAD:
            os.environ[name] = "1"
        os.environ[POOL_LIMIT] = str(self.memory)
        judging = importlib.import_module(self.judging)
        for name in self.packages:
            with contextlib.suppress(Exception):  # the operator's file gets it again
                importlib.import_module(name)
        from needle_cli.running.side_effects import Snapshot  # loads NumPy

        return Desk(judging, Snapshot())


class Desk(NamedTuple):
    """The module that judges, and what every module was like before the first operator."""

    judging: Any
    before: Snapshot

    def load_more(self) -> bool:
        """Load what judging a wrong operator needs besides; return False if it is loaded."""
        more = getattr(self.judging, "FOR_FINDINGS", ())
        missing = [name for name in more if name not in sys.modules]
        for name in missing:
            importlib.import_module(name)
        return bool(missing)


class Judging(Protocol):
    """The module that does the work; `needle_cli.running.worker_tasks`, or a stand-in in tests."""

    def describe(self, check: str, case: Any, task: Task) -> Record:
        """Return the record of a case at which a check was asked."""


class Files:
    """A worker's output and its last words, which the supervisor can read after its end.

    On Linux they are in memory and inherited, so that no folder can be removed or full.
    """

    def __init__(self, folder: Path | None) -> None:
        self.out, self.err = _file(folder, "out"), _file(folder, "err")
        self._page = mmap.mmap(-1, 64) if folder is None else _page(folder / "check")

    @property
    def check(self) -> str:
        """The check that was asked last, "" before the first one."""
        return bytes(self._page).rstrip(b"\0").decode("ascii", "replace")

    def note(self, word: bytes) -> None:
        """Note the 64 bytes of a check."""
        self._page[:] = word

    def size(self) -> int:
        """Return how many bytes were written."""
        return os.fstat(self.out).st_size + os.fstat(self.err).st_size

    def printed(self) -> str:
        """Return the start of what was written to standard output."""
        return _text(self.out, 4096)

    def fault(self) -> str:
        """Return `file:line in function` of a crash, from the output of faulthandler."""
        text = _text(self.err, os.fstat(self.err).st_size)
        dump = re.split("Fatal Python error|Windows fatal exception", text)[1:]
        current = dump[-1] if dump else ""
        current = current.partition("Current thread")[2] or current
        for path, line, function in re.findall(r'File "(.+)", line (\d+) in (\S+)', current):
            if "needle_cli" not in path and "ctypes" not in path and "<frozen" not in path:
                return f"{Path(path).name}:{line} in {function}"
        return ""

    def begin(self) -> None:
        """Point the standard streams here, in the worker; input is empty."""
        null = os.open(os.devnull, os.O_RDONLY)
        for target, handle in enumerate((null, self.out, self.err)):
            os.dup2(handle, target)
        sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w")
        faulthandler.enable(self.err)

    def empty(self) -> None:
        """Forget what was written, and the check."""
        for handle in (self.out, self.err):
            os.ftruncate(handle, 0)
            os.lseek(handle, 0, os.SEEK_SET)
        self._page[:] = bytes(64)

    def close(self) -> None:
        """Close what this process holds of them."""
        self._page.close()
        os.close(self.out)
        os.close(self.err)


def _file(folder: Path | None, name: str) -> int:
    if folder is None:
        if hasattr(os, "memfd_create"):
            return os.memfd_create(f"needle {name}")
        with tempfile.TemporaryFile() as unnamed:
            return os.dup(unnamed.fileno())
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    return os.open(folder / name, flags, 0o600)


def _page(path: Path) -> mmap.mmap:
    if not path.exists():
        path.write_bytes(bytes(64))
    with path.open("r+b") as stream:
        return mmap.mmap(stream.fileno(), 64)


def _text(handle: int, most: int) -> str:
    with open(os.dup(handle), "rb") as stream:
        stream.seek(0)
        return stream.read(most).decode("utf-8", "replace")


def _stream(handle: int, mode: str) -> Any:
    return open(handle, mode, encoding="utf-8", errors="replace", buffering=1, closefd=False)


class Trail:
    """What is known so far of a task, from outside, if its process ends before it has answered.

    The current check is written into a mapped page at every question (a few hundred nanoseconds).
    The case is said if the task is careful, or by the watchdog if a question takes long. A row is
    said when its check has its first finding.
    """

    def __init__(self, task: Task, judging: Judging, files: Files, voice: Voice) -> None:
        self.current: tuple[str, Any] | None = None
        self.since = time.monotonic()
        self.over = False
        self._task, self._judging, self._files, self._voice = task, judging, files, voice
        self._words: dict[str, bytes] = {}

    def __call__(self, check: str, case: Any) -> None:
        """Note that a check is about to be asked of a case."""
        word = self._words.get(check)
        if word is None:
            word = self._words[check] = check.encode()[:64].ljust(64, b"\0")
        self._files.note(word)
        self.current = (check, case)
        self.since = time.monotonic()
        if self._task.careful:
            self.describe()

    def found(self, row: Data) -> None:
        """Say the row of a check that has its first finding."""
        self._voice.say("found", row)

    def describe(self) -> None:
        """Say the record of the current case."""
        record = self.record()
        if record is not None:
            self._voice.say("case", record)

    def record(self) -> Record | None:
        """Return the record of the current case, None if there is none."""
        with contextlib.suppress(Exception):
            if self.current is not None:
                return self._judging.describe(*self.current, self._task)
        return None

    def watch(self, patience: float) -> None:
        """Describe the case of every question that takes long."""
        while not self.over:
            time.sleep(TICK)
            if self.current is not None and time.monotonic() - self.since > patience:
                self.describe()
                self.since = time.monotonic() + 5.0


def work(task: Task, desk: Desk, files: Files, voice: Voice, place: Workplace) -> None:
    """Do a task and say its answer."""
    judging = desk.judging
    # CUDA reserves terabytes of address space, so there only the resident size is watched.
    if not place.gpu:
        _limit_memory(place.memory)
    trail = Trail(task, judging, files, voice)
    threading.Thread(target=trail.watch, args=(place.patience,), daemon=True).start()
    answer = _answer(task, judging, trail)
    trail.over = True
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    try:
        voice.say("answer", {**answer, "changed": desk.before.changed()})
    except (TypeError, ValueError) as error:
        voice.say("answer", _internal(error))


def _answer(task: Task, judging: Any, trail: Trail) -> Data:
    """Do the task; an exception becomes part of the answer."""
    try:
        answer: Data = getattr(judging, task.action)(task, trail)
    except Problem as problem:
        return {"problem": {**problem.document(), "code": problem.code}, "clean": True}
    except BaseException as error:
        check = trail.current[0] if trail.current else ""
        answer = {"check": check, "record": trail.record()}
        if _is_operators(error, task):
            return {**answer, "raised": said(error)}
        return {**answer, **_internal(error)}
    return answer


def _internal(error: BaseException) -> Data:
    details = "".join(traceback.format_exception(error))
    return {"internal": said(error), "traceback": details[-LONGEST_TRACEBACK:]}


def _is_operators(error: BaseException, task: Task) -> bool:
    """Whether the operator, and not the tool, caused an exception."""
    if isinstance(error, ALWAYS_OPERATORS):
        return True
    if getattr(error, "operators_doing", False):
        return True
    source = os.path.abspath(task.source) if task.source else f"{os.sep}needle{os.sep}ops{os.sep}"
    frames = traceback.extract_tb(error.__traceback__)
    return any(source in os.path.abspath(frame.filename) for frame in frames)


def _limit_memory(limit: int) -> None:
    """Let allocations beyond the limit fail, if the system can do that."""
    if not LINUX:
        return
    import resource

    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
