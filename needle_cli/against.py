"""`--against REF`: what a change asks less than REF, and what REF's own judge says of it.

A change that edits an operator together with its spec, reference or settings brings its own judge.
So everything the judge goes by is taken from REF as well, and the operators have to satisfy both.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from needle_cli import changes, weakening
from needle_cli.events import FINDING, GATE, FindingView, Row, Spot
from needle_cli.git import NoBase, Repository
from needle_cli.linting import lint
from needle_cli.problems import Problem
from needle_cli.selection import Unit, shown
from needle_cli.settings import Settings
from needle_cli.specs.header import KNOWN_FAILURES
from needle_cli.weakening import Weakening

CONFIG = "pyproject.toml"
MOST_FILES = 5


@dataclass
class Comparison:
    """Where the change left REF, what it asks less, and whether the judge reads anything new.

    `places` is the file to be looked at, by operator, where that is not its spec. Where the
    comparison is not to be `whole`, nothing is judged and nothing linted.
    """

    ref: str
    commit: str
    repository: Repository
    weakenings: list[Weakening] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    judge_differs: bool = False
    whole: bool = True


def compare(units: Sequence[Unit], settings: Settings) -> Comparison:
    """Return the comparison of the working tree with `--against`.

    Raises `Problem` where there is nothing to compare with: a gate is not open because its history
    is missing.
    """
    ref = settings["against"]
    try:
        repository = Repository(Path.cwd())
        found = Comparison(ref, repository.merge_base(ref), repository)
        files = repository.changed(found.commit)
    except NoBase as error:
        raise Problem(f"--against {ref}: {error}", kind="git") from error
    _specs(found, units)
    _known(found, units)
    _settings(found, settings)
    _code(found, units, files)
    found.judge_differs = bool(found.weakenings) or _any_differs(found, units, files)
    return found


def rows_of(found: Comparison, units: Sequence[Unit], settings: Settings) -> list[Row]:
    """Return a row for every operator that less is asked of, or that REF's own judge refuses.

    What is accepted with `--accept-weakening` is known, and shown with its reason all the same.
    """
    reason = settings["accept-weakening"]
    findings: dict[str, list[FindingView]] = {}
    accepted: dict[str, list[str]] = {}
    for item in found.weakenings:
        op = item.op or GATE
        if reason and not item.refused:
            accepted.setdefault(op, []).append(item.text)
        else:
            text = f"asks for less than {found.ref}: {item.text}"
            findings.setdefault(op, []).append(FindingView(text, "", "", Spot("")))
    for op, text in _lacking(found, units, settings):
        findings.setdefault(op, []).append(FindingView(text, "", "", Spot("")))
    for op, text in _refused(found, units, settings):
        if reason:
            accepted.setdefault(op, []).append(text)
        else:
            findings.setdefault(op, []).append(FindingView(text, "", "", Spot("")))
    rows = []
    for op in dict.fromkeys([*findings, *accepted]):
        unit = next((u for u in units if u.name == op), None)
        path = found.places.get(op) or (shown(Path(unit.spec)) if unit and unit.spec else CONFIG)
        row = Row(op, "against", settings["device"][0], settings["dtype"][0], "known",
                  path=path, line=1)  # fmt: skip
        if op in findings:
            told = tuple(findings[op])
            rows.append(replace(row, status="fail", reason=told[0].message, findings=told))
        else:
            text = f"asks for less than {found.ref}: {'; '.join(accepted[op])}"
            rows.append(replace(row, reason=f"{text} (accepted: {reason})"))
    return rows


def _lacking(
    found: Comparison, units: Sequence[Unit], settings: Settings
) -> Iterator[tuple[str, str]]:
    """Yield operator and words for what the specs of today lack, as `needle check specs` says."""
    if not found.whole:
        return
    names = {unit.name for unit in units if unit.exists and unit.spec}
    sources = dict.fromkeys(unit.source for unit in units if unit.name in names)
    for issue in lint(list(sources), settings).issues:
        if issue["op"] in names:
            yield issue["op"], f"{issue['message']} [{issue['rule']}]"


def _refused(
    found: Comparison, units: Sequence[Unit], settings: Settings
) -> Iterator[tuple[str, str]]:
    """Yield operator and words for every finding that REF's own judge has about those of today."""
    if not (found.whole and found.judge_differs):
        return
    groups: dict[str, list[Unit]] = {}
    for unit in units:
        if unit.exists and unit.spec:
            groups.setdefault(unit.source, []).append(unit)
    for source, members in groups.items():
        with _judge_of(found, source, members) as (folder, specs):
            document = {} if specs is None else _run(folder, specs, source, members, settings)
        if "error" in document:
            text = f"the judge of {found.ref} could not run: {document['error']['message']}"
            raise Problem(text, kind="git")
        for item in document.get("results", ()):
            if item["status"] in FINDING:
                first = item["findings"][0] if item["findings"] else {}
                said = first.get("cause") or first.get("message") or item.get("reason", "")
                yield item["op"], f"refused by the spec of {found.ref}: {item['check']}: {said}"


@contextlib.contextmanager
def _judge_of(
    found: Comparison, source: str, units: Sequence[Unit]
) -> Iterator[tuple[Path, Path | None]]:
    """Write the judge of REF into a folder: specs, settings, and the tool where it is kept here."""
    repository, commit = found.repository, found.commit
    with tempfile.TemporaryDirectory(prefix="needle-against-") as name:
        folder = Path(name)
        specs = (units[0].specs or Path()).resolve()
        inside = [path for path in repository.files(commit, specs) if path.suffix == ".toml"]
        for path in inside:
            _write(folder / "specs" / path.relative_to(specs.resolve()),
                   repository.text(commit, path) or "")  # fmt: skip
        config = repository.text(commit, repository.top / CONFIG)
        if config is not None:
            _write(folder / CONFIG, config)
        tool = Path(__file__).resolve().parent
        if not source and tool.is_relative_to(repository.top):
            for path in repository.files(commit, tool):
                _write(folder / "needle_cli" / path.relative_to(tool),
                       repository.text(commit, path) or "")  # fmt: skip
        yield folder, folder / "specs" if inside else None


def _run(
    folder: Path, specs: Path, source: str, units: Sequence[Unit], settings: Settings
) -> dict[str, Any]:
    """Run the judge of REF over the operators of today that it has a spec for."""
    at = [p.relative_to(specs).with_suffix("").as_posix() for p in specs.rglob("*.toml")]
    names = [u.name for u in units if u.name in at or (source and u.function in at)]
    if not names:
        return {}
    words = ["-k", " or ".join(u.function for u in units if u.name in names)] if source else names
    asked = [os.path.abspath(source), *words] if source else words
    command = [
        sys.executable, "-m", "needle_cli", "check", "ops", *asked, "--specs", str(specs),
        "--format", "json", "--seed", str(settings["seed"]), "-n", str(settings["max-examples"]),
    ]  # fmt: skip
    command += [f"--device={device}" for device in settings["device"]]
    command += [f"--dtype={dtype}" for dtype in settings["dtype"]]
    command += [f"--trust={module}" for module in settings["trust"]]
    engine = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join([str(folder), engine, os.environ.get("PYTHONPATH", "")])
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("NEEDLE_", "GITHUB_"))}
    done = subprocess.run(
        command, cwd=folder, env={**environ, "PYTHONPATH": path}, capture_output=True,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no answer"])[-1]
        return {"error": {"message": last}}
    return found


def _specs(found: Comparison, units: Sequence[Unit]) -> None:
    for specs, members in _by_folder(units):
        before = {
            _name(path, specs, members): _table(found.repository.text(found.commit, path) or "")
            for path in found.repository.files(found.commit, specs)
            if path.suffix == ".toml" and path.name != KNOWN_FAILURES
        }
        after = {
            u.name: _table(Path(u.spec).read_text("utf-8"))
            for u in members
            if u.spec and Path(u.spec).is_file()
        }
        asked = {op: spec for op, spec in before.items() if op in {u.name for u in members}}
        found.weakenings += weakening.of_specs(asked, after)


def _known(found: Comparison, units: Sequence[Unit]) -> None:
    for specs, members in _by_folder(units):
        path = specs / KNOWN_FAILURES
        old = _table(found.repository.text(found.commit, path) or "").get("known", [])
        text = path.read_text("utf-8") if path.is_file() else ""
        names = {unit.name for unit in members}
        new = [e for e in _table(text).get("known", []) if e.get("op") in names]
        fresh = [u.name for u in members if u.spec and _is_new(found, Path(u.spec))]
        listed = weakening.of_known(old, new, fresh)
        found.places |= {item.op: shown(path) for item in listed}
        found.weakenings += listed


def _is_new(found: Comparison, spec: Path) -> bool:
    return found.repository.text(found.commit, spec) is None


def _settings(found: Comparison, settings: Settings) -> None:
    path = settings.config.path or found.repository.top / CONFIG
    before = _table(found.repository.text(found.commit, path) or "")
    old = before.get("tool", {}).get("needle", {})
    found.weakenings += weakening.of_settings(old, settings.config.table)


def _code(found: Comparison, units: Sequence[Unit], files: set[Path]) -> None:
    """List changed references and hooks, and a judge that is part of the change."""
    for unit in units:
        for path, name in _python_of(unit):
            if used := sorted(shown(p) for p in changes.imported(path) & files):
                text = (
                    f"{path.stem}:{name}, which the spec goes by, uses {', '.join(used)}: changed"
                )
                found.weakenings.append(Weakening(unit.name, "reference", text))
            if path not in files:
                continue
            before = found.repository.text(found.commit, path)
            now = path.read_text("utf-8") if path.is_file() else ""
            if before is None or _defined(before, name) != _defined(now, name):
                text = f"{path.stem}:{name}, which the spec goes by, has changed"
                found.weakenings.append(Weakening(unit.name, "reference", text))
    for unit in units:
        found.weakenings += _watching(found, unit, files)
    judge = sorted(shown(path) for path in files if changes.is_judge(path))
    if judge:
        more = f" and {len(judge) - MOST_FILES} more" if len(judge) > MOST_FILES else ""
        text = f"the judge itself is part of the change: {', '.join(judge[:MOST_FILES])}{more}"
        found.weakenings.append(Weakening("", "needle_cli", text))


def _watching(found: Comparison, unit: Unit, files: set[Path]) -> list[Weakening]:
    """List an operator that has begun to look at who is asking."""
    path = Path(unit.source or unit.path).resolve()
    if path not in files or not path.is_file():
        return []
    before = found.repository.text(found.commit, path) or ""
    with contextlib.suppress(SyntaxError):
        now = changes.looks_around(path.read_text("utf-8"), unit.function)
        old = changes.looks_around(before, unit.function) if before else []
        if new := [word for word in now if word not in old]:
            text = f"the operator looks at {', '.join(new)}: it could behave while it is checked"
            return [Weakening(unit.name, "operator", text)]
    return []


def _any_differs(found: Comparison, units: Sequence[Unit], files: set[Path]) -> bool:
    """Tell whether a spec differs at all: also a stricter one is judged with both."""
    return any(unit.spec and Path(unit.spec).resolve() in files for unit in units)


def _python_of(unit: Unit) -> list[tuple[Path, str]]:
    """Return file and name of the functions of this repository that a spec refers to."""
    if not unit.spec or not Path(unit.spec).is_file():
        return []
    found = []
    for module, name in changes.dotted_names(Path(unit.spec).read_text("utf-8")):
        if unit.source and module == Path(unit.source).stem:
            if name != unit.function:
                found.append((Path(unit.source).resolve(), name))
            continue
        path = changes.module_file(module, Path(unit.source or unit.path).resolve().parent)
        if path is not None:
            found.append((path, name))
    return [(path, name) for path, name in found if "ops" not in path.parts or unit.source]


def _defined(text: str, name: str) -> Any:
    try:
        return changes.definitions(text, name)
    except SyntaxError:
        return text


def _by_folder(units: Sequence[Unit]) -> list[tuple[Path, list[Unit]]]:
    groups: dict[Path, list[Unit]] = {}
    for unit in units:
        assert unit.specs is not None
        groups.setdefault(unit.specs.resolve(), []).append(unit)
    return list(groups.items())


def _name(path: Path, specs: Path, units: Sequence[Unit]) -> str:
    family = units[0].family if units[0].source else path.parent.name
    return f"{family}/{path.stem}"


def _table(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
