"""Whole screens with their exit codes, at two widths."""

import pytest

from tests.helpers import matches, needle, normal

SCREENS = {
    "success": (["check", "canned.py", "-k", "right or another"], 0),
    "wrong_value": (["check", "canned.py", "-k", "wrong or right"], 1),
    "per_check": (["check", "canned.py", "-k", "wrong", "-v"], 1),
    "quiet": (["check", "canned.py", "-k", "wrong or right", "-q"], 1),
    "unanswered": (["check", "canned.py", "-k", "unsure or slow", "--timeout", "1"], 4),
    "no_spec": (["check", "canned.py", "-k", "no_spec or gone"], 1),
    "crash": (["check", "canned.py", "-k", "crash"], 1),
    "hints_none": (["check", "canned.py", "-k", "wrong", "--hints", "none"], 1),
    "concise": (
        ["check", "canned.py", "-k", "not broken", "--format", "concise", "--timeout", "1"],
        1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("width", [100, 60])
@pytest.mark.parametrize("name", SCREENS)
def test_screen(name, width, tmp_path):
    words, expected = SCREENS[name]
    code, screen, _ = needle(*words, "--seed", 5, stand_in=True, COLUMNS=width, HOME=tmp_path)
    assert code == expected
    matches(f"{name}_{width}", code, screen)


@pytest.mark.parametrize("width", [100, 70, 60, 30])
def test_names_are_never_cut(width):
    _, screen, _ = needle("check", "canned.py", "-k", "right or another or wrong or crash",
                          stand_in=True, COLUMNS=width)  # fmt: skip
    for name in ("canned/another_operator_with_a_long_name", "canned/right", "canned/crash"):
        assert name in screen


def test_lines_fit_the_width_except_commands():
    _, screen, _ = needle("check", "canned.py", "-k", "not broken", "--timeout", 1, stand_in=True)
    assert [line for line in screen.splitlines() if len(line) > 100 and "replay" not in line] == []


def test_words_replace_marks_where_the_encoding_lacks_them():
    words = ("check", "canned.py", "-k", "wrong or right")
    code, screen, _ = needle(*words, stand_in=True, PYTHONUTF8=0, PYTHONIOENCODING="ascii")
    assert code == 1
    assert "FAIL" in screen and "ok" in screen and screen.isascii()


def test_marks_are_used_where_the_encoding_has_them():
    _, screen, _ = needle("check", "canned.py", "-k", "wrong or right", stand_in=True)
    assert "✗" in screen and "✓" in screen and "FAIL" not in screen


@pytest.mark.parametrize(
    ("words", "environ", "coloured"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--no-color"], {"FORCE_COLOR": "1"}, False),
        (["--color", "always", "--format", "json"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour(words, environ, coloured):
    _, screen, _ = needle("check", "canned.py", "-k", "right", *words, stand_in=True, **environ)
    assert ("\x1b[" in screen) is coloured


def test_dumb_terminal_keeps_the_width():
    _, dumb, _ = needle(
        "check", "canned.py", "-k", "right", "--seed", 1, stand_in=True, TERM="dumb"
    )
    _, plain, _ = needle("check", "canned.py", "-k", "right", "--seed", 1, stand_in=True)
    assert normal(dumb) == normal(plain)


def test_progress_is_silent_without_a_terminal():
    _, _, errors = needle("check", "canned.py", "-k", "right", stand_in=True)
    assert errors == ""


def test_profile_time_lists_operators():
    _, screen, _ = needle("check", "canned.py", "-k", "right", "--profile-time", stand_in=True)
    assert "Where the time went" in screen


def test_very_quiet_says_nothing():
    code, screen, errors = needle("check", "canned.py", "-k", "wrong", "-qq", stand_in=True)
    assert (code, screen, errors) == (1, "", "")
