"""The kinds of mistakes: what each proposes in the place of a node."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

SAME_THING = {
    "sum_to", "cast_like", "transpose", "reshape", "flip", "dilate", "undilate", "_shaped", "wide",
    "softmax_weights", "_repeat", "log", "zeros_like",
}  # fmt: skip
"""Functions whose result can stand for their first argument: calling them can be forgotten."""

TAKES_SHAPE = {"reshape", "zeros", "_shaped", "broadcast_to"}
"""Calls with a shape: most mistakes in it raise, so that fewer are tried there."""

SAME_METHODS = {"broadcast_to", "reshape", "transpose", "sum", "astype"}
FORGOTTEN = {
    "axis": ("0", "-1"), "axes": ("None",), "stride": ("1",), "padding": ("0",),
    "dilation": ("0",),
}  # fmt: skip
"""Parameters, and what stands there when they are forgotten."""

OTHER_COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Gt: (">=", "<"), ast.GtE: (">", "<="), ast.Lt: ("<=", ">"), ast.LtE: ("<", ">="),
    ast.Eq: ("!=",), ast.NotEq: ("==",), ast.In: ("not in",), ast.Is: ("is not",),
}  # fmt: skip


@dataclass(frozen=True)
class Proposal:
    """The text that replaces a node, the kind of mistake, and the mistake in words."""

    node: ast.expr | ast.stmt
    text: str
    kind: str
    what: str


class Function:
    """What the rules need to know of the function they are applied to."""

    def __init__(self, node: ast.FunctionDef, owner: str, source: str) -> None:
        self.node = node
        self.owner = owner
        self.source = source
        self.method = owner.rpartition(".")[2]
        returns = ast.unparse(node.returns) if node.returns else ""
        self.numbers = self.method == "compute" or (
            "Tensor" in returns and "TensorTuple" not in returns
        )
        self.tuple_cotangent = any(
            arg.arg == "out_grad" and arg.annotation is not None
            and "TensorTuple" in ast.unparse(arg.annotation)
            for arg in node.args.args
        )  # fmt: skip
        self.others = _pairs(node, self.method)
        self.lengths = _lengths(node)

    def is_only_input(self, node: ast.Constant) -> bool:
        """Tell whether a constant is the 0 of `node.inputs[0]` of an operator with one input."""
        places = [
            part.slice for part in ast.walk(self.node)
            if isinstance(part, ast.Subscript) and ast.unparse(part.value) == "node.inputs"
        ]  # fmt: skip
        several = any(isinstance(p, ast.Constant) and p.value for p in places)
        return node in places and not several

    def text(self, node: ast.AST) -> str:
        """Return the source text of a node."""
        segment = ast.get_source_segment(self.source, node)
        assert segment is not None
        return segment

    def operand(self, node: ast.expr) -> str:
        """Return the source text of an operand, in parentheses where it needs them."""
        loose = (ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.UnaryOp)
        text = self.text(node)
        return f"({text})" if isinstance(node, loose) else text


Rule: TypeAlias = Callable[[ast.AST, Function], Iterator[Proposal]]


def proposals(node: ast.FunctionDef, owner: str, source: str) -> Iterator[Proposal]:
    """Yield every mistake that a function permits, in the order of its text."""
    function = Function(node, owner, source)
    for part in _visited(node):
        for rule in RULES:
            yield from rule(part, function)


def _visited(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield the nodes of a function that may be changed."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    stack: list[ast.AST] = list(reversed(body))
    while stack:
        node = stack.pop()
        if _untouchable(node):
            continue
        yield node
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.AnnAssign):
            children = [child for child in children if child is not node.annotation]
        if isinstance(node, ast.With):
            children = [*node.body]
        stack.extend(reversed(children))


def _untouchable(node: ast.AST) -> bool:
    if isinstance(node, ast.Raise | ast.Assert):
        return True
    if isinstance(node, ast.If):
        return any(isinstance(statement, ast.Raise) for statement in node.body)
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Name) and called.id == "complaint"


def _pairs(node: ast.FunctionDef, method: str) -> dict[str, str]:
    """Return the names that can be taken for each other: those unpacked or passed together."""
    others: dict[str, str] = {}
    for part in ast.walk(node):
        target = part.targets[0] if isinstance(part, ast.Assign) else None
        if isinstance(target, ast.Tuple) and len(target.elts) == 2:
            names = [element.id for element in target.elts if isinstance(element, ast.Name)]
            if len(names) == 2:
                others.update({names[0]: names[1], names[1]: names[0]})
    passed = [arg.arg for arg in node.args.args if arg.arg != "self"]
    if method == "compute" and len(passed) == 2:
        others.update({passed[0]: passed[1], passed[1]: passed[0]})
    return others


def _lengths(function: ast.FunctionDef) -> set[ast.AST]:
    """Return the nodes that compute lengths and places: in an index, or in a shape."""
    found: set[ast.AST] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript):
            found.update(ast.walk(node.slice))
        if isinstance(node, ast.Call):
            method = isinstance(node.func, ast.Attribute)
            called = ast.unparse(node.func).rpartition(".")[2]
            first = 0 if method else 1
            for argument in node.args[first:] if called in TAKES_SHAPE else ():
                found.update(ast.walk(argument))
    return found


def sign(node: ast.AST, f: Function) -> Iterator[Proposal]:
    """A minus forgotten or put where none belongs; plus for minus."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield Proposal(node, f.text(node.operand), "sign", "minus forgotten")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        added = isinstance(node.op, ast.Add)
        text = f"{f.operand(node.left)} {'-' if added else '+'} {f.operand(node.right)}"
        yield Proposal(node, text, "sign", "minus for plus" if added else "plus for minus")
    for value in _returned(node, f):
        yield Proposal(value, f"-({f.text(value)})", "sign", "result negated")


def scale(node: ast.AST, f: Function) -> Iterator[Proposal]:
    """Twice the result; a factor or divisor forgotten; quotient for product."""
    for value in _returned(node, f):
        yield Proposal(value, f"2 * ({f.text(value)})", "factor", "result doubled")
    if node in f.lengths:
        return
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        left, right = f.operand(node.left), f.operand(node.right)
        product = isinstance(node.op, ast.Mult)
        word = "factor" if product else "divisor"
        yield Proposal(node, left, _forgotten(node.right), f"{word} {_short(right)} forgotten")
        if product:
            what = f"factor {_short(left)} forgotten"
            yield Proposal(node, right, _forgotten(node.left), what)
            yield Proposal(node, f"{left} / {right}", "other operation", "quotient for product")
            yield Proposal(node, f"{left} + {right}", "other operation", "sum for product")
        else:
            yield Proposal(node, f"{left} * {right}", "other operation", "product for quotient")


def _forgotten(node: ast.expr) -> str:
    """Return the kind of mistake that forgetting this factor is."""
    name = node.id if isinstance(node, ast.Name) else ""
    return "cotangent ignored" if name == "out_grad" else "factor"


def terms(node: ast.AST, f: Function) -> Iterator[Proposal]:
    """One term of a sum forgotten."""
    if node in f.lengths:
        return
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        left, right = f.operand(node.left), f.operand(node.right)
        yield Proposal(node, left, "term", f"term {_short(right)} forgotten")
        alone = right if isinstance(node.op, ast.Add) else f"-({right})"
        yield Proposal(node, alone, "term", f"term {_short(left)} forgotten")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd):
        text = f"{f.operand(node.left)} | {f.operand(node.right)}"
        yield Proposal(node, text, "condition", "or for and")


def calls(node: ast.AST, f: Function) -> Iterator[Proposal]:
    """sum_to, transpose, reshape or another call forgotten; arguments swapped; no keepdims."""
    if not isinstance(node, ast.Call):
        return
    name = _forgettable(node)
    if name and node.args:
        kind = f"{name} dropped" if name in SAME_THING else "call dropped"
        yield Proposal(node, f.text(node.args[0]), kind, f"{name} dropped")
    name = ast.unparse(node.func)
    method = node.func if isinstance(node.func, ast.Attribute) else None
    if method is not None and method.attr in SAME_METHODS:
        what = f"{method.attr} dropped"
        yield Proposal(node, f.text(method.value), what, what)
    swappable = len(node.args) == 2 and name not in SAME_THING and name != "isinstance"
    if swappable and not any(isinstance(a, ast.Constant) for a in node.args):
        text = _called(node, f, [node.args[1], node.args[0]], node.keywords)
        yield Proposal(node, text, "operands swapped", "arguments swapped")
    for keyword in node.keywords:
        if keyword.arg == "keepdims":
            left = [k for k in node.keywords if k is not keyword]
            text = _called(node, f, node.args, left)
            yield Proposal(node, text, "keepdims dropped", "keepdims dropped")
    if isinstance(node.func, ast.Name) and node.func.id == "range" and len(node.args) == 1:
        inside = f.text(node.args[0])
        yield Proposal(node, f"range(1, {inside})", "off by one", "first turn of a loop left out")
        yield Proposal(node, f"range({inside} - 1)", "off by one", "last turn of a loop left out")


def _forgettable(node: ast.Call) -> str:
    """Return the name of a call whose result its first argument could be; "" for another."""
    if isinstance(node.func, ast.Name) and node.func.id in SAME_THING:
        return node.func.id
    if isinstance(node.func, ast.Call):
        return ast.unparse(node.func.func)
    numeric = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "numpy"
    if numeric and len(node.args) == 1 and not node.keywords:
        return ast.unparse(node.func)
    return ""


def _called(node: ast.Call, f: Function, args: list[ast.expr], keywords: list[ast.keyword]) -> str:
    """Return a call's text with other arguments."""
    words = [f.text(arg) for arg in args]
    words += [f"{k.arg}={f.text(k.value)}" for k in keywords]
    return f"{f.text(node.func)}({', '.join(words)})"


def operands(node: ast.AST, f: Function) -> Iterator[Proposal]:
    """One operand taken for the other; gradients returned in the wrong order, twice, not at all."""
    if (
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        and node.id in f.others and node not in f.lengths
    ):  # fmt: skip
        other = f.others[node.id]
        yield Proposal(node, other, "operands swapped", f"{other} for {node.id}")
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    if isinstance(target, ast.Tuple):
        for i, (first, second) in enumerate(zip(target.elts, target.elts[1:], strict=False)):
            if isinstance(first, ast.Name) and isinstance(second, ast.Name):
                names = [f.text(e) for e in target.elts]
                names[i : i + 2] = [second.id, first.id]
                what = f"{first.id} and {second.id} swapped"
                yield Proposal(target, ", ".join(names), "operands swapped", what)
    value = node.value if isinstance(node, ast.Return) else None
    if isinstance(value, ast.Tuple) and f.method == "gradient":
        parts = [f.text(part) for part in value.elts]
        yield _returns(value, parts[::-1], "results swapped")
        yield _returns(value, [parts[0]] * len(parts), "first result for all")
        for i in range(len(parts)):
            less = ["None" if i == k else part for k, part in enumerate(parts)]
            yield _returns(value, less, f"result {i} forgotten")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        text = f"{f.operand(node.right)} @ {f.operand(node.left)}"
        yield Proposal(node, text, "operands swapped", "factors of a matrix product swapped")


def _returns(value: ast.Tuple, parts: list[str], what: str) -> Proposal:
    return Proposal(value, f"({', '.join(parts)})", "operands swapped", what)


def cotangent(node: ast.AST, f: Function) -> Iterator[Proposal]:
    """Ones instead of the cotangent."""
    if isinstance(node, ast.Name) and node.id == "out_grad" and isinstance(node.ctx, ast.Load):
        text = "out_grad * 0 + 1"
        if f.tuple_cotangent:
            text = "make_tuple(*[part * 0 + 1 for part in out_grad])"
        yield Proposal(node, text, "cotangent ignored", "ones for the cotangent")


def places(node: ast.AST, f: Function) -> Iterator[Proposal]:
    """An axis, a stride, a number next to the right one; a parameter forgotten."""
    if isinstance(node, ast.Constant) and type(node.value) is int and not f.is_only_input(node):
        around = (node.value + 1, node.value - 1)
        for number in around[:1] if node in f.lengths else around:
            yield Proposal(node, str(number), "off by one", f"{number} for {node.value}")
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        other = str(not node.value)
        kind = "keepdims dropped" if _is_keepdims(node, f) else "condition"
        yield Proposal(node, other, kind, f"{other} for {node.value}")
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
        for text in FORGOTTEN.get(node.attr, ()):
            yield Proposal(node, text, "axis", f"{text} for {node.attr}")
    if (
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        and node.id in ("axes", "stretched") and not _tested(node, f)
    ):  # fmt: skip
        yield Proposal(node, f"{node.id}[1:]", "axis", "first axis forgotten")
        yield Proposal(node, f"{node.id}[:-1]", "axis", "last axis forgotten")
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield Proposal(node, f.text(node.value), "transpose dropped", "transpose dropped")


def _is_keepdims(node: ast.Constant, f: Function) -> bool:
    keywords = [k for k in ast.walk(f.node) if isinstance(k, ast.keyword)]
    return any(k.value is node and k.arg == "keepdims" for k in keywords)


def _tested(node: ast.Name, f: Function) -> bool:
    tests = [n.test for n in ast.walk(f.node) if isinstance(n, ast.If | ast.IfExp)]
    return any(node in ast.walk(test) for test in tests)


def conditions(node: ast.AST, f: Function) -> Iterator[Proposal]:
    """Another comparison; a condition reversed, always true or never."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for sign_ in OTHER_COMPARISONS.get(type(node.ops[0]), ()):
            text = f"{f.text(node.left)} {sign_} {f.text(node.comparators[0])}"
            yield Proposal(node, text, "comparison", f"{sign_} in a comparison")
    if isinstance(node, ast.If | ast.IfExp):
        for word in ("True", "False"):
            yield Proposal(node.test, word, "condition", f"condition always {word}")
    if isinstance(node, ast.BoolOp):
        word = "or" if isinstance(node.op, ast.And) else "and"
        text = f" {word} ".join(f.text(value) for value in node.values)
        yield Proposal(node, text, "condition", f"{word} in a condition")
        for i in range(len(node.values) if word == "or" else 0):
            text = " and ".join(f.text(v) for k, v in enumerate(node.values) if k != i)
            what = f"condition {_short(f.text(node.values[i]))} forgotten"
            yield Proposal(node, text, "condition", what)


def accumulation(node: ast.AST, f: Function) -> Iterator[Proposal]:
    """Overwritten, or taken away, instead of added up."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        for sign_, word in (("=", "overwritten"), ("-=", "taken away")):
            text = f"{f.text(node.target)} {sign_} {f.text(node.value)}"
            yield Proposal(node, text, "accumulation", f"{word} instead of added")
    if (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).endswith(".add.at")
    ):  # fmt: skip
        place, index, value = (f.text(arg) for arg in node.value.args)
        text = f"{place}[{index}] += {value}"
        yield Proposal(node, text, "accumulation", "repeated entries not added up")


def _returned(node: ast.AST, f: Function) -> Iterator[ast.expr]:
    """Yield the numbers that a function returns, one per member of a tuple."""
    if not isinstance(node, ast.Return) or node.value is None or not f.numbers:
        return
    values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
    for value in values:
        branches = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
        for branch in branches:
            if not isinstance(branch, ast.Constant | ast.Starred):
                yield branch


def _short(text: str) -> str:
    """Return a piece of source on one line, cut where it is long."""
    text = " ".join(text.split())
    return text if len(text) <= 30 else text[:29] + "…"


RULES: tuple[Rule, ...] = (
    sign, scale, terms, calls, operands, cotangent, places, conditions, accumulation,
)  # fmt: skip
