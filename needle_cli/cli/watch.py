"""`--watch`: check again whenever a source or a spec changes, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from needle_cli import console, stopping
from needle_cli.operators.unit import Unit
from needle_cli.problems import INTERRUPTED, INTERRUPTIONS, Problem, counted

INTERVAL = 0.4
"""Seconds between two checks of the files: short for a person, long for a disk."""

State = dict[Path, tuple[int, int]]


def watch(select: Callable[[], list[Unit]], run: Callable[[list[Unit]], int]) -> int:
    """Run, wait until a judged file changes, and run again; return the last exit code.

    A file that cannot be read at the moment, such as one that is half written, is reported and read
    again at its next change.
    """
    code, units = 0, select()
    while True:
        before = state_of(units)
        try:
            code = run(units)
        except Problem as problem:
            code = problem.code
            console.tell(f"needle: {problem}")
        if code in INTERRUPTIONS:
            return code
        console.tell(f"watching {counted(len(before), 'file')}, Ctrl-C ends")
        try:
            while state_of(units) == before:
                with stopping.waiting():
                    time.sleep(INTERVAL)
        except KeyboardInterrupt as stop:
            told = stopping.code_of(stop)
            return code if told == INTERRUPTED else told
        try:
            units = select()
        except Problem as problem:
            console.tell(f"needle: {problem}")


def state_of(units: Iterable[Unit]) -> State:
    """Return size and time of every file that the verdicts of operators depend on."""
    files: set[Path] = set()
    for unit in units:
        files |= {Path(word) for word in (unit.source, unit.path, unit.spec) if word}
        if unit.specs is not None and unit.specs.is_dir():
            files |= set(unit.specs.rglob("*.toml"))
    return {path: found for path in files if (found := _stat(path)) is not None}


def _stat(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
