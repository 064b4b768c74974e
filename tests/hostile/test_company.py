"""Hostile operators get the verdict in company that they get alone, and good ones their own."""

import os
import random

import pytest

from tests.campaign import swept
from tests.hostile.company import GOOD_ONES, agrees, essence, rows_of, unexpected, write
from tests.hostile.kinds import KINDS

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc"), reason="written for Linux")

FEW = (
    "exits", "segfaults", "kills_its_parent", "forks_a_daemon", "starts_a_session", "closes_all",
    "writes_to_all", "forges_no_rows", "floods_stdout", "changes_numpy", "changes_the_engine",
    "no_environment", "recurses", "import_moves",
)  # fmt: skip


def left_behind():
    """Return the processes that an operator has started and nobody has ended."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as stream:
                found += [pid] if stream.read() == b"sleep\x001000\x00" else []
        except OSError:
            continue
    return found


def judged(folder, names, *words):
    """Judge some kinds in company; return the rows of everyone."""
    rows, document = rows_of(folder, write(folder, names), *words)
    assert set(rows) == {*names, *GOOD_ONES} and not document["summary"]["left_out"]
    assert "internal_errors" not in document
    return rows


def test_a_few_in_company(tmp_path):
    assert not unexpected(judged(tmp_path, FEW, "-j", 2))
    assert not left_behind()


def test_a_verdict_that_is_not_expected_is_seen():
    rows = {"right": [{"status": "fail", "check": "purity", "findings": [], "reason": "x"}]}
    assert unexpected(rows) == {"right": "fail purity: x"}
    assert agrees("error forward: exit code 3", "error forward: exit code")
    assert not agrees("error forward: exit code 3", "error forward: SIGSEGV")
    assert not agrees("error gradient: exit code 3", "error forward: exit code")


@pytest.fixture(scope="session")
def verdicts_alone(tmp_path_factory):
    """Return a function that judges a kind beside the good operators alone, once."""
    known = {}

    def alone(name):
        if name not in known:
            rows = judged(tmp_path_factory.mktemp("alone"), [name], "-j", 1)
            known[name] = {who: essence(those) for who, those in rows.items()}
            known[name]["unexpected"] = unexpected(rows)
        return known[name]

    return alone


@pytest.mark.parametrize("name", swept(KINDS, ()))
def test_alone(name, verdicts_alone):
    assert not verdicts_alone(name)["unexpected"]


@pytest.mark.campaign
@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_all_in_company(tmp_path, jobs, verdicts_alone):
    names = list(KINDS)
    random.Random(jobs).shuffle(names)
    rows = judged(tmp_path, names, "-j", jobs)
    assert not unexpected(rows)
    for name in (*names, *GOOD_ONES):
        alone = verdicts_alone(name if name in KINDS else names[0])
        assert essence(rows[name]) == alone[name], name
    assert not left_behind()
