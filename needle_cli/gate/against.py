"""`--against REF`: where a change asks for less than REF, and what the judge of REF says of it.

A change that edits an operator together with its spec, reference or settings brings its own judge.
So everything that the judge reads is compared with REF, and the operators are judged a second time
with what REF has. They have to pass both.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from needle_cli.gate import changed, previous_judge, source_analysis, weakening
from needle_cli.gate.git import Change, NoBase
from needle_cli.gate.weakening import Weakening
from needle_cli.operators.catalogue import UNREADABLE, source_text
from needle_cli.operators.unit import Unit
from needle_cli.problems import Problem, shown_path
from needle_cli.reports.events import GATE, FindingView, Row
from needle_cli.settings import Settings
from needle_cli.specs.header import KNOWN_FAILURES

CONFIG = previous_judge.CONFIG
MOST_FILES = 5
BY_HAND = ("flag", "environment")
"""A reason that excuses a change must come from here, not from a file of the change itself."""


Lint = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]
"""Asks a worker what the specs of users' files lack; the gate itself starts no worker."""


@dataclass
class Comparison:
    """Where the change left REF, where it asks for less, and whether the judge reads anything new.

    `places` maps an operator to the file that a reader should see, if that is not its spec.
    `config` is the text of the pyproject.toml in force at REF.
    """

    ref: str
    change: Change
    weakenings: list[Weakening] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    config: str = ""
    judge_differs: bool = False


def compare(units: Sequence[Unit], settings: Settings) -> Comparison:
    """Return the comparison of the working tree with `--against`; `units` are all operators.

    Raises `Problem` if there is nothing to compare with (a change does not pass because history is
    missing), or if the change excuses itself.
    """
    ref = settings["against"]
    for name in ("accept-weakening", "exit-zero"):
        if settings[name] and settings.origins[name] not in BY_HAND:
            text = (
                f"{name} is set in a file, where a change could excuse itself: give it as --{name}"
            )
            raise Problem(text, kind="config", path=CONFIG)
    try:
        found = Comparison(ref, Change(ref))
    except NoBase as error:
        raise Problem(f"--against {ref}: {error}", kind="git") from error
    for folder, members in _groups(units):
        _specs(found, folder, members)
        _known(found, folder, members)
    _settings(found, settings)
    _code(found, units)
    spec_changed = any(u.spec and Path(u.spec).resolve() in found.change.files for u in units)
    found.judge_differs = bool(found.weakenings) or spec_changed
    return found


def rows(
    every: Sequence[Unit], units: Sequence[Unit], settings: Settings, lint: Lint | None = None
) -> list[Row]:
    """Return a row for every operator that is asked for less, or that REF's own judge refuses.

    What `--accept-weakening` accepts is known, and is still shown with its reason. `every` are all
    operators, `units` those that are judged. Without `lint`, only specs and settings are compared;
    nothing is linted or judged. Without `--against` there are no rows.
    """
    if not settings["against"]:
        return []
    found = compare(every, settings)
    reason = settings["accept-weakening"]
    findings: dict[str, list[FindingView]] = {}
    accepted: dict[str, list[str]] = {}
    for op, text, excusable in _weaker_or_refused(found, units, settings, lint):
        if reason and excusable:
            accepted.setdefault(op or GATE, []).append(text)
        else:
            findings.setdefault(op or GATE, []).append(FindingView(text))
    made = []
    for op in dict.fromkeys([*findings, *accepted]):
        unit = next((u for u in units if u.name == op), None)
        path = found.places.get(op) or (
            shown_path(Path(unit.spec)) if unit and unit.spec else CONFIG
        )
        row = Row(op, "against", settings["device"][0], settings["dtype"][0], "known",
                  path=path, line=1)  # fmt: skip
        if op in findings:
            told = tuple(findings[op])
            made.append(replace(row, status="fail", reason=told[0].message, findings=told))
        else:
            made.append(replace(row, reason=f"{'; '.join(accepted[op])} (accepted: {reason})"))
    return made


def _weaker_or_refused(
    found: Comparison, units: Sequence[Unit], settings: Settings, lint: Lint | None
) -> Iterator[tuple[str, str, bool]]:
    """Yield operator, words, and whether a reason may excuse them."""
    for item in found.weakenings:
        yield item.op, f"asks for less than {found.ref}: {item.text}", not item.refused
    if lint is None:
        return
    names = {unit.name for unit in units if unit.exists and unit.spec}
    sources = dict.fromkeys(unit.source for unit in units if unit.name in names)
    for issue in lint(list(sources)):
        if issue["op"] in names:
            yield issue["op"], f"{issue['message']} [{issue['rule']}]", False
    if found.judge_differs:
        asked = (found.change, found.config, units, settings)
        for op, text in previous_judge.refusals(*asked):
            yield op, f"refused by the spec of {found.ref}: {text}", True


def _specs(found: Comparison, folder: Path, units: Sequence[Unit]) -> None:
    """Compare the specs at REF with those of today, also of operators that were removed."""
    mine = units[0].family if units[0].source else ""
    before: dict[str, Any] = {}
    for path in found.change.below(folder):
        if path.suffix == ".toml" and path.name != KNOWN_FAILURES:
            spec = _table(found.change.text(folder / path) or "")
            owner = str(spec.get("op", "")).partition(":")[0]
            if mine in ("", owner):
                before[f"{mine}/{path.stem}" if mine else path.with_suffix("").as_posix()] = spec
    after = {u.name: _table(Path(u.spec).read_text("utf-8")) for u in units if u.spec}
    found.weakenings += weakening.of_specs(before, after)


def _known(found: Comparison, folder: Path, units: Sequence[Unit]) -> None:
    path = units[0].known_failures or folder / KNOWN_FAILURES
    old = _table(found.change.text(path) or "").get("known", [])
    text = path.read_text("utf-8") if path.is_file() else ""
    names = {unit.name for unit in units}
    new = [e for e in _table(text).get("known", []) if e.get("op") in names]
    fresh = [u.name for u in units if u.spec
             and found.change.text(Path(u.spec)) is None]  # fmt: skip
    listed = weakening.of_known(old if isinstance(old, list) else [], new, fresh)
    found.places |= {item.op: shown_path(path) for item in listed}
    found.weakenings += listed


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
    found.weakenings += weakening.of_settings(old, settings.config.table)


def _code(found: Comparison, units: Sequence[Unit]) -> None:
    """List changed references and hooks, operators that look around, and a changed judge."""
    files = found.change.files
    for unit in units:
        for path, name in _python_of(unit):
            used = sorted(shown_path(p) for p in source_analysis.imported(path, name) & files)
            if used:
                text = (
                    f"{path.stem}:{name}, which the spec goes by, uses {', '.join(used)}: changed"
                )
                found.weakenings.append(Weakening(unit.name, "reference", text))
            if path in files and changed.redefined(path, name, found.change):
                text = f"{path.stem}:{name}, which the spec goes by, has changed"
                found.weakenings.append(Weakening(unit.name, "reference", text))
        found.weakenings += _looks_around(found.change, unit)
    judge = sorted(shown_path(path) for path in files if changed.is_judge(path))
    if judge:
        more = f" and {len(judge) - MOST_FILES} more" if len(judge) > MOST_FILES else ""
        text = f"the judge itself is part of the change: {', '.join(judge[:MOST_FILES])}{more}"
        found.weakenings.append(Weakening("", "needle_cli", text))


def _looks_around(change: Change, unit: Unit) -> list[Weakening]:
    """Return a weakening if the operator's code now looks at more than its arguments."""
    path = Path(unit.source or unit.path).resolve()
    new: set[str] = set()
    for file in ({path} | source_analysis.imported(path, unit.function)) & change.files:
        before = change.text(file) or ""
        try:
            now = source_analysis.looks_around(source_text(file))
            new |= now - (source_analysis.looks_around(before) if before else set())
        except UNREADABLE:
            continue
    if not new:
        return []
    means = ", ".join(sorted(new))
    text = f"its code now uses {means}: it could act differently while it is checked"
    return [Weakening(unit.name, "operator", text)]


def _python_of(unit: Unit) -> list[tuple[Path, str]]:
    """Return file and name of every function of this repository that a spec refers to."""
    if not unit.spec or not Path(unit.spec).is_file():
        return []
    source = Path(unit.source or unit.path).resolve()
    found = []
    for module, name in source_analysis.dotted_names(Path(unit.spec).read_text("utf-8")):
        path = source_analysis.module_file(module, source.parent)
        if unit.source and module == source.stem:
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
