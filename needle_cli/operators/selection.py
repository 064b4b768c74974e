"""Select operators by names, globs, expressions, families, tags and users' files."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from needle_cli.operators.expression import Expression
from needle_cli.operators.unit import Unit, ours, users
from needle_cli.problems import NOTHING, Problem, counted, cut, nearest
from needle_cli.settings import Settings


def select(words: Sequence[str], settings: Settings) -> list[Unit]:
    """Return the selected units in catalogue order; raises `Problem` if there are none."""
    files = [word for word in words if is_file_word(word)]
    names = [word for word in words if not is_file_word(word)]
    units: list[Unit] = []
    if names or not files:
        units.extend(_named(ours(settings), names))
    for file in {_place(file): file for file in files}.values():
        units.extend(users(file, settings))
    units = _told_apart(units)
    left = [unit for unit in units if _fits(settings)(unit)]
    if not left:
        raise Problem(
            f"none of {counted(len(units), 'operator')} passes the filters"
            if units
            else "no operators found",
            kind="nothing",
            code=NOTHING,
        )
    return left


def is_file_word(word: str) -> bool:
    """Whether a word is a path of a user's file and not the name of an operator."""
    return word.endswith(".py") or (os.sep in word and os.path.isfile(word))


def _place(file: str) -> tuple[str, ...]:
    """Return the folders of a file, without symbolic links, and its own name."""
    folder, name = os.path.split(os.path.abspath(file))
    return (*Path(os.path.realpath(folder)).parts, name)


def _told_apart(units: list[Unit]) -> list[Unit]:
    """Return the units with names that differ: operators of files of one name get their folders."""
    sources: dict[str, dict[str, tuple[str, ...]]] = {}
    for unit in units:
        place = _place(unit.source)[:-1] if unit.source else ()
        sources.setdefault(unit.family, {})[unit.source] = place
    depths = {family: _depth(list(places.values())) for family, places in sources.items()}

    def told(unit: Unit) -> Unit:
        folders = sources[unit.family][unit.source]
        front = folders[max(len(folders) - depths[unit.family], 1) :] if folders else ()
        return replace(unit, name="/".join([*front, unit.name]))

    return [told(unit) for unit in units]


def _depth(places: list[tuple[str, ...]]) -> int:
    """Return how many of their last folders tell some places apart."""
    depth = 0
    while len({place[len(place) - min(depth, len(place)) :] for place in places}) < len(places):
        depth += 1
    return depth


def _named(units: list[Unit], words: Sequence[str]) -> list[Unit]:
    """Return the units that the words name, in catalogue order; without words, all of them."""
    if not words:
        return units
    chosen: set[str] = set()
    for word in words:
        found = [u.name for u in units if _is_named(u, word)]
        if not found and not _is_glob(word):
            known = [u.name for u in units]
            raise Problem(f"unknown operator {cut(word)!r}", nearest=nearest(word, known))
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
            and (not families or unit.family in families or unit.family.split("/")[-1] in families)
            and (not tags or bool(set(tags) & set(unit.tags)))
        )

    return fits
