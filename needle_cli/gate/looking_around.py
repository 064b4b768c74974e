"""Where code uses more than its arguments: by that an operator could tell a check from training.

What arithmetic needs is not listed. A reader decides whether the rest is harmless.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import NamedTuple

from needle_cli.gate.source_analysis import EVERYWHERE, REFLECTION, names_of

ARITHMETIC = frozenset(
    ("__future__", "abc", "autograd", "cmath", "collections", "contextlib", "copy", "cupy",
     "dataclasses", "einops", "enum", "fractions", "functools", "itertools", "jax", "jaxtyping",
     "math", "ml_dtypes", "needle", "numbers", "numpy", "operator", "opt_einsum", "scipy",
     "statistics", "string", "torch", "typing", "typing_extensions")
)  # fmt: skip
"""Modules that an operator needs; any other could tell it by whom, where or when it is called."""

SURROUNDINGS = frozenset(
    ("atexit", "builtins", "ctypes", "faulthandler", "gc", "importlib", "inspect", "linecache",
     "multiprocessing", "os", "subprocess", "sys", "threading", "traceback", "tracemalloc")
)  # fmt: skip
"""Modules that other modules happen to hold as attributes, such as `dataclasses.sys`."""

FRAMES = frozenset(
    ("__builtins__", "__closure__", "__code__", "__defaults__", "__dict__", "__getattribute__",
     "__globals__", "__kwdefaults__", "__loader__", "__self__", "__spec__", "__subclasses__",
     "__traceback__", "attrgetter", "cell_contents", "f_back", "f_code", "f_globals", "f_locals",
     "gi_frame", "methodcaller", "modules", "tb_frame")
)  # fmt: skip
"""Attributes that lead from a value to its surroundings."""

STATE = frozenset(
    ("fromfile", "genfromtxt", "get_printoptions", "getbufsize", "geterr", "geterrcall", "load",
     "loadtxt", "memmap", "open_memmap", "save", "savetxt", "savez", "set_printoptions",
     "setbufsize", "seterr", "seterrcall", "show_config", "show_runtime")
)  # fmt: skip
"""Functions of numerical libraries that read or change files and settings of the process."""


class Look(NamedTuple):
    """What is used, in words, and the definition at the top level in which that happens."""

    what: str
    where: str


def looks_around(tree: Iterable[ast.stmt], local: Callable[[str], bool]) -> set[Look]:
    """Return what the statements of a file use besides arithmetic.

    `local` says whether a module is one of the user's own, which are looked at by themselves.
    """
    nodes = list(tree)
    modules = _modules(nodes, local)
    found = set()
    for node in nodes:
        where = next(iter(names_of(node)), EVERYWHERE)
        if isinstance(node, ast.Import | ast.ImportFrom):
            where = EVERYWHERE
        for part in ast.walk(node):
            found |= {Look(what, where) for what in _looks(part, modules, local)}
    return found


def _modules(nodes: Iterable[ast.stmt], local: Callable[[str], bool]) -> dict[str, str]:
    """Return the modules that names stand for, and what was taken from them, by name."""
    found = {}
    for node in (part for top in nodes for part in ast.walk(top)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if not local(alias.name):
                    name = alias.asname or alias.name.partition(".")[0]
                    found[name] = alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom) and not node.level and not local(node.module or ""):
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _looks(node: ast.AST, modules: dict[str, str], local: Callable[[str], bool]) -> set[str]:
    if isinstance(node, ast.Import):
        return {f"the module {a.name}" for a in node.names if _foreign(a.name, local)}
    if isinstance(node, ast.ImportFrom):
        return _taken(node, local)
    if isinstance(node, ast.Name) and node.id in REFLECTION | FRAMES:
        return {f"{node.id}()" if node.id in REFLECTION else node.id}
    if isinstance(node, ast.Call) and _is_getattr(node.func):
        return _of_getattr(node)
    if isinstance(node, ast.Attribute):
        return _of_attribute(node, modules)
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
        return {f"{text} =" for target in targets if (text := _patched(target, modules))}
    return {"getattr() as a value"} if any(map(_is_getattr, ast.iter_child_nodes(node))) else set()


def _foreign(module: str, local: Callable[[str], bool]) -> bool:
    return module.partition(".")[0] not in ARITHMETIC and not local(module)


def _taken(node: ast.ImportFrom, local: Callable[[str], bool]) -> set[str]:
    module = node.module or ""
    if module and not node.level and _foreign(module, local):
        return {f"the module {module}"}
    names = {alias.name for alias in node.names}
    modules = {f"the module {name}" for name in names & SURROUNDINGS}
    home = module.partition(".")[0]
    state = names & STATE if home in ARITHMETIC and not node.level else set()
    return modules | {f"{module}.{name}" for name in (names & FRAMES) | state}


def _is_getattr(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "getattr"


def _of_getattr(node: ast.Call) -> set[str]:
    name = node.args[1] if len(node.args) > 1 else None
    if not isinstance(name, ast.Constant):
        return {"getattr() of a name that is computed"}
    return {f"the attribute {name.value}"} if name.value in FRAMES | SURROUNDINGS else set()


def _of_attribute(node: ast.Attribute, modules: dict[str, str]) -> set[str]:
    if node.attr in FRAMES | SURROUNDINGS:
        return {f"the attribute {node.attr}"}
    if not isinstance(node.value, ast.Name) or node.value.id not in modules:
        return set()
    module = modules[node.value.id]
    foreign = module.partition(".")[0] not in ARITHMETIC
    return {f"{module}.{node.attr}"} if foreign or node.attr in STATE else set()


def _patched(target: ast.expr, modules: dict[str, str]) -> str:
    """Return what is assigned to in a module or class that belongs to somebody else, or ""."""
    root: ast.expr = target
    while isinstance(root, ast.Attribute | ast.Subscript):
        root = root.value
    if root is target or not isinstance(root, ast.Name) or root.id not in modules:
        return ""
    return ast.unparse(target)
