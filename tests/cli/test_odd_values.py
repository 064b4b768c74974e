"""Values that no option, name or path should have: exit 2 with one line, or the right answer."""

import os

import pytest

from needle_cli import console
from needle_cli.cli.app import main
from needle_cli.operators.expression import Expression
from needle_cli.settings import SETTINGS, Config, find_config, parse, resolve
from tests.helpers import needle

NUMBERS = ("1" * 5000, "9" * 20, "-" + "9" * 20, "1e999", "nan", "inf", "0x10", "１", "", " ", "½")
LONG = "x" * 400
NUMERIC = [s for s in SETTINGS if s.kind in ("whole", "seconds", "jobs", "size", "shard")]
FINE = {("seed", "１"), ("max-examples", "１"), ("max-failures", "１"), ("jobs", "１"),
        ("timeout", "１"), ("max-time", "１"), ("verbosity", "１")}  # fmt: skip
"""Python reads the digits of every script."""


def told(capsys, *words):
    """Return the exit code and the lines on stderr of a command that starts no process."""
    code = main([str(word) for word in words])
    errors = capsys.readouterr().err
    assert "Traceback" not in errors and "internal error" not in errors
    return code, errors.splitlines()


@pytest.mark.parametrize("value", NUMBERS)
@pytest.mark.parametrize("setting", NUMERIC, ids=lambda s: s.name)
def test_a_number_is_refused_or_fits_in_64_bits(setting, value):
    try:
        found = parse(setting, value, f"--{setting.name}")
    except Exception as problem:  # the kind is asserted below
        assert type(problem).__name__ == "Problem" and problem.code == 2
        assert len(str(problem)) < 250 and "\n" not in str(problem)
        assert (setting.name, value) not in FINE
    else:
        assert (setting.name, value) in FINE or value == "9" * 20
        assert isinstance(found, int | float) and abs(found) < 2**63


@pytest.mark.parametrize(
    "words",
    [
        ["check", "ops", "-n", "9" * 5000],
        ["check", "ops", "-k", "(" * 20_000],
        ["check", "ops", f"{LONG}.py"],
        ["check", "ops", "--specs", LONG],
        ["check", "ops", "--baseline", LONG],
        ["check", "ops", "--report", f"json={LONG}"],
        ["check", "ops", "--earlier", LONG],
        ["check", "ops", LONG],
        ["check", "ops", "a\nb"],
        ["check", "a\nb.py"],
        ["check", "ops", "--select", "a\nb"],
        ["check", "specs", LONG],
        ["replay", ""],
        ["replay", "/nodir"],
        ["replay", "./nowhere/"],
        ["replay", LONG],
        ["replay", f"{LONG}.json"],
        ["replay", "A" * 100_000],
        ["report", LONG],
        ["new", "op", f"{LONG}/{LONG}"],
        ["explain", LONG],
        ["list", "\x1b[2J"],
        ["baseline", "accept", LONG, "--reason", "a", "--issue", "b"],
        ["completion", "\u202e"],
        [LONG],
        [f"--{LONG}"],
    ],
    ids=lambda words: " ".join(words)[:30],
)
def test_an_odd_value_is_two_and_one_line(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, lines = told(capsys, *words)
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith("needle: ") and lines[0].isprintable()


def test_an_expression_may_be_nested_as_deeply_as_anybody_likes():
    depth = 20_000
    assert Expression("(" * depth + "a" + ")" * depth).holds("xa")
    assert not Expression("not " * (depth + 1) + "a").holds("xa")
    assert Expression(" or ".join(["b"] * depth + ["a"])).holds("xa")


def test_a_working_directory_that_is_gone(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    before = os.getcwd()
    try:
        os.chdir(folder)
        folder.rmdir()
        code = main(["list", "ops"])
    finally:
        os.chdir(before)
    assert code == 2


@pytest.mark.parametrize(
    "text",
    ["[tool.needle]\nseed = " + "9" * 5000, "[tool.needle]\nk = " + "[" * 100_000, "[tool.needle",
     '[tool.needle]\nreport = ["json=a\\u0000b"]', "[tool.needle]\nmax-examples = -1"],
)  # fmt: skip
def test_an_odd_configuration(text, capsys, tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    code, lines = told(capsys, "check", "ops", "--family", "shape", "--device", "cpu")
    assert (code, len(lines)) == (2, 1) and len(lines[0]) < 500


def test_a_configuration_that_is_fine(tmp_path):
    """Twin."""
    (tmp_path / "pyproject.toml").write_text("[tool.needle]\nseed = 3\n")
    assert resolve({}, {}, find_config(tmp_path))["seed"] == 3
    assert find_config(tmp_path) != Config(None, {})


@pytest.mark.parametrize(
    ("columns", "width"),
    [("9" * 30, console.WIDTH), ("99999", console.WIDEST), ("²", console.WIDTH), ("80", 80)],
)
def test_an_odd_width(columns, width, monkeypatch):
    monkeypatch.setattr("os.get_terminal_size", lambda *_: (_ for _ in ()).throw(OSError()))
    assert console.width({"COLUMNS": columns}) == width


def test_a_folder_for_temporary_files_that_is_missing(tmp_path):
    code, screen, errors = needle("check", "ops", "add", "-n", 1, "--select", "contract",
                                  cwd=tmp_path, TMPDIR=tmp_path / "nowhere")  # fmt: skip
    assert code == 0, screen + errors
