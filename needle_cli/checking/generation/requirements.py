"""The `require` list of a spec: integer comparisons over dimensions and parameters, satisfied."""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from needle_cli.checking.model import GeneratorError

LIMIT = 60_000
"""The largest table of assignments that is listed in full; above it ranges are thinned out."""

_BINARY: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def names_in(text: str) -> frozenset[str]:
    """Return the names that a requirement speaks of."""
    tree = ast.parse(text, mode="eval")
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def holds(text: str, values: Mapping[str, int]) -> bool:
    """Evaluate one requirement; raises `ValueError` for anything but integer comparisons."""
    return bool(_value(ast.parse(text, mode="eval").body, values))


def _value(node: ast.expr, values: Mapping[str, int]) -> int:
    """Evaluate an expression over whitelisted node types."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, values)
    if isinstance(node, ast.BoolOp):
        parts = [bool(_value(part, values)) for part in node.values]
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if isinstance(node, ast.Compare) and all(type(op) in _COMPARE for op in node.ops):
        numbers = [_value(part, values) for part in (node.left, *node.comparators)]
        pairs = itertools.pairwise(numbers)
        return all(_COMPARE[type(op)](a, b) for op, (a, b) in zip(node.ops, pairs, strict=True))
    raise ValueError(f"requirement {ast.unparse(node)!r}: only integer comparisons may stand here")


@dataclass(frozen=True)
class Table:
    """All assignments of some names that satisfy the requirements among them, simplest first."""

    names: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]

    def assignment(self, row: int) -> dict[str, int]:
        """Return one row by name."""
        return dict(zip(self.names, self.rows[row], strict=True))


def tables(require: Sequence[str], ranges: Mapping[str, Sequence[int]]) -> list[Table]:
    """Return one table per group of names that requirements connect.

    Listing the solutions instead of drawing and rejecting makes every draw valid.

    Raises:
        GeneratorError: if a requirement names something that is neither a dimension nor an integer
            parameter, or cannot be satisfied.
    """
    found = []
    for names, texts in _components(require):
        unknown = sorted(set(names) - set(ranges))
        if unknown:
            raise GeneratorError(
                f"require {texts!r} names {', '.join(unknown)}: neither a dimension nor an integer "
                f"parameter of this operator (known: {', '.join(sorted(ranges)) or 'none'})"
            )
        rows = _rows(names, texts, ranges)
        if not rows:
            raise GeneratorError(f"require {texts!r} has no solution within the declared bounds")
        found.append(Table(names, rows))
    return found


def _components(require: Sequence[str]) -> list[tuple[tuple[str, ...], list[str]]]:
    """Group requirements that share names."""
    groups: list[tuple[set[str], list[str]]] = []
    for text in require:
        names = set(names_in(text))
        texts = [text]
        rest = []
        for other_names, other_texts in groups:
            if names & other_names:
                names |= other_names
                texts = other_texts + texts
            else:
                rest.append((other_names, other_texts))
        groups = [*rest, (names, texts)]
    return [(tuple(sorted(names)), texts) for names, texts in groups]


def _rows(
    names: Sequence[str], texts: Sequence[str], ranges: Mapping[str, Sequence[int]]
) -> tuple[tuple[int, ...], ...]:
    """List the satisfying assignments, those with small numbers first."""
    options = [list(ranges[name]) for name in names]
    while _product(options) > LIMIT:
        longest = max(range(len(options)), key=lambda i: len(options[i]))
        options[longest] = _thinned(options[longest])
    body = [ast.parse(text, mode="eval").body for text in texts]
    rows = []
    for row in itertools.product(*options):
        values = dict(zip(names, row, strict=True))
        if all(_value(tree, values) for tree in body):
            rows.append(row)
    return tuple(sorted(rows, key=lambda row: (sum(map(abs, row)), row)))


def _thinned(options: list[int]) -> list[int]:
    """Drop an inner third of the options, keeping both ends."""
    keep: list[Any] = [v for i, v in enumerate(options) if i % 3 != 1 or i == len(options) - 1]
    return keep


def _product(options: Sequence[Sequence[int]]) -> int:
    """Return how many assignments there are."""
    count = 1
    for values in options:
        count *= len(values)
    return count
