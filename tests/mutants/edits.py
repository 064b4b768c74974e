"""Mistakes that the syntax tree of a function permits, as edits of the source text.

Every edit replaces the text of one node, so that its diff is a few lines. What is never touched:
docstrings, annotations, the texts of errors and the conditions under which they are raised.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.mutants.rules import Proposal, proposals
from tests.mutants.sources import Sources, Target

TIGHT = (ast.BinOp, ast.UnaryOp, ast.Attribute, ast.Subscript, ast.Call, ast.Compare, ast.Starred,
         ast.BoolOp, ast.IfExp)  # fmt: skip
LOOSE = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.IfExp, ast.Compare, ast.Lambda)


@dataclass(frozen=True)
class Mutant:
    """One edit of one file; `text` is the whole file with it, `operators` who may notice."""

    file: str
    module: str
    owner: str
    line: int
    kind: str
    what: str
    operators: tuple[str, ...]
    helper: bool
    text: str
    diff: str

    @property
    def name(self) -> str:
        """A short name for a line of a list."""
        return f"{self.file}:{self.line} {self.owner}: {self.what}"


def mutants(sources: Sources) -> list[Mutant]:
    """Return every mutant of every function that gradients run through, without doubles."""
    found: dict[tuple[str, str], Mutant] = {}
    for target in sources.targets():
        module = sources.modules[target.path.stem]
        place = module.definitions[target.owner.partition(".")[0]]
        original = ast.dump(ast.parse(_definition(module.text, place, module.text)))
        for proposal in proposals(target.node, target.owner, module.text):
            text = _applied(module.text, target.node, proposal)
            tree = ast.dump(ast.parse(_definition(text, place, module.text)))
            if tree != original:
                found.setdefault((target.path.stem, tree), _mutant(target, proposal, text))
    return list(found.values())


def _definition(text: str, place: ast.FunctionDef | ast.ClassDef, original: str) -> str:
    """Return the text of a top-level definition in a file that was edited inside it."""
    assert place.end_lineno is not None
    lines = text.splitlines()
    after = len(original.splitlines()) - place.end_lineno
    return "\n".join(lines[place.lineno - 1 : len(lines) - after])


def _mutant(target: Target, proposal: Proposal, text: str) -> Mutant:
    file = f"needle/ops/{target.path.name}"
    return Mutant(
        file, f"needle.ops.{target.path.stem}", target.owner, proposal.node.lineno, proposal.kind,
        proposal.what, target.operators, target.helper, text,
        _diff(file, target.path.read_text(encoding="utf-8"), text),
    )  # fmt: skip


def _applied(text: str, function: ast.FunctionDef, proposal: Proposal) -> str:
    """Return the file's text with one node replaced, in parentheses where they are needed."""
    node, new = proposal.node, proposal.text
    if isinstance(node, ast.expr):
        parent = next(p for p in ast.walk(function) if node in ast.iter_child_nodes(p))
        tight = isinstance(parent, TIGHT) and not _is_argument(node, parent)
        loose = isinstance(ast.parse(f"({new})", mode="eval").body, LOOSE)
        if (tight and loose) or ("\n" in new and not new.startswith("(")):
            new = f"({new})"
    lines = text.encode().splitlines(keepends=True)
    assert node.end_lineno is not None and node.end_col_offset is not None
    before = b"".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
    after = lines[node.end_lineno - 1][node.end_col_offset :] + b"".join(lines[node.end_lineno :])
    return (before + new.encode() + after).decode()


def _is_argument(node: ast.expr, parent: ast.AST) -> bool:
    """Tell whether a node stands between commas or brackets, where nothing binds tighter."""
    if isinstance(parent, ast.Call):
        return node is not parent.func
    return isinstance(parent, ast.Subscript) and node is parent.slice


def _diff(file: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), file, file, n=0, lineterm=""
    )
    return "\n".join(lines)


def one_per_kind(found: Sequence[Mutant]) -> Iterator[Mutant]:
    """Yield the first mutant of every kind of every operator, that of helpers included."""
    seen: set[tuple[str, str]] = set()
    for mutant in found:
        key = (mutant.owner.partition(".")[0] if mutant.helper else mutant.operators[0],
               mutant.kind)  # fmt: skip
        if key not in seen:
            seen.add(key)
            yield mutant


def spread(found: list[Mutant], each: int) -> list[Mutant]:
    """Return `each` mutants of every operator's own gradient, of kinds that differ as they can."""
    chosen: list[Mutant] = []
    for operator in dict.fromkeys(mutant.operators[0] for mutant in found if not mutant.helper):
        own = [m for m in found if m.operators[0] == operator and not m.helper]
        for _ in range(min(each, len(own))):
            seen = [m.kind for m in chosen]
            best = min(own, key=lambda m: (seen.count(m.kind), own.index(m)))
            chosen.append(best)
            own = [m for m in own if m.kind != best.kind] or own
    return list(dict.fromkeys(chosen))
