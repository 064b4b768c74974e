"""Shape strings of specs: parse them, and draw concrete shapes that satisfy them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from needle_cli.checking.choosing import Chooser, chance, choose
from needle_cli.checking.claims import Dim

Shape = tuple[int, ...]
PartKind = Literal["batch", "group", "dim", "optional", "fixed"]

BATCH = "..."
"""The name of the broadcast batch part, in patterns and in `dims`."""

LONGER = (6, 17)
"""Range of the length of a longer axis. Chosen: code that works in blocks of four, eight or sixteen
then has whole blocks and a remainder."""

ONE_IN = 8
"""One axis in eight is longer, if the spec does not bound it. Chosen."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Part:
    """One item of a shape string: `...`, `S...`, `n`, `n?` or an integer."""

    kind: PartKind
    name: str = ""
    size: int = 0


@dataclass(frozen=True)
class Pattern:
    """A parsed shape string."""

    text: str
    parts: tuple[Part, ...]

    def names(self, kind: PartKind) -> tuple[str, ...]:
        """Return the names of all parts of one kind, in order."""
        return tuple(part.name for part in self.parts if part.kind == kind)

    @property
    def has_batch(self) -> bool:
        """Whether the pattern has a broadcast batch part."""
        return any(part.kind == "batch" for part in self.parts)


def first_shape(shape: Any) -> Shape:
    """Return a shape, or the first shape of a list."""
    return shape[0] if shape and isinstance(shape[0], tuple) else shape


def rank_for(axis: int) -> int:
    """Return the rank that an axis needs."""
    return axis + 1 if axis >= 0 else -axis


def parse(text: str) -> Pattern:
    """Parse a shape string such as `(..., m?, n)`.

    Raises:
        ValueError: it names the invalid part and what is allowed there.
    """
    inner = text.strip()
    if not (inner.startswith("(") and inner.endswith(")")):
        raise ValueError(f"shape string {text!r}: expected parentheses, as in '(..., n)'")
    words = [word.strip() for word in inner[1:-1].split(",")]
    if words and words[-1] == "":
        words.pop()
    parts = tuple(_part(word, text) for word in words)
    if sum(part.kind in ("batch", "group") for part in parts) > 1:
        raise ValueError(f"shape string {text!r}: at most one of '...' and 'S...' can be solved")
    return Pattern(text, parts)


def _part(word: str, text: str) -> Part:
    """Parse one item of a shape string."""
    if word == BATCH:
        return Part("batch", BATCH)
    if word.isdecimal():
        return Part("fixed", size=int(word))
    stem, kind = word, "dim"
    if word.endswith("..."):
        stem, kind = word[:-3], "group"
    elif word.endswith("?"):
        stem, kind = word[:-1], "optional"
    if not _NAME.fullmatch(stem):
        raise ValueError(
            f"shape string {text!r}: {word!r} is none of '...', 'S...', 'n', 'n?' and an integer"
        )
    return Part(kind, stem)  # type: ignore[arg-type]  # one of the literals by construction


@dataclass
class Solution:
    """Values for all names in the shape patterns of one operator.

    `batches` has the batch part of every input that has one; `absent` the optional dimensions
    that are left out.
    """

    dims: dict[str, int] = field(default_factory=dict)
    groups: dict[str, Shape] = field(default_factory=dict)
    batches: dict[str, Shape] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()

    def copy(self) -> Solution:
        """Return an independent copy."""
        return Solution(dict(self.dims), dict(self.groups), dict(self.batches), self.absent)


def concrete(pattern: Pattern, solution: Solution, name: str) -> Shape:
    """Return the shape of input `name` in a solution.

    An input whose optional dimension is absent has no batch part, as in NumPy's gufuncs: in
    `matmul` a vector has no batch.
    """
    missing = any(p.kind == "optional" and p.name in solution.absent for p in pattern.parts)
    shape: list[int] = []
    for part in pattern.parts:
        if part.kind == "fixed":
            shape.append(part.size)
        elif part.kind == "group":
            shape.extend(solution.groups[part.name])
        elif part.kind == "batch":
            shape.extend(() if missing else solution.batches.get(name, ()))
        elif part.name not in solution.absent:
            shape.append(solution.dims[part.name])
    return tuple(shape)


class System:
    """The shape patterns of all inputs of an operator, with the bounds of their dimensions."""

    def __init__(self, patterns: Mapping[str, Pattern], dims: Mapping[str, Dim]) -> None:
        self.patterns = dict(patterns)
        self.bounds = dict(dims)
        every = list(self.patterns.values())
        self.optional = tuple(dict.fromkeys(n for p in every for n in p.names("optional")))
        plain = [n for p in every for n in p.names("dim")]
        self.dims = tuple(dict.fromkeys([*plain, *self.optional]))
        self.groups = tuple(dict.fromkeys(n for p in every for n in p.names("group")))
        self.batched = tuple(name for name, p in self.patterns.items() if p.has_batch)

    def bound(self, name: str) -> Dim:
        """Return the bounds of a named dimension, of a group's or of the batch's dimensions."""
        return self.bounds.get(name, Dim(bounded=False))

    def shapes(self, solution: Solution) -> dict[str, Shape]:
        """Return the shape of every input."""
        return {name: concrete(p, solution, name) for name, p in self.patterns.items()}

    def draw(
        self, chooser: Chooser, given: Mapping[str, int], ranks: tuple[int, int] = (0, 3)
    ) -> Solution:
        """Draw a solution; `given` dimensions are taken as they are.

        Groups and the batch have a rank within `ranks`.
        """
        dims = {n: given[n] if n in given else self._dim(chooser, n) for n in self.dims}
        groups = {n: self._extents(chooser, n, ranks) for n in self.groups}
        absent = frozenset(n for n in self.optional if n not in given and chance(chooser, 4))
        return Solution(dims, groups, self._batches(chooser, ranks), absent)

    def _dim(self, chooser: Chooser, name: str) -> int:
        """Draw one named dimension."""
        bound = self.bound(name)
        if not bound.bounded and chance(chooser, ONE_IN):
            return chooser.integer(max(LONGER[0], bound.min), max(LONGER[1], bound.max))
        return chooser.integer(bound.min, bound.max)

    def _extents(self, chooser: Chooser, name: str, ranks: tuple[int, int]) -> Shape:
        """Draw the dimensions of a group or of the batch's result."""
        bound = self.bound(name)
        low, high = max(bound.min, 1), bound.max
        extents = [chooser.integer(low, high) for _ in range(chooser.integer(*ranks))]
        if extents and not bound.bounded and chance(chooser, ONE_IN):
            extents[chooser.integer(0, len(extents) - 1)] = chooser.integer(*LONGER)
        return tuple(extents)

    def _batches(self, chooser: Chooser, ranks: tuple[int, int]) -> dict[str, Shape]:
        """Draw batch parts that broadcast: one result shape, without leading axes or with ones."""
        if not self.batched:
            return {}
        result = self._extents(chooser, BATCH, ranks)
        if len(self.batched) == 1 or not result:
            return dict.fromkeys(self.batched, result)
        ones_allowed = self.bound(BATCH).min <= 1
        shapes = {}
        for name in self.batched:
            shape = result
            if chance(chooser, 3):
                shape = shape[chooser.integer(0, len(shape) - ranks[0]) :]
            if ones_allowed and shape and chance(chooser, 3):
                mask = chooser.integer(0, 2 ** len(shape) - 1)
                shape = tuple(1 if mask >> i & 1 else n for i, n in enumerate(shape))
            shapes[name] = shape
        # In two of three draws one input keeps the result's shape, so that only the others are
        # broadcast; otherwise both may be broadcast.
        if not chance(chooser, 3):
            shapes[choose(chooser, self.batched)] = result
        return shapes
