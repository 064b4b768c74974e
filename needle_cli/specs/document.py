"""Read one TOML file into plain data and the lines of its keys; every failure is a `SpecError`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from needle_cli.specs.errors import SpecError
from needle_cli.specs.lines import key_lines

MAX_BYTES = 256 * 1024
"""A spec is a page of text; a larger file is a wrong file and is not read into memory."""

POSITION = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)")
DECLARED = re.compile(r"Cannot declare \((.*)\) twice")


@dataclass(frozen=True)
class Document:
    """A TOML file's content with the line of every key path."""

    path: Path
    data: Mapping[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, key: str) -> int:
        """Return the line of a key path, or of the nearest enclosing key that has one."""
        while key and key not in self.lines:
            shorter = re.sub(r"(\[\d+\]|\.?[^.\[\]]+|.)$", "", key)
            key = shorter if len(shorter) < len(key) else ""
        return self.lines.get(key, 1)

    def error(self, key: str, message: str, expected: str = "", near: str = "") -> SpecError:
        """Return the error that points at a key path."""
        return SpecError(self.path, self.line_of(key), message, expected, near)


def read_document(path: Path, *, locate: bool = True) -> Document:
    """Read a TOML file; raises `SpecError` if it cannot be read.

    `locate=False` leaves the lines out, for listings that only need the data.
    """
    text = _decode(path, _read_bytes(path))
    try:
        data = tomllib.loads(text)
        lines = key_lines(text) if locate else {}
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, text, str(error)) from None
    except RecursionError:
        raise SpecError(path, 1, "arrays or tables are nested too deeply to be read") from None
    except ValueError as error:  # an integer of more digits than Python converts
        raise SpecError(path, 1, f"a number cannot be read: {error}") from None
    if not data:
        raise SpecError(path, 1, "the spec is empty", 'keys such as `op = "needle.ops:log"`')
    return Document(path, data, lines)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise SpecError(path, None, "is a directory", "a TOML file")
        if path.exists() and not path.is_file():
            raise SpecError(path, None, "is not a regular file", "a TOML file")
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SpecError(path, None, "no such file", "a TOML file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError(path, None, f"cannot be read: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise SpecError(path, None, "is too large for a spec", f"at most {MAX_BYTES // 1024} KiB")
    return raw


def _decode(path: Path, raw: bytes) -> str:
    if raw.startswith(b"\xef\xbb\xbf"):
        raise SpecError(
            path, 1, "the file starts with a byte order mark", "UTF-8 without a byte order mark"
        )
    try:
        return raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        raise SpecError(path, line, found, "a text saved as UTF-8") from None


def _syntax_error(path: Path, text: str, message: str) -> SpecError:
    """Turn tomllib's message into ours, with its line and a hint for the common errors."""
    last = max(1, text.rstrip("\n").count("\n") + 1)
    found = POSITION.search(message)
    line = int(found[1]) if found and found[1] else last
    what = POSITION.sub("", message)
    declared = DECLARED.search(what)
    if what.startswith("Cannot overwrite a value"):
        return SpecError(path, line, "a key is given twice", "every key once")
    if declared:
        name = ".".join(part.strip(" '\"") for part in declared[1].split(",") if part.strip())
        return SpecError(path, line, f"[{name}] stands twice", "its keys in one place")
    return SpecError(path, line, f"not valid TOML: {what}")
