"""An engine is an adapter and a line: specs, devices and `check_function` find it from there."""

import subprocess
import sys

import numpy as np
import pytest

from needle_cli.checking import check_function
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.library import engines
from needle_cli.checking.model import Plan, Status
from needle_cli.checking.search.judging import judge
from needle_cli.engines import registry
from tests.samples.toy_engine import CLAIMS, Adapter, Num, product

A, B = Num(np.array([[1.5, -2.0], [0.25, 3.0]])), Num(np.array([[2.0, 4.0], [-1.0, 0.5]]))


@pytest.fixture
def add(monkeypatch):
    monkeypatch.setattr(registry, "_adapters", dict(registry._adapters))
    monkeypatch.setattr(engines, "_engines", dict(engines._engines))
    return lambda flaw="": registry.add("toy", Adapter(flaw))


@pytest.mark.parametrize("flaw", ["", "gradient"])
def test_its_operators_are_judged_as_specs_describe_them(add, flaw):
    add(flaw)
    toy = registry.engine("toy")
    assert [d for d in ("cuda", *toy.devices()) if not toy.why_not(d)] == ["toy"]
    op = toy.operator(product, CLAIMS, "toy/product", "toy")
    rows = judge(op, CLAIMS, Plan(NAMES, examples=5, device="toy", shrink=False))
    passing = {row.check for row in rows if row.status is Status.PASS}
    assert "gradient" not in passing if flaw else passing == set(NAMES)


@pytest.mark.parametrize("thorough", [False, True])
def test_its_tensors_are_found_by_check_function(add, thorough):
    with pytest.raises(TypeError, match=r"no engine knows these inputs \(Num\)"):
        check_function(product, [A, B], thorough=thorough)
    add()
    assert check_function(product, [A, B], thorough=thorough).verdict == "pass"
    add("gradient")
    report = check_function(product, [A, B], thorough=thorough)
    assert report.verdict == "fail" and {f.check for f in report.findings} >= {"gradient"}


ALONE = """
import sys
from needle_cli.checking import check_function
assert "numpy" in sys.modules and "needle" not in sys.modules
import needle, numpy
a = needle.Tensor(numpy.ones(3))
print(check_function(lambda a: a * a, [a]).verdict)
"""


def test_check_function_alone_knows_our_own_engine():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True)
    assert done.stdout == "pass\n", done.stderr


def test_an_engine_is_not_imported_before_it_is_needed():
    lines = "import sys, needle_cli\nprint(sorted({'numpy', 'needle'} & set(sys.modules)))\n"
    met = "from needle_cli.engines import registry\nregistry.engine().prepare()\n" + lines
    said = [
        subprocess.run([sys.executable, "-c", text], capture_output=True, text=True).stdout
        for text in (lines, met)
    ]
    assert said == ["[]\n", "['needle', 'numpy']\n"]
