"""Which operators a command is about: names, globs, expressions, families, tags, users' files."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from needle_cli.operators import catalogue
from needle_cli.operators.known_failures import KnownFailure, path_of, read
from needle_cli.problems import NOTHING, Problem, nearest, shown_path
from needle_cli.settings import Settings
from needle_cli.specs import Header, SpecError, find_specs_dir, read_header, spec_paths


@dataclass(frozen=True)
class Unit:
    """One operator to judge.

    `spec` is the path of its spec, "" when it has none; `exists` is False for a spec whose
    operator is not there. `path` and `line` point at `def gradient`. `source` is the user's file,
    or "". `specs` is the folder of its spec, and of those of its like. `known` are its known
    failures, from the file `known_failures`, None where none is in force.
    """

    name: str
    spec: str
    path: str
    line: int
    tags: tuple[str, ...] = ()
    formula: str = ""
    source: str = ""
    exists: bool = True
    specs: Path | None = None
    known: tuple[KnownFailure, ...] = ()
    known_failures: Path | None = None

    @property
    def family(self) -> str:
        """The part of the name before the slash."""
        return self.name.partition("/")[0]

    @property
    def function(self) -> str:
        """The part of the name after the slash."""
        return self.name.rpartition("/")[2]


def select(words: Sequence[str], settings: Settings) -> list[Unit]:
    """Return the units that names and filters leave, in catalogue order; raises `Problem`."""
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
            f"the filters leave none of {len(units)} operators" if units else "no operators found",
            kind="nothing",
            code=NOTHING,
        )
    return left


def is_file_word(word: str) -> bool:
    """Tell a user's file from an operator's name."""
    return word.endswith(".py") or (os.sep in word and Path(word).is_file())


def ours(settings: Settings) -> list[Unit]:
    """Return the engine's operators joined with their specs, in catalogue order."""
    folder = _folder(settings)
    headers = _headers(folder, None)
    units = []
    for entry in _entries(catalogue.operators):
        header = headers.pop(entry.name, None)
        units.append(_unit(entry.name, header, shown_path(Path(entry.path)), entry.line))
    for name, header in headers.items():
        units.append(_unit(name, header, shown_path(header.path), 1, exists=False))
    return _with_known(units, folder, settings)


def users(file: str, settings: Settings) -> list[Unit]:
    """Return the operators of a user's file, joined with the specs beside it."""
    path = Path(file)
    if not path.is_file():
        raise Problem(f"no such file: {file}")
    explicit = settings["specs"]
    folder = users_specs(file, settings)
    if explicit and not folder.is_dir():
        raise Problem(f"--specs: no such folder: {explicit}")
    headers = _headers(folder, path.stem) if folder.is_dir() else {}
    mine = {n: h for n, h in headers.items() if h.op.partition(":")[0] == path.stem}
    units = []
    for entry in _entries(lambda: catalogue.user_file(path, list(mine))):
        header = mine.pop(entry.name, None)
        units.append(_unit(entry.name, header, shown_path(path), entry.line, source=file))
    for name, header in mine.items():
        units.append(_unit(name, header, shown_path(header.path), 1, source=file, exists=False))
    if not units:
        raise Problem(f"{file} defines no operators: no TensorOp class and no function of tensors")
    return _with_known(units, folder, settings)


def users_specs(file: str, settings: Settings) -> Path:
    """Return the folder of the specs of a user's file: beside it, unless `--specs` is given."""
    path, explicit = Path(file), settings["specs"]
    return Path(explicit) if explicit else path.with_name(f"{path.stem}.specs")


def _with_known(units: Sequence[Unit], folder: Path, settings: Settings) -> list[Unit]:
    """Return units with the known failures that are in force for them."""
    units = [replace(unit, specs=folder) for unit in units]
    path = path_of(folder, settings["baseline"])
    if path is None:
        return units
    if settings["baseline"] and not path.is_file():
        raise Problem(f"--baseline: no such file: {path}", kind="baseline")
    entries = read(path, [unit.name for unit in units])
    return [
        replace(unit, known=tuple(e for e in entries if e.op == unit.name), known_failures=path)
        for unit in units
    ]


def _unit(
    name: str, header: Header | None, path: str, line: int, source: str = "", exists: bool = True
) -> Unit:
    if header is None:
        return Unit(name, "", path, line, source=source, exists=exists)
    return Unit(name, str(header.path), path, line, header.tags, header.formula, source, exists)


def _folder(settings: Settings) -> Path:
    explicit = settings["specs"]
    try:
        return find_specs_dir(Path(explicit) if explicit else None)
    except SpecError as error:
        raise error.problem() from error


def _entries(find: Callable[[], list[catalogue.OperatorEntry]]) -> list[catalogue.OperatorEntry]:
    try:
        return find()
    except catalogue.CatalogueError as error:
        raise Problem(str(error), kind="catalogue") from error


def _headers(folder: Path, family: str | None) -> dict[str, Header]:
    headers = {}
    try:
        for path in spec_paths(folder, family):
            header = read_header(path, family)
            headers[header.name] = header
    except SpecError as error:
        raise error.problem() from error
    return headers


def _named(units: list[Unit], words: Sequence[str]) -> list[Unit]:
    """Return the units that the words name, in catalogue order; all of them without words."""
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


class Expression:
    """`-k`: words found in a name, joined by `and`, `or`, `not` and parentheses."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = re.findall(r"[()]|[^\s()]+", text)
        self._at = 0
        self._test = self._either()
        if self._at < len(self._words):
            raise self._wrong(self._words[self._at])

    def holds(self, name: str) -> bool:
        """Tell whether the expression is true of a name."""
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
