"""Long sweeps (`-m campaign`): what of them an ordinary run keeps, and what a change has to run.

An ordinary run keeps one of every kind: the first operator of a family, some of the samples, the
first seed. The rest is marked `campaign`. `--touched REF` leaves of that what a change since REF
bears on:

- tests of one operator: its family file in `needle/ops` or its spec has changed;
- other tests: a file of the room that they mirror has changed (for `tests/checking/checks` that is
  `needle_cli/checking/checks`);
- both: the file of the tests itself has changed.

The whole is run at night (`.ci/nightly`).
"""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def swept(names, ordinary):
    """Return the parameters of a sweep; all but the ordinary ones belong to the campaign."""
    ordinary = set(ordinary)
    assert ordinary <= set(names), ordinary - set(names)
    return [name if name in ordinary else late(name) for name in names]


def late(*values):
    """Return a parameter that belongs to the campaign."""
    return pytest.param(*values, marks=pytest.mark.campaign)


def of_families(names, most=5):
    """Return the first `family/name` of each family, of five families at most, evenly chosen.

    So an ordinary run takes no longer when there are more operators.
    """
    first = sorted({name.partition("/")[0]: name for name in reversed(names)}.values())
    return [first[k * len(first) // most] for k in range(most)] if len(first) > most else first


def by_family(names):
    """Return the parameters of a sweep over `family/name`; `of_families` are ordinary."""
    return swept(names, of_families(names))


def seeds(count, ordinary=1):
    """Return the seeds of a test that asks one question of other numbers again and again."""
    return swept(range(count), range(ordinary))


def may_sweep(path):
    """Return False for a file of tests that has no sweep: it does not name the campaign."""
    return path.suffix != ".py" or "campaign" in path.read_text("utf-8")


def touched_since(ref):
    """Return the paths below the root, as text, that differ from where this branch left `ref`."""
    base = _git("merge-base", ref, "HEAD")[0]
    others = _git("ls-files", "--others", "--exclude-standard")
    return {*_git("diff", "--name-only", base), *others}


def concerns(file, parameters, touched):
    """Return whether a change bears on a campaign test: its file, and its parameters as text."""
    if file in touched:
        return True
    operators = [text for text in parameters if _spec(text) is not None]
    if operators:
        return any(
            {f"specs/{name}.toml", f"needle/ops/{name.partition('/')[0]}.py"} & touched
            for name in operators
        )
    return any(path.startswith(_room(file)) and path.endswith(".py") for path in touched)


def _spec(text):
    """Return the spec of one of our operators, None for another text."""
    family, _, function = text.partition("/")
    path = ROOT / "specs" / family / f"{function}.toml"
    return path if function.isidentifier() and path.is_file() else None


def _room(file):
    """Return the folder that a test's folder mirrors, with a stroke at its end."""
    folder = file.rpartition("/")[0].removeprefix("tests").removeprefix("/")
    package = "" if folder.split("/")[0] == "needle" else "needle_cli/"
    return f"{package}{folder}".rstrip("/") + "/"


def _git(*words):
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise pytest.UsageError(f"git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.split("\n")[:-1]
