"""Find the parameter names of an operator's function from source text, without importing it."""

from __future__ import annotations

import ast
import inspect
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from needle_cli.engines.registry import OPS, OPS_FOLDER


def signature_of(module: str, function: str, family: str) -> tuple[str, ...] | None:
    """Return a function's parameter names; None if its source does not show them.

    Only functions of our own engine can be found; a foreign package `needle` is ignored.
    """
    if module != OPS and not module.startswith(f"{OPS}."):
        return None
    first = OPS_FOLDER / f"{family}.py"
    for path in [first, *sorted(OPS_FOLDER.glob("*.py"))]:
        if path.is_file():
            names = _functions(path, path.stat().st_mtime_ns).get(function)
            if names is not None:
                return names
    return None


def signature_in(module: ModuleType, function: str) -> tuple[str, ...] | None:
    """Return the parameter names of a function of an imported module."""
    try:
        return tuple(inspect.signature(getattr(module, function)).parameters)
    except (TypeError, ValueError, AttributeError):
        return None


@lru_cache(maxsize=64)
def _functions(path: Path, _modified: int) -> dict[str, tuple[str, ...]]:
    """Map the top-level functions of a file to their parameter names."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return {}
    return {node.name: _names(node.args) for node in tree.body if isinstance(node, ast.FunctionDef)}


def _names(arguments: ast.arguments) -> tuple[str, ...]:
    plain = [*arguments.posonlyargs, *arguments.args]
    more = [arguments.vararg] if arguments.vararg else []
    return tuple(item.arg for item in (*plain, *more, *arguments.kwonlyargs))


def classes_of(module: str, family: str) -> frozenset[str] | None:
    """Return the classes of one family of our own operators; None for anything else."""
    path = OPS_FOLDER / f"{family}.py"
    if module != OPS or not path.is_file():
        return None
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None
    return frozenset(node.name for node in tree.body if isinstance(node, ast.ClassDef))
