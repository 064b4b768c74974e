"""Workers that are new processes, where the system cannot fork one that has loaded libraries."""

from __future__ import annotations

import json
import multiprocessing
import secrets
import shutil
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from needle_cli.running import processes
from needle_cli.running.channel import Ear, Voice
from needle_cli.running.tasks import Data, Task
from needle_cli.running.worker import Files, Workplace, work

START_LIMIT = 120.0
"""Seconds within which a new process must be ready."""


class Spawned:
    """A worker in a process of its own, with its folder."""

    def __init__(self, place: Workplace) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="needle-"))
        self.files = Files(self._folder)
        context = multiprocessing.get_context("spawn")
        self._channel, theirs = context.Pipe()
        words = (theirs, place, self._folder)
        self._process = context.Process(target=_serve, args=words, name="needle worker")
        self._process.start()
        theirs.close()
        self.ear = Ear(self._channel, "")
        self.spent = False
        if not self._channel.poll(START_LIMIT):
            raise TimeoutError(f"a worker was not ready after {START_LIMIT:.0f} s")
        self._channel.recv()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid or 0

    def give(self, task: Task) -> None:
        """Let it begin a task."""
        number = secrets.token_hex(16)
        self.files.empty()
        self.ear = Ear(self._channel, number)
        self._channel.send((task, number))
        self._task = task

    def code(self) -> int | None:
        """Return the exit code, None while the process runs."""
        return self._process.exitcode

    def end(self, ended: Data) -> None:
        """End the process, unless what it judged left nothing behind."""
        answer = json.loads(ended["answer"]) if ended["ending"] == "answer" else {}
        if self._task.source or not answer.get("clean") or answer.get("changed"):
            self.close()

    def close(self) -> None:
        """End the process and everything that it started, and remove its folder."""
        self.spent = True
        processes.kill_group(self.pid)
        self._process.kill()
        self._process.join(processes.PATIENCE)
        self._channel.close()
        self.files.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class Spawner:
    """Starts workers, and keeps the last one as long as it can be used again."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._kept: Spawned | None = None

    def worker(self, task: Task) -> Spawned:
        """Return a worker that has begun a task."""
        if self._kept is None or self._kept.spent:
            self._kept = Spawned(self._place)
        self._kept.give(task)
        return self._kept

    def close(self) -> None:
        """End the last worker."""
        if self._kept is not None and not self._kept.spent:
            self._kept.close()


def _serve(channel: Connection, place: Workplace, folder: Path) -> None:
    """Do tasks until the process is ended: the main function of a worker."""
    processes.detach()
    processes.end_with_parent()
    desk, files = place.load(), Files(folder)
    files.begin()
    channel.send("ready")
    while True:
        try:
            task, number = channel.recv()
        except (EOFError, OSError):
            return
        work(task, desk, files, Voice(channel, number), place)
