"""Reporters listen to a run's events; each format is one file with one class."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

from needle_cli import console
from needle_cli.events import Event
from needle_cli.settings import Settings

Writer = Callable[[str], None]


class Reporter(Protocol):
    """One format: made with a function that writes text, then told every event in order."""

    def __init__(self, write: Writer, settings: Settings) -> None:
        """Keep where to write."""

    def handle(self, event: Event) -> None:
        """Listen to one event."""


FORMATS: Mapping[str, str] = {
    "full": "terminal:Terminal",
    "concise": "concise:Concise",
    "json": "json_report:JsonReport",
    "ndjson": "ndjson:Ndjson",
}
DEFAULT_NAMES: Mapping[str, str] = {
    "json": "needle-report.json", "ndjson": "needle-report.ndjson", "concise": "needle-report.txt",
}  # fmt: skip


def reporter_class(name: str) -> type[Reporter]:
    """Import and return the class of a format."""
    module, _, attribute = FORMATS[name].partition(":")
    found: type[Reporter] = getattr(
        importlib.import_module(f"needle_cli.reporters.{module}"), attribute
    )
    return found


class Reports:
    """All reporters of a run: the screen, the files of `--report`, and progress."""

    def __init__(self, settings: Settings, warn: Callable[[str], None]) -> None:
        self.listeners: list[Callable[[Event], None]] = []
        self._files: list[tuple[IO[str], Path]] = []
        self._warn = warn
        self._quiet = settings["verbosity"] < 0
        self._add_files(settings)
        self._add_progress(settings)
        if settings["verbosity"] > -2:
            screen = reporter_class(settings["format"])(Screen(), settings)
            self.listeners.append(screen.handle)

    def __enter__(self) -> Self:
        """Return the reports themselves."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the files and say where they are."""
        for stream, path in self._files:
            try:
                stream.close()
            except OSError as failure:
                self._warn(f"{path.name} is not whole: {failure.strerror}")
                continue
            if error is None and not self._quiet:
                with contextlib.suppress(OSError):
                    print(f"wrote {path}", file=sys.stderr)

    def _add_files(self, settings: Settings) -> None:
        for word in settings["report"]:
            name, _, path = word.partition("=")
            target = Path(path or DEFAULT_NAMES[name])
            try:
                stream = target.open("w", encoding="utf-8", newline="\n")
            except OSError as error:
                self._warn(f"cannot write the report {target}: {error.strerror}")
                continue
            self._files.append((stream, target))
            reporter = reporter_class(name)(self._patient(stream, target), settings)
            self.listeners.append(reporter.handle)

    def _patient(self, stream: IO[str], path: Path) -> Writer:
        """Return a writer for which a full disk is a warning."""

        def write(text: str) -> None:
            try:
                stream.write(text)
            except OSError as error:
                self._warn(f"cannot write the report {path}: {error.strerror}")

        return write

    def _add_progress(self, settings: Settings) -> None:
        from needle_cli.reporters.progress import Progress, wanted

        if wanted(settings):
            self.listeners.append(Progress(sys.stderr).handle)


class Screen:
    """Writes to standard output; a reader that went away (`| head`) is no error."""

    def __init__(self) -> None:
        self._gone = False

    def __call__(self, text: str) -> None:
        """Write whole lines, unless nobody reads any more."""
        if self._gone:
            return
        try:
            console.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            from needle_cli.app import silence

            self._gone = True
            silence()


__all__ = ["Reporter", "Reports", "Screen", "Writer", "reporter_class"]
