"""Names in shape strings and in `require`: what they are, and whether they can all hold at once."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

SHAPE_GRAMMAR = (
    'a shape string such as "(...)", "(S...)" or "(..., m?, n, 3)": names, integers, `...`'
)
MAX_RANK = 16
MAX_SIZE = 64
MAX_EXPRESSION = 200
MAX_COMBINATIONS = 50_000

OPERATORS: dict[type[ast.AST], Callable[[int, int], int]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
COMPARISONS: dict[type[ast.AST], Callable[[int, int], bool]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}


@dataclass(frozen=True)
class Pattern:
    """The names that a shape string uses: dimensions, those that may be absent, groups.

    `items` are the parts as written, such as `n?`; `...` is a group of that name.
    """

    dims: tuple[str, ...]
    optional: frozenset[str]
    groups: tuple[str, ...]
    items: tuple[str, ...]


def parse_shape(text: str) -> Pattern:
    """Parse a shape string. Raises `ValueError` with what is wrong with it."""
    from needle_cli.checking.shapes import parse  # not at the top: listings do without NumPy

    parts = parse(text).parts
    if len(parts) > MAX_RANK:
        raise ValueError(f"{len(parts)} dimensions are too many")
    if any(part.size > MAX_SIZE for part in parts):
        raise ValueError(f"a dimension above {MAX_SIZE} makes every case slow")
    optional = frozenset(part.name for part in parts if part.kind == "optional")
    dims = tuple(part.name for part in parts if part.kind in ("dim", "optional"))
    groups = tuple(part.name for part in parts if part.kind in ("batch", "group"))
    items = tuple(str(part.size) if part.kind == "fixed" else part.name for part in parts)
    return Pattern(dims, optional, groups, items)


def parse_requirement(text: str) -> ast.expr:
    """Parse one comparison of integers. Raises `ValueError` with what is not allowed in it."""
    if len(text) > MAX_EXPRESSION:
        raise ValueError(f"it is longer than {MAX_EXPRESSION} characters")
    try:
        expression = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("it is not an expression") from None
    _check_condition(expression)
    return expression


def _check_condition(node: ast.expr) -> None:
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            _check_condition(value)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _check_condition(node.operand)
    elif isinstance(node, ast.Compare):
        for operator in node.ops:
            if type(operator) not in COMPARISONS:
                raise ValueError(f"`{type(operator).__name__.lower()}` is not a comparison of it")
        for value in (node.left, *node.comparators):
            _check_integer(value)
    else:
        raise ValueError(f"it holds {_called(node)} where a comparison should stand")


def _check_integer(node: ast.expr) -> None:
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        _check_integer(node.left)
        _check_integer(node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        _check_integer(node.operand)
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        if node.value > 2**31:
            raise ValueError("it holds a number above 2**31")
    elif not isinstance(node, ast.Name):
        raise ValueError(f"it holds {_called(node)}")


def _called(node: ast.expr) -> str:
    """Return what a piece of an expression is called."""
    if isinstance(node, ast.Call):
        return f"a call, `{ast.unparse(node)[:40]}`"
    return f"`{ast.unparse(node)[:40]}`"


def names_in(expression: ast.expr) -> list[str]:
    """Return the names that an expression uses, in order."""
    return [node.id for node in ast.walk(expression) if isinstance(node, ast.Name)]


def holds(expression: ast.expr, values: Mapping[str, int]) -> bool:
    """Evaluate a parsed requirement; division by zero makes it false."""
    try:
        return _condition(expression, values)
    except ZeroDivisionError:
        return False


def _condition(node: ast.expr, values: Mapping[str, int]) -> bool:
    if isinstance(node, ast.BoolOp):
        parts = (_condition(value, values) for value in node.values)
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if isinstance(node, ast.UnaryOp):
        return not _condition(node.operand, values)
    assert isinstance(node, ast.Compare)
    numbers = [_integer(value, values) for value in (node.left, *node.comparators)]
    return all(
        COMPARISONS[type(operator)](a, b)
        for operator, a, b in zip(node.ops, numbers[:-1], numbers[1:], strict=True)
    )


def _integer(node: ast.expr, values: Mapping[str, int]) -> int:
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](_integer(node.left, values), _integer(node.right, values))
    if isinstance(node, ast.UnaryOp):
        return -_integer(node.operand, values)
    if isinstance(node, ast.Name):
        return values[node.id]
    assert isinstance(node, ast.Constant) and isinstance(node.value, int)
    return node.value


def satisfiable(expressions: Sequence[ast.expr], ranges: Mapping[str, Sequence[int]]) -> bool:
    """Tell whether some choice of values meets every requirement.

    With more than `MAX_COMBINATIONS` choices nothing is tried and the answer is yes.
    """
    used = sorted({name for expression in expressions for name in names_in(expression)})
    choices = [list(ranges[name]) for name in used]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > MAX_COMBINATIONS:
        return True
    return any(
        all(holds(expression, values) for expression in expressions)
        for values in _combinations(used, choices)
    )


def _combinations(
    names: Sequence[str], choices: Sequence[Sequence[int]]
) -> Iterator[dict[str, int]]:
    for combination in itertools.product(*choices):
        yield dict(zip(names, combination, strict=True))
