"""The file of one report: replaced when the new report is whole, or written as the run goes."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import IO

from needle_cli import console, stopping
from needle_cli.records.store import write_whole

ODD = "backslashreplace"
"""How to write characters that UTF-8 cannot encode: an operator's message may contain them."""

STANDARD = re.compile(r"/(?:dev|proc/self/fd|dev/fd)/(?:stdout|stderr|1|2)")
"""The streams of the screen; a second stream to the same file would overwrite it."""


class ReportFile:
    """Where one report goes; `write` takes the text, `finish` puts it in place.

    The last text counts, and it is written beside the file and renamed, so that an earlier report
    survives a kill or a full disk. What cannot be renamed is written in place: devices, pipes, the
    standard streams, a file in a folder that is not ours, and a report that is read as it grows
    (`streams`).

    Raises `OSError` in `begin` and `finish`; an error of `write` is kept for `finish`.
    """

    def __init__(self, path: Path, streams: bool) -> None:
        self.path = path
        self._streams = streams
        self._standard = STANDARD.fullmatch(os.path.abspath(path))
        self._text = ""
        self._stream: IO[str] | None = None
        self._error: OSError | None = None

    @property
    def place(self) -> Path:
        """The path without symbolic links; a loop of links stays as it is."""
        return Path(os.path.realpath(self.path))

    def begin(self) -> None:
        """Open the file, or find out whether it can be replaced."""
        if self._standard:
            return
        if not self.place.parent.is_dir():
            raise OSError(0, f"there is no folder {self.path.parent}")
        if self._streams or not self._replaceable():
            with stopping.writing():  # to a pipe, perhaps
                self._stream = self.path.open("w", encoding="utf-8", newline="\n", errors=ODD)

    def write(self, text: str) -> None:
        """Take a text: the whole report, or the next part of one that streams."""
        if self._standard:
            write = console.write if self._standard[0].endswith(("out", "1")) else console.tell
            write(text)
        elif self._stream is None:
            self._text = text
        elif self._error is None:
            try:
                with stopping.writing():
                    self._stream.write(text)
                    self._stream.flush()
            except OSError as error:
                self._error = error
                console.silence(self._stream)

    def finish(self) -> None:
        """Put the report in place, and close the file."""
        if self._stream is not None:
            try:
                self._stream.close()
            except OSError as error:
                self._error = self._error or error
            if self._error is not None:
                raise self._error
        elif self._standard:
            lost = console.finish()
            if lost:
                raise OSError(0, lost)
        elif self._text:
            write_whole(self.place, self._text.encode("utf-8", ODD))

    def _replaceable(self) -> bool:
        """Whether a file beside this one can take its place."""
        try:
            mode = self.place.stat().st_mode
        except FileNotFoundError:
            mode = stat.S_IFREG
        within = os.path.abspath(self.path).startswith(("/dev/", "/proc/"))
        return stat.S_ISREG(mode) and not within and os.access(self.place.parent, os.W_OK)
