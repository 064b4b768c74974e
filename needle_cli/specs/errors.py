"""What is wrong with a spec: `SpecError` if it cannot be read, `SpecIssue` for what it lacks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from needle_cli.problems import Problem, shown_path

SHOWN = 60
"""How many characters of a user's value a message repeats."""


class SpecError(Exception):
    """A spec that cannot be used: where, what was found, what was expected, the nearest name.

    `line` is None if no line applies (a missing file). The text is always one line.
    """

    def __init__(
        self, path: Path, line: int | None, message: str, expected: str = "", nearest: str = ""
    ) -> None:
        super().__init__(path, line, message, expected, nearest)
        self.path = path
        self.line = line
        self.message = message
        self.expected = expected
        self.nearest = nearest

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line is not None else f"{self.path}"
        text = f"{place}: {self.message}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.nearest:
            text += f"; did you mean {self.nearest!r}?"
        return " ".join(text.split())

    def problem(self, kind: str = "spec") -> Problem:
        """Return the error as the problem that ends a command."""
        expected = f"; expected {self.expected}" if self.expected else ""
        return Problem(
            " ".join(f"{self.message}{expected}".split()),
            kind=kind, nearest=self.nearest, path=shown_path(self.path), line=self.line,
        )  # fmt: skip


@contextmanager
def as_problems(kind: str = "spec") -> Iterator[None]:
    """Turn a `SpecError` into its problem; a context manager, also usable as a decorator."""
    try:
        yield
    except SpecError as error:
        raise error.problem(kind) from error


@dataclass(frozen=True)
class SpecIssue:
    """A finding of `needle check specs`: the spec can be read but says too little.

    `name` is `family/function`; `rule` is one of `RULES`; `line` is None if the file is missing.
    """

    name: str
    path: Path | None
    line: int | None
    rule: str
    message: str

    def __str__(self) -> str:
        if self.path is None:
            return f"{self.name}: {self.message} [{self.rule}]"
        place = f"{self.path}:{self.line}" if self.line is not None else f"{self.path}"
        return f"{place}: {self.name}: {self.message} [{self.rule}]"


def shown(value: object) -> str:
    """Return a user's value for a message: quoted, on one line, cut short."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = json.dumps(value[: SHOWN + 1], ensure_ascii=False)
    else:
        try:
            text = repr(value)
        except ValueError:  # an integer of more digits than Python prints
            text = f"a very large {type(value).__name__}"
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def listed(names: Iterable[str]) -> str:
    """Return names as "one of a, b, c", or "a" alone."""
    names = list(names)
    return names[0] if len(names) == 1 else "one of " + ", ".join(names)
