"""Which operators exist, read from source text: the engine is not imported."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from needle_cli.engines.registry import OPS_FOLDER
from needle_cli.problems import Problem, shown_path

ENGINE = OPS_FOLDER.parent
"""Our own engine; another installed package that is also called `needle` is ignored."""

OP_BASES = ("TensorOp", "TensorTupleOp", "Op")
"""A class of a user's file with one of these base classes is an operator."""


@dataclass(frozen=True)
class OperatorEntry:
    """One operator as its source describes it.

    `name` is `family/function`; `class_name` is empty for a composite. `line` is the line of
    `def gradient`, else of the class, else of the function. `summary` is the first line of the
    class's (or function's) docstring.
    """

    name: str
    function: str
    class_name: str
    path: str
    line: int
    summary: str = ""

    @property
    def family(self) -> str:
        """The part of the name before the slash."""
        return self.name.partition("/")[0]


UNREADABLE = (OSError, SyntaxError, ValueError, RecursionError, MemoryError)
"""What reading and parsing a source may raise: of bytes that are no text, of code nested deeply."""


class CatalogueError(Problem):
    """The source of the operators is missing or unreadable; the text says which file and why."""

    def __init__(self, message: str, path: str = "", line: int | None = None) -> None:
        super().__init__(message, kind="catalogue", path=path, line=line)


def operators(folder: Path | None = None) -> list[OperatorEntry]:
    """Return every operator of the engine, family by family in file order.

    Args:
        folder: the `ops` folder; that of our own engine by default.

    Raises:
        CatalogueError: a file is not Python, or a name in `__all__` has no definition.
    """
    where = folder or OPS_FOLDER
    if not where.is_dir():
        raise CatalogueError(f"no folder {where}: the operators' families should be in it")
    entries = []
    for path in sorted(where.glob("*.py")):
        if not path.name.startswith("_"):
            entries += _family(path)
    return entries


def _family(path: Path) -> list[OperatorEntry]:
    """Return the operators of one family file: the functions in its `__all__`."""
    module = _parse(path)
    names = module.exported()
    if names is None:
        raise CatalogueError(f"{path}: a family needs a list of names called __all__")
    unknown = [n for n in names if n not in module.functions and n not in module.classes]
    if unknown:
        raise CatalogueError(f"{path}: __all__ names {', '.join(unknown)}, not defined in the file")
    functions = [n for n in names if n in module.functions]
    return [
        module.entry(name) for name in sorted(functions, key=lambda n: module.functions[n].lineno)
    ]


def user_file(path: Path, specified: Iterable[str] = ()) -> list[OperatorEntry]:
    """Return the operators of a user's file: functions of tensors, and classes without a function.

    The functions in `__all__` count. Without `__all__`, a function counts if it builds an operator
    of the file or has an argument annotated as a tensor; if there is none, every public function
    counts. A function in `specified`, the names of specs, always counts.
    """
    module = _parse(path)
    named = {name.rpartition("/")[2] for name in specified}
    exported = module.exported()
    public = [n for n in module.functions if not n.startswith(("_", "test_"))]
    if exported is not None:
        chosen = [n for n in public if n in exported]
    else:
        chosen = [n for n in public if module.class_of(n) or module.takes_tensors(n)]
        if not chosen and not module.op_classes():
            chosen = [n for n in public if module.functions[n].args.args]
        # Nothing in the source marks a composite as an operator, but its spec does.
        chosen += [n for n in public if n in named and n not in chosen]
    entries = [module.entry(name) for name in chosen]
    covered = {entry.class_name for entry in entries}
    entries += [module.class_entry(n) for n in module.op_classes() if n not in covered]
    return sorted(entries, key=lambda entry: entry.line)


class _Module:
    """The definitions at the top level of one source file."""

    def __init__(self, path: Path, tree: ast.Module) -> None:
        self.path = path
        self.tree = tree
        self.functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
        self.classes = {n.name: n for n in tree.body if isinstance(n, ast.ClassDef)}

    def exported(self) -> list[str] | None:
        """Return the names in `__all__`; None if there is none."""
        for node in self.tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            if isinstance(node, ast.AnnAssign):
                targets = [node.target]
            if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
                value = getattr(node, "value", None)
                return list(_strings(value)) if isinstance(value, ast.List | ast.Tuple) else None
        return None

    def op_classes(self) -> list[str]:
        """Return the classes with a known base, or with both `compute` and `gradient`."""
        return [name for name in self.classes if self._is_op(name) and not name.startswith("_")]

    def _is_op(self, name: str) -> bool:
        node = self.classes[name]
        bases = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                 for base in node.bases}  # fmt: skip
        if bases & set(OP_BASES):
            return self._method(name, "compute") is not None
        return all(self._method(name, method) is not None for method in ("compute", "gradient"))

    def _method(self, name: str, method: str) -> ast.FunctionDef | None:
        """Return a method of a class or of its bases in the same file."""
        seen: set[str] = set()
        queue = [name]
        while queue:
            current = queue.pop(0)
            node = self.classes.get(current)
            if node is None or current in seen:
                continue
            seen.add(current)
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == method:
                    return item
            queue += [base.id for base in node.bases if isinstance(base, ast.Name)]
        return None

    def class_of(self, function: str) -> str:
        """Return the operator class that a function builds and calls; "" for a composite.

        That is a class X of this file that is called as `X(...)(...)`. If there are several, the
        one whose result is returned counts.
        """
        node = self.functions[function]
        returned = [n.value for n in ast.walk(node) if isinstance(n, ast.Return) and n.value]
        for part in [*returned, node]:
            if isinstance(part, ast.Call) and (name := self._built(part)):
                return name
        found = {
            name for n in ast.walk(node) if isinstance(n, ast.Call) if (name := self._built(n))
        }
        return found.pop() if len(found) == 1 and not _calls_others(node, found) else ""

    def _built(self, call: ast.Call) -> str:
        """Return X for `X(...)(...)` where X is a class of this file."""
        inner = call.func
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
            return inner.func.id if inner.func.id in self.classes else ""
        return ""

    def takes_tensors(self, function: str) -> bool:
        """Whether an argument is annotated as a tensor."""
        arguments = self.functions[function].args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        parts = [part for a in every if a.annotation for part in ast.walk(a.annotation)]
        return any("Tensor" in _word(part) for part in parts)

    def entry(self, function: str) -> OperatorEntry:
        """Return the entry of a function."""
        class_name = self.class_of(function)
        if class_name:
            return self._entry(function, class_name)
        node = self.functions[function]
        return OperatorEntry(
            f"{self.path.stem}/{function}",
            function,
            "",
            str(self.path),
            node.lineno,
            _summary(node),
        )

    def class_entry(self, class_name: str) -> OperatorEntry:
        """Return the entry of a class that no function builds; its name is the class's."""
        return self._entry(class_name, class_name)

    def _entry(self, function: str, class_name: str) -> OperatorEntry:
        node = self.classes[class_name]
        gradient = self._method(class_name, "gradient")
        line = gradient.lineno if gradient is not None else node.lineno
        name = f"{self.path.stem}/{function}"
        return OperatorEntry(name, function, class_name, str(self.path), line, _summary(node))


def _calls_others(node: ast.AST, built: set[str]) -> bool:
    """Whether a function also calls plain functions, and does not just build one operator."""
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id not in built
        and n.func.id.islower() and n.func.id not in ("len", "tuple", "list", "int", "range")
        for n in ast.walk(node)
    )  # fmt: skip


def _word(node: ast.AST) -> str:
    """Return the name or the text that a node of an annotation holds."""
    return str(getattr(node, "id", getattr(node, "attr", getattr(node, "value", ""))))


def _strings(node: ast.List | ast.Tuple) -> Iterator[str]:
    """Yield the string constants of a list."""
    for item in node.elts:
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            yield item.value


def _summary(node: ast.ClassDef | ast.FunctionDef) -> str:
    """Return the first line of a docstring."""
    return (ast.get_docstring(node) or "").partition("\n")[0]


def source_text(path: Path) -> str:
    """Return a source as Python reads it, with a byte order mark or in the encoding that it names.

    Raises one of `UNREADABLE`.
    """
    return importlib.util.decode_source(path.read_bytes())


def _parse(path: Path) -> _Module:
    """Parse a source file; the result is cached until the file changes."""
    try:
        state = path.stat()
        return _parsed(path, state.st_mtime_ns, state.st_size)
    except SyntaxError as error:
        text = f"cannot be read as Python: {error.msg}"
        raise CatalogueError(text, shown_path(path), error.lineno) from error
    except UNREADABLE as error:
        said = getattr(error, "strerror", None) or str(error) or "it is nested too deeply"
        raise CatalogueError(f"cannot be read as Python: {said}", shown_path(path)) from error


@lru_cache(maxsize=64)
def _parsed(path: Path, changed: int, size: int) -> _Module:
    """Parse a file; its time of change and size are part of the cache key."""
    return _Module(path, ast.parse(source_text(path), str(path)))
