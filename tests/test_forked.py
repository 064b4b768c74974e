"""A command line in a fork does what it does in a process of its own."""

import re
import subprocess

import pytest

from tests import forked
from tests.helpers import environment, needle, normal, workplace

pytestmark = pytest.mark.skipif(not forked.POSSIBLE, reason="commands are not run in forks here")

COMMANDS = {
    "an answer": (["list", "checks"], {}),
    "no command": ([], {}),
    "an unknown option": (["check", "--sed", "3"], {}),
    "a wrong gradient": (["check", "canned.py", "-k", "wrong"], {"NEEDLE_SEED": 3}),
    "a crash": (["check", "canned.py", "-k", "crash"], {"COLUMNS": 60, "NEEDLE_SEED": 3}),
    "an internal error": (["check", "canned.py", "-k", "broken", "-vv"], {"NEEDLE_SEED": 3}),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_exit_code_and_screens_are_those_of_a_fresh_process(name, tmp_path):
    words, environ = COMMANDS[name]
    one, other = (
        needle(*words, stand_in=True, fresh=fresh, HOME=tmp_path, **environ)
        for fresh in (False, True)
    )
    assert one[0] == other[0]
    assert [without_files(text) for text in one[1:]] == [without_files(text) for text in other[1:]]
    assert any(one[1:])


def without_files(text):
    return re.sub(r"traceback in \S+", "", normal(text))


def test_a_fork_leaves_nothing_to_the_next(tmp_path):
    code, screen, _ = needle("info", cwd=tmp_path, NEEDLE_SEED=3)
    assert code == 0 and re.search(r"seed +3 +environment", screen), screen
    code, screen, _ = needle("info", cwd=tmp_path)
    assert code == 0 and not re.search(r"seed +3 +environment", screen)


def test_what_hangs_is_ended_and_the_next_command_is_run():
    words = ["check", "canned.py", "-k", "slow"]
    with pytest.raises(subprocess.TimeoutExpired):
        forked.run(words, workplace(), environment(stand_in=True), timeout=1.0)
    assert needle("--version")[0] == 0
