"""`pytest --needle`: one test per operator and check, with the words of the screen."""

import re
import subprocess
import sys

import pytest

from needle_cli.integrations.pytest_plugin import _screen
from needle_cli.reports.events import FindingView, Row, RunInfo
from tests.helpers import environment
from tests.operators.test_known_failures import SPEC, write


@pytest.fixture
def project(tmp_path):
    write(tmp_path, 4)
    (tmp_path / "mine.specs").mkdir()
    for name in ("double", "right"):
        (tmp_path / "mine.specs" / f"{name}.toml").write_text(SPEC.format(name=name))
    (tmp_path / "test_own.py").write_text("def test_own():\n    assert True\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.needle]\nmax-examples = 3\nseed = 1\nselect = ["contract", "gradient", "exact"]\n'
    )
    return tmp_path


def run(folder, *words):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *words]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def counts(screen):
    return {
        word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped|xfailed)", screen)
    }


def test_one_test_per_operator_and_check(project):
    code, screen = run(project, "--needle", "--needle-ops", "mine.py")
    assert code == 1
    assert counts(screen) == {"passed": 4, "failed": 1, "skipped": 2}
    assert "Likely cause   the gradient is exactly 2 × the numeric one" in screen
    assert "needle replay" in screen and "Traceback" not in screen
    assert re.search(r"FAILED .*mine/double.*gradient\[cpu-float64\]", screen)


def test_they_can_be_chosen(project):
    words = ("--needle", "--needle-ops", "mine.py")
    assert counts(run(project, *words, "-m", "needle")[1]).get("passed") == 3
    assert run(project, *words, "-k", "right")[0] == 0
    assert counts(run(project, *words, "-m", "not needle")[1]) == {"passed": 1}
    _, screen = run(project, *words, "--collect-only", "-q")
    assert "gradient[cpu-float64]" in screen


def test_nothing_is_added_without_being_asked_for(project):
    code, screen = run(project)
    assert code == 0 and counts(screen) == {"passed": 1}


def test_a_right_operator_passes(project):
    write(project, 2)
    code, screen = run(project, "--needle", "--needle-ops", "mine.py")
    assert code == 0 and "failed" not in counts(screen)


def test_what_cannot_be_judged_is_said(project):
    code, screen = run(project, "--needle", "--needle-ops", "nothing.py")
    assert code == 4 and "no such file: nothing.py" in screen
    (project / "mine.specs" / "right.toml").unlink()
    code, screen = run(project, "--needle", "--needle-ops", "mine.py")
    assert code == 1 and "no spec" in screen


def test_what_a_test_shows_is_no_command():
    """An operator's message stands on lines of its own in the log of a build server."""
    finding = FindingView("wrong\n::error::x ##[add-mask]y", "a cause")
    row = Row("a/b", "gradient", "cpu", "float64", "fail", findings=(finding,))
    info = RunInfo(0, "ci", (), "", {}, ("cpu",), ("float64",), (), 1, ("a/b",), "")
    screen = _screen(row, info, [row])
    assert ": :error::x" in screen and "# #[add-mask]y" in screen
    assert not [line for line in screen.splitlines() if line.lstrip().startswith("::")]
