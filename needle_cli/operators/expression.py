"""`-k`: words that a name contains, joined by `and`, `or`, `not` and parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable

from needle_cli.problems import Problem


class Expression:
    """A parsed expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = re.findall(r"[()]|[^\s()]+", text)
        self._at = 0
        self._test = self._either()
        if self._at < len(self._words):
            raise self._wrong(self._words[self._at])

    def holds(self, name: str) -> bool:
        """Whether the expression is true for a name."""
        return self._test(name)

    def _either(self) -> Callable[[str], bool]:
        terms = [self._both()]
        while self._take("or"):
            terms.append(self._both())
        return lambda name: any(term(name) for term in terms)

    def _both(self) -> Callable[[str], bool]:
        terms = [self._single()]
        while self._take("and"):
            terms.append(self._single())
        return lambda name: all(term(name) for term in terms)

    def _single(self) -> Callable[[str], bool]:
        if self._take("not"):
            inner = self._single()
            return lambda name: not inner(name)
        if self._take("("):
            inside = self._either()
            if not self._take(")"):
                raise self._wrong("the end, where ) is missing")
            return inside
        word = self._words[self._at] if self._at < len(self._words) else ""
        if word in ("", ")", "and", "or"):
            raise self._wrong(word or "the end")
        self._at += 1
        return lambda name: word in name

    def _take(self, word: str) -> bool:
        found = self._at < len(self._words) and self._words[self._at] == word
        self._at += found
        return found

    def _wrong(self, found: str) -> Problem:
        return Problem(f"-k {self._text!r}: expected a word, not {found}")
