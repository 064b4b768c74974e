"""docs/tutorial.md is a session that really happens: commands are run, patches applied, in a copy.

NEEDLE_TUTORIAL=write puts what the commands print into the page.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.helpers import ROOT, environment

PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"```(console|diff)\n(.*?)```", re.DOTALL)


def normal(text):
    """Return a screen without what differs from machine to machine."""
    text = re.sub(r"\b\d+\.\d s\b", "0.0 s", text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def run(command, folder):
    """Return what a command prints, and its exit code as a last line where it is not 0."""
    words = command.removeprefix("needle ").split()
    env = environment() | {"PYTHONPATH": str(folder), "NEEDLE_SEED": "1", "COLUMNS": "88"}
    done = subprocess.run([sys.executable, "-m", "needle_cli", *words], cwd=folder, env=env,
                          capture_output=True, text=True, timeout=300)  # fmt: skip
    code = f"(exit code {done.returncode})\n" if done.returncode else ""
    return normal(done.stdout + done.stderr + code)


def patch(text, folder):
    done = subprocess.run(["git", "apply", "-"], input=text, cwd=folder, text=True,
                          capture_output=True)  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_tutorial_happens(tmp_path):
    for part in ("needle", "needle_cli", "specs"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
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
    assert found == page
    ends = [block[2].rstrip().endswith(")") for block in BLOCK.finditer(page) if block[1] != "diff"]
    assert ends.count(True) > 3 and not ends[-1]
