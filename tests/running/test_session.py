"""A run reports every operator that it was asked for, whatever becomes of its workers."""

import contextlib
import json
import os

import pytest

from needle_cli.cli.app import main
from needle_cli.problems import FINDINGS, INTERNAL
from needle_cli.running import session
from needle_cli.running.tasks import BrokenWorker
from tests.helpers import workplace

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="judges the canned operators")


@contextlib.contextmanager
def breaks_after(count, *given):
    """Be `running`, with a runner whose workers break after some verdicts."""

    class Breaking:
        def outcomes(self, tasks, started):
            judged = 0
            for outcome in runner.outcomes(tasks, started):
                judged += outcome.task.action == "judge"
                yield outcome
                if judged == count:
                    raise BrokenWorker("a worker was not ready")

    with running(*given) as runner:
        yield Breaking()


running = session.running


@pytest.mark.parametrize("count, code", [(1, INTERNAL), (9, FINDINGS)])
def test_workers_that_break_cost_no_verdict_that_was_given(count, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "running", lambda *given: breaks_after(count, *given))
    file = workplace() / "canned.py"
    words = ("-k", "right or wrong", "-j", "1", "--report", "json=r.json", "--format", "concise")
    assert main(["check", str(file), *words]) == code
    document = json.loads((tmp_path / "r.json").read_text("utf-8"))
    judged = {row["op"] for row in document["results"]}
    left = set(document["summary"]["left_out"])
    assert judged | left == {"canned/right", "canned/wrong"} and len(left) == (count == 1)
    said = [error["message"] for error in document.get("internal_errors", ())]
    assert said == ["a worker was not ready"] * (count == 1)
