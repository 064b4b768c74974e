"""Find the line of every key of a TOML text that `tomllib` has already accepted.

`tomllib` gives line numbers only for syntax errors. This scanner reads a text known to be valid, so
it only needs to know where keys and values begin and end.
"""

from __future__ import annotations

import bisect
import re

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
SCALAR = re.compile(r"[^,\]}#\n]+")
BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
LETTERS = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def key_lines(text: str) -> dict[str, int]:
    """Map key paths to 1-based lines: `input.x.shape`, `error[1].why`, `require[0]`.

    A table or array that is mentioned several times keeps its first line.
    """
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.lines: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.breaks = [match.start() for match in re.finditer("\n", text)]

    def scan(self) -> dict[str, int]:
        prefix = ""
        self.skip_blank()
        while self.position < len(self.text):
            if self.text.startswith("[[", self.position):
                prefix = self.header(2)
            elif self.text[self.position] == "[":
                prefix = self.header(1)
            else:
                self.pair(prefix)
            self.skip_blank()
        return self.lines

    def skip_blank(self) -> None:
        found = BLANK.match(self.text, self.position)
        self.position = found.end() if found else self.position

    def record(self, path: str, position: int) -> None:
        self.lines.setdefault(path, bisect.bisect_left(self.breaks, position) + 1)

    def header(self, brackets: int) -> str:
        """Read `[a.b]` or `[[a.b]]` and return the path that its keys stand under."""
        start = self.position
        self.position += brackets
        parts = self.key()
        self.position += brackets  # the closing ones
        path = ""
        for part in parts[:-1]:
            path = self.current(join(path, part))
            self.record(path, start)
        path = join(path, parts[-1])
        self.record(path, start)
        if brackets == 2:
            self.counts[path] = self.counts.get(path, 0) + 1
        path = self.current(path)
        self.record(path, start)
        return path

    def current(self, path: str) -> str:
        """Return `path`, with the index of its last element if it is an array of tables."""
        return f"{path}[{self.counts[path] - 1}]" if path in self.counts else path

    def pair(self, prefix: str) -> None:
        start = self.position
        path = prefix
        for part in self.key():
            path = join(path, part)
            self.record(path, start)
        self.position += 1  # the equals sign
        self.value(path)

    def key(self) -> list[str]:
        """Read a dotted key and stop after it."""
        parts = [self.key_part()]
        while self.text.startswith(".", self.position):
            self.position += 1
            parts.append(self.key_part())
        return parts

    def key_part(self) -> str:
        self.skip_blank()
        start = self.position
        if self.text[start] in "\"'":
            self.string()
            raw = self.text[start + 1 : self.position - 1]
            part = raw if self.text[start] == "'" else unescape(raw)
        else:
            found = BARE_KEY.match(self.text, start)
            part = found.group() if found else self.text[start]
            self.position = start + len(part)
        self.skip_blank()
        return part

    def value(self, path: str) -> None:
        self.skip_blank()
        opening = self.text[self.position]
        if opening in "\"'":
            self.string()
        elif opening == "[":
            self.array(path)
        elif opening == "{":
            self.inline_table(path)
        else:
            found = SCALAR.match(self.text, self.position)
            self.position = found.end() if found else self.position + 1

    def string(self) -> None:
        quote = self.text[self.position]
        triple = quote * 3
        mark = triple if self.text.startswith(triple, self.position) else quote
        self.position += len(mark)
        while not self.text.startswith(mark, self.position):
            self.position += 2 if quote == '"' and self.text[self.position] == "\\" else 1
        self.position += len(mark)
        while len(mark) == 3 and self.text.startswith(quote, self.position):
            self.position += 1  # quotes right before the closing three belong to the string

    def array(self, path: str) -> None:
        self.position += 1
        index = 0
        self.skip_blank()
        while self.text[self.position] != "]":
            self.record(f"{path}[{index}]", self.position)
            self.value(f"{path}[{index}]")
            index += 1
            self.skip_comma()
        self.position += 1

    def inline_table(self, path: str) -> None:
        self.position += 1
        self.skip_blank()
        while self.text[self.position] != "}":
            self.pair(path)
            self.skip_comma()
        self.position += 1

    def skip_comma(self) -> None:
        self.skip_blank()
        if self.text[self.position] == ",":
            self.position += 1
            self.skip_blank()


def join(prefix: str, name: str) -> str:
    """Return the path of a key below another."""
    return f"{prefix}.{name}" if prefix else name


def unescape(raw: str) -> str:
    """Undo the escapes of a quoted key."""

    def plain(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        return chr(int(code, 16)) if code else LETTERS.get(found[3], found[3])

    return ESCAPE.sub(plain, raw)
