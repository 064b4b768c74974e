"""What the quick commands import: nothing heavy, and the test can tell."""

import subprocess
import sys

import pytest

from tests.helpers import environment, workplace

HEAVY = ("numpy", "scipy", "hypothesis", "rich", "cupy", "needle", "multiprocessing")
RUN = """
import sys
sys.argv[1:] = {words!r}
from needle_cli.cli.app import main
code = main()
print("loaded", [name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""


def loaded(*words, **environ):
    text = RUN.format(words=list(words), heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=workplace(),
        env=environment(True, environ),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "loaded" in done.stderr, done.stderr
    return done.stderr.rpartition("loaded ")[2].strip()


QUICK = [
    ["--version"], ["--help"], ["check", "--help"], ["check", "ops", "--help"],
    ["completion", "bash"], ["list", "ops"], ["list", "ops", "--json"], ["list", "specs"],
    ["list", "checks"], ["list", "causes"], ["explain", "gradient"], ["check", "ops", "--list"],
]  # fmt: skip


@pytest.mark.parametrize("words", QUICK, ids=" ".join)
def test_quick_commands_load_nothing_heavy(words):
    assert loaded(*words) == "[]"


def test_completion_of_names_loads_nothing_heavy():
    environ = {"_NEEDLE_COMPLETE": "bash_complete", "COMP_WORDS": "needle check ops mul",
               "COMP_CWORD": "3"}  # fmt: skip
    assert loaded(**environ) == "[]"


def test_the_tool_itself_never_loads_numpy_or_the_engine():
    found = loaded("check", "canned.py", "-k", "right")
    assert "numpy" not in found and "'needle'" not in found and "hypothesis" not in found


def test_this_test_can_fail():
    found = loaded("check", "canned.py", "-k", "right")
    assert "rich" in found and "multiprocessing" in found
