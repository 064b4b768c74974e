"""Standard output: its width, its colours, and the characters that it can show."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping

WIDTH = 100
"""Columns outside a terminal, unless COLUMNS says otherwise."""

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
    if word.isdigit() and int(word) > 0:
        return max(20, int(word))
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


def write(text: str) -> None:
    """Write a text to standard output at once, ending with a newline."""
    if text:
        sys.stdout.write(holdable(text if text.endswith("\n") else text + "\n"))


def tame(text: str) -> str:
    """Return a text from an operator without control characters, which could move the cursor."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def silence() -> None:
    """Point stdout at nothing, so that Python's own flush at exit cannot fail."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
