"""The operators that benchmarks judge: ours by name, and those of files in tests."""

from __future__ import annotations

from pathlib import Path

from needle import ops
from needle_cli.checking.claims import Claims
from needle_cli.checking.model import OpUnderTest
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.running import worker_tasks
from needle_cli.specs import load_spec

ROOT = Path(__file__).parents[1]


def ours(name: str) -> tuple[OpUnderTest, Claims]:
    """Return one of our operators, `family/function`, and the claims of its spec."""
    family, function = name.split("/")
    claims = load_spec(ROOT / "specs" / family / f"{function}.toml").claims
    return operator_under_test(getattr(ops, function), claims, name=name), claims


def of_file(path: Path, function: str, device: str = "cpu") -> tuple[OpUnderTest, Claims]:
    """Return an operator of a file with a folder of specs beside it, like a user's file."""
    module = worker_tasks._module(str(path))
    spec = path.parent / f"{path.stem}.specs" / f"{function}.toml"
    claims = load_spec(spec, family=path.stem, module=module).claims
    name = f"{path.stem}/{function}"
    op = operator_under_test(getattr(module, function), claims, name=name, device=device)
    return op, claims
