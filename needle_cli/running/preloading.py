"""The installed packages that an operator's file imports, which a supervisor loads once.

Without this every worker would load them anew, and some take seconds. They are as trusted as NumPy;
the file itself, and what lies beside it, is loaded in workers alone.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LOADED = ("numpy", "needle", "needle_cli")
"""What the module that judges loads in any case."""


@cache
def packages_of(source: str) -> tuple[str, ...]:
    """Return the names of the packages, sorted; none for "" and for a file that cannot be read."""
    if not source:
        return ()
    path = Path(source)
    names: set[str] = set()
    with contextlib.suppress(OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        names = set(_imported(ast.parse(path.read_bytes())))
    return tuple(sorted(name for name in names if _is_installed(name, path.parent)))


def _imported(node: ast.AST) -> Iterator[str]:
    """Yield the top-level names of what a module imports outside of its functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            if child.module and not child.level:
                yield child.module.partition(".")[0]
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.expr):
            yield from _imported(child)


def _is_installed(name: str, folder: Path) -> bool:
    """Whether a name means a package of the environment, and nothing beside the file."""
    if name in LOADED or name in sys.stdlib_module_names:
        return False
    if (folder / name).exists() or (folder / f"{name}.py").exists():
        return False
    with contextlib.suppress(ImportError, ValueError, AttributeError):
        spec = importlib.util.find_spec(name)
        return spec is not None and "site-packages" in Path(spec.origin or "").parts
    return False
