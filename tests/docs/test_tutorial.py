"""docs/tutorial.md is a session that really happens: commands are run, patches applied, in a copy.

Not compared: digits that follow from the processor's arithmetic, times, counts of operators.
NEEDLE_TUTORIAL=write puts what the commands print into the page.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from needle_cli.operators.catalogue import operators
from tests.helpers import ROOT, complete_operators, needle

PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"```(console|diff)\n(.*?)```", re.DOTALL)


def normal(text):
    """Return a screen without what differs from machine to machine."""
    text = re.sub(r"\b\d+\.\d s\b", "0.0 s", text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def run(command, folder):
    """Return what a command prints, and its exit code as a last line where it is not 0."""
    words = command.removeprefix("needle ").split()
    code, out, err = needle(*words, cwd=folder, tree=folder, NEEDLE_SEED=1, COLUMNS=88)
    return normal(out + err + (f"(exit code {code})\n" if code else ""))


def patch(text, folder):
    done = subprocess.run(["git", "apply", "-"], input=text, cwd=folder, text=True,
                          capture_output=True)  # fmt: skip
    assert done.returncode == 0, done.stderr


MEASURED = (
    (r"`{3}console\n", ""),
    (r"[-+]?\d+\.\d+(e[-+]?\d+)?|[-+]?\d+e[-+]?\d+", "#"),
    (r"\d+ %( █+)?", "#"),
    (r"█|─+", ""),
    (r"replay \S+", "replay #"),
    (r"\.py:\d+", ".py:#"),
    (r"\d+ specs", "# specs"),
    (r"all \d+ failing cases", "all # failing cases"),
    (r"shape \([\d, ]*\)|\d+ of \d+ elements? wrong", "#"),
    (r"(?m)^ *… \d+ more elements.*$", ""),
    (r"(?m)^( ✓ +\w+/\w+ .*?)\d+ +#.*$", r"\1"),
    (r"\[[\d, :]+\]", "[#]"),
    (r"(?m)^ *([-+]?\d+|·)( +([-+]?\d+|·))*$", ""),
    (r"[ \t]+", " "),
    (r"(?m)^(.*)\n(\1\n)+", r"\1\n"),
    (r"\n{2,}", "\n"),
)
"""What follows from the processor's arithmetic, the time, or how many operators there are."""


def masked(page):
    """Return a page with its screens reduced to what is the same on every machine."""

    def reduced(block):
        text = block[0]
        if block[1] == "console":
            for pattern, word in MEASURED:
                text = re.sub(pattern, word, text)
        return text

    return BLOCK.sub(reduced, page)


def without_half_written(folder):
    """Take what is not complete out of a copy: the session begins where nothing is left to do."""
    complete = complete_operators(folder)
    for path in (folder / "specs").glob("*/*.toml"):
        if f"{path.parent.name}/{path.stem}" not in complete:
            path.unlink()
    for entry in operators(folder / "needle" / "ops"):
        if entry.name not in complete:
            path = Path(entry.path)
            listed = rf'"{entry.function}",?'
            path.write_text(re.sub(listed, "", path.read_text("utf-8"), count=1))


def test_the_tutorial_happens(tmp_path):
    for part in ("needle", "needle_cli", "specs"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    without_half_written(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)

    def happen(block):
        kind, text = block[1], block[2]
        if kind == "diff":
            patch(text, tmp_path)
            return block[0]
        command = text.partition("\n")[0].removeprefix("$ ")
        return f"```console\n$ {command}\n{run(command, tmp_path)}```"

    page = PAGE.read_text(encoding="utf-8")
    found = BLOCK.sub(happen, page)
    if os.environ.get("NEEDLE_TUTORIAL") == "write":
        Path(PAGE).write_text(found, encoding="utf-8")
        page = found
    assert masked(found) == masked(page)
    ends = [block[2].rstrip().endswith(")") for block in BLOCK.finditer(page) if block[1] != "diff"]
    assert ends.count(True) > 3 and not ends[-1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("126    99 %  ", "126     9 %  "), ("0.723607", "0.7"), ("4.50062e-07", "4.5e-7"),
        ("replay FKQjPo", "replay abc"), ("activation.py:50", "activation.py:151"),
        ("31 specs", "40 specs"), ("(2, 3, 4)", "(4,)"),
        ("a[1, 1, 1, 0]   0.0 s", "gradient  9.1 s"),
        ("+10  +8", "+9   ·"), ("32 % ███ ", "25 %"), ("2.23517e-08   1.98725e-08", "0.1   2.0"),
    ],
)  # fmt: skip
def test_digits_times_and_counts_may_differ(old, new):
    page = PAGE.read_text("utf-8")
    assert old in page
    assert masked(page.replace(old, new)) == masked(page)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("exactly 2 ×", "exactly 3 ×"), ("(exit code 1)", ""), ("26/26", "25/26"),
        ("✗ extremes ·", "✗ gradient ·"), ("✓       activation", "✗       activation"),
        ("31 specs, 1 finding ", "31 specs, 2 findings "), (" 1 passed", " 1 failed"),
        ("[unwritten]", "[source]"), ("Usual fix", "Usual repair"),
        ("specs/activation/squareplus.toml:4:", "specs/activation/squareplus.toml:5:"),
    ],
)  # fmt: skip
def test_another_answer_is_noticed(old, new):
    page = PAGE.read_text("utf-8")
    assert old in page
    assert masked(page.replace(old, new)) != masked(page)
