"""`--changed`: the operators whose class, function, helpers or spec differ from the merge base."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import needle_cli
from needle_cli.gate.git import NoBase, Repository
from needle_cli.gate.source_analysis import definitions, dotted_names, imported, module_file
from needle_cli.operators import catalogue
from needle_cli.operators.unit import Unit

HARMLESS = ("cli/commands", "reports/formats", "reports/terminal", "references.py")
"""Parts of the tool in which a change alters no verdict; references are looked at one by one."""


def changed(units: Sequence[Unit], ref: str, warn: Callable[[str], None]) -> list[Unit]:
    """Return the units that differ from where this branch left `ref` ("" finds the main branch).

    A change in the engine or in the judge means all of them; so does a history that cannot be
    compared, with a warning.
    """
    try:
        repository = Repository(Path.cwd())
        base = repository.merge_base(ref)
        files = repository.changed(base)
    except NoBase as error:
        warn(f"--changed: {error}; every operator is checked")
        return list(units)
    if _means_all(files, repository, base):
        return list(units)
    return [unit for unit in units if _differs(unit, files, repository, base)]


def _means_all(files: set[Path], repository: Repository, base: str) -> bool:
    """Tell whether a changed file bears on every operator."""
    for file in files:
        if is_judge(file) or is_engine(file):
            return True
        if file.name == "pyproject.toml":
            now = file.read_text("utf-8") if file.is_file() else ""
            if _gate(now) != _gate(repository.text(base, file) or ""):
                return True
    return False


def is_judge(file: Path) -> bool:
    """Tell whether a file is part of what verdicts are made by."""
    judge = Path(needle_cli.__file__).resolve().parent
    inside = file.suffix == ".py" and judge in file.parents
    return inside and not any(file.is_relative_to(judge / part) for part in HARMLESS)


def is_engine(file: Path) -> bool:
    """Tell whether a file is part of what all operators are built on."""
    engine = catalogue.ENGINE
    family = file.parent == engine / "ops" and not file.name.startswith("_")
    return file.suffix == ".py" and engine in file.parents and not family


def _gate(text: str) -> Any:
    """Return `[tool.needle]` of a pyproject.toml; the text itself where it cannot be read."""
    try:
        return tomllib.loads(text).get("tool", {}).get("needle")
    except (tomllib.TOMLDecodeError, AttributeError):
        return text


def _differs(unit: Unit, files: set[Path], repository: Repository, base: str) -> bool:
    spec = Path(unit.spec).resolve() if unit.spec else None
    if spec is None or spec in files:
        return True
    known = unit.known_failures.resolve() if unit.known_failures else None
    if known is not None and known in files:
        now = known.read_text("utf-8") if known.is_file() else ""
        if _known(now, unit) != _known(repository.text(base, known) or "", unit):
            return True
    source = Path(unit.source or unit.path).resolve()
    referred = dotted_names(spec.read_text("utf-8"))
    asked = [(source, unit.function)]
    for module, name in referred:
        file = source if module == source.stem else module_file(module, source.parent)
        if file is not None and not is_engine(file):
            asked.append((file, name))
    return any(
        bool(imported(file) & files) or (file in files and redefined(file, name, repository, base))
        for file, name in asked
    )


def redefined(file: Path, name: str, repository: Repository, base: str) -> bool:
    """Tell whether a definition of a file is another one than it was."""
    before = repository.text(base, file)
    if before is None:
        return True
    try:
        return definitions(file.read_text("utf-8"), name) != definitions(before, name)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return True


def _known(text: str, unit: Unit) -> Any:
    """Return an operator's entries among the known failures."""
    try:
        entries = tomllib.loads(text).get("known", [])
        return [entry for entry in entries if entry.get("op") == unit.name]
    except (tomllib.TOMLDecodeError, AttributeError, TypeError):
        return text
