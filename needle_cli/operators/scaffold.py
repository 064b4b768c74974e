"""The start of a new operator: class, function and spec, with a TODO for what is to be written.

None of it passes. The gate refuses every `TODO` with its line, one after the other, so that each
run says what to do next.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from needle_cli.engines.registry import OPS
from needle_cli.operators import catalogue
from needle_cli.problems import Problem
from needle_cli.records.store import write_whole

WIDTH = 100
"""Columns of a line of code, as in pyproject.toml."""

NAME = re.compile(r"[a-z_][a-z0-9_]*")

ENGINE_CLASS = '''

class {cls}(ArrayOp):
    """TODO: y = ..., with the shapes; da = ..."""

    def compute(self, a: Any) -> Any:
        raise NotImplementedError("TODO: compute y of the array a, with NumPy's functions")

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        raise NotImplementedError("TODO: compute da of out_grad and node.inputs, with operators")


def {name}(a: Tensor) -> Tensor:
    """TODO: Return ... entry by entry, of a's shape and dtype."""
    return {cls}()(a)
'''
USERS_CLASS = '''

class {cls}(TensorOp):
    """TODO: y = ..., with the shapes; da = ..."""

    def compute(self, a):
        raise NotImplementedError("TODO: compute y of the array a, with NumPy's functions")

    def gradient(self, out_grad, node):
        raise NotImplementedError("TODO: compute da of out_grad and node.inputs, with operators")


def {name}(a):
    """TODO: Return ... entry by entry, of a's shape and dtype."""
    return {cls}()(a)
'''
ENGINE_FILE = '''"""TODO: what the operators of this family have in common."""
# ruff: noqa: D102
# (the docstring of an operator's class says what its compute and gradient do)

from typing import Any

import numpy

from needle.ops._support import ArrayOp
from needle.tensor import Tensor

__all__ = []
'''
USERS_FILE = '''"""Operators."""

import numpy

from needle import TensorOp, ops

__all__ = []
'''
SPEC = """{schema}op        = "{op}"
{cls}reference = "{reference}"
args      = ["a"]
formula   = "TODO: the forward value and the gradient, such as y = ln a; da = dy / a"
source    = "TODO: where the formula comes from: a paper with its equation, a book, calculus"
input.a   = "(...)"
# Any shape, any real number. Narrower: input.a = {{ shape = "(n)", domain = "positive" }}
# What else a spec may say: structure, elementwise, param, [[kink]], [[error]] (docs/specs.md)
"""
REFERENCE = "TODO: module:function that gives the forward value in NumPy, such as numpy:log"


@dataclass(frozen=True)
class Place:
    """Where a new operator goes: its source file and spec. `engine` is True for one of our own."""

    name: str
    source: Path
    spec: Path
    engine: bool

    @property
    def family(self) -> str:
        """The part of the name before the slash."""
        return self.name.partition("/")[0]

    @property
    def function(self) -> str:
        """The part of the name after the slash."""
        return self.name.rpartition("/")[2]

    @property
    def class_name(self) -> str:
        """The function's name in the form of a class name."""
        return "".join(part.capitalize() for part in self.function.split("_"))


def place_of(name: str, folder: Path) -> Place:
    """Return where `family/function` goes, seen from a folder; raises `Problem` for a bad name.

    A file `family.py` in the folder is a user's file. In a checkout of the engine the operator goes
    to the engine's family; anywhere else a new file is started in the folder.
    """
    family, slash, function = name.partition("/")
    family = family.removesuffix(".py")
    usable = [NAME.fullmatch(part) and not keyword.iskeyword(part) for part in (family, function)]
    if not slash or not all(usable):
        raise Problem(f"{name!r} is not a name of an operator: write family/function in lower case")
    mine = folder / f"{family}.py"
    engine = catalogue.ENGINE
    ours = engine.is_relative_to(folder.resolve()) and not mine.is_file()
    if ours:
        source, spec = engine / "ops" / mine.name, engine.parent / "specs" / family
    else:
        source, spec = mine, folder / f"{family}.specs"
    return Place(f"{family}/{function}", source, spec / f"{function}.toml", ours)


def write(place: Place, spec_only: bool) -> list[Path]:
    """Write the files of a new operator and return them; raises `Problem` before any is written.

    With `spec_only` the operator exists and only its spec is written.
    """
    if place.spec.exists():
        raise Problem(f"{place.spec.name} exists already", path=str(place.spec))
    text = _begun(place.source)
    defined = _defined(text, place.source)
    if spec_only:
        if place.function not in defined:
            raise Problem(f"there is no function {place.function} yet; leave out --spec-only",
                          path=place.source.name)  # fmt: skip
        return [_write(place.spec, _spec(place, class_of(place)))]
    for taken in (place.function, place.class_name):
        if taken in defined:
            hint = "" if taken != place.function else "; to write only its spec, use --spec-only"
            raise Problem(f"{taken} exists already{hint}", path=place.source.name)
    begun = text or (ENGINE_FILE if place.engine else USERS_FILE)
    code = ENGINE_CLASS if place.engine else USERS_CLASS
    made = _exporting(begun, [place.class_name, place.function]).rstrip("\n") + "\n"
    made += code.format(cls=place.class_name, name=place.function)
    spec = _spec(place, place.class_name)
    return [_write(place.source, made), _write(place.spec, spec)]


def _spec(place: Place, class_name: str) -> str:
    op = f"{OPS}:{place.function}" if place.engine else f"{place.family}:{place.function}"
    return SPEC.format(
        schema="#:schema ../schema.json\n" if place.engine else "", op=op,
        cls=f'class     = "{class_name}"\n' if class_name else "",
        reference=reference_of(place.function),
    )  # fmt: skip


def reference_of(function: str) -> str:
    """Return NumPy's or SciPy's function of the same name, or a TODO if there is none."""
    for module in ("numpy", "scipy.special"):
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            continue
        if callable(getattr(importlib.import_module(module), function, None)):
            return f"{module}:{function}"
    return REFERENCE


def class_of(place: Place) -> str:
    """Return the class that an existing function builds; "" for a composite."""
    entries = catalogue.operators() if place.engine else catalogue.user_file(place.source)
    return next((entry.class_name for entry in entries if entry.name == place.name), "")


def _begun(path: Path) -> str:
    """Return the text of a source that is written again, "" if there is none yet."""
    if not path.is_file():
        return ""
    try:
        catalogue.source_text(path)
        return path.read_bytes().decode("utf-8-sig")
    except catalogue.UNREADABLE as error:
        raise Problem("is not UTF-8: save it as UTF-8 first", path=path.name) from error


def _defined(text: str, path: Path) -> set[str]:
    try:
        tree = ast.parse(text)
    except catalogue.UNREADABLE as error:
        said = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply"
        raise Problem(f"cannot be read as Python: {said}", path=path.name,
                      line=getattr(error, "lineno", None)) from error  # fmt: skip
    return {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}


def _exporting(text: str, names: Sequence[str]) -> str:
    """Return a source with names added to its `__all__`; unchanged if it has none."""
    for node in ast.parse(text).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id == "__all__":
            assert isinstance(node, ast.Assign) and node.end_lineno is not None
            old = [item.value for item in getattr(node.value, "elts", ())
                   if isinstance(item, ast.Constant)]  # fmt: skip
            lines = text.splitlines(keepends=True)
            new = _list([*map(str, old), *names])
            tail = lines[node.end_lineno :]
            return "".join([*lines[: node.lineno - 1], f"__all__ = {new}\n", *tail])
    return text


def _list(names: Sequence[str]) -> str:
    """Return a list of names as code, classes first."""
    ordered = sorted(names, key=lambda name: (not name[0].isupper(), name))
    line = ", ".join(f'"{name}"' for name in ordered)
    if len(line) + len("__all__ = []") <= WIDTH:
        return f"[{line}]"
    return "[\n" + "".join(f'    "{name}",\n' for name in ordered) + "]"


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
    return path
