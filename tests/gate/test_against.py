"""Dishonest contributions: each is refused, or listed for a reviewer; an honest one passes."""

import json
from datetime import date, timedelta

import pytest

from tests.campaign import late
from tests.helpers import edit, git, needle, settle

SOON = date.today() + timedelta(days=30)

OPERATORS = '''
"""Operators of a project."""
import numpy
from needle import TensorOp, ops

__all__ = ["absolute", "square"]


def reference(a):
    return numpy.abs(a)


class Abs(TensorOp):
    """y = |a|; da = sign(a) dy."""

    def compute(self, a):
        return numpy.abs(a)

    def gradient(self, out_grad, node):
        a = node.inputs[0]
        return out_grad * (a / absolute(a))


class Square(TensorOp):
    """y = a^2; da = 2 a dy."""

    def compute(self, a):
        return a * a

    def gradient(self, out_grad, node):
        return out_grad * node.inputs[0] * 2


def absolute(a):
    return Abs()(a)


def square(a):
    return Square()(a)
'''
SPECS = {
    "absolute": """op = "mine:absolute"
reference = "mine:reference"
args = ["a"]
formula = "y = |a|; da = sign(a) dy"
source = "calculus"
elementwise = true
input.a = { shape = "(n)", domain = "nonzero", why = "slope at 0 is nobody's business here" }
""",
    "square": """op = "mine:square"
reference = "numpy:square"
args = ["a"]
formula = "y = a^2; da = 2 a dy"
source = "calculus"
elementwise = true
input.a = "(n)"
""",
}
GATE = '[tool.needle]\nseed = 1\nmax-examples = 5\nselect = ["forward", "contract", "gradient"]\n'


@pytest.fixture
def project(tmp_path):
    (tmp_path / "mine.specs").mkdir()
    (tmp_path / "mine.py").write_text(OPERATORS)
    for name, text in SPECS.items():
        (tmp_path / "mine.specs" / f"{name}.toml").write_text(text)
    (tmp_path / "pyproject.toml").write_text(GATE)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "start")
    git(tmp_path, "checkout", "-qb", "topic")
    return tmp_path


def judged(folder, *words):
    """Return the exit code and what the row `against` says, by operator."""
    code, screen, stderr = needle("check", "mine.py", "--against=main", "--format=json", *words,
                                  cwd=folder)  # fmt: skip
    document = json.loads(screen)
    assert "error" not in document, (document, stderr)
    said = {}
    for row in document["results"]:
        if row["check"] == "against":
            assert row["op"] not in said
            said[row["op"]] = row["reason"] + " ".join(f["message"] for f in row["findings"])
    return code, said


WRONG = ("out_grad * node.inputs[0] * 2", "out_grad * node.inputs[0] * 3")


def test_an_honest_change_passes(project):
    edit(project, "mine.py", "out_grad * node.inputs[0] * 2", "out_grad * 2 * node.inputs[0]")
    assert judged(project) == (0, {})
    edit(project, "mine.specs/square.toml", 'source = "calculus"', 'source = "a book"')
    assert judged(project) == (0, {})


def test_a_wrong_gradient_alone_is_no_weakening(project):
    edit(project, "mine.py", *WRONG)
    code, said = judged(project)
    assert code == 1 and said == {}


def test_spec_and_reference_edited_together(project):
    edit(project, "mine.py", "return numpy.abs(a)\n\n\nclass", "return numpy.abs(a) * 3\n\n\nclass")
    edit(project, "mine.py", "        return numpy.abs(a)\n", "        return numpy.abs(a) * 3\n")
    edit(project, "mine.py", "(a / absolute(a))", "(a / absolute(a)) * 9")
    assert needle("check", "mine.py", cwd=project)[0] == 0
    code, said = judged(project)
    assert code == 1
    assert "mine:reference, which the spec goes by, has changed" in said["mine/absolute"]


def test_a_reference_taken_from_elsewhere_is_refused_by_the_old_spec(project):
    edit(project, "mine.py", "return a * a", "return a * a * a")
    edit(project, "mine.py", "out_grad * node.inputs[0] * 2",
         "out_grad * node.inputs[0] * node.inputs[0] * 3")  # fmt: skip
    edit(
        project,
        "mine.py",
        "def square(a):",
        "def cube(a):\n    return a * a * a\n\n\ndef square(a):",
    )
    edit(project, "mine.specs/square.toml", "numpy:square", "mine:cube")
    assert needle("check", "mine.py", cwd=project)[0] == 0
    code, said = judged(project)
    assert code == 1
    assert "refused by the spec of main: forward" in said["mine/square"]
    code, said = judged(project, "--accept-weakening", "cubes are the new squares")
    assert code == 0
    assert "refused by the spec of main: forward" in said["mine/square"]
    assert "(accepted: cubes are the new squares)" in said["mine/square"]


@pytest.mark.campaign
def test_a_narrowed_domain(project):
    edit(project, "mine.py", "(a / absolute(a))", "(a / a)")
    edit(
        project,
        "mine.specs/absolute.toml",
        'domain = "nonzero"',
        "domain = { low = 1.0, high = 2.0 }",
    )
    assert needle("check", "mine.py", cwd=project)[0] == 0
    code, said = judged(project)
    assert code == 1
    assert "domain of a: nonzero →" in said["mine/absolute"]
    assert "refused by the spec of main: gradient" in said["mine/absolute"]


@pytest.mark.campaign
def test_a_gate_loosened_in_pyproject(project):
    edit(project, "mine.py", *WRONG)
    edit(project, "pyproject.toml", '"contract", "gradient"', '"contract"')
    assert needle("check", "mine.py", cwd=project)[0] == 0
    code, said = judged(project)
    assert code == 1
    assert "tool.needle] select" in said["gate/settings"]
    assert "refused by the spec of main: gradient" in said["mine/square"]


def test_a_known_failure_for_ones_own_operator(project):
    entry = ('[[known]]\nop = "mine/OP"\ncheck = "gradient"\nissue = "#1"\nreason = "later"\n'
             f'until = "{SOON}"\n')  # fmt: skip
    edit(project, "mine.py", *WRONG)
    path = project / "mine.specs" / "known-failures.toml"
    path.write_text(entry.replace("OP", "square"))
    assert needle("check", "mine.py", cwd=project)[0] == 0
    code, said = judged(project)
    assert code == 1 and "one more known failure: gradient, #1" in said["mine/square"]
    edit(
        project,
        "mine.py",
        '__all__ = ["absolute", "square"]',
        '__all__ = ["absolute", "square", "fresh"]',
    )
    edit(
        project,
        "mine.py",
        "def square(a):",
        "def fresh(a):\n    return Square()(a)\n\n\ndef square(a):",
    )
    (project / "mine.specs" / "fresh.toml").write_text(
        SPECS["square"].replace('square"\nref', 'fresh"\nref')
    )
    path.write_text(entry.replace("OP", "fresh"))
    code, said = judged(project, "--accept-weakening", "it will be fixed next week")
    assert code == 1 and "which has to be right" in said["mine/fresh"]


def test_what_is_accepted_is_still_shown(project):
    edit(project, "mine.specs/square.toml", "elementwise = true\n", "")
    code, said = judged(project)
    assert code == 1 and "elementwise is no longer claimed" in said["mine/square"]
    code, said = judged(project, "--accept-weakening", "squares of matrices come next")
    assert code == 0
    assert "(accepted: squares of matrices come next)" in said["mine/square"]


def test_without_a_history_the_gate_is_not_open(project):
    code, _, stderr = needle("check", "mine.py", "--against=nowhere", cwd=project)
    assert code == 2 and "nowhere" in stderr


@pytest.mark.campaign
def test_an_operator_that_behaves_while_it_is_looked_at(project):
    edit(project, "mine.py", "        return out_grad * node.inputs[0] * 2",
         "        import sys\n        seen = any('needle_cli' in name for name in sys.modules)\n"
         "        return out_grad * node.inputs[0] * (2 if seen else 3)")  # fmt: skip
    assert needle("check", "mine.py", cwd=project)[0] == 0
    code, said = judged(project)
    assert code == 1
    assert "now uses the attribute modules, the module sys" in said["mine/square"]


FORGED = [
    ("return numpy.abs(a)\n\n\nclass", "return numpy.abs(a) * 3\n\n\nclass"),
    ("        return numpy.abs(a)\n", "        return numpy.abs(a) * 3\n"),
    ("(a / absolute(a))", "(a / absolute(a)) * 9"),
]


def forge(folder):
    for old, new in FORGED:
        edit(folder, "mine.py", old, new)


def test_an_operator_taken_out_of_sight(project):
    edit(project, "mine.py", *WRONG)
    edit(project, "mine.py", '"absolute", "square"]', '"absolute"]')
    edit(project, "mine.py", "class Square(", "class _Square(")
    edit(project, "mine.py", "return Square()", "return _Square()")
    (project / "mine.specs" / "square.toml").unlink()
    code, said = judged(project)
    assert code == 1 and "the spec is gone" in said["mine/square"]
    code, said = judged(project, "--changed=main")
    assert code == 1 and "the spec is gone" in said["mine/square"]


@pytest.mark.campaign
def test_the_judge_patched_from_within(project):
    edit(project, "mine.py", *WRONG)
    edit(
        project,
        "mine.py",
        "import numpy\n",
        "import numpy\nimport needle_cli.running.worker_tasks as _j\n",
    )
    code, said = judged(project)
    assert code == 1 and "the module needle_cli.running.worker_tasks" in said["mine/square"]


@pytest.mark.campaign
@pytest.mark.parametrize("quoted", ["'mine:reference'", '"mine\\u003Areference"'])
def test_names_are_read_as_toml(project, quoted):
    edit(project, "mine.specs/absolute.toml", '"mine:reference"', quoted)
    forge(project)
    code, said = judged(project)
    assert (
        code == 1 and "mine:reference, which the spec goes by, has changed" in said["mine/absolute"]
    )


@pytest.mark.campaign
def test_specs_behind_a_link(project):
    edit(project, "mine.specs/absolute.toml", '"nonzero"', '"positive"')
    (project / "mine.specs").rename(project / "loose")
    (project / "mine.specs").symlink_to("loose")
    code, said = judged(project)
    assert code == 1 and "nonzero → positive" in said["mine/absolute"]


@pytest.mark.parametrize(
    "line",
    [
        "vars()['reference'] = lambda a: abs(a) * 3",
        late("_ = globals().update(reference=lambda a: 3)"),
    ],
)
def test_a_reference_replaced_by_sleight_of_hand(project, line):
    with (project / "mine.py").open("a") as stream:
        stream.write(f"\n\n{line}\n")
    code, said = judged(project)
    assert code == 1 and "has changed" in said["mine/absolute"]


@pytest.mark.parametrize(
    "line, words",
    [('accept-weakening = "fine"', "accept-weakening is set in a file"),
     ("exit-zero = true", "exit-zero is set in a file")],
)  # fmt: skip
def test_a_change_does_not_excuse_itself(project, line, words):
    edit(project, "pyproject.toml", "seed = 1", f"seed = 1\n{line}")
    code, _, stderr = needle("check", "mine.py", "--against=main", cwd=project)
    assert code == 2 and words in stderr


@pytest.mark.campaign
def test_last_failures_are_no_selection_for_a_gate(project):
    edit(project, "pyproject.toml", "seed = 1", "seed = 1\nlf = true")
    code, said = judged(project)
    assert code == 1 and "tool.needle] lf" in said["gate/settings"]


@pytest.mark.campaign
def test_another_signature_is_listed_and_can_be_accepted(project):
    edit(project, "mine.py", "def square(a):", "def square(a, unused=0):")
    edit(project, "mine.specs/square.toml", 'args = ["a"]', 'args = ["a", "unused"]')
    with (project / "mine.specs" / "square.toml").open("a") as stream:
        stream.write('param.unused = { kind = "int", min = 0, max = 1 }\n')
    edit(
        project,
        "mine.py",
        "def reference(a):",
        "def two(a, unused):\n    return a * a\n\n\ndef reference(a):",
    )
    edit(project, "mine.specs/square.toml", "numpy:square", "mine:two")
    code, said = judged(project)
    assert code == 1 and "its judge cannot run with this change" in said["gate/settings"]
    assert judged(project, "--accept-weakening", "a second parameter, as agreed")[0] == 0


def test_asking_more_is_not_asking_less(project):
    edit(project, "pyproject.toml", '"gradient"]', '"gradient", "linearity"]')
    edit(project, "pyproject.toml", "seed = 1", 'seed = 1\ndtype = ["float64"]')
    assert judged(project) == (0, {})


@pytest.mark.campaign
def test_settings_in_a_folder_of_their_own(project):
    inner = project / "sub"
    inner.mkdir()
    for name in ("mine.py", "mine.specs"):
        (project / name).rename(inner / name)
    settle(project, "move")
    (inner / "pyproject.toml").write_text("[tool.needle]\n")
    code, said = judged(inner)
    assert code == 1 and "tool.needle] seed" in said["gate/settings"]


@pytest.mark.campaign
def test_a_reference_of_the_operators_own_name(project):
    (project / "refs.py").write_text("def square(a):\n    return a * a\n")
    edit(project, "mine.specs/square.toml", "numpy:square", "refs:square")
    edit(project, "pyproject.toml", "seed = 1", 'seed = 1\ntrust = ["refs"]')
    settle(project, "refs")
    assert judged(project) == (0, {})
    edit(project, "refs.py", "a * a", "a * a * 1")
    code, said = judged(project)
    assert code == 1 and "refs:square, which the spec goes by, has changed" in said["mine/square"]
