"""Which files of the user's own a Python file needs and runs, found without importing anything.

Two questions are asked of a file. Which definitions does one of its functions use (`used`)? A
change there changes what the function computes. And which files does Python run when it imports the
file (`executed`), the `__init__` files of all packages included? A change there can replace
anything.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from needle_cli.gate.source_analysis import parsed, reached

OURS = ("needle", "needle_cli")
"""Engine and judge: a change in them affects every operator."""

INIT = "__init__.py"


@dataclass(frozen=True)
class Import:
    """One imported module: `home` is the folder that a relative import starts from, else None.

    `names` are those that are taken out of the module, none if it is used as a whole.
    """

    module: str
    names: tuple[str, ...] = ()
    home: Path | None = None


def used(path: Path, name: str) -> dict[Path, set[str]]:
    """Return the definitions that a function of a file uses in other files of the user's own.

    Names are listed by file; "" stands for the whole file.
    """
    found: dict[Path, set[str]] = {}
    waiting: list[tuple[Path, str]] = [(path, name)]
    seen = {(path, name)}
    while waiting:
        file, wanted = waiting.pop()
        for item in _imports(_nodes(file, wanted), file):
            for use in _uses(item, file, path):
                if use not in seen:
                    seen.add(use)
                    found.setdefault(use[0], set()).add(use[1])
                    waiting.append(use)
    found.pop(path, None)
    return found


def executed(path: Path) -> set[Path]:
    """Return the user's own files that Python runs when it imports a file, itself included."""
    found: set[Path] = set()
    waiting = [path, *_packages(path)]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        for item in _imports(parsed(file), file):
            for part in _files(item, file, path):
                waiting += [part, *_packages(part)]
    return found


def imports_of(tree: Iterable[ast.stmt], file: Path) -> set[Path]:
    """Return the user's own files that statements import directly, as if they stood in `file`."""
    return {part for item in _imports(tree, file) for part in _files(item, file, file)}


def module_file(module: str, beside: Path) -> Path | None:
    """Return the source file of a module, found without importing it; None if there is none.

    It may lie beside the file that names it, in this folder, or on Python's search path.
    """
    for folder in dict.fromkeys((beside, Path.cwd().resolve())):
        path = _below(folder, module)
        if path is not None:
            return path
    try:
        found = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return None
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        return None
    home, rest = Path(found.origin).resolve(), module.partition(".")[2]
    return _below(home.parent, rest) if rest else home


def is_own(file: Path, path: Path) -> bool:
    """Whether a file is the user's: beside a file of theirs or below this folder, not installed."""
    root = Path.cwd().resolve()
    near = root in file.parents or any(folder in file.parents for folder in _roots(path))
    return near and "site-packages" not in file.parts


def is_local(module: str, file: Path) -> bool:
    """Whether a module that a file imports by its full name is one of the user's own."""
    found = _below(file.parent, module) or module_file(module, file.parent)
    return found is not None and is_own(found, file)


def _below(folder: Path, module: str) -> Path | None:
    inner = folder.joinpath(*module.split(".")) if module else folder
    for path in (inner.with_suffix(".py"), inner / INIT):
        if path.is_file():
            return path.resolve()
    return None


def _roots(path: Path) -> list[Path]:
    """Return the folder of a file, or the one that its outermost package lies in."""
    packages = _packages(path)
    return [path.parent, *([packages[-1].parent.parent] if packages else [])]


def _packages(path: Path) -> list[Path]:
    """Return the `__init__` files of the packages that a file belongs to, the innermost first."""
    found = []
    folder = path.parent
    while (folder / INIT).is_file():
        found.append((folder / INIT).resolve())
        folder = folder.parent
    return [file for file in found if file != path]


def _nodes(file: Path, name: str) -> Iterable[ast.stmt]:
    """Return the statements of a file that a definition of it depends on; all of them for ""."""
    if not name:
        return parsed(file)
    return [node for nodes in reached(parsed(file), name).values() for node in nodes]


def _imports(nodes: Iterable[ast.AST], file: Path) -> Iterator[Import]:
    """Yield what statements import, at any depth."""
    for node in (part for top in nodes for part in ast.walk(top)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            home = file.parents[node.level - 1] if 0 < node.level <= len(file.parents) else None
            if home is not None or not node.level:
                yield Import(node.module or "", names, home)


def _uses(item: Import, file: Path, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield file and name of everything that one import makes usable."""
    target = _located(item.module, item.home, file, path)
    submodules = {n: _located(_joined(item.module, n), item.home, file, path) for n in item.names}
    for name, inner in submodules.items():
        if inner is not None:
            yield inner, ""
        elif target is not None:
            yield target, "" if name == "*" else name
    if target is not None and not item.names:
        yield target, ""


def _files(item: Import, file: Path, path: Path) -> Iterator[Path]:
    """Yield the files that one import runs, the `__init__` files on the way included."""
    parts = item.module.split(".") if item.module else []
    names = [".".join(parts[: i + 1]) for i in range(len(parts))]
    if item.home is not None and not parts:
        names.append("")
    names += [_joined(item.module, name) for name in item.names]
    for name in names:
        found = _located(name, item.home, file, path)
        if found is not None:
            yield found


def _joined(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name


def _located(module: str, home: Path | None, file: Path, path: Path) -> Path | None:
    """Return the user's own file of a module, if it is one."""
    if home is None and (not module or module.partition(".")[0] in OURS):
        return None
    found = _below(home, module) if home is not None else module_file(module, file.parent)
    return found if found is not None and is_own(found, path) else None
