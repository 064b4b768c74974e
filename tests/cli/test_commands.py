"""list, explain, info, completion, check specs, --help."""

import importlib
import json
import subprocess

import pytest

from needle_cli import explanations
from needle_cli.reports.events import SEVERITY
from needle_cli.settings import SETTINGS
from tests.helpers import ROOT, SPECS, complete_operators, needle


@pytest.mark.parametrize("kind", ["ops", "checks", "causes", "specs", "devices"])
def test_list(kind):
    code, screen, _ = needle("list", kind)
    assert code == 0 and len(screen.splitlines()) >= 2
    code, screen, _ = needle("list", kind, "--json")
    rows = json.loads(screen)
    assert code == 0 and rows and len({frozenset(row) for row in rows}) == 1


def test_every_check_is_explained():
    registry = importlib.import_module("needle_cli.checking.checks.registry")
    assert tuple(explanations.CHECKS) == registry.NAMES


def test_every_status_has_a_severity():
    model = importlib.import_module("needle_cli.checking.model")
    assert set(SEVERITY) == {str(status) for status in model.Status}


@pytest.mark.parametrize("check", explanations.CHECKS)
def test_explain(check):
    code, screen, _ = needle("explain", check)
    assert code == 0
    for part in ("What it asks", "Why it fails", "How to fix it", "Example"):
        assert part in screen
    assert max(map(len, screen.splitlines())) <= 90


def test_info_shows_origins(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.needle]\ntimeout = 7\n")
    code, screen, _ = needle("info", cwd=tmp_path, NEEDLE_SEED=3)
    lines = {line.split()[0]: line for line in screen.splitlines() if line.startswith("  ")}
    assert code == 0 and set(lines) == {setting.name for setting in SETTINGS}
    assert "environment" in lines["seed"]
    assert "pyproject.toml" in lines["timeout"]
    assert "default" in lines["order"]
    document = json.loads(needle("info", "--json", cwd=tmp_path)[1])
    assert document["settings"]["timeout"]["value"] == 7


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_scripts(shell):
    code, screen, errors = needle("completion", shell)
    if code == 2:
        pytest.skip(errors)
    assert code == 0 and "_NEEDLE_COMPLETE" in screen


def test_the_bash_script_is_valid():
    script = needle("completion", "bash")[1]
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("needle che", "check"),
        ("needle check ops multi", "arithmetic/multiply"),
        ("needle check ops --select gra", "gradient"),
        ("needle explain lin", "linearity"),
        ("needle list o", "ops"),
    ],
)
def test_completion(words, found):
    parts = words.split()
    _, screen, _ = needle(
        _NEEDLE_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=len(parts) - 1
    )
    assert found in screen


def test_help_lists_every_option_once():
    screen = needle("check", "ops", "--help")[1]
    for setting in SETTINGS:
        word = {"verbosity": "--verbose", "k": "-k"}.get(setting.name, f"--{setting.name}")
        shown = word if word in screen else f"--no-{setting.name}"
        assert shown in screen, setting.name
    for group in ("WHAT", "WHERE", "HOW HARD", "VERDICT", "OUTPUT", "RUN"):
        assert f"{group}:" in screen


def test_version():
    code, screen, _ = needle("--version")
    assert code == 0 and screen.startswith("needle ")


def test_check_specs_of_the_project():
    complete = complete_operators()
    code, screen, errors = needle("check", "specs", "--format", "json", cwd=ROOT)
    if code == 2:  # a spec that cannot be read belongs to an operator that is half written
        names = [f"{path.parent.name}/{path.stem}" for path in SPECS.glob("*/*.toml")]
        assert any(f"specs/{name}.toml" in errors for name in set(names) - complete), errors
        return
    document = json.loads(screen)
    found = document["issues"]
    assert not {issue["op"] for issue in found} & complete, found
    assert code == bool(found) and document["summary"]["findings"] == len(found)
    assert " specs, " in needle("check", "specs", cwd=ROOT)[1]


def test_check_specs_names_the_broken_line(tmp_path):
    folder = tmp_path / "specs" / "arithmetic"
    folder.mkdir(parents=True)
    (folder / "add.toml").write_text('op = "needle.ops:add"\nreferense = "numpy:add"\n')
    code, screen, errors = needle("check", "specs", "--specs", "specs", cwd=tmp_path)
    assert (code, screen) == (2, "")
    assert "specs/arithmetic/add.toml:2" in errors and "reference" in errors
    _, screen, _ = needle("check", "specs", "--specs", "specs", "--format", "json", cwd=tmp_path)
    assert json.loads(screen)["error"]["kind"] == "spec"
