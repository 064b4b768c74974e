"""The wheel carries its specs and works from any directory."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """Build the wheel and unpack it where nothing of the checkout is."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(wheel, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def needle(site: Path, where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-P", "-m", "needle_cli", *arguments]
    return subprocess.run(
        command, cwd=where, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_holds_every_spec(installed):
    inside = {p.relative_to(installed / "needle_cli" / "_specs") for p in
              (installed / "needle_cli" / "_specs").rglob("*.toml")}  # fmt: skip
    assert inside == {p.relative_to(ROOT / "specs") for p in (ROOT / "specs").rglob("*.toml")}
    assert not (installed / "tests").exists()


def test_the_installed_command_checks_from_another_directory(installed, tmp_path):
    done = needle(installed, tmp_path, "check", "ops", "tanh", "-n", "3", "--format", "concise")
    assert done.returncode == 0, done.stderr
    listed = needle(installed, tmp_path, "list", "ops")
    assert "arithmetic/add" in listed.stdout
    assert needle(installed, tmp_path, "check", "ops", "no_such_op").returncode == 2
