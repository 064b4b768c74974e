"""The errors that end a command: what was asked, what was found, what to do."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

PASSED, FINDINGS, UNUSABLE, INTERNAL, UNANSWERED, NOTHING = 0, 1, 2, 3, 4, 5
"""The exit codes; `PRECEDENCE` says which one wins if several apply."""

INTERRUPTED = 130
INTERRUPTIONS = (129, INTERRUPTED, 143)
"""Ended by SIGHUP, by Ctrl-C, by SIGTERM; reports are written for what was done."""

LONGEST_TEXT = 2000
"""Longer texts of exceptions are cut."""

PRECEDENCE = (INTERNAL, UNUSABLE, FINDINGS, UNANSWERED, NOTHING, PASSED)


class Problem(Exception):
    """The command cannot do what it was asked: bad usage, configuration, spec or token.

    `kind` is "usage", "config", "spec", "token" or "nothing"; `path` and `line` are given if the
    problem is in a file.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str = "usage",
        code: int = UNUSABLE,
        nearest: str = "",
        path: str = "",
        line: int | None = None,
    ) -> None:
        message = " ".join(message.splitlines())
        super().__init__(message)
        self.message = cut(message, LONGEST)
        self.kind = kind
        self.code = code
        self.nearest = nearest
        self.path = path
        self.line = line

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Problem:
        """Return the problem of a `document`."""
        words = {key: document[key] for key in ("kind", "nearest", "path", "line")
                 if key in document}  # fmt: skip
        return cls(document["message"], **words)

    def __str__(self) -> str:
        """Return one readable line."""
        place = f"{self.path}:{self.line}: " if self.line else f"{self.path}: " if self.path else ""
        hint = f" (did you mean {self.nearest}?)" if self.nearest else ""
        return f"{place}{self.message}{hint}"

    def document(self) -> dict[str, object]:
        """Return the `error` member of the JSON document."""
        fields: dict[str, object] = {"kind": self.kind, "message": self.message}
        if self.path:
            fields["path"] = self.path
        if self.line:
            fields["line"] = self.line
        if self.nearest:
            fields["nearest"] = self.nearest
        return fields


def text_of(error: BaseException) -> str:
    """Return the text of an exception, cut, whatever its `__str__` does."""
    try:
        text = str(error)
    except BaseException as second:
        return f"(its text raises {type(second).__name__})"
    left = len(text) - LONGEST_TEXT
    return text if left <= 0 else f"{text[:LONGEST_TEXT]}… and {left} more characters"


def said(error: BaseException) -> str:
    """Return type and text of an exception, cut."""
    text = text_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def joined(problems: Sequence[Problem]) -> Problem:
    """Return one problem for several, with one line for each."""
    first = problems[0]
    if len(problems) == 1:
        return first
    unique = list(dict.fromkeys(str(problem) for problem in problems))
    if len(unique) == 1:
        return Problem(unique[0], kind=first.kind, code=first.code)
    several = Problem("", kind=first.kind, code=first.code)
    several.message = "\n  ".join([f"{len(unique)} problems", *unique])
    return several


LONGEST = 2000
"""How many characters of a message are told."""


def cut(text: str, most: int = 60) -> str:
    """Return a text, or its beginning if it is long."""
    return text if len(text) <= most else text[:most] + "…"


def counted(count: int, noun: str) -> str:
    """Return `1 gradient`, `2 gradients`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def shown_path(path: Path) -> str:
    """Return a path relative to the working directory if possible, never an absolute one."""
    try:
        return Path(os.path.realpath(path)).relative_to(os.path.realpath(".")).as_posix()
    except (ValueError, OSError):  # elsewhere, or the working directory is gone
        return path.name if path.is_absolute() else path.as_posix()


COMPARED = 60
"""How many characters of a word are compared with known names."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known name closest to `word`, or "" if none is close; upper case does not matter.

    A name is also found by its last part: `square` is near `arithmetic/square`.
    """
    word = word[:COMPARED].lower()
    names = {name.lower(): name for name in sorted(known, reverse=True)}
    tails = {name.rpartition("/")[2]: names[name] for name in names}
    for cutoff in (0.75, 0.6):
        for wanted, table in ((word, names), (word.rpartition("/")[2], tails)):
            for close in difflib.get_close_matches(wanted, table, n=1, cutoff=cutoff):
                return table[close]
    return ""


def worst_code(codes: Iterable[int]) -> int:
    """Return the exit code that wins by precedence."""
    present = set(codes)
    return next((code for code in PRECEDENCE if code in present), PASSED)
