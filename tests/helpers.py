"""Runs the command as a user would, and compares screens with stored ones."""

import atexit
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from needle_cli.operators.catalogue import operators
from needle_cli.specs import SpecError, load_spec
from tests import forked

ROOT = Path(__file__).parents[1]
SPECS = ROOT / "specs"
SAMPLES = ROOT / "tests" / "samples"
SNAPSHOTS = ROOT / "tests" / "reports" / "snapshots"


@lru_cache
def workplace():
    """Return a folder with the test operators, so that no case is stored in the project."""
    folder = Path(tempfile.mkdtemp(prefix="needle-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copy(SAMPLES / "canned.py", folder)
    for name in ("canned.specs", "operators"):
        shutil.copytree(SAMPLES / name, folder / name)
    return folder


def needle(
    *words, cwd=None, stand_in=False, fresh=False, timeout=400, streams=None, largest=0, tree=ROOT,
    **environ,
):  # fmt: skip
    """Run `needle` in a process; return exit code, stdout and stderr.

    The process is a fork of one that has loaded the tool (`tests/forked.py`). Where a test is about
    how processes start, or about the interpreter's settings, it is a fresh one, and so are its
    workers. The time limit only ends what hangs: a slow or busy machine has to stay below it.
    `streams`, `largest` and `tree` are those of `forked.run`.
    """
    words, cwd = list(map(str, words)), cwd or workplace()
    env = environment(stand_in, environ, tree)
    settings = any(name.startswith("PYTHON") for name in environ)
    if forked.POSSIBLE and not (fresh or settings):
        code, out, err = forked.run(words, cwd, env, timeout, streams, largest, tree)
    else:
        done = subprocess.run(
            [sys.executable, "-m", "needle_cli", *words],
            cwd=cwd, env=env, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        code, out, err = done.returncode, done.stdout, done.stderr
    encoding = env.get("PYTHONIOENCODING", "utf-8")
    return code, out.decode(encoding), err.decode(encoding)


def environment(stand_in=False, extra=None, tree=ROOT):
    """Return an environment without settings of the surroundings, for the tool of a tree."""
    dropped = ("NEEDLE", "_NEEDLE", "CI", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "GITHUB", "PYTHON")
    env = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    env |= {"PYTHONPATH": f"{tree}{os.pathsep}{SAMPLES}", "PYTHONUTF8": "1", "COLUMNS": "100"}
    # One worker, however many cores there are: the tests themselves run beside each other.
    env |= {"NEEDLE_JOBS": "1"}
    if stand_in:
        env["_NEEDLE_JUDGING"] = "stand_in"
    return env | {k: str(v) for k, v in (extra or {}).items()}


def complete_operators(folder=ROOT):
    """Return the names of our operators that have a gradient and a spec that can be read.

    What is about all operators asks these, so that one that is half written fails its own tests
    alone.
    """
    names = set()
    for entry in operators(folder / "needle" / "ops"):
        definition = Path(entry.path).read_text("utf-8").splitlines()[entry.line - 1]
        with contextlib.suppress(SpecError):
            load_spec(folder / "specs" / f"{entry.name}.toml")
            names |= {entry.name} if "def gradient" in definition else set()
    return names


def git(folder, *words):
    """Run git in a folder, as somebody."""
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def settle(folder, message):
    """Commit everything, and let main stand there."""
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)
    git(folder, "branch", "-f", "main")


def edit(folder, name, old, new):
    """Replace a text in a file that has it."""
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def normal(text):
    """Return a screen with times and versions replaced, so that only what we draw is left."""
    text = re.sub(r"\d+\.\d s\b", "0.0 s", text)
    return re.sub(r"needle \d+\.\d+\.\d+\S*", "needle 0.0.0", text)


def matches(name, code, screen):
    """Compare exit code and screen with a stored one; NEEDLE_SNAPSHOTS=write stores it."""
    path = SNAPSHOTS / f"{name}.txt"
    text = f"exit code {code}\n{normal(screen)}"
    if os.environ.get("NEEDLE_SNAPSHOTS") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
