"""`--changed`: operators whose class, function, helpers or spec differ from the merge base."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import needle_cli
from needle_cli.gate.git import Change, NoBase
from needle_cli.gate.imports import module_file, used
from needle_cli.gate.source_analysis import definitions, dotted_names
from needle_cli.operators import catalogue
from needle_cli.operators.unit import Unit

JUDGE = Path(needle_cli.__file__).resolve().parent

SHOWING = ("reports/formats", "reports/terminal", "references.py")
"""Rooms that show results. References are compared one by one."""

HARMLESS = ("cli/commands", "integrations", *SHOWING)
"""Rooms that call the judge or show its results. It imports none of them; a test ensures that."""


def changed(units: Sequence[Unit], ref: str, warn: Callable[[str], None]) -> list[Unit]:
    """Return the units that differ from where this branch left `ref` ("" finds the main branch).

    All of them are returned if the engine or the judge changed, and, with a warning, if there is
    no history to compare with.
    """
    try:
        change = Change(ref)
    except NoBase as error:
        warn(f"--changed: {error}; every operator is checked")
        return list(units)
    if _means_all(change):
        return list(units)
    return [unit for unit in units if _differs(unit, change)]


def _means_all(change: Change) -> bool:
    """Whether a changed file affects every operator."""
    for file in change.files:
        if (judges(file) or is_engine(file)) and change.differs(file):
            return True
        if file.name == "pyproject.toml":
            now = file.read_text("utf-8") if file.is_file() else ""
            if _gate(now) != _gate(change.text(file) or ""):
                return True
    return False


def judges(file: Path) -> bool:
    """Whether a file can affect a verdict."""
    return is_judge(file) and not any(file.is_relative_to(JUDGE / part) for part in HARMLESS)


def is_judge(file: Path) -> bool:
    """Whether a file is part of the judge, and can affect a verdict or what becomes of it."""
    inside = file.suffix == ".py" and JUDGE in file.parents
    return inside and not any(file.is_relative_to(JUDGE / part) for part in SHOWING)


def is_engine(file: Path) -> bool:
    """Whether a file belongs to the engine and all operators depend on it."""
    engine = catalogue.ENGINE
    family = file.parent == engine / "ops" and not file.name.startswith("_")
    return file.suffix == ".py" and engine in file.parents and not family


def _gate(text: str) -> Any:
    """Return `[tool.needle]` of a pyproject.toml; the text itself if it cannot be read."""
    try:
        return tomllib.loads(text).get("tool", {}).get("needle")
    except (tomllib.TOMLDecodeError, AttributeError):
        return text


def _differs(unit: Unit, change: Change) -> bool:
    files = change.files
    spec = Path(unit.spec).resolve() if unit.spec else None
    if spec is None or spec in files:
        return True
    known = unit.known_failures.resolve() if unit.known_failures else None
    if known is not None and known in files:
        now = known.read_text("utf-8") if known.is_file() else ""
        if _known(now, unit) != _known(change.text(known) or "", unit):
            return True
    source = Path(unit.source or unit.path).resolve()
    asked = [(source, unit.function)]
    for module, name in dotted_names(spec.read_text("utf-8")):
        file = source if module == source.stem else module_file(module, source.parent)
        if file is not None and not is_engine(file):
            asked.append((file, name))
    return any(redefined(file, name, change) or uses_changed(file, name, change)
               for file, name in asked)  # fmt: skip


def uses_changed(file: Path, name: str, change: Change) -> list[Path]:
    """Return the other files of the user's own in which something changed that a function uses."""
    return sorted(
        other
        for other, names in used(file, name).items()
        if any(redefined(other, part, change) for part in names)
    )


def redefined(file: Path, name: str, change: Change) -> bool:
    """Whether a definition of a file has changed; of "", whether anything in it has."""
    if not change.differs(file):
        return False
    before = change.text(file)
    if before is None or not name:
        return True
    try:
        return definitions(catalogue.source_text(file), name) != definitions(before, name)
    except catalogue.UNREADABLE:
        return True


def _known(text: str, unit: Unit) -> Any:
    """Return an operator's entries among the known failures."""
    try:
        entries = tomllib.loads(text).get("known", [])
        return [entry for entry in entries if entry.get("op") == unit.name]
    except (tomllib.TOMLDecodeError, AttributeError, TypeError):
        return text
