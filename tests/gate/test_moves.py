"""Files that move, go, or stand behind a link, and another judge to install."""

import json
import shutil

import pytest

from tests.gate.test_against import OPERATORS, judged, project  # noqa: F401
from tests.gate.test_open_doors import told
from tests.helpers import edit, git, needle, settle

FIRST = "    return numpy.abs(a)\n\n\nclass"
"""The end of the reference of `absolute`."""


def moved(folder):
    """Move the file with its specs into a folder, as a commit."""
    (folder / "pkg").mkdir()
    git(folder, "mv", "mine.py", "pkg/mine.py")
    git(folder, "mv", "mine.specs", "pkg/mine.specs")


def judged_there(folder):
    words = ("check", "pkg/mine.py", "--against=main", "--format=json", "-n2")
    code, screen, _ = needle(*words, cwd=folder)
    rows = [row for row in json.loads(screen)["results"] if row["check"] == "against"]
    return code, {row["op"]: " ".join(f["message"] for f in row["findings"]) for row in rows}


def test_a_file_that_moves_is_no_other_file(project):  # noqa: F811
    moved(project)
    assert judged_there(project) == (0, {})
    edit(project, "pkg/mine.specs/square.toml", "elementwise = true\n", "")
    edit(project, "pkg/mine.py", FIRST, FIRST.replace("abs(a)", "abs(1 * a)"))
    git(project, "add", "-A")
    code, said = judged_there(project)
    assert code == 1 and "elementwise is no longer claimed" in said["mine/square"]
    assert "mine:reference, which the spec goes by, has changed" in said["mine/absolute"]


def test_a_file_that_goes_with_its_specs_is_missed(project):  # noqa: F811
    (project / "other.py").write_text(OPERATORS)
    shutil.copytree(project / "mine.specs", project / "other.specs")
    for path in (project / "other.specs").iterdir():
        path.write_text(path.read_text().replace("mine:", "other:"))
    settle(project, "two files")
    assert judged(project) == (0, {})
    shutil.rmtree(project / "other.specs")
    (project / "other.py").unlink()
    code, said = judged(project)
    assert code == 1 and "the spec is gone" in said["other/square"]


def test_a_link_to_something_else_is_a_change(project):  # noqa: F811
    (project / "one.py").write_text("def double(a):\n    return a * 2\n")
    (project / "two.py").write_text("def double(a):\n    return a + a\n")
    (project / "refs.py").symlink_to("one.py")
    edit(project, "mine.py", "import numpy\n", "import numpy\nfrom refs import double\n")
    edit(project, "mine.py", FIRST, FIRST.replace("numpy.abs(a)", "double(numpy.abs(a)) / 2"))
    settle(project, "a link")
    assert judged(project) == (0, {})
    (project / "refs.py").unlink()
    (project / "refs.py").symlink_to("two.py")
    code, said = judged(project)
    assert code == 1 and "which the spec goes by, uses two.py: changed" in said["mine/absolute"]


@pytest.mark.parametrize("version, listed", [("needle-check==9", True), ("other==2", False)])
def test_another_judge_to_install_is_listed(project, version, listed):  # noqa: F811
    (project / "requirements.txt").write_text("needle-check==1\nother==1\n")
    settle(project, "requirements")
    edit(project, "requirements.txt", f"{version.partition('==')[0]}==1", version)
    code, remarks = told(project)
    assert code == 0 and bool(remarks) is listed
