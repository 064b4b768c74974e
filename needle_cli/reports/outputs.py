"""Where reports go: the screen, the files of `--report`, annotations and progress."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from needle_cli import console
from needle_cli.problems import INTERNAL, INTERRUPTIONS, Problem
from needle_cli.reports.events import Event, RunDone, RunFailed
from needle_cli.reports.files import ODD, ReportFile
from needle_cli.reports.format import Format, Listener, Writer
from needle_cli.settings import FORMATS, REPORTS, Config, Settings, resolve


def format_class(name: str) -> type[Format]:
    """Import and return the class of a format: NAME in formats/name.py."""
    module = importlib.import_module(f"needle_cli.reports.formats.{name}")
    found: type[Format] = getattr(module, name.capitalize())
    return found


class Reports:
    """All reporters of a run: the screen, the files of `--report`, annotations and progress.

    `keep` also gets every event, after the files; without `screen` nothing is shown.
    """

    def __init__(
        self,
        settings: Settings,
        warn: Callable[[str], None],
        *,
        keep: Listener | None = None,
        screen: bool = True,
    ) -> None:
        self.listeners: list[Listener] = []
        self._files: list[ReportFile] = []
        self._machines: list[Listener] = []
        self._warn = warn
        self._quiet = settings["verbosity"] < 0
        self._lost = False
        self._add_files(settings)
        self.listeners.extend(self._machines)
        if keep is not None:
            self.listeners.append(keep)
        self._add_progress(settings)
        if screen and settings["verbosity"] > -2:
            shown = format_class(settings["format"])(console.write, settings)
            self.listeners.append(shown.handle)
        self._add_annotations(settings, os.environ)

    def __enter__(self) -> Self:
        """Return the reports themselves."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write an error into every machine format, finish the files and say where they are."""
        if error is not None:
            failed = RunFailed(error_of(error))
            for handle in self._machines:
                with contextlib.suppress(Exception):
                    handle(failed)
        for file in self._files:
            try:
                file.finish()
            except OSError as failure:
                self._lost = True
                console.tell(f"needle: cannot write the report {file.path}: {failure.strerror}")
            else:
                if not self._quiet:
                    console.tell(f"wrote {file.path}")

    def code(self, code: int) -> int:
        """Return the exit code of a run that gave `code`: a report that was lost is an error."""
        return INTERNAL if self._lost and code not in INTERRUPTIONS else code

    def _add_files(self, settings: Settings) -> None:
        for word in settings["report"]:
            name, target = _target(word)
            made = format_class(name)
            file = ReportFile(target, made.streams)
            if any(file.place == other.place for other in self._files):
                raise Problem(f"two reports would be written to {target}: give each its own path")
            # If a report cannot be written, fail before anything is judged.
            try:
                file.begin()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise Problem(f"cannot write the report {target}: {reason}") from error
            self._files.append(file)
            self._machines.append(_until_done(made(file.write, settings).handle))

    def _add_annotations(self, settings: Settings, environ: Mapping[str, str]) -> None:
        """Add annotations and the job summary on GitHub."""
        wanted = settings["annotations"]
        if wanted == "none" or (wanted == "auto" and environ.get("GITHUB_ACTIONS") != "true"):
            return
        told = []
        if settings["format"] != "github":
            told.append(format_class("github")(console.write, settings).handle)
        page = environ.get("GITHUB_STEP_SUMMARY")
        if page:
            told.append(format_class("markdown")(self._appending(Path(page)), settings).handle)
        self._machines.extend(told)
        self.listeners.extend(told)

    def _appending(self, path: Path) -> Writer:
        def write(text: str) -> None:
            try:
                with path.open("a", encoding="utf-8", newline="\n", errors=ODD) as stream:
                    stream.write(text)
            except OSError as error:
                self._warn(f"cannot write the job summary: {error.strerror}")

        return write

    def _add_progress(self, settings: Settings) -> None:
        from needle_cli.reports.terminal.progress import Progress, wanted

        if wanted(settings):
            self.listeners.append(Progress(sys.stderr).handle)


def _until_done(handle: Listener) -> Listener:
    """Return a listener that gets no failure of the run once it has the whole result."""
    done = False

    def told(event: Event) -> None:
        nonlocal done
        if not (done and isinstance(event, RunFailed)):
            handle(event)
        done = done or isinstance(event, RunDone)

    return told


def write_error(error: Mapping[str, object], words: Sequence[str]) -> None:
    """Write an error into the reports if the run could not open them, as far as possible."""
    settings = resolve({"report": []}, {}, Config(None, {}))
    for word in words:
        if word.partition("=")[0] in REPORTS:
            name, target = _target(word)
            made = format_class(name)
            file = ReportFile(target, made.streams)
            with contextlib.suppress(Exception):
                file.begin()
                made(file.write, settings).handle(RunFailed(error))
                file.finish()


def _target(word: str) -> tuple[str, Path]:
    """Return format and path of FORMAT[=PATH]."""
    name, _, path = word.partition("=")
    return name, Path(path or FORMATS[name].file)


def error_of(error: BaseException) -> dict[str, object]:
    """Return the `error` member of a report for the exception that ended a run."""
    if isinstance(error, Problem):
        return error.document()
    text = " ".join(str(error).split())[:200]
    if isinstance(error, KeyboardInterrupt):
        return {"kind": "interrupted", "message": text or "interrupted"}
    return {"kind": "internal", "message": f"{type(error).__name__}: {text}"}
