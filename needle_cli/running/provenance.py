"""Where a report comes from: versions, the command line, names of files."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from needle_cli._version import __version__
from needle_cli.operators.unit import Unit
from needle_cli.reports.events import RunInfo
from needle_cli.settings import Settings

DESTINATIONS = ("--report", "--shard", "--format", "-j", "--jobs", "--executor")
"""Options about where a run takes place and where its output goes, not about what was asked."""


def run_info(
    units: Sequence[Unit],
    selected: Sequence[str],
    settings: Settings,
    argv: Sequence[str],
    devices: tuple[str, ...],
    checks: tuple[str, ...],
) -> RunInfo:
    """Return what a run is asked; `units` are those of this shard, `selected` all names."""
    files = dict.fromkeys(os.path.basename(unit.source) for unit in units if unit.source)
    return RunInfo(
        seed=settings["seed"], profile=settings["profile"], argv=portable(argv),
        started=datetime.now(UTC).isoformat(timespec="seconds"), versions=versions(),
        devices=devices, dtypes=tuple(settings["dtype"]), checks=checks,
        examples=settings["max-examples"], operators=tuple(selected),
        source=", ".join(files) if files else "specs/",
        again=again_options(settings), shard=settings["shard"],
    )  # fmt: skip


def versions() -> dict[str, str]:
    """Return the versions for a report, without importing the packages."""
    found = {"needle": __version__, "python": platform.python_version()}
    for name in ("numpy", "scipy", "hypothesis"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def portable(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the command line without absolute paths and without output options.

    The shards of a run have the same result as the whole run.
    """

    def shorten(word: str) -> str:
        head, equals, tail = word.rpartition("=")
        return head + equals + os.path.basename(tail) if os.path.isabs(tail) else word

    kept: list[str] = []
    words = iter(argv)
    for word in words:
        if word in DESTINATIONS:
            next(words, None)
        elif word.partition("=")[0] not in DESTINATIONS:
            kept.append(shorten(word))
    return tuple(kept)


def recorded_file(source: str, settings: Settings) -> str:
    """Return the path of a user's file for records: relative to the project, or the bare name."""
    if not source:
        return ""
    path = Path(source).resolve()
    root = settings.root.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def again_options(settings: Settings) -> str:
    """Return the options of this command line that are needed to ask a case again."""
    words = ""
    if settings.origins["specs"] == "flag" and not os.path.isabs(settings["specs"]):
        words += f" --specs {settings['specs']}"
    if settings.origins["trust"] == "flag":
        words += "".join(f" --trust {name}" for name in settings["trust"])
    return words
