"""Operators joined with their specs and known failures: the engine's, and those of users' files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from needle_cli.operators import catalogue
from needle_cli.operators.known_failures import KnownFailure, path_of, read
from needle_cli.problems import Problem, shown_path
from needle_cli.settings import Settings
from needle_cli.specs import Header, as_problems, find_specs_dir, read_header, spec_paths


@dataclass(frozen=True)
class Unit:
    """One operator to judge.

    `name` is `family/function`, after its folders if another file of the run has the same name.
    `spec` is the path of its spec, "" if it has none; `exists` is False for a spec whose operator
    does not exist. `fault` says why its source cannot be read, "" if it can. `path` and `line`
    point at `def gradient`. `source` is the user's file, or "". `specs` is the folder of its spec.
    `known` are its known failures, read from the file `known_failures`, which is None if no such
    file is in force.
    """

    name: str
    spec: str
    path: str
    line: int
    tags: tuple[str, ...] = ()
    formula: str = ""
    source: str = ""
    exists: bool = True
    fault: str = ""
    specs: Path | None = None
    known: tuple[KnownFailure, ...] = ()
    known_failures: Path | None = None

    @property
    def family(self) -> str:
        """The part of the name before its last slash."""
        return self.name.rpartition("/")[0]

    @property
    def own_name(self) -> str:
        """`family/function`, by which specs, seeds and records know it."""
        return "/".join(self.name.split("/")[-2:])

    @property
    def asked(self) -> str:
        """What a command line names it by: its file, if it is not one of the engine's."""
        return shown_path(Path(self.source)) if self.source else self.name

    @property
    def function(self) -> str:
        """The part of the name after the slash."""
        return self.name.rpartition("/")[2]


@as_problems()
def ours(settings: Settings) -> list[Unit]:
    """Return the engine's operators joined with their specs, in catalogue order."""
    explicit = settings["specs"]
    folder = find_specs_dir(Path(explicit) if explicit else None)
    units = _joined(catalogue.operators(), _headers(folder))
    return _with_known(units, folder, settings)


@as_problems()
def users(file: str, settings: Settings) -> list[Unit]:
    """Return the operators of a user's file, joined with the specs beside it."""
    path = Path(file)
    if not path.is_file():
        raise Problem(f"no such file: {file}")
    folder = users_specs(file, settings)
    if settings["specs"] and not folder.is_dir():
        raise Problem(f"--specs: no such folder: {settings['specs']}")
    headers = _headers(folder, path.stem) if folder.is_dir() else {}
    mine = {n: h for n, h in headers.items() if h.op.partition(":")[0] == path.stem}
    try:
        units = _joined(catalogue.user_file(path, list(mine)), mine, file)
    except catalogue.CatalogueError as error:
        units = _unreadable(path, mine, error)
    if not units:
        raise Problem(f"{file} defines no operators: no TensorOp class and no function of tensors")
    return _with_known(units, folder, settings)


def _unreadable(
    path: Path, headers: dict[str, Header], error: catalogue.CatalogueError
) -> list[Unit]:
    """Return units for a file that is not Python: those of its specs, or one for the file."""
    place, line = shown_path(path), error.line or 1
    fault = f"{error.message} (line {error.line})" if error.line else error.message
    lost = Unit(f"{path.stem}/{path.name}", "", place, line, source=str(path), fault=fault)
    named = [_with_header(replace(lost, name=name), header) for name, header in headers.items()]
    return named or [lost]


def users_specs(file: str, settings: Settings) -> Path:
    """Return the folder of the specs of a user's file: beside it, unless `--specs` is given."""
    path, explicit = Path(file), settings["specs"]
    return Path(explicit) if explicit else path.with_name(f"{path.stem}.specs")


def _with_known(units: Sequence[Unit], folder: Path, settings: Settings) -> list[Unit]:
    """Return the units with the known failures that apply to them."""
    units = [replace(unit, specs=folder) for unit in units]
    path = path_of(folder, settings["baseline"])
    if path is None:
        return units
    if settings["baseline"] and not path.is_file():
        raise Problem(f"--baseline: no such file: {path}", kind="baseline")
    entries = read(path, [unit.name for unit in units], units[0].asked if units[0].source else "")
    return [
        replace(unit, known=tuple(e for e in entries if e.op == unit.name), known_failures=path)
        for unit in units
    ]


def _joined(
    entries: Sequence[catalogue.OperatorEntry], headers: dict[str, Header], source: str = ""
) -> list[Unit]:
    """Return a unit for every operator, then one for every spec without an operator."""
    units = []
    for entry in entries:
        header = headers.get(entry.name)
        unit = Unit(entry.name, "", shown_path(Path(entry.path)), entry.line, source=source)
        units.append(unit if header is None else _with_header(unit, header))
    names = {entry.name for entry in entries}
    for name, header in headers.items():
        if name not in names:
            unit = Unit(name, "", shown_path(header.path), 1, source=source, exists=False)
            units.append(_with_header(unit, header))
    return units


def _with_header(unit: Unit, header: Header) -> Unit:
    return replace(unit, spec=str(header.path), tags=header.tags, formula=header.formula)


def _headers(folder: Path, family: str | None = None) -> dict[str, Header]:
    headers = (read_header(path, family) for path in spec_paths(folder, family))
    return {header.name: header for header in headers}
