"""Workers that are copies of their supervisor, which has loaded engine and judge (Linux)."""

from __future__ import annotations

import gc
import multiprocessing
import os
import secrets
from multiprocessing.connection import Connection, wait
from os import _exit  # by its name: an operator may replace that of the module

from needle_cli.running import processes
from needle_cli.running.channel import Ear, Voice
from needle_cli.running.tasks import Data, Task
from needle_cli.running.worker import Files, Workplace, work


class Forked:
    """A worker that was forked for one task."""

    def __init__(self, template: Template, pid: int, ear: Ear, files: Files) -> None:
        self._template = template
        self.pid, self.ear, self.files = pid, ear, files
        self._code: int | None = None

    def code(self) -> int | None:
        """Return the exit code, None while the process runs."""
        if self._code is None:
            gone, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if gone else None
        return self._code

    def end(self, ended: Data) -> None:
        """End the process and everything that it started."""
        if ended["found"]:
            self._template.expects_findings = True
        if ended["ending"] == "answer":
            wait([self.ear.channel], processes.GRACE)  # it is about to end by itself
        processes.kill_group(self.pid)
        processes.end_children()
        self.ear.channel.close()
        self.files.close()


class Template:
    """The state in which every worker begins."""

    def __init__(self, place: Workplace, channel: Connection) -> None:
        self._channel = channel
        self._place, self._desk = place, place.load()
        self.expects_findings = False
        processes.adopt_orphans()
        _settle()

    def worker(self, task: Task) -> Forked:
        """Return a worker that has begun a task."""
        if self.expects_findings and self._desk.load_more():
            _settle()
        number, files = secrets.token_hex(16), Files(None)
        ours, theirs = multiprocessing.Pipe()
        parent = os.getpid()
        process = os.fork()
        if process:
            theirs.close()
            return Forked(self, process, Ear(ours, number), files)
        try:  # from here on in the worker
            processes.end_with_parent()
            processes.detach()
            ours.close()
            self._channel.close()
            files.begin()
            processes.close_all_but(theirs.fileno(), files.err)
            if os.getppid() == parent:
                work(task, self._desk, files, Voice(theirs, number), self._place)
                _exit(0)
        finally:
            _exit(1)

    def close(self) -> None:
        """Remove what is left, which is nothing."""


def _settle() -> None:
    """Leave what is loaded alone: a collection in a worker would copy all pages that hold it."""
    gc.collect()
    gc.freeze()
