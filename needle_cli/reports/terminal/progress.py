"""A progress line on stderr, only in a terminal."""

from __future__ import annotations

import os
from typing import TextIO

from needle_cli import console
from needle_cli.reports.events import Event, OperatorDone, OperatorStarted, RunDone, RunStarted
from needle_cli.settings import Settings, in_ci


def wanted(settings: Settings) -> bool:
    """Whether progress is shown: a terminal, no build server, not switched off."""
    import sys

    return (
        bool(settings["progress"])
        and settings["verbosity"] >= 0
        and sys.stderr.isatty()
        and os.environ.get("TERM") != "dumb"
        and not in_ci(os.environ)
    )


class Progress:
    """Counts operators and shows the one that started last."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._total = self._done = self._failed = 0
        self._running: list[str] = []

    def handle(self, event: Event) -> None:
        """Redraw the line, or wipe it at the end."""
        if isinstance(event, RunStarted):
            self._total = len(event.info.operators)
        elif isinstance(event, OperatorStarted):
            self._running.append(event.op)
        elif isinstance(event, OperatorDone):
            self._done += 1
            self._failed += any(row.is_finding for row in event.rows)
            if event.op in self._running:
                self._running.remove(event.op)
        self._draw("" if isinstance(event, RunDone) else self._line())

    def _line(self) -> str:
        failed = f" · {self._failed} with findings" if self._failed else ""
        return f"{self._done}/{self._total}{failed} · {' '.join(self._running)}"

    def _draw(self, line: str) -> None:
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
            text = console.tame(line).encode(self._stream.encoding or "ascii", "replace")
            shown = text.decode(self._stream.encoding or "ascii")[: columns - 1]
            self._stream.write(f"\r\x1b[2K{shown}")
            self._stream.flush()
        except (OSError, ValueError):
            self._total = 0
