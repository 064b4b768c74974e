"""Where a change asks for less than the commit that it started from, and what it brings along.

Specs, known failures, settings and all Python that the judge reads are compared with that commit.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from needle_cli.gate import changed, previous_judge, surroundings, weakening
from needle_cli.gate.git import Change
from needle_cli.gate.imports import executed, imports_of, is_local, module_file
from needle_cli.gate.looking_around import looks_around
from needle_cli.gate.source_analysis import dotted_names, parsed, statements
from needle_cli.gate.weakening import Weakening
from needle_cli.operators.catalogue import UNREADABLE
from needle_cli.operators.unit import Unit
from needle_cli.problems import shown_path
from needle_cli.settings import Settings
from needle_cli.specs.header import KNOWN_FAILURES

CONFIG = previous_judge.CONFIG
MOST_FILES = 5


@dataclass
class Comparison:
    """Where the change left REF, where it asks for less, and what a reader should know besides.

    `config` is the text of the pyproject.toml in force at REF. `before` are the specs at REF, by
    operator, and `after` those of today. What is in `notes` is listed and refuses nothing.
    """

    ref: str
    change: Change
    weakenings: list[Weakening] = field(default_factory=list)
    notes: list[Weakening] = field(default_factory=list)
    config: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    def is_new(self, unit: Unit) -> bool:
        """Whether an operator had no spec at REF."""
        return unit.name not in self.before

    def judged_again(self, units: Sequence[Unit]) -> list[Unit]:
        """Return the operators about which the judge of REF could say something else."""
        touched = {item.op for item in self.weakenings}
        return [unit for unit in units if "" in touched or unit.name in touched
                or self._spec_changed(unit)]  # fmt: skip

    def _spec_changed(self, unit: Unit) -> bool:
        """Whether a spec asks something else than at REF: more than its words has changed."""
        old, new = self.before.get(unit.name), self.after.get(unit.name)
        if old is None or new is None:
            return False
        return weakening.without_words(old) != weakening.without_words(new)


def compare(units: Sequence[Unit], ref: str, settings: Settings) -> Comparison:
    """Return the comparison of the working tree with REF; raises `NoBase` if there is none."""
    found = Comparison(ref, Change(ref))
    for folder, members in _groups(units):
        _specs(found, folder, members)
        _known(found, folder, members)
    _removed(found, [folder for folder, _ in _groups(units)])
    found.weakenings += weakening.of_specs(found.before, found.after)
    _settings(found, settings)
    for unit in units:
        found.weakenings += [*_references(found, unit), *_looks_around(found, unit)]
        if unit.spec and unit.exists and found.is_new(unit):
            asked = weakening.of_new_spec(found.after[unit.name])
            found.notes += [Weakening(unit.name, key, text) for key, text in asked]
    _judge(found)
    sources = {Path(unit.source).resolve() for unit in units if unit.source}
    found.weakenings += surroundings.before_the_judge(found.change, sources)
    found.notes += surroundings.around_the_gate(found.change)
    return found


def _specs(found: Comparison, folder: Path, units: Sequence[Unit]) -> None:
    """Read the specs at REF and those of today, also of operators that were removed.

    Operators that are not selected are left out, as long as their specs are there.
    """
    names = {unit.own_name: unit.name for unit in units}
    found.after |= {u.name: _table(Path(u.spec).read_text("utf-8")) for u in units if u.spec}
    source, moved = units[0].source, set(found.change.renamed.values())
    here = {_own_name(path.relative_to(folder), _table(path.read_text("utf-8")), source)
            for path in folder.rglob("*.toml") if path.is_file()}  # fmt: skip
    for path in found.change.below(folder):
        if path.suffix != ".toml" or path.name == KNOWN_FAILURES:
            continue
        spec = _table(found.change.text(folder / path) or "")
        own = _own_name(path, spec, source)
        if own in names:
            found.before[names[own]] = spec
        elif own and own not in here and (folder / path).absolute() not in moved:
            found.before[f"{units[0].family}/{own.rpartition('/')[2]}" if source else own] = spec
    for unit in units:
        was = found.change.text(Path(unit.spec)) if unit.spec and found.is_new(unit) else None
        if was is not None:  # the spec, and its operator with it, comes from another file
            old, now = _table(was), found.after[unit.name]
            same = str(old.get("op")).rpartition(":")[2] == str(now.get("op")).rpartition(":")[2]
            found.before[unit.name] = {**old, "op": now.get("op")} if same else old


def _removed(found: Comparison, known: Sequence[Path]) -> None:
    """Add the specs of users' files that are gone together with their file.

    Nobody asks for a file that is not there, so that nobody would miss its operators.
    """
    top, moved = found.change.top, set(found.change.renamed.values())
    folders = {folder.resolve() for folder in known}
    for inside in found.change.below(top):
        path = top / inside
        ours = path.parent.suffix == ".specs" and path.suffix == ".toml"
        if not ours or path.exists() or path in moved or path.parent in folders:
            continue
        spec = _table(found.change.text(path) or "")
        if path.name != KNOWN_FAILURES and "op" in spec:
            name = str(spec["op"]).rpartition(":")[2]
            found.before.setdefault(f"{path.parent.stem}/{name}", spec)


def _own_name(path: Path, spec: dict[str, Any], source: str) -> str:
    """Return `family/function` of a spec; "" if it is about an operator of another file."""
    module, _, function = str(spec.get("op", "")).partition(":")
    if not source:
        return f"{path.parent.name}/{function or path.stem}"
    stem = Path(source).stem
    return f"{stem}/{function or path.stem}" if module.rpartition(".")[2] in ("", stem) else ""


def _known(found: Comparison, folder: Path, units: Sequence[Unit]) -> None:
    path = units[0].known_failures or folder / KNOWN_FAILURES
    old = _table(found.change.text(path) or "").get("known", [])
    text = path.read_text("utf-8") if path.is_file() else ""
    names = {unit.name for unit in units}
    new = [e for e in _table(text).get("known", []) if e.get("op") in names]
    fresh = [unit.name for unit in units if unit.spec and found.is_new(unit)]
    listed = weakening.of_known(old if isinstance(old, list) else [], new, fresh)
    found.weakenings += [replace(item, path=shown_path(path)) for item in listed]


def _settings(found: Comparison, settings: Settings) -> None:
    """Compare `[tool.needle]` with the one that this folder would have had at REF."""
    here = Path.cwd()
    old: Any = {}
    for folder in (here, *here.parents):
        text = found.change.text(folder / CONFIG)
        table = _table(text or "").get("tool", {})
        if isinstance(table, dict) and isinstance(table.get("needle"), dict):
            found.config, old = text or "", table["needle"]
            break
    path = shown_path(settings.config.path) if settings.config.path else CONFIG
    listed = weakening.of_settings(old, settings.config.table)
    found.weakenings += [replace(item, path=path) for item in listed]


def _references(found: Comparison, unit: Unit) -> Iterator[Weakening]:
    """Yield changed references and hooks; those of a new operator are new, not changed."""
    if found.is_new(unit):
        return
    for path, name in _python_of(unit):
        uses = [shown_path(other) for other in changed.uses_changed(path, name, found.change)]
        if uses:
            text = f"{path.stem}:{name}, which the spec goes by, uses {', '.join(uses)}: changed"
            yield Weakening(unit.name, "reference", text)
        if changed.redefined(path, name, found.change):
            text = f"{path.stem}:{name}, which the spec goes by, has changed"
            yield Weakening(unit.name, "reference", text)


def _judge(found: Comparison) -> None:
    files = [path for path in sorted(found.change.files) if changed.is_judge(path)]
    judge = [shown_path(path) for path in files if found.change.differs(path)]
    if judge:
        more = f" and {len(judge) - MOST_FILES} more" if len(judge) > MOST_FILES else ""
        text = f"the judge itself is part of the change: {', '.join(judge[:MOST_FILES])}{more}"
        found.weakenings.append(Weakening("", "", text, path=judge[0]))


def _looks_around(found: Comparison, unit: Unit) -> Iterator[Weakening]:
    """Yield what an operator's code, and all that is run with it, newly uses but arithmetic."""
    path = Path(unit.source or unit.path).resolve()
    files, change = executed(path), found.change
    if not any(change.differs(file) for file in files):
        return
    brought = set(files) - _ran_before(files, change)
    for file in sorted(files):
        if file not in brought and not change.differs(file):
            continue
        before = "" if file in brought else change.text(file) or ""
        local = partial(is_local, file=file)
        new = looks_around(parsed(file), local) - looks_around(_statements(before), local)
        if new:
            means = ", ".join(sorted({look.what for look in new}))
            own = file == path
            whose = "its code" if own else f"{shown_path(file)}, which is run with it,"
            text = f"{whose} now uses {means}: it could act differently while it is checked"
            yield Weakening(unit.name, "", text, path="" if own else shown_path(file))


def _ran_before(files: set[Path], change: Change) -> set[Path]:
    """Return the files that ran at REF as well: those that no changed import alone brings in."""
    kept = {file for file in files if change.text(file) is not None}
    brought = set()
    for file in kept:
        if change.differs(file):
            now, old = parsed(file), _statements(change.text(file) or "")
            brought |= imports_of(now, file) - imports_of(old, file)
    return kept - brought


def _statements(text: str) -> list[Any]:
    try:
        return statements(text)
    except UNREADABLE:
        return []


def _python_of(unit: Unit) -> list[tuple[Path, str]]:
    """Return file and name of every function of this repository that a spec refers to."""
    if not unit.spec or not Path(unit.spec).is_file():
        return []
    source = Path(unit.source or unit.path).resolve()
    found = []
    for module, name in dotted_names(Path(unit.spec).read_text("utf-8")):
        path = module_file(module, source.parent)
        if unit.source and module.rpartition(".")[2] == source.stem:
            path = source
        itself = (path, name) == (source, unit.function)
        if path is not None and not itself and not changed.is_engine(path):
            found.append((path, name))
    return found


def _groups(units: Sequence[Unit]) -> list[tuple[Path, list[Unit]]]:
    """Return the units grouped by the folder of their specs, users' files one by one."""
    groups: dict[tuple[Path, str], list[Unit]] = {}
    for unit in units:
        groups.setdefault((unit.specs or Path(), unit.source), []).append(unit)
    return [(folder, members) for (folder, _), members in groups.items()]


def _table(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
