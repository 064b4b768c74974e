"""`--changed`, `--lf` and `--ff`: which operators are checked, in histories of a few commits."""

from datetime import date, timedelta

import pytest

from needle_cli.gate.source_analysis import definitions
from tests.campaign import late
from tests.helpers import edit, git, needle, settle

SOURCE = '''
"""Operators."""
import numpy
from needle import TensorOp

__all__ = ["one", "two", "three"]

LIMIT = 3


def helper(a):
    return a * LIMIT


class One(TensorOp):
    """y = 3 a."""

    def compute(self, a):
        return helper(a)

    def gradient(self, out_grad, node):
        return out_grad * 3


class Two(TensorOp):
    def compute(self, a):
        return a * 2

    def gradient(self, out_grad, node):
        return out_grad * 2


def one(a):
    """Return 3 a."""
    return One()(a)


def two(a):
    return Two()(a)


def three(a):
    return two(one(a))
'''
SPEC = """op = "mine:{name}"
reference = "numpy:positive"
args = ["a"]
formula = "y = a"
source = "calculus"
input.a = "(n)"
"""


@pytest.fixture
def project(tmp_path):
    """Return a repository with three operators on main, standing on a branch."""
    folder = tmp_path / "project"
    (folder / "mine.specs").mkdir(parents=True)
    (folder / "mine.py").write_text(SOURCE)
    for name in ("one", "two", "three"):
        (folder / "mine.specs" / f"{name}.toml").write_text(SPEC.format(name=name))
    (folder / "pyproject.toml").write_text("[tool.needle]\nseed = 1\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "start")
    git(folder, "checkout", "-qb", "topic")
    return folder


def listed(folder, *words):
    code, screen, stderr = needle("check", "mine.py", "--list", *words, cwd=folder)
    return code, [line.rpartition("/")[2] for line in screen.split()], stderr


def changed(folder, word="--changed"):
    code, names, stderr = listed(folder, word)
    assert code == 0, stderr
    return names


def test_nothing_changed_is_nothing_to_check(project):
    assert changed(project) == []
    code, screen, _ = needle("check", "mine.py", "--changed", cwd=project)
    assert code == 0 and "no operator changed" in screen
    assert listed(project)[1] == ["one", "two", "three"]


@pytest.mark.parametrize(
    "old, new, names",
    [
        ("out_grad * 2", "out_grad * 4", ["two", "three"]),
        late("return a * LIMIT", "return LIMIT * a", ["one", "three"]),
        ("LIMIT = 3", "LIMIT = 4", ["one", "three"]),
        late("return two(one(a))", "return one(two(a))", ["three"]),
        late("import numpy\n", "import numpy as numpy_\n", []),
        ('"""y = 3 a."""', '"""y = 3 * a, as it should."""', []),
        late("        return a * 2\n", "        return a * 2  # twice\n\n", []),
        ("LIMIT = 3\n", "LIMIT = 3\nif LIMIT:\n    LIMIT = 5\n", ["one", "two", "three"]),
    ],
)
def test_an_operator_is_what_its_definitions_are_made_of(project, old, new, names):
    edit(project, "mine.py", old, new)
    assert changed(project) == names
    git(project, "commit", "-qam", "edit")
    assert changed(project) == names
    assert changed(project, "--changed=main") == names
    assert changed(project, "--changed=HEAD") == []


def test_modules_of_ones_own_count_where_they_are_used(project):
    (project / "tools.py").write_text("from deeper import k\n\ndef times(a):\n    return a * k\n")
    (project / "deeper.py").write_text("k = 3\nother = 1\n")
    edit(project, "mine.py", "import numpy\n", "import numpy\nfrom tools import times\n")
    edit(project, "mine.py", "        return a * 2", "        return times(a) - a")
    settle(project, "tools")
    edit(project, "deeper.py", "other = 1", "other = 2")
    assert changed(project) == []
    edit(project, "deeper.py", "k = 3", "k = 3.0")
    assert changed(project) == ["two", "three"]


def test_words_mean_nothing(project):
    edit(
        project,
        "mine.py",
        "        return out_grad * 2",
        "        # twice\n        return out_grad * 2",
    )
    edit(project, "mine.py", '"""Return 3 a."""', '"""Return three times a."""')
    assert changed(project) == []
    edit(project, "mine.py", '    """Return three times a."""', "    print(one.__doc__)")
    assert changed(project) == ["one", "three"]


def test_a_reference_elsewhere_counts(project):
    (project / "refs.py").write_text("def two(a):\n    return a * 2\n")
    edit(project, "mine.specs/two.toml", "numpy:positive", "refs:two")
    settle(project, "refs")
    assert changed(project) == []
    edit(project, "refs.py", "a * 2", "a * 3")
    assert changed(project) == ["two"]


def test_a_spec_counts(project):
    edit(project, "mine.specs/two.toml", '"calculus"', '"a book"')
    assert changed(project) == ["two"]
    (project / "mine.specs" / "one.toml").unlink()
    assert changed(project) == ["one", "two"]


def test_known_failures_count_for_their_operator(project):
    (project / "mine.specs" / "known-failures.toml").write_text(
        '[[known]]\nop = "mine/two"\ncheck = "gradient"\nissue = "#1"\nreason = "why"\n'
        f'until = "{date.today() + timedelta(days=9)}"\n'
    )
    assert changed(project) == ["two"]


def test_what_bears_on_all_means_all(project):
    edit(project, "pyproject.toml", "seed = 1", "seed = 2")
    assert changed(project) == ["one", "two", "three"]


def test_other_files_mean_nothing(project):
    (project / "notes.py").write_text("x = 1\n")
    (project / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.needle]\nseed = 1\n")
    assert changed(project) == []


def test_a_shallow_clone_checks_everything_and_says_so(project, tmp_path):
    edit(project, "mine.py", "out_grad * 2", "out_grad * 4")
    git(project, "commit", "-qam", "edit")
    edit(project, "mine.py", "out_grad * 4", "out_grad * 2")
    git(project, "commit", "-qam", "back")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", "--no-single-branch", f"file://{project}", "clone")
    _, names, stderr = listed(clone, "--changed=origin/main")
    assert names == ["one", "two", "three"]
    assert "shallow" in stderr and "every operator is checked" in stderr


def test_without_a_repository_everything_is_checked(project, tmp_path):
    alone = tmp_path / "alone"
    (project / "mine.specs").rename(tmp_path / "mine.specs")
    alone.mkdir()
    (project / "mine.py").rename(alone / "mine.py")
    (tmp_path / "mine.specs").rename(alone / "mine.specs")
    _, names, stderr = listed(alone, "--changed")
    assert names == ["one", "two", "three"]
    assert "not in a git repository" in stderr


def test_a_name_that_git_does_not_know_is_an_error(project):
    code, _, stderr = listed(project, "--changed=nowhere")
    assert code == 2 and "nowhere" in stderr


def test_a_name_after_changed_is_an_operator(project):
    edit(project, "mine.py", "out_grad * 2", "out_grad * 4")
    code, screen, _ = needle("check", "--list", "--changed", "mine.py", cwd=project)
    assert code == 0 and screen.split() == ["mine/two", "mine/three"]


def test_definitions_follow_names():
    names = definitions(SOURCE, "three")
    assert {"three", "two", "one", "One", "Two", "helper", "LIMIT"} <= set(names)
    assert set(definitions(SOURCE, "two")) == {"", "two", "Two", "TensorOp"}


def test_the_last_failures_come_first_or_alone(project):
    (project / "canned.py").write_text(
        "from needle import Tensor\n__all__ = ['right', 'wrong', 'fine']\n"
        "def right(a: Tensor):\n    return a\ndef wrong(a: Tensor):\n    return a\n"
        "def fine(a: Tensor):\n    return a\n"
    )
    (project / "canned.specs").mkdir()
    for name in ("right", "wrong", "fine"):
        text = SPEC.format(name=name).replace("mine:", "canned:")
        (project / "canned.specs" / f"{name}.toml").write_text(text)

    def names(*words):
        screen = needle("check", "canned.py", "--list", *words, cwd=project)[1]
        return [line.rpartition("/")[2] for line in screen.split()]

    assert names("--lf") == names("--ff") == ["right", "wrong", "fine"]
    assert needle("check", "canned.py", cwd=project, stand_in=True)[0] == 1
    assert names("--lf") == ["wrong"]
    assert names("--ff") == ["wrong", "right", "fine"]
    assert needle("check", "canned.py", "-k", "right", cwd=project, stand_in=True)[0] == 0
    assert names("--lf") == ["wrong"]
