"""The `require` list of a spec: integer comparisons over dimensions and parameters.

The loader and the generators share it. The loader rejects requirements that cannot be parsed or
have no solution.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import CodeType
from typing import TypeVar

from needle_cli.checking.model import GeneratorError

T = TypeVar("T")

LIMIT = 60_000
"""Most assignments that are tried at once; larger ranges are thinned out. Tuned: that many take a
quarter of a second, and `conv`, the largest of the shipped specs, has a thirtieth of it."""

LONGEST = 200
"""Most characters of a requirement: Python's parser needs much memory for deep nesting. Chosen."""

LARGEST = 2**31
"""The largest number in a requirement: products of such numbers are still fast. Chosen."""

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)


class Unmet(GeneratorError):
    """Requirements without a solution; `thinned` is True if not every assignment was tried."""

    def __init__(self, texts: Sequence[str], thinned: bool) -> None:
        super().__init__(f"require {list(texts)!r} has no solution within the declared bounds")
        self.thinned = thinned


@dataclass(frozen=True)
class Requirement:
    """One comparison, parsed."""

    text: str
    tree: ast.expr

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names in it, in order of first appearance."""
        return tuple({node.id: 0 for node in ast.walk(self.tree) if isinstance(node, ast.Name)})

    @cached_property
    def _code(self) -> CodeType:
        return compile(ast.Expression(self.tree), "<require>", "eval")

    def holds(self, values: Mapping[str, int]) -> bool:
        """Return True if it is satisfied; a division by zero makes it false."""
        try:
            # Safe: a parsed requirement has only numbers, names and operators.
            return bool(eval(self._code, {"__builtins__": {}}, values))
        except ZeroDivisionError:
            return False


def parse_requirement(text: str) -> Requirement:
    """Parse one requirement. Raises `ValueError` that says what is not allowed."""
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("it is not an expression") from None
    _check_condition(tree)
    return Requirement(text, tree)


def _check_condition(node: ast.expr) -> None:
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            _check_condition(value)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _check_condition(node.operand)
    elif isinstance(node, ast.Compare):
        for operator in node.ops:
            if not isinstance(operator, _COMPARISONS):
                raise ValueError(f"`{type(operator).__name__.lower()}` is not a comparison of it")
        for value in (node.left, *node.comparators):
            _check_integer(value)
    else:
        raise ValueError(f"it holds {_called(node)} where a comparison should stand")


def _check_integer(node: ast.expr) -> None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, _ARITHMETIC):
        _check_integer(node.left)
        _check_integer(node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        _check_integer(node.operand)
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        if node.value > LARGEST:
            raise ValueError("it holds a number above 2**31")
    elif not isinstance(node, ast.Name):
        raise ValueError(f"it holds {_called(node)}")


def _called(node: ast.expr) -> str:
    """Return the text of a part of an expression for an error message."""
    call = "a call, " if isinstance(node, ast.Call) else ""
    return f"{call}`{ast.unparse(node)[:40]}`"


@dataclass(frozen=True)
class Table:
    """All assignments of some names that satisfy their requirements, the simplest first."""

    names: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]

    def assignment(self, row: int) -> dict[str, int]:
        """Return one row by name."""
        return dict(zip(self.names, self.rows[row], strict=True))


def tables(require: Sequence[str], ranges: Mapping[str, Sequence[int]]) -> list[Table]:
    """Return one table per group of names that requirements connect.

    The solutions are listed, so every draw from them is valid and none is rejected. `ranges` has
    the values that each name may take. Raises `Unmet` if there is no solution.
    """
    return [_table(group, ranges) for group in _connected(list(map(parse_requirement, require)))]


def _connected(requirements: Sequence[Requirement]) -> list[list[Requirement]]:
    """Group requirements that share names."""
    groups: list[list[Requirement]] = []
    for requirement in requirements:
        names = set(requirement.names)
        joined = [g for g in groups if any(names.intersection(other.names) for other in g)]
        merged = [other for group in reversed(joined) for other in group]
        groups = [g for g in groups if g not in joined] + [[*merged, requirement]]
    return groups


def _table(group: Sequence[Requirement], ranges: Mapping[str, Sequence[int]]) -> Table:
    """List the satisfying assignments of connected names, those with small numbers first.

    It proceeds name by name: a requirement filters the rows as soon as all its names have a value.
    """
    names = sorted({name for requirement in group for name in requirement.names})
    rows: list[tuple[int, ...]] = [()]
    known: list[str] = []
    left, thinned = list(group), False
    for name in (None, *names):
        if name is not None:
            known.append(name)
            options = ranges[name]
            while len(rows) * len(options) > LIMIT:
                thinned = True
                if len(rows) > len(options):
                    rows = _thinned(rows)
                else:
                    options = _thinned(options)
            rows = [(*row, option) for row in rows for option in options]
        due = [r for r in left if set(r.names) <= set(known)]
        left = [r for r in left if r not in due]
        if due:
            values = (dict(zip(known, row, strict=True)) for row in rows)
            rows = [r for r, v in zip(rows, values, strict=True) if all(d.holds(v) for d in due)]
    if not rows:
        raise Unmet([requirement.text for requirement in group], thinned)
    return Table(tuple(names), tuple(sorted(rows, key=lambda row: (sum(map(abs, row)), row))))


def _thinned(options: Sequence[T]) -> list[T]:
    """Keep two thirds, no more than `LIMIT`, evenly spaced and with both ends."""
    count = max(2, min(2 * len(options) // 3, LIMIT))
    return [options[i * (len(options) - 1) // (count - 1)] for i in range(count)]
