"""Processes from outside: how much memory they use, and ending them with all they started."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import itertools
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, NamedTuple

from needle_cli import stopping

LINUX = sys.platform.startswith("linux")

GRACE = 1.0
"""Seconds that a process has to end by itself after its last word."""

PATIENCE = 5.0
"""Seconds within which processes that are killed have to be gone."""

SET_PARENT_DEATH_SIGNAL, SET_CHILD_SUBREAPER = 1, 36
"""Options of prctl(2)."""


class Listed(NamedTuple):
    """A process as /proc lists it."""

    pid: int
    parent: int
    session: int


def detach() -> None:
    """Leave the terminal: its process group, Ctrl-C, and what the tool does at other signals."""
    if hasattr(os, "setsid"):
        with contextlib.suppress(OSError):
            os.setsid()
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopping.unblock()


def close_all_but(*kept: int) -> None:
    """Close every descriptor but the standard streams and those given."""
    limit = os.sysconf("SC_OPEN_MAX")
    for low, high in itertools.pairwise([2, *sorted(kept), limit if limit > 0 else 2**16]):
        os.closerange(low + 1, high)
    # The pipe to the tool's tracker is closed now; a process that needs one starts its own.
    tracker: Any = resource_tracker._resource_tracker
    tracker._fd = tracker._pid = None


def adopt_orphans() -> None:
    """Make descendants whose parent ends children of this process, as far as the system can."""
    _prctl(SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """Have this process killed when its parent ends, as far as the system can."""
    _prctl(SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL))


def _prctl(option: int, value: int) -> None:
    if LINUX:
        with contextlib.suppress(Exception):
            ctypes.CDLL(None).prctl(option, value)


def listed() -> Iterator[Listed]:
    """Yield every process of this machine; none where there is no /proc."""
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    with open(f"/proc/{name}/stat", "rb") as stream:
                        fields = stream.read().rpartition(b")")[2].split()
                    yield Listed(int(name), int(fields[1]), int(fields[3]))


def kill_group(pid: int) -> None:
    """Kill a process and its group."""
    for kill in (getattr(os, "killpg", None), os.kill):
        if kill is not None:
            with contextlib.suppress(OSError):
                kill(pid, signal.SIGKILL)


def kill_session(session: int) -> None:
    """Kill the processes of a session whose first process this process did not start itself."""
    for process in listed():
        if process.session == session:
            with contextlib.suppress(OSError):
                os.kill(process.pid, signal.SIGKILL)


def end_children() -> bool:
    """Kill the descendants of this process, adopted ones too; return whether all are gone.

    All of them each time: whoever forks for ever is faster than one generation at a time.
    """
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            gone, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if not gone:
            for pid in family_of(os.getpid())[1:]:
                kill_group(pid)
            time.sleep(0.002)
    return False


def memory_of(pid: int) -> int:
    """Return the resident bytes of a process that are its own or shared memory; 0 if unknown.

    Files that are mapped, such as libraries, do not count.
    """
    sizes = _sizes(f"/proc/{pid}/status", "RssAnon", "RssShmem")
    if not sizes and not LINUX:
        with contextlib.suppress(Exception):
            psutil: Any = importlib.import_module("psutil")
            return int(psutil.Process(pid).memory_info().rss)
    return sum(sizes)


def memory_of_all(pids: Iterable[int]) -> int:
    """Return the same for processes together; what they share counts once."""
    return sum(sum(_sizes(f"/proc/{pid}/smaps_rollup", "Pss_Anon", "Pss_Shmem")) for pid in pids)


def _sizes(path: str, *names: str) -> list[int]:
    """Return the sizes in bytes that a file of /proc has under some names."""
    sizes = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path(path).read_text("ascii", "replace").splitlines():
            name, _, rest = line.partition(":")
            sizes += [1024 * int(rest.split()[0])] if name in names else []
    return sizes


def entities() -> int:
    """Return how many processes and threads this machine runs; 0 if unknown."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/loadavg").read_text("ascii").split()[3].partition("/")[2])
    return 0


def family_of(pid: int) -> list[int]:
    """Return a process and its descendants."""
    children: dict[int, list[int]] = {}
    for process in listed():
        children.setdefault(process.parent, []).append(process.pid)
    found = [pid]
    for one in found:
        found += children.get(one, ())
    return found
