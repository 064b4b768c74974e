"""Which functions of `needle/ops` make up the gradient of which operator, from source text.

The gradient of an operator is its `gradient` method, and whatever that names: helper functions
(`sum_to`), and helper operators (`SoftmaxWeights`) with both of their methods. Another public
operator ends the search: its own gradient is its own business.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from needle_cli.operators import catalogue

Name: TypeAlias = tuple[str, str]
"""Module file stem, and a name at its top level."""

IMPLIED: dict[type[ast.operator], Name] = {ast.Sub: ("_syntax", "subtract")}
"""Helpers behind Python's operators on tensors; the other operators are public ones."""


@dataclass(frozen=True)
class Target:
    """One function or method that gradients run through.

    `owner` is its qualified name, `operators` those whose gradients run through it, the nearest
    first.
    """

    path: Path
    owner: str
    node: ast.FunctionDef
    operators: tuple[str, ...]
    helper: bool


class Module:
    """One file of `needle/ops`: its text, its definitions, and what its names mean."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)
        self.definitions = {
            node.name: node
            for node in self.tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        self.imported: dict[str, Name] = {}
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("needle.ops."):
                stem = (node.module or "").rpartition(".")[2]
                self.imported.update({alias.name: (stem, alias.name) for alias in node.names})

    def meaning(self, name: str) -> Name | None:
        """Return which top-level definition a name is, or None for anything else."""
        if name in self.definitions:
            return (self.path.stem, name)
        return self.imported.get(name)


class Sources:
    """All files of `needle/ops`, and who uses what in a gradient."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or catalogue.ENGINE / "ops"
        paths = sorted(self.folder.glob("*.py"))
        self.modules = {path.stem: Module(path) for path in paths if path.stem != "__init__"}
        self.entries = [e for e in catalogue.operators(self.folder) if e.class_name]
        self.classes = {
            (Path(entry.path).stem, entry.class_name): entry.name for entry in self.entries
        }
        self.functions = {(Path(entry.path).stem, entry.function) for entry in self.entries}

    def targets(self) -> list[Target]:
        """Return every function that gradients run through, in the order of the files."""
        users: dict[Name, list[tuple[int, str]]] = {}
        for entry in self.entries:
            start = (Path(entry.path).stem, entry.class_name)
            for name, steps in self._reached(start).items():
                users.setdefault(name, []).append((steps, entry.name))
        found = []
        for stem, module in self.modules.items():
            for word in module.definitions:
                near = sorted(users.get((stem, word), ()), key=lambda user: user[0])
                operators = tuple(operator for _, operator in near)
                for owner, node in self._functions((stem, word)) if operators else ():
                    helper = (stem, word) not in self.classes
                    found.append(Target(module.path, owner, node, operators, helper))
        return found

    def _reached(self, start: Name) -> dict[Name, int]:
        """Return the definitions that a gradient runs through, and after how many steps."""
        steps, waiting = {start: 0}, [start]
        while waiting:
            current = waiting.pop(0)
            module = self.modules[current[0]]
            for _, node in self._functions(current):
                for name in _mentioned(node, module):
                    public = name in self.classes or name in self.functions
                    if not public and name not in steps:
                        steps[name] = steps[current] + 1
                        waiting.append(name)
        return steps

    def _functions(self, name: Name) -> Iterator[tuple[str, ast.FunctionDef]]:
        """Yield the functions of a definition that take part in gradients."""
        node = self.modules[name[0]].definitions[name[1]]
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
            return
        methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
        if name in self.classes:
            wanted = _called_on_self(methods, "gradient")
        else:
            wanted = [word for word in methods if not word.startswith("__")]
        for word in wanted:
            yield f"{node.name}.{word}", methods[word]


def _called_on_self(methods: Mapping[str, ast.FunctionDef], first: str) -> list[str]:
    """Return a method and those it calls on `self`."""
    found = [first] if first in methods else []
    for name in found:
        found += [
            n.attr
            for n in ast.walk(methods[name])
            if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)
            and n.value.id == "self" and n.attr in methods and n.attr not in found
        ]  # fmt: skip
    return found


def _mentioned(node: ast.FunctionDef, module: Module) -> Iterator[Name]:
    """Yield the definitions of `needle/ops` that the body of a function names."""
    for part in (n for statement in node.body for n in ast.walk(statement)):
        name = module.meaning(part.id) if isinstance(part, ast.Name) else None
        if isinstance(part, ast.BinOp) and node.name == "gradient":
            name = IMPLIED.get(type(part.op))
        if name is not None:
            yield name
