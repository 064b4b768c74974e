"""Select operators by names, globs, expressions, families, tags and users' files."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from needle_cli.operators.expression import Expression
from needle_cli.operators.unit import Unit, ours, users
from needle_cli.problems import NOTHING, Problem, nearest
from needle_cli.settings import Settings


def select(words: Sequence[str], settings: Settings) -> list[Unit]:
    """Return the selected units in catalogue order; raises `Problem` if there are none."""
    files = [word for word in words if is_file_word(word)]
    names = [word for word in words if not is_file_word(word)]
    units: list[Unit] = []
    if names or not files:
        units.extend(_named(ours(settings), names))
    for file in dict.fromkeys(files):
        units.extend(users(file, settings))
    left = [unit for unit in units if _fits(settings)(unit)]
    if not left:
        raise Problem(
            f"none of {len(units)} operators passes the filters" if units else "no operators found",
            kind="nothing",
            code=NOTHING,
        )
    return left


def is_file_word(word: str) -> bool:
    """Whether a word is a path of a user's file and not the name of an operator."""
    return word.endswith(".py") or (os.sep in word and Path(word).is_file())


def _named(units: list[Unit], words: Sequence[str]) -> list[Unit]:
    """Return the units that the words name, in catalogue order; without words, all of them."""
    if not words:
        return units
    chosen: set[str] = set()
    for word in words:
        found = [u.name for u in units if _is_named(u, word)]
        if not found and not _is_glob(word):
            known = [u.name for u in units]
            raise Problem(f"unknown operator {word!r}", nearest=nearest(word, known))
        chosen.update(found)
    return [unit for unit in units if unit.name in chosen]


def _is_glob(word: str) -> bool:
    return any(letter in word for letter in "*?[")


def _is_named(unit: Unit, word: str) -> bool:
    if _is_glob(word):
        return any(fnmatch.fnmatchcase(name, word) for name in (unit.name, unit.function))
    return word in (unit.name, unit.function)


def _fits(settings: Settings) -> Callable[[Unit], bool]:
    expression = Expression(settings["k"]) if settings["k"] else None
    families, tags = settings["family"], settings["tag"]

    def fits(unit: Unit) -> bool:
        return (
            (expression is None or expression.holds(unit.name))
            and (not families or unit.family in families)
            and (not tags or bool(set(tags) & set(unit.tags)))
        )

    return fits
