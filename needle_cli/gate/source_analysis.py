"""Definitions of a source file, parsed but not imported.

Comments, layout, docstrings and what only a type checker reads do not count. A definition includes
the other definitions of its file that it refers to.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from needle_cli.operators.catalogue import UNREADABLE, source_text

EVERYWHERE = ""
"""The name for statements without a name, such as `if`: they affect everything."""

REFLECTION = frozenset(
    ("__import__", "compile", "delattr", "eval", "exec", "globals", "locals", "open", "setattr",
     "vars", "breakpoint", "input")
)  # fmt: skip
"""Built-in functions that can read or change more than the arguments."""

REFERENCE = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)")

CHECKING = "TYPE_CHECKING"


def parsed(path: Path) -> list[ast.stmt]:
    """Return the statements of a file that count; none if it cannot be read as Python."""
    try:
        state = path.stat()
        return _parsed(path, state.st_mtime_ns, state.st_size)
    except UNREADABLE:
        return []


@lru_cache(maxsize=512)
def _parsed(path: Path, changed: int, size: int) -> list[ast.stmt]:
    """Parse a file; its time of change and size are part of the cache key."""
    return statements(source_text(path))


def statements(text: str) -> list[ast.stmt]:
    """Return the statements of a source that count; raises one of `UNREADABLE`."""
    tree = ast.parse(text)
    spoken = "__doc__" in text
    checked = any(isinstance(n, ast.Name) and n.id == CHECKING and isinstance(n.ctx, ast.Store)
                  for n in ast.walk(tree))  # fmt: skip
    for part in ast.walk(tree):
        body = getattr(part, "body", None)
        if not isinstance(body, list):
            continue
        if not spoken and _has_docstring(part):
            body[:] = body[1:]
        if not checked:
            body[:] = [node for node in body if not _is_for_checkers(node)]
        if not body and not isinstance(part, ast.Module):
            body.append(ast.Pass())
    return tree.body


def _has_docstring(node: ast.AST) -> bool:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module
    return isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None


def _is_for_checkers(node: ast.stmt) -> bool:
    """Whether a statement is `if TYPE_CHECKING:`, which no running program executes."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    return isinstance(node.test, ast.Name) and node.test.id == CHECKING


def same_code(before: str, now: str) -> bool:
    """Whether two sources differ in nothing but comments, layout and docstrings."""
    try:
        old, new = statements(before), statements(now)
    except UNREADABLE:
        return before == now
    return _dumped(old) == _dumped(new)


def definitions(text: str, name: str) -> dict[str, str]:
    """Return the definition of a name and all that it depends on in its file, parsed, by name.

    A definition is a function, a class, an import or an assignment at the top level; any other
    top-level statement affects all of them.
    """
    return {key: _dumped(nodes) for key, nodes in reached(statements(text), name).items()}


def _dumped(nodes: Iterable[ast.stmt]) -> str:
    return "\n".join(ast.dump(node) for node in nodes)


def reached(tree: Iterable[ast.stmt], name: str) -> dict[str, list[ast.stmt]]:
    """Return the statements of a file that a name depends on, by the name that they define."""
    bodies: dict[str, list[ast.stmt]] = {EVERYWHERE: []}
    for node in tree:
        for defined in names_of(node):
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


def names_of(node: ast.stmt) -> list[str]:
    """Return the names that a top-level statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
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
