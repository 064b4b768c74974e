"""Where reports go: the screen, the files of `--report`, annotations and progress."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from needle_cli import console
from needle_cli.problems import Problem
from needle_cli.reports.events import RunFailed
from needle_cli.reports.format import Format, Listener, Writer
from needle_cli.settings import FORMATS, REPORTS, Config, Settings, resolve

ODD = "backslashreplace"
"""How to write characters that UTF-8 cannot encode: an operator's message may contain them."""


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
        self._files: list[tuple[IO[str], Path]] = []
        self._machines: list[Listener] = []
        self._warn = warn
        self._quiet = settings["verbosity"] < 0
        self._add_files(settings)
        self.listeners.extend(self._machines)
        if keep is not None:
            self.listeners.append(keep)
        self._add_progress(settings)
        if screen and settings["verbosity"] > -2:
            shown = format_class(settings["format"])(Screen(), settings)
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
        """Write an error into every machine format, close the files and say where they are."""
        if error is not None and not isinstance(error, KeyboardInterrupt):
            failed = RunFailed(error_of(error))
            for handle in self._machines:
                with contextlib.suppress(Exception):
                    handle(failed)
        for stream, path in self._files:
            try:
                stream.close()
            except OSError as failure:
                self._warn(f"{path.name} is not complete: {failure.strerror}")
                continue
            if not self._quiet:
                with contextlib.suppress(OSError):
                    print(f"wrote {path}", file=sys.stderr)

    def _add_files(self, settings: Settings) -> None:
        for word in settings["report"]:
            name, target = _target(word)
            if any(target.resolve() == path.resolve() for _, path in self._files):
                raise Problem(f"two reports would be written to {target}: give each its own path")
            # If a report cannot be written, fail before anything is judged.
            try:
                stream = _opened(target)
            except OSError as error:
                raise Problem(f"cannot write the report {target}: {error.strerror}") from error
            self._files.append((stream, target))
            reporter = format_class(name)(self._forgiving(stream, target), settings)
            self._machines.append(reporter.handle)

    def _add_annotations(self, settings: Settings, environ: Mapping[str, str]) -> None:
        """Add annotations and the job summary on GitHub."""
        wanted = settings["annotations"]
        if wanted == "none" or (wanted == "auto" and environ.get("GITHUB_ACTIONS") != "true"):
            return
        told = []
        if settings["format"] != "github":
            told.append(format_class("github")(Screen(), settings).handle)
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

    def _forgiving(self, stream: IO[str], path: Path) -> Writer:
        """Return a writer that warns if the disk is full."""

        def write(text: str) -> None:
            try:
                stream.write(text)
                stream.flush()  # events are read while they come
            except OSError as error:
                self._warn(f"cannot write the report {path}: {error.strerror}")

        return write

    def _add_progress(self, settings: Settings) -> None:
        from needle_cli.reports.terminal.progress import Progress, wanted

        if wanted(settings):
            self.listeners.append(Progress(sys.stderr).handle)


def write_error(error: Mapping[str, object], words: Sequence[str]) -> None:
    """Write an error into the reports if the run could not open them, as far as possible."""
    settings = resolve({"report": []}, {}, Config(None, {}))
    for word in words:
        if word.partition("=")[0] in REPORTS:
            name, target = _target(word)
            with contextlib.suppress(Exception), _opened(target) as stream:
                format_class(name)(stream.write, settings).handle(RunFailed(error))


def _target(word: str) -> tuple[str, Path]:
    """Return format and path of FORMAT[=PATH]."""
    name, _, path = word.partition("=")
    return name, Path(path or FORMATS[name].file)


def _opened(target: Path) -> IO[str]:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.open("w", encoding="utf-8", newline="\n", errors=ODD)


def error_of(error: BaseException) -> dict[str, object]:
    """Return the `error` member of a report for the exception that ended a run."""
    if isinstance(error, Problem):
        return error.document()
    text = " ".join(str(error).split())[:200]
    return {"kind": "internal", "message": f"{type(error).__name__}: {text}"}


class Screen:
    """Writes to standard output; a reader that went away (`| head`) is not an error."""

    def __init__(self) -> None:
        self._gone = False

    def __call__(self, text: str) -> None:
        """Write whole lines, unless the reader has gone away."""
        if self._gone:
            return
        try:
            console.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            self._gone = True
            console.silence()
