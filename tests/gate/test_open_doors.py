"""Ways round the gate that a change may try, and innocent changes beside each of them."""

import json

import pytest

from needle_cli.gate.comparison import compare
from needle_cli.gate.looking_around import looks_around
from needle_cli.gate.source_analysis import statements
from needle_cli.operators.unit import users
from needle_cli.settings import resolve
from tests.gate.test_against import OPERATORS, SPECS, judged, project  # noqa: F401
from tests.helpers import edit, git, needle, settle

CUBE = '''

def cube_reference(a):
    return a * a * a


class Cube(TensorOp):
    """y = a^3; da = 3 a^2 dy."""

    def compute(self, a):
        return a * a * a

    def gradient(self, out_grad, node):
        return out_grad * node.inputs[0] * node.inputs[0] * 3


def cube(a):
    return Cube()(a)
'''
CUBE_SPEC = (
    SPECS["square"]
    .replace("mine:square", "mine:cube")
    .replace("numpy:square", "mine:cube_reference")
)


def with_cube(folder, spec=CUBE_SPEC):
    """Add an operator that has a reference of its own."""
    with (folder / "mine.py").open("a") as stream:
        stream.write(CUBE)
    edit(folder, "mine.py", '"absolute", "square"]', '"absolute", "square", "cube"]')
    (folder / "mine.specs" / "cube.toml").write_text(spec)


def told(folder, *words):
    """Return the exit code and every remark of the gate: operator, code, text, path and line."""
    code, screen, _ = needle(
        "check", "mine.py", "--against=main", "--format=json", "-n2", *words, cwd=folder
    )
    rows = [row for row in json.loads(screen)["results"] if row["check"] == "against"]
    return code, [
        (row["op"], f["code"], f["message"], f["location"]["path"], f["location"]["line"])
        for row in rows
        for f in row["findings"]
    ]


def test_a_new_operator_brings_its_own_reference(project):  # noqa: F811
    with_cube(project)
    assert judged(project, "--changed=main") == (0, {})
    settle(project, "cube")
    edit(project, "mine.py", "    return a * a * a\n\n\nclass", "    return a**3\n\n\nclass")
    code, said = judged(project)
    assert code == 1 and "cube_reference, which the spec goes by, has changed" in said["mine/cube"]


def test_what_is_not_selected_is_not_gone(project):  # noqa: F811
    assert judged(project, "-k", "square") == (0, {})
    (project / "mine.specs" / "absolute.toml").unlink()
    code, said = judged(project, "-k", "square")
    assert code == 1 and "the spec is gone" in said["mine/absolute"]


def test_words_of_a_spec_do_not_call_the_old_judge(project, monkeypatch):  # noqa: F811
    def again():
        settings = resolve({"against": "main"})
        units = users("mine.py", settings)
        return [unit.name for unit in compare(units, "main", settings).judged_again(units)]

    monkeypatch.chdir(project)
    edit(project, "mine.specs/square.toml", "calculus", "a book")
    edit(project, "mine.specs/absolute.toml", "nobody's business", "not asked")
    assert again() == []
    edit(project, "mine.specs/square.toml", '"(n)"', '"(m)"')
    assert again() == ["mine/square"]
    edit(project, "pyproject.toml", "max-examples = 5", "max-examples = 4")
    assert again() == ["mine/absolute", "mine/square"]


LOOSE = (
    CUBE_SPEC.replace(
        'input.a = "(n)"',
        'input.a = { shape = "(n)", domain = "positive", why = "powers of sizes" }',
    )
    + """dims.n = { min = 2, why = "a single number is no series" }
[[tolerance]]
factor = 1e5
reason = "powers of large sizes cancel"
"""
)


def test_what_a_new_spec_asks_less_than_usual_is_told(project):  # noqa: F811
    with_cube(project, LOOSE)
    code, remarks = told(project)
    assert code == 0
    said = {(text.rpartition("default: ")[2], line) for *_, text, _, line in remarks}
    assert {(text.partition(":")[0], line) for text, line in said} == {
        ("domain of a", 7), ("dimension n from 1 on → from 2 on", 8), ("factor 1 → 100000", 10)
    }  # fmt: skip
    assert {(op, code, path) for op, code, _, path, _ in remarks} == {
        ("mine/cube", "noted", "mine.specs/cube.toml")
    }
    code, page, _ = needle(
        "check", "mine.py", "--against=main", "--format=github", "-n2", cwd=project
    )
    assert "::warning file=mine.specs/cube.toml,line=10" in page
    settle(project, "cube")
    assert told(project) == (0, [])


def test_a_weakening_stands_at_its_key_and_is_loud_when_accepted(project):  # noqa: F811
    with (project / "mine.specs" / "square.toml").open("a") as stream:
        stream.write('[[tolerance]]\nfactor = 50\nreason = "large squares lose digits"\n')
    code, remarks = told(project)
    assert code == 1
    assert [(op, line) for op, _, text, _, line in remarks if "factor 1 → 50" in text] == [
        ("mine/square", 9)
    ]
    words = ("--accept-weakening", "squares of large numbers, see the paper")
    code, page, _ = needle(
        "check",
        "mine.py",
        "--against=main",
        "-n2",
        "--format=github",
        "--report=markdown",
        *words,
        cwd=project,
    )
    assert code == 0
    assert "::warning file=mine.specs/square.toml,line=9" in page and "see the paper" in page
    summary = (project / "needle-report.md").read_text()
    assert summary.startswith("### needle: 1 weakening accepted in 2 operators")
    assert "factor 1 → 50" in summary


@pytest.mark.parametrize("reason", ["because", "needed", "it is ok", "12345"])
def test_an_empty_reason_excuses_nothing(project, reason):  # noqa: F811
    code, _, stderr = needle(
        "check", "mine.py", "--against=main", "--accept-weakening", reason, cwd=project
    )
    assert code == 2 and "explains nothing" in stderr


LOOKING = [
    ("from dataclasses import sys", "the module sys"),
    ("import numpy\nnumpy.geterr()", "numpy.geterr"),
    ("import os\nx = os.environ", "os.environ, the module os"),
    ("import numpy\nnumpy.add = None", "numpy.add ="),
    ("from needle import Tensor\nTensor.__add__ = None", "Tensor.__add__ ="),
    ("x = getattr(1, 'a' + 'b')", "getattr() of a name that is computed"),
    ("x = getattr(1, '__globals__')", "the attribute __globals__"),
    ("from functools import reduce\nx = reduce(getattr, 'ab', 1)", "getattr() as a value"),
    ("x = __builtins__", "__builtins__"),
    ("from operator import attrgetter", "operator.attrgetter"),
    ("x = len.__self__", "the attribute __self__"),
    ("import collections.abc\nx = collections.abc.sys", "the attribute sys"),
]
ARITHMETIC = [
    "import numpy as np\nx = np.random.default_rng(0)", "from scipy import signal, special",
    "import torch\nx = torch.autograd.Function", "from contextlib import suppress",
    "x = getattr(1, 'axis', None)", "from .helpers import unbroadcast", "import helpers",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import os",
    "class A:\n    def f(self):\n        self.sizes = 1",
]  # fmt: skip


@pytest.mark.parametrize("text, means", LOOKING)
def test_code_that_looks_around(text, means):
    found = looks_around(statements(text), lambda module: module == "helpers")
    assert ", ".join(sorted({look.what for look in found})) == means


@pytest.mark.parametrize("text", ARITHMETIC)
def test_code_that_computes(text):
    assert not looks_around(statements(text), lambda module: module == "helpers")


def test_a_second_use_elsewhere_is_new(project):  # noqa: F811
    edit(
        project,
        "mine.py",
        "import numpy\n",
        "import numpy\nimport os\nDEBUG = os.environ.get('DEBUG')\n",
    )
    settle(project, "a switch")
    edit(project, "mine.py", "        return out_grad * node.inputs[0] * 2",
         "        return out_grad * node.inputs[0] * (3 if os.environ else 2)")  # fmt: skip
    code, said = judged(project)
    assert code == 1 and "os.environ" in said["mine/square"]


@pytest.mark.parametrize("method", ["compute", "gradient"])
def test_operators_run_under_the_usual_error_state(project, method):  # noqa: F811
    """A right operator raises where it sees another state than that of training."""
    bodies = {"compute": "self, a):\n        return a * a",
              "gradient": "self, out_grad, node):\n        return out_grad * node"}  # fmt: skip
    head = f"def {method}({bodies[method]}"
    first, _, rest = head.partition("\n")
    assert_usual = "\n        assert numpy.geterr()['divide'] == 'STATE'\n"
    edit(project, "mine.py", head, first + assert_usual + rest)
    edit(project, "mine.py", "STATE", "warn")
    assert needle("check", "mine.py", "-k", "square", cwd=project)[0] == 0
    edit(project, "mine.py", "'warn'", "'ignore'")
    assert needle("check", "mine.py", "-k", "square", cwd=project)[0] == 1


PATCH = "import needle_cli.checking.numerics.comparison as c\nc.__dict__['x'] = 1\n"


@pytest.mark.parametrize(
    "where",
    ["tools/__init__.py", "tools/deep/__init__.py", "tools/deep/names.py", "tools/other.py"],
)
def test_whatever_runs_with_an_operator_is_looked_at(project, where):  # noqa: F811
    (project / "tools" / "deep").mkdir(parents=True)
    for name in (
        "tools/__init__.py",
        "tools/deep/__init__.py",
        "tools/deep/names.py",
        "tools/other.py",
    ):
        (project / name).write_text("k = 1\n")
    (project / "tools" / "deep" / "__init__.py").write_text("from .. import other\n")
    edit(project, "mine.py", "import numpy\n", "import numpy\nfrom tools.deep.names import k\n")
    settle(project, "tools")
    (project / where).write_text((project / where).read_text() + "\n\ndef more():\n    return 1\n")
    assert judged(project) == (0, {})
    (project / where).write_text((project / where).read_text() + PATCH)
    code, said = judged(project)
    assert code == 1 and f"{where}, which is run with it, now uses" in said["mine/square"]


@pytest.mark.parametrize(
    "name, text",
    [("sitecustomize.py", "x = 1\n"), ("sub/usercustomize.py", "x = 1\n"),
     ("fix.pth", "import os\n"),
     ("hypothesis.py", "def find(*a, **k): return None\n"), ("decimal/__init__.py", "x = 1\n"),
     ("conftest.py", "import os\nos.environ['X'] = '1'\n")],
)  # fmt: skip
def test_files_that_run_before_the_judge(project, name, text):  # noqa: F811
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text(text)
    code, said = judged(project)
    assert code == 1 and f"asks for less than main: {name}:" in said["gate/settings"]


@pytest.mark.parametrize(
    "name, text",
    [("conftest.py", "import pytest\n\n@pytest.fixture\ndef x():\n    return 1\n"),
     ("helpers.py", "x = 1\n"), ("sub/types.py", "x = 1\n"), ("README.md", "needle check ops\n"),
     (".github/ISSUE_TEMPLATE.md", "x\n")],
)  # fmt: skip
def test_files_that_run_nowhere(project, name, text):  # noqa: F811
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text(text)
    assert judged(project) == (0, {})


@pytest.mark.parametrize(
    "name",
    [".github/workflows/ci.yml", ".gitlab-ci.yml", ".pre-commit-config.yaml", "ci/checks.sh"],
)
def test_what_runs_the_gate_is_listed(project, name):  # noqa: F811
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("run: needle check ops mine.py\n")
    settle(project, "ci")
    path.write_text("run: needle check ops mine.py --exit-zero\n")
    code, remarks = told(project)
    assert code == 0
    ((op, kind, text, where, _),) = remarks
    assert (op, kind, where) == ("gate/settings", "noted", name) and "part of the change" in text
    path.unlink()
    git(project, "add", "-A")
    assert [where for *_, where, _ in told(project)[1]] == [name]


def test_two_files_of_one_name_are_both_compared(project):  # noqa: F811
    for folder in ("one", "two"):
        (project / folder / "ops.specs").mkdir(parents=True)
        (project / folder / "ops.py").write_text(OPERATORS)
        for name, text in SPECS.items():
            (project / folder / "ops.specs" / f"{name}.toml").write_text(
                text.replace("mine:", "ops:")
            )
    settle(project, "two")
    edit(project, "two/ops.specs/square.toml", "elementwise = true\n", "")
    code, screen, _ = needle("check", "one/ops.py", "two/ops.py", "--against=main", "--format=json",
                             "-n2", cwd=project)  # fmt: skip
    said = {
        row["op"]: row["reason"]
        for row in json.loads(screen)["results"]
        if row["check"] == "against"
    }
    assert code == 1 and list(said) == ["two/ops/square"]
