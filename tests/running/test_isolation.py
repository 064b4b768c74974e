"""Operators that do their worst: each costs itself a row, and nobody else anything."""

import contextlib
import json
import os
import sys
import time

import pytest

from tests.helpers import needle

NASTY = "operators/nasty.py"

ERRORS = {
    "segfault": ("SIGSEGV", "nasty.py:"),
    "segfault_in_gradient": ("SIGSEGV", "nasty.py:"),
    "os_exit_zero": ("exit code 0",),
    "os_exit_three": ("exit code 3",),
    "sys_exit": ("SystemExit",),
    "killed": ("SIGKILL",),
    "prints": ("hello from compute",),
    "writes_to_fd": ("printed",),
    "raises": ("on purpose [/]",),
    "raises_in_gradient": ("KeyError",),
    "raises_base_exception": ("Unusual",),
    "raises_keyboard_interrupt": ("KeyboardInterrupt",),
    "recursion": ("RecursionError",),
    "returns_none": ("None",),
    "returns_string": ("str",),
    "returns_object_array": ("object",),
    "gradient_string": ("str",),
    "gradient_two": ("2 gradients",),
    "closes_files": ("closed a file",),
}
FINDINGS = ("wrong_factor", "gradient_none", "returns_nan", "gradient_nan", "gradient_raw_array")
ASKED = ("--select", "forward,contract,gradient,purity")
"""Nothing that is nasty needs more to be seen."""

HARMLESS = ("right", "changes_folder", "starts_threads", "reads_input")


def check(*words):
    code, screen, _ = needle("check", NASTY, *words, "--seed", 1, "--format", "json", fresh=True)
    document = json.loads(screen)
    assert "error" not in document, document
    rows = {}
    for row in document["results"]:
        rows.setdefault(row["op"].partition("/")[2], []).append(row)
    return code, rows, document


@pytest.fixture(scope="module")
def verdicts():
    names = " or ".join([*ERRORS, *FINDINGS, *HARMLESS])
    return check("-k", names, "-n", 3, *ASKED, "--timeout", 60)


def words_of(rows):
    said = [row.get("reason", "") for row in rows]
    return " ".join(said + [f["message"] for row in rows for f in row["findings"]])


@pytest.mark.parametrize("name", ERRORS)
def test_it_becomes_an_error_row(name, verdicts):
    code, rows, _ = verdicts
    assert code == 1
    assert any(row["status"] == "error" for row in rows[name])
    for word in ERRORS[name]:
        assert word in words_of(rows[name])
    assert "\x1b" not in json.dumps(rows[name])


@pytest.mark.parametrize("name", FINDINGS)
def test_garbage_numbers_are_findings(name, verdicts):
    assert {row["status"] for row in verdicts[1][name]} & {"fail", "error"}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_does_no_harm_is_judged_as_usual(name, verdicts):
    assert {row["status"] for row in verdicts[1][name]} <= {"pass", "not_applicable"}


def test_the_tool_itself_is_unharmed(verdicts):
    assert "internal_errors" not in verdicts[2]


@pytest.mark.parametrize(
    "name", ["segfault", "os_exit_zero", "killed", "raises_keyboard_interrupt"]
)
def test_a_crash_names_check_and_case(name, verdicts):
    (row,) = verdicts[1][name]
    assert row["check"] == "forward"
    assert row["findings"][0]["smallest"]["inputs"]["a"]["values"]
    assert row["replay"]["id"]


def test_a_hang_is_a_timeout_with_its_case():
    code, rows, _ = check("-k", "hang or right", "-n", 2, "--timeout", 10,
                          "--select", "contract,gradient")  # fmt: skip
    (row,) = rows["hang"]
    assert (code, row["status"], row["check"]) == (4, "timeout", "contract")
    assert row["findings"][0]["smallest"]["inputs"]
    assert {row["status"] for row in rows["right"]} <= {"pass", "not_applicable"}


def test_a_busy_loop_is_a_timeout():
    code, rows, _ = check("-k", "spin", "-n", 2, "--timeout", 3)
    assert code == 4 and rows["spin"][0]["status"] == "timeout"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits differ elsewhere")
def test_memory_is_limited():
    code, rows, _ = check(
        "-k", "hog or right", "-n", 2, "--memory-limit", "512MiB", "-j", 1, *ASKED
    )
    assert code == 1
    assert "error" in {row["status"] for row in rows["hog"]}
    assert "MemoryError" in words_of(rows["hog"])
    assert {row["status"] for row in rows["right"]} <= {"pass", "not_applicable"}


def test_a_late_exit_costs_no_other_operator():
    code, rows, _ = check("-k", "late_exit or right or wrong_factor", "-n", 3, "-j", 1, *ASKED)
    assert {row["status"] for row in rows["right"]} <= {"pass", "not_applicable"}
    assert "fail" in {row["status"] for row in rows["wrong_factor"]}
    assert code == 1


def sleeping():
    """Return the processes that an operator has started and nobody has ended."""
    left = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as stream:
            left += [pid] if b"sleep\x001000" in stream.read() else []
    return left


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="looks at /proc")
def test_nothing_stays_behind():
    check("-k", "forks or starts_threads or hang", "-n", 1, "--timeout", 3, *ASKED)
    deadline = time.monotonic() + 30
    while sleeping() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert sleeping() == []


def test_a_file_that_cannot_be_imported_is_the_operators_fault(tmp_path):
    (tmp_path / "bad.py").write_text(
        "import needle\nfrom nowhere import nothing\n\n\nclass F(needle.TensorOp):\n"
        "    def compute(self, a):\n        return a\n\n    def gradient(self, g, n):\n"
        "        return g\n\n\ndef f(a):\n    return F()(a)\n"
    )
    (tmp_path / "bad.specs").mkdir()
    (tmp_path / "bad.specs" / "f.toml").write_text(
        'op = "bad:f"\nreference = "numpy:positive"\nargs = ["a"]\nformula = "y = a"\n'
        'input.a = "(...)"\n'
    )
    code, screen, errors = needle("check", "bad.py", cwd=tmp_path)
    assert code == 1, screen + errors
    assert "ModuleNotFoundError" in screen and "internal" not in screen + errors


def test_a_broken_spec_is_two_before_anything_is_judged(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import needle\n\n\ndef f(a):\n    return needle.exp(a)\n\n\ndef g(a):\n"
        "    return needle.exp(a)\n"
    )
    (tmp_path / "mine.specs").mkdir()
    for name, reference in (("f", "numpy:exq"), ("g", "numpy:exp")):
        (tmp_path / "mine.specs" / f"{name}.toml").write_text(
            f'op = "mine:{name}"\nreference = "{reference}"\nargs = ["a"]\nformula = "y = e^a"\n'
            'input.a = { shape = "(...)", domain = { low = -2.0, high = 2.0 } }\n'
        )
    code, screen, errors = needle("check", "mine.py", cwd=tmp_path)
    assert (code, screen) == (2, "")
    assert errors.startswith("needle: mine.specs/f.toml:2: ") and "exp" in errors
    code, screen, errors = needle("check", "mine.py", "-k", "mine/g", "-n", 3, cwd=tmp_path)
    assert code == 0, screen + errors
