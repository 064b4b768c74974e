"""What a shape string names: dimensions, groups, what may be absent."""

from __future__ import annotations

from dataclasses import dataclass

SHAPE_GRAMMAR = (
    'a shape string such as "(...)", "(S...)" or "(..., m?, n, 3)": names, integers, `...`'
)
MAX_RANK = 16
MAX_SIZE = 64


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
