"""A new format is one file and one line of a table; nothing else is touched."""

import os
import shutil
import subprocess
import sys

import pytest

from needle_cli.settings import FORMATS, SCREENS
from tests.helpers import ROOT, SAMPLES, environment, workplace

FORMAT = '''
"""`toy`: a line per row."""

from needle_cli.reports.format import Format


class Toy(Format):
    """One line per row."""

    def done(self, info, summary):
        """Return the lines."""
        return "".join(f"{row.op} is {row.status}\\n" for row in summary.rows)

    def failed(self, error):
        """Return the error."""
        return f"failed: {error['message']}\\n"
'''


@pytest.fixture(scope="module")
def tool(tmp_path_factory):
    """Return a copy of the tool that has one format more."""
    place = tmp_path_factory.mktemp("tool")
    for package in ("needle", "needle_cli"):
        shutil.copytree(ROOT / package, place / package)
    (place / "needle_cli/reports/formats/toy.py").write_text(FORMAT)
    table = place / "needle_cli/settings.py"
    text = table.read_text()
    table.write_text(text.replace(
        'FORMATS = {\n', 'FORMATS = {\n    "toy": FormatName("toy.txt", screen=True),\n'
    ))  # fmt: skip
    return place


def run(tool, *words):
    env = environment(True) | {"PYTHONPATH": os.pathsep.join(map(str, (tool, ROOT, SAMPLES)))}
    done = subprocess.run(
        [sys.executable, "-m", "needle_cli", *words], cwd=workplace(), env=env,
        capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_toy_format_is_shown_and_written(tool, tmp_path):
    target = tmp_path / "mine.txt"
    code, screen, _ = run(tool, "check", "canned.py", "-k", "right", "--select", "gradient",
                          "--format", "toy", f"--report=toy={target}")  # fmt: skip
    assert code == 0
    assert screen == target.read_text() == "canned/right is pass\n"


def test_a_toy_format_tells_errors(tool, tmp_path):
    target = tmp_path / "mine.txt"
    code, _, _ = run(tool, "check", "absent.py", f"--report=toy={target}")
    assert code == 2 and target.read_text() == "failed: no such file: absent.py\n"


def test_without_its_line_it_is_unknown():
    code, _, said = run(ROOT, "check", "canned.py", "--format", "toy")
    assert code == 2 and f"expected one of {', '.join(SCREENS)}, not 'toy'" in said


def test_every_format_that_is_written_is_in_the_manual():
    text = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    assert [
        name for name, form in FORMATS.items() if form.file and f"| `{name}` |" not in text
    ] == []
