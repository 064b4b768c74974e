"""Adding an operator by hand is a class, a function, `__all__` and a spec; nothing else changes.

One that is right keeps every test green, and one that is half written fails its own tests alone.
"""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.helpers import ROOT, environment, needle

PARTS = ("benchmarks", "docs", "examples", "needle", "needle_cli", "specs", "tests")

ABOUT_ALL = ("tests/test_house.py", "tests/test_references.py", "tests/specs", "tests/operators",
             "tests/checking/test_matrix.py", "tests/checking/checks/test_simulated_device.py",
             "tests/cli/test_commands.py", "tests/docs/test_tutorial.py",
             "tests/docs/test_measured.py", "tests/docs/test_site.py",
             "tests/mutants/test_mutate.py", "tests/running/test_executor.py",
             "--ignore=tests/operators/test_adding.py")  # fmt: skip
"""The tests that ask all our operators, specs or references, without these here."""

FAMILY = '''"""Whole powers."""
# ruff: noqa: D102
# (the docstring of an operator's class says what its compute and gradient do)

from typing import Any

import numpy

from needle.ops._support import ArrayOp
from needle.tensor import Tensor

__all__ = ["Square", "square"]


class Square(ArrayOp):
    """y = a^2; da = 2 a dy."""

    def compute(self, a: Any) -> Any:
        return numpy.multiply(a, a)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        a: Tensor = node.inputs[0]
        return out_grad * a * 2


def square(a: Tensor) -> Tensor:
    """Return a^2 entry by entry, of a's shape and dtype."""
    return Square()(a)
'''
SPEC = """#:schema ../schema.json
op        = "needle.ops:{function}"
class     = "{cls}"
reference = "{reference}"
args      = ["a"]
formula   = "{formula}"
source    = "calculus"
input.a   = "(...)"
"""
PSEUDO_ABS = '''

class PseudoAbs(ArrayOp):
    """y = sqrt(a^2 + 1), of a's shape; da = dy a / y."""

    closed_over_integers = False

    def compute(self, a: Any) -> Any:
        return numpy.hypot(a, numpy.ones_like(a))

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        y: Tensor = node
        return out_grad * (node.inputs[0] / y)


def pseudo_abs(a: Tensor) -> Tensor:
    """Return sqrt(a^2 + 1) entry by entry, of a's shape."""
    return PseudoAbs()(a)
'''
REFERENCE = '''

def pseudo_abs(a: Array) -> Array:
    """Return sqrt(a^2 + 1) in the dtype of a, without overflow."""
    b = np.maximum(np.abs(a), 1)
    return _like(a, b * np.sqrt((a / b) ** 2 + (1 / b) ** 2))
'''
HALF = '''

class Sinh(ArrayOp):
    """y = sinh a."""

    def compute(self, a: Any) -> Any:
        return numpy.sinh(a)


def sinh(a: Tensor) -> Tensor:
    """Return the hyperbolic sine of every entry."""
    return Sinh()(a)


class Cosh(ArrayOp):
    """y = cosh a; da = sinh(a) dy."""

    def compute(self, a: Any) -> Any:
        return numpy.cosh(a)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return out_grad * sinh(node.inputs[0])


def cosh(a: Tensor) -> Tensor:
    """Return the hyperbolic cosine of every entry."""
    return Cosh()(a)
'''


@pytest.fixture
def tree(tmp_path):
    """Return a copy of the repository."""
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part,
                        ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    for path in [*ROOT.glob("*.*ml"), *ROOT.glob("*.md")]:
        shutil.copy(path, tmp_path)
    return tmp_path


def add(folder, name, code, offered, spec):
    """Add an operator by hand to a family that may be there: code, names in `__all__`, spec."""
    family, _, function = name.partition("/")
    source = folder / "needle" / "ops" / f"{family}.py"
    if source.exists():
        names = "".join(f'"{word}", ' for word in offered)
        begun = source.read_text("utf-8").replace("__all__ = [", f"__all__ = [{names}", 1)
        source.write_text(begun + code)
    else:
        source.write_text(code)
    if spec:
        path = folder / "specs" / family / f"{function}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(SPEC.format(function=function, **spec))


def add_right_ones(folder):
    """Add one in a family of its own, and one in a family that is there, with a reference."""
    add(folder, "powers/square", FAMILY, (), {
        "cls": "Square", "reference": "numpy:square", "formula": "y = a^2; da = 2 a dy",
    })  # fmt: skip
    add(folder, "activation/pseudo_abs", PSEUDO_ABS, ("PseudoAbs", "pseudo_abs"), {
        "cls": "PseudoAbs", "reference": "needle_cli.references:pseudo_abs",
        "formula": "y = sqrt(a^2 + 1); da = dy a / y",
    })  # fmt: skip
    references = folder / "needle_cli" / "references.py"
    references.write_text(references.read_text("utf-8") + REFERENCE)


def add_half_written_ones(folder):
    """Add a class without gradient, a function without spec, and a spec without function."""
    spec = {"cls": "Sinh", "reference": "numpy:sinh", "formula": "y = sinh a; da = cosh(a) dy"}
    add(folder, "trigonometric/sinh", HALF, ("Cosh", "Sinh", "cosh", "sinh"), spec)
    path = folder / "specs" / "trigonometric" / "arctan.toml"
    path.write_text(SPEC.format(function="arctan", cls="Arctan", reference="numpy:arctan",
                                formula="y = arctan a; da = dy / (1 + a^2)"))  # fmt: skip


def run(folder, *words):
    """Run a module of a copy; return its exit code and all that it prints."""
    env = environment() | {"PYTHONPATH": f"{folder}{os.pathsep}{folder / 'tests' / 'samples'}"}
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, env=env,
                          capture_output=True, text=True)  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_right_operators_pass_and_are_offered_without_another_edit(tree):
    add_right_ones(tree)
    code, screen, said = needle(
        "check", "ops", "square", "pseudo_abs", "-n", 3, cwd=tree, tree=tree
    )
    assert code == 0 and "2 passed" in screen, screen + said
    _, said, _ = needle("list", "ops", cwd=tree, tree=tree)
    assert "powers/square" in said and "activation/pseudo_abs" in said
    code, said = run(tree, "tests.mutate", "square", "--list")
    assert code == 0 and "Square.gradient" in said


def test_a_half_written_operator_is_found_and_stops_no_other(tree):
    add_half_written_ones(tree)

    def check(*words):
        code, screen, errors = needle("check", *words, cwd=tree, tree=tree)
        return code, screen + errors

    assert check("ops", "tanh", "-n", 3)[0] == 0
    code, said = check("ops", "sinh", "-n", 3)
    assert code == 1 and "does not define gradient" in said
    code, said = check("ops", "cosh", "-n", 3)
    assert code != 0 and "no spec" in said
    code, said = check("specs")
    assert code == 1 and "cosh: the operator has no spec" in said
    assert "there is no operator trigonometric/arctan" in said


@pytest.mark.campaign
def test_right_operators_keep_all_tests_green(tree):
    add_right_ones(tree)
    code, said = run(tree, "pytest", "-p", "no:cacheprovider", "-n", "2", *ABOUT_ALL)
    assert code == 0, said[-4000:]


@pytest.mark.campaign
def test_half_written_operators_fail_their_own_tests_alone(tree):
    add_half_written_ones(tree)
    code, said = run(tree, "pytest", "-p", "no:cacheprovider", "-n", "2", "-rf", *ABOUT_ALL)
    failed = re.findall(r"^FAILED (\S+)", said, re.MULTILINE)
    assert code == 1 and failed, said[-4000:]
    assert [name for name in failed if not re.search("sinh|cosh|arctan", name)] == []
