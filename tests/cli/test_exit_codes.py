"""Exit codes and one-line errors; 1 is for findings alone."""

import json
import os
import subprocess
import sys

import pytest

from needle_cli.problems import worst_code
from tests.helpers import environment, needle, workplace

USAGE = {
    "unknown option": ["check", "--sed", "3"],
    "bad option value": ["check", "ops", "--order", "7"],
    "bad number": ["check", "ops", "-n", "many"],
    "zero examples": ["check", "ops", "-n", "0"],
    "unknown command": ["chek"],
    "unknown operator": ["check", "ops", "multipy"],
    "unknown check": ["check", "ops", "--select", "gradiant"],
    "unknown check to explain": ["explain", "gradiant"],
    "unknown thing to list": ["list", "op"],
    "unknown shell": ["completion", "tcsh"],
    "unknown device": ["check", "ops", "--device", "tpu"],
    "unknown report": ["check", "ops", "--report", "jsn"],
    "missing file": ["check", "nowhere.py"],
    "missing specs": ["check", "ops", "--specs", "nowhere"],
    "broken expression": ["check", "ops", "-k", "a and"],
    "broken token": ["replay", "AAAAAAAAAAAAAAAAAAAAAAAA"],
    "unknown case": ["replay", "zzzzzz"],
    "small memory": ["check", "ops", "--memory-limit", "1KiB"],
    "no command": [],
}


@pytest.mark.parametrize("name", USAGE)
def test_what_cannot_start_is_two(name):
    code, _, errors = needle(*USAGE[name])
    assert code == 2
    assert "Traceback" not in errors
    if USAGE[name]:
        assert errors.startswith("needle: ") and errors.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["check", "ops", "multipy"], "arithmetic/multiply"),
        (["check", "ops", "--select", "gradiant"], "gradient"),
        (["chek"], "check"),
        (["check", "--sed", "3"], "--seed"),
        (["check", "ops", "--report", "jsn"], "json"),
    ],
)
def test_the_nearest_name_is_offered(words, hint):
    assert hint in needle(*words)[2]


@pytest.mark.parametrize("name", [n for n in USAGE if USAGE[n] and USAGE[n][0] == "check"])
def test_errors_are_documents_in_json(name):
    code, screen, _ = needle(*USAGE[name], "--format", "json")
    document = json.loads(screen)
    assert code == 2
    assert document["schema"] == "needle.report" and document["error"]["message"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-k", "right"], 0),
        (["-k", "wrong"], 1),
        (["-k", "crash"], 1),
        (["-k", "gone"], 1),
        (["-k", "unsure"], 4),
        (["-k", "unsure", "--allow-inconclusive"], 0),
        (["-k", "slow", "--timeout", "0.5"], 4),
        (["-k", "slow", "--timeout", "0.5", "--allow-inconclusive"], 4),
        (["-k", "wrong or unsure"], 1),
        (["-k", "wrong", "--exit-zero"], 0),
        (["-k", "broken"], 3),
        (["-k", "broken or wrong"], 3),
        (["-k", "broken", "--exit-zero"], 3),
        (["-k", "nothing_like_it"], 5),
        (["-k", "right", "--select", "gradient", "--ignore", "gradient"], 5),
        (["-k", "right", "--device", "cuda"], 4),
        (["-k", "wrong", "--device", "cpu", "--device", "cuda"], 1),
    ],
)
def test_codes_of_runs(words, expected):
    code, screen, errors = needle("check", "canned.py", *words, stand_in=True)
    assert code == expected, screen + errors
    assert "Traceback" not in screen + errors


def test_precedence():
    assert worst_code([0, 4, 1]) == 1
    assert worst_code([0, 1, 2]) == 2
    assert worst_code([1, 2, 3, 4, 5, 0]) == 3
    assert worst_code([5, 0]) == 5
    assert worst_code([4, 5]) == 4
    assert worst_code([]) == 0


def test_options_stand_before_or_after_the_subcommand():
    before = needle("check", "--seed", "9", "-k", "right", "ops", "canned.py", stand_in=True)
    after = needle("check", "ops", "canned.py", "--seed", "9", "-k", "right", stand_in=True)
    alone = needle("check", "--seed", "9", "canned.py", "-k", "right", stand_in=True)
    assert before[0] == after[0] == alone[0] == 0
    assert "seed 9" in before[1] and "seed 9" in after[1] and "seed 9" in alone[1]


def test_inner_options_override_outer_ones():
    words = (
        "check",
        "--seed",
        "1",
        "-k",
        "wrong",
        "ops",
        "canned.py",
        "--seed",
        "2",
        "-k",
        "right",
    )
    code, screen, _ = needle(*words, stand_in=True)
    assert code == 0 and "seed 2" in screen


def test_internal_errors_name_their_traceback():
    _, screen, _ = needle("check", "canned.py", "-k", "broken", stand_in=True)
    assert "the tool's own mistake" in screen and "Traceback" not in screen
    _, screen, _ = needle("check", "canned.py", "-k", "broken", "-vv", stand_in=True)
    assert "Traceback" in screen


def test_list_runs_nothing():
    code, screen, _ = needle("check", "canned.py", "-k", "right or crash", "--list", stand_in=True)
    assert (code, screen) == (0, "canned/right\ncanned/crash\n")


def test_fail_fast_stops_in_catalogue_order():
    for jobs in ("1", "4"):
        code, screen, _ = needle(
            "check", "canned.py", "-k", "not slow and not broken", "-x", "-j", jobs,
            "--format", "json", stand_in=True,
        )  # fmt: skip
        report = json.loads(screen)
        assert code == 1
        assert {row["op"] for row in report["results"]} == {
            "canned/right", "canned/another_operator_with_a_long_name", "canned/wrong",
        }  # fmt: skip
        assert "canned/crash" in report["summary"]["left_out"]


def test_max_time_leaves_the_rest_unanswered():
    words = ("check", "canned.py", "-k", "slow or right", "--max-time", "0.000001")
    code, screen, _ = needle(*words, stand_in=True)
    assert code == 4 and "not reached within --max-time" in screen


def shell(command):
    return subprocess.run(
        ["bash", "-c", command],
        cwd=workplace(),
        env=environment(stand_in=True),
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.skipif(os.name == "nt", reason="a shell's pipe")
def test_a_reader_that_goes_away_is_no_error():
    run = f"{sys.executable} -m needle_cli check canned.py -k wrong"
    command = f"{run} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = shell(command)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "1"
