"""What the package requires is what it imports, no more and no less."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {"cupy", "distributed", "mpi4py", "matplotlib", "jinja2", "pytest", "torch", "jax"}
"""Packages that a user has or has not: an extra, a framework whose operators are judged."""


def required(project: dict) -> set[str]:
    return {re.match(r"[\w-]+", text).group() for text in project["dependencies"]}


def imported() -> set[str]:
    """Return the packages from outside that the product imports anywhere."""
    found = set()
    for folder in ("needle", "needle_cli"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"needle", "needle_cli", "__future__"}


def test_every_requirement_is_used_and_everything_used_is_required():
    assert required(PROJECT) <= imported()
    assert imported() - EXTRAS <= required(PROJECT)


def test_a_requirement_that_nothing_uses_is_seen():
    more = {**PROJECT, "dependencies": [*PROJECT["dependencies"], "scipy>=1.13"]}
    assert required(more) - imported() == {"scipy"}
