"""`--changed`: the operators whose class, function, helpers or spec differ from the merge base.

Definitions are compared as Python reads them, so that comments and layout count for nothing, and a
definition is followed to the other ones of its file that it names.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from needle_cli import catalogue
from needle_cli.git import NoBase, Repository
from needle_cli.selection import Unit

EVERYWHERE = ""
"""The name under which statements are kept that define nothing by name, such as `if`."""

HARMLESS = ("commands", "reporters", "references.py")
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
        if is_judge(file) or _is_engine(file):
            return True
        if file.name == "pyproject.toml":
            now = file.read_text("utf-8") if file.is_file() else ""
            if _gate(now) != _gate(repository.text(base, file) or ""):
                return True
    return False


def is_judge(file: Path) -> bool:
    """Tell whether a file is part of what verdicts are made by."""
    judge = Path(__file__).resolve().parent
    inside = file.suffix == ".py" and judge in file.parents
    return inside and file.relative_to(judge).parts[0] not in HARMLESS


def _is_engine(file: Path) -> bool:
    """Tell whether a file is part of what all operators are built on."""
    engine = catalogue.package_folder().resolve()
    family = file.parent == engine / "ops" and not file.name.startswith("_")
    return file.suffix == ".py" and engine in file.parents and not family


def dotted_names(spec: str) -> list[tuple[str, str]]:
    """Return module and name of every Python object that the text of a spec refers to."""
    return re.findall(r'"([A-Za-z_][\w.]*):([A-Za-z_]\w*)"', spec)


def module_file(module: str, beside: Path) -> Path | None:
    """Return the source file of a module, found without importing it; None where there is none.

    It may lie beside the file that names it, in this folder, or where Python looks.
    """
    inner = Path(*module.split("."))
    for folder in dict.fromkeys((beside, Path.cwd().resolve())):
        for path in (folder / inner.with_suffix(".py"), folder / inner / "__init__.py"):
            if path.is_file():
                return path.resolve()
    try:
        found = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return None
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        return None
    home, rest = Path(found.origin).resolve(), module.split(".")[1:]
    path = home.parent.joinpath(*rest).with_suffix(".py") if rest else home
    return path if path.is_file() else None


def imported(path: Path) -> set[Path]:
    """Return the files beside a file, or below this folder, that it imports, and that those do.

    The engine and the judge are left out: a change of theirs means every operator.
    """
    root, found = Path.cwd().resolve(), set[Path]()
    waiting = [path]
    while waiting:
        current = waiting.pop()
        for module in _modules(current):
            file = module_file(module, current.parent)
            near = file is not None and (root in file.parents or path.parent in file.parents)
            if file is None or not near or file in found or file == path:
                continue
            if not is_judge(file) and not _is_engine(file) and "site-packages" not in file.parts:
                found.add(file)
                waiting.append(file)
    return found


def _modules(path: Path) -> set[str]:
    """Return the modules that a file names in its imports, wherever in it they stand."""
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level <= 1:
            home = [node.module] if node.module else []
            found |= {".".join([*home, alias.name]) for alias in node.names} | set(home)
    return found


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
        if file is not None and not _is_engine(file):
            asked.append((file, name))
    return any(
        bool(imported(file) & files) or (file in files and _redefined(file, name, repository, base))
        for file, name in asked
    )


def _redefined(file: Path, name: str, repository: Repository, base: str) -> bool:
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


def definitions(text: str, name: str) -> dict[str, str]:
    """Return every definition of a file that one of them is made of, by name, as Python reads it.

    A definition is a function, a class, an import or an assignment at the top level; every other
    statement there bears on all of them.
    """
    bodies: dict[str, list[ast.stmt]] = {EVERYWHERE: []}
    for node in ast.parse(text).body:
        for defined in _names(node):
            bodies.setdefault(defined, []).append(node)
    found: dict[str, str] = {}
    waiting = [name, EVERYWHERE]
    while waiting:
        current = waiting.pop()
        if current in found or current not in bodies:
            continue
        found[current] = "\n".join(ast.dump(_bare(node)) for node in bodies[current])
        for body in bodies[current]:
            waiting += [n.id for n in ast.walk(body) if isinstance(n, ast.Name)]
    return found


WATCHERS = frozenset(
    ("builtins", "ctypes", "gc", "getpass", "importlib", "inspect", "os", "platform", "psutil",
     "pytest", "socket", "sys", "threading", "time", "traceback")
)  # fmt: skip
"""Modules by which an operator can find out who asks, where or when; arithmetic needs none."""


def looks_around(text: str, name: str) -> list[str]:
    """Return the means by which a definition can tell a check from a training run."""
    found = set()
    for source in definitions(text, name).values():
        found |= {
            f"the module {m}" for m in WATCHERS if re.search(rf"alias\(name='{m}[.']", source)
        }
        found |= {f"the module {m}" for m in WATCHERS if f"ImportFrom(module='{m}'" in source}
        found |= {f"the name {n}" for n in JUDGES if re.search(rf"value='[^']*\b{n}\b", source)}
        found |= {f"{n}()" for n in ("__import__", "globals") if f"Name(id='{n}'" in source}
    return sorted(found)


JUDGES = ("needle_cli", "pytest", "hypothesis", "NEEDLE", "PYTEST", "GITHUB_ACTIONS")


def _bare(node: ast.stmt) -> ast.stmt:
    """Return a definition without its docstrings: words change no gradient."""
    copy = ast.parse(ast.unparse(node)).body[0]
    for part in ast.walk(copy):
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(part) is not None:
            part.body = part.body[1:] or [ast.Pass()]
    return copy


def _names(node: ast.stmt) -> list[str]:
    """Return the names that a statement at the top level defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
    words = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return [] if words else [EVERYWHERE]
