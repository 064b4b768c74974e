"""Standard output and error: width, colours, and what may be written to them.

Names, messages and formulas come from operators. What is written here can neither move the cursor
nor be taken for a command by a build server that reads the log.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Mapping
from typing import IO

from needle_cli import stopping

WIDTH = 100
"""Columns outside a terminal, unless COLUMNS says otherwise."""

WIDEST = 1000
NARROW = 70
"""With fewer columns, lists replace tables."""

WORDS = {
    "✓": "ok", "✗": "FAIL", "·": "-", "─": "-", "█": "#", "–": "-", "×": "x", "…": "...",
    "½": "1/2", "⅓": "1/3", "≠": "!=", "−": "-", "‖": "||", "≤": "<=", "≥": ">=",
}  # fmt: skip
"""Replacements for characters that standard output cannot encode."""


def width(environ: Mapping[str, str] | None = None) -> int:
    """Return the number of columns: COLUMNS, that of the terminal, or `WIDTH`."""
    environ = os.environ if environ is None else environ
    word = environ.get("COLUMNS", "")
    if word.isdecimal() and len(word) < 7 and int(word) > 0:
        return min(max(20, int(word)), WIDEST)
    try:
        return max(20, os.get_terminal_size(sys.stdout.fileno()).columns)
    except (OSError, ValueError, AttributeError):
        return WIDTH


def coloured(when: str, environ: Mapping[str, str] | None = None) -> bool:
    """Decide on colours: the option, then NO_COLOR, then FORCE_COLOR, then the terminal."""
    environ = os.environ if environ is None else environ
    if when != "auto":
        return when == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and environ.get("TERM") != "dumb"


def fits(text: str) -> bool:
    """Whether standard output can encode a text."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def holdable(text: str) -> str:
    """Return a text with replacements for what standard output cannot encode."""
    if fits(text):
        return text
    encoding = sys.stdout.encoding or "ascii"
    spelt = "".join(c if fits(c) else WORDS.get(c, c) for c in text)
    return spelt.encode(encoding, "backslashreplace").decode(encoding)


class Drawn(str):
    """A text that `Page` drew: its control characters are ours, those of operators are tamed."""


def write(text: str) -> None:
    """Write a text to standard output at once, ending with a newline; never raises for a stream.

    Everything but a `Drawn` page and our own `Commands` is tamed. A stream that cannot be written
    is remembered for `finish`, so that a lost screen costs neither the verdict nor the reports.
    """
    if not text or _Output.lost is not None:
        return
    safe = text if isinstance(text, Drawn | Commands) else tame(text)
    whole = harmless(safe)
    try:
        with stopping.writing():
            sys.stdout.write(holdable(whole if whole.endswith("\n") else whole + "\n"))
            sys.stdout.flush()
    except OSError as error:
        lose(error)


def tell(text: str) -> None:
    """Write a line about the run to standard error, if there is one."""
    try:
        with stopping.writing():
            print(harmless(tame(text.rstrip("\n"))), file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def tame(text: str) -> str:
    """Return a text from an operator without control characters, which could move the cursor."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


ANYWHERE = r"#(?=#\w*\[)"
COMMAND = re.compile(rf"^(?:[^\S\n]|\x1b\[[\d;]*m)*:(?=:)|{ANYWHERE}", re.MULTILINE)
"""Where a build server would read a command: `::name::` starts a line, `##[name]` is anywhere."""


class Commands(str):
    """Workflow commands that we give ourselves, with their parts escaped."""


def harmless(text: str) -> str:
    """Return a text of which a build server takes nothing for a command, our `Commands` apart."""
    pattern = re.compile(ANYWHERE) if isinstance(text, Commands) else COMMAND
    return pattern.sub(lambda found: f"{found[0]} ", text)


def json_text(data: object, indent: int | None = 2) -> str:
    """Return strict JSON and a newline; no `##[name]` in it can be read as a command."""
    return json.dumps(data, indent=indent, allow_nan=False).replace("##", "#\\u0023") + "\n"


class _Output:
    """Whether standard output can still be written: the error by which it was lost."""

    lost: OSError | None = None


def open_streams() -> None:
    """Open the standard descriptors that the caller closed, on the null device.

    Otherwise the next file that is opened, a report or a worker's channel, would be written to by
    everything that writes to the screen.
    """
    _Output.lost = None
    for number, mode in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest number that is free, which is this one
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            stream = os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False)
            setattr(sys, name, stream)


def lose(error: OSError) -> None:
    """Remember that standard output cannot be written, and write nothing more to it."""
    _Output.lost = error
    silence(sys.stdout)


def finish() -> str:
    """Flush standard output; return why it was lost, "" if it was not or its reader went away."""
    if _Output.lost is None:
        try:
            sys.stdout.flush()
        except OSError as error:
            lose(error)
    lost = _Output.lost
    return "" if lost is None or isinstance(lost, BrokenPipeError) else lost.strerror or str(lost)


def silence(stream: IO[str]) -> None:
    """Point a stream at nothing, so that Python's own flush at exit cannot fail."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
