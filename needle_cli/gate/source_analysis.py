"""Definitions of a source file, parsed but not imported.

Comments, layout and docstrings do not count. A definition includes the other definitions of its
file that it refers to.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from needle_cli.operators.catalogue import UNREADABLE, source_text

EVERYWHERE = ""
"""The name for statements without a name, such as `if`: they affect everything."""

ARITHMETIC = frozenset(
    ("__future__", "abc", "collections", "dataclasses", "enum", "fractions", "functools",
     "itertools", "math", "needle", "numbers", "numpy", "operator", "scipy", "typing")
)  # fmt: skip
"""Modules that an operator needs; any other could tell it by whom, where or when it is called."""

REFLECTION = frozenset(
    ("__import__", "compile", "delattr", "eval", "exec", "globals", "locals", "open", "setattr",
     "vars", "breakpoint", "input")
)  # fmt: skip
"""Built-in functions that can read or change more than the arguments."""

FRAMES = frozenset(
    ("__builtins__", "__code__", "__dict__", "__globals__", "__subclasses__", "__traceback__",
     "f_back", "f_code", "f_globals", "f_locals", "gi_frame", "modules", "sys", "os", "tb_frame")
)  # fmt: skip
"""Attributes that lead from a value to its surroundings."""

OURS = ("needle", "needle_cli")
"""Engine and judge: a change in them affects every operator."""

REFERENCE = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)")


def definitions(text: str, name: str) -> dict[str, str]:
    """Return the definition of a name and all that it depends on in its file, parsed, by name.

    A definition is a function, a class, an import or an assignment at the top level; any other
    top-level statement affects all of them.
    """
    return {
        key: "\n".join(ast.dump(_bare(node)) for node in nodes)
        for key, nodes in _reached(text, name).items()
    }


def _reached(text: str, name: str) -> dict[str, list[ast.stmt]]:
    bodies: dict[str, list[ast.stmt]] = {EVERYWHERE: []}
    for node in ast.parse(text).body:
        for defined in _names(node):
            bodies.setdefault(defined, []).append(node)
    found: dict[str, list[ast.stmt]] = {}
    waiting = [name, EVERYWHERE]
    while waiting:
        current = waiting.pop()
        if current in found or current not in bodies:
            continue
        found[current] = bodies[current]
        for body in bodies[current]:
            waiting += [n.id for n in ast.walk(body) if isinstance(n, ast.Name)]
    return found


def _bare(node: ast.stmt) -> ast.stmt:
    """Return a definition without its docstrings, which change no gradient."""
    copy = ast.parse(ast.unparse(node)).body[0]
    for part in ast.walk(copy):
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(part) is not None:
            part.body = part.body[1:] or [ast.Pass()]
    return copy


def _names(node: ast.stmt) -> list[str]:
    """Return the names that a top-level statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
        return [EVERYWHERE if name == "*" else name for name in names]
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = [part for target in targets for part in _flat(target)]
        plain = all(isinstance(part, ast.Name) for part in parts)
        sly = any(isinstance(n, ast.Name) and n.id in REFLECTION for n in ast.walk(node))
        names = [part.id for part in parts if isinstance(part, ast.Name)]
        return names if plain and not sly else [*names, EVERYWHERE]
    words = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return [] if words else [EVERYWHERE]


def _flat(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        return [part for element in target.elts for part in _flat(element)]
    return [target]


def dotted_names(spec: str) -> list[tuple[str, str]]:
    """Return module and name of every Python object that the text of a spec refers to."""
    try:
        found = _strings(tomllib.loads(spec))
    except tomllib.TOMLDecodeError:
        return []
    return [(match[1], match[2]) for text in found if (match := REFERENCE.fullmatch(text))]


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _strings(part)]


def module_file(module: str, beside: Path) -> Path | None:
    """Return the source file of a module, found without importing it; None if there is none.

    It may lie beside the file that names it, in this folder, or on Python's search path.
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


def imported(path: Path, name: str | None = None) -> set[Path]:
    """Return the user's files that a definition or a whole file imports, directly or indirectly.

    They lie beside the file or below this folder; installed packages are not included.
    """
    try:
        reached = _reached(source_text(path), name) if name else {"": _body(path)}
    except UNREADABLE:
        return set()
    root, found = Path.cwd().resolve(), set[Path]()
    first = _modules(node for nodes in reached.values() for node in nodes)
    waiting = [(module, path) for module in first]
    while waiting:
        module, where = waiting.pop()
        if module.partition(".")[0] in OURS:
            continue
        file = module_file(module, where.parent)
        near = file is not None and (root in file.parents or path.parent in file.parents)
        if file is None or not near or file in found or file == path:
            continue
        if "site-packages" in file.parts:
            continue
        found.add(file)
        waiting += [(module, file) for module in _modules(_body(file))]
    return found


def _body(path: Path) -> list[ast.stmt]:
    try:
        return ast.parse(source_text(path)).body
    except UNREADABLE:
        return []


def _modules(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the modules that statements import, at any depth."""
    found: set[str] = set()
    for node in (part for top in nodes for part in ast.walk(top)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level <= 1:
            home = [node.module] if node.module else []
            found |= {".".join([*home, alias.name]) for alias in node.names} | set(home)
    return found


def looks_around(text: str) -> set[str]:
    """Return what a file uses by which an operator could distinguish a check from training.

    What arithmetic needs is not included; a reader decides whether the rest is harmless.
    """
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {f"the module {alias.name}" for alias in node.names if _foreign(alias.name)}
        elif isinstance(node, ast.ImportFrom) and node.module and _foreign(node.module):
            found.add(f"the module {node.module}")
        elif isinstance(node, ast.Name) and node.id in REFLECTION:
            found.add(f"{node.id}()")
        elif isinstance(node, ast.Attribute) and node.attr in FRAMES:
            found.add(f"the attribute {node.attr}")
    return found


def _foreign(module: str) -> bool:
    return module.partition(".")[0] not in ARITHMETIC
