"""`-k`: words that a name contains, joined by `and`, `or`, `not` and parentheses."""

from __future__ import annotations

import re

from needle_cli.problems import Problem, cut

BINDING = {"or": 1, "and": 2, "not": 3}
"""How strongly a word binds what stands beside it."""


class Expression:
    """A parsed expression, without recursion: it may be nested as deeply as anybody likes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._steps = self._in_order(re.findall(r"[()]|[^\s()]+", text))

    def holds(self, name: str) -> bool:
        """Whether the expression is true for a name."""
        values: list[bool] = []
        for kind, word in self._steps:
            if kind == "word":
                values.append(word in name)
            elif kind == "not":
                values.append(not values.pop())
            else:
                one, other = values.pop(), values.pop()
                values.append(one and other if kind == "and" else one or other)
        return values[0]

    def _in_order(self, words: list[str]) -> list[tuple[str, str]]:
        """Return words and operations in the order in which a stack evaluates them."""
        steps: list[tuple[str, str]] = []
        open_: list[str] = []
        wants_word = True
        for word in words:
            if wants_word != (word not in ("and", "or", ")")):
                raise self._wrong("a word" if wants_word else "and, or, )", word)
            if word in ("(", "not"):
                open_.append(word)
            elif word == ")":
                self._close(open_, steps, 0)
                if not open_:
                    raise self._wrong("the end", word)
                open_.pop()
            elif word in BINDING:
                self._close(open_, steps, BINDING[word])
                open_.append(word)
                wants_word = True
            else:
                steps.append(("word", word))
                wants_word = False
        if wants_word:
            raise self._wrong("a word", "the end")
        self._close(open_, steps, 0)
        if open_:
            raise self._wrong(")", "the end")
        return steps

    @staticmethod
    def _close(open_: list[str], steps: list[tuple[str, str]], least: int) -> None:
        """Move the operations that bind at least so strongly, back to a parenthesis."""
        while open_ and open_[-1] != "(" and BINDING[open_[-1]] >= least:
            steps.append((open_.pop(), ""))

    def _wrong(self, expected: str, found: str) -> Problem:
        return Problem(f"-k {cut(self._text)!r}: expected {expected}, not {cut(found)}")
