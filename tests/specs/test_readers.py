"""Every word of a spec is asked for by something: what is validated and never read is a lie."""

from __future__ import annotations

import ast
import dataclasses
from functools import cache
from pathlib import Path

import pytest

import needle_cli
from needle_cli.checking import claims

ROOT = Path(needle_cli.__file__).parent
LOADING = ("load", "fields", "forms", "inputs", "params", "entries", "top", "schema", "table")
"""Files of specs/ that take words in; the rules and the probing beside them ask for some."""

TAKE_IN = {
    *(ROOT / "specs" / f"{name}.py" for name in LOADING),
    ROOT / "gate" / "weakening.py",
}


@cache
def asked_for() -> set[str]:
    """Return the names of all attributes that the product reads, and keys that it asks for."""
    found: set[str] = set()
    for path in set(ROOT.rglob("*.py")) - TAKE_IN:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                found.add(node.attr)
    return found


CLASSES = [
    value
    for value in vars(claims).values()
    if isinstance(value, type) and dataclasses.is_dataclass(value)
]
FIELDS = [(cls.__name__, field.name) for cls in CLASSES for field in dataclasses.fields(cls)]


@pytest.mark.parametrize(("owner", "name"), FIELDS)
def test_every_word_has_a_reader(owner: str, name: str) -> None:
    assert name in asked_for(), f"nothing reads {owner}.{name}"


def test_a_word_that_nothing_reads_is_seen() -> None:
    """Twin: a word that once was validated for nobody."""
    assert "oracle" not in asked_for()
