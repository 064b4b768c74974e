import json

import pytest

from benchmarks.detection import run as runner
from benchmarks.detection.corpus import cases_of
from benchmarks.detection.run import portion, run, summary

TOY = "tests.samples.toy_corpus"


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Keep portions in a folder of the test, ask in this process, and note what is asked."""
    units = []

    def in_turn(work, left, jobs):
        for unit in left:
            units.append(unit)
            yield unit, work(*unit)

    monkeypatch.setattr(runner, "KEPT", tmp_path)
    monkeypatch.setattr(runner, "in_processes", in_turn)
    return units


def answers(rows):
    return {row["case"].partition("/")[2]: row["answer"] for row in rows}


def test_a_wrong_pair_that_is_called_right_is_accused_and_a_right_one_called_wrong_passes():
    assert answers(portion("planted", 0, TOY)) == {
        "sine": "passed",
        "called_right": "accused",
        "factor": "refused",
        "called_wrong": "passed",
    }


def test_an_exception_of_the_tool_is_its_fault(monkeypatch):
    monkeypatch.setattr(runner, "check_pair", lambda *_, **__: 1 / 0)
    rows = portion("planted", 0, TOY)
    assert set(answers(rows).values()) == {"fault"}
    assert "ZeroDivisionError" in rows[0]["said"]


def test_figures_and_exit_code_say_what_is_not_as_wanted(asked, capsys):
    assert run([], TOY, 1, 1, False, False) == 1
    found = summary(portion("planted", 0, TOY), 1)
    assert found["categories"]["planted"]["right"] == {"passed": 1, "accused": 1}
    assert found["categories"]["planted"]["wrong"] == {"refused": 1, "passed": 1}
    assert [row["case"] for row in found["not as wanted"]] == [
        "planted/called_right",
        "planted/called_wrong",
    ]
    assert "accused: planted/called_right, seed 0" in capsys.readouterr().out


def test_a_stopped_run_goes_on_where_it_stopped(asked, tmp_path):
    run([], TOY, 2, 1, False, False)
    assert [unit[1] for unit in asked] == [0, 1]
    kept = tmp_path / "detection_toy_corpus.json"
    done = json.loads(kept.read_text())
    kept.write_text(json.dumps({"planted 0": done["planted 0"]}))
    run([], TOY, 2, 1, False, False)
    assert [unit[1] for unit in asked] == [0, 1, 1]
    run([], TOY, 2, 1, True, False)
    assert [unit[1] for unit in asked] == [0, 1, 1, 0, 1]


def test_the_proof_finds_every_answer_that_is_wrong(capsys):
    pytest.importorskip("mpmath", reason="proofs need mpmath: pip install -e '.[peers]'")
    from benchmarks.detection.proof import run as prove

    assert prove([], TOY) == 1
    lines = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["planted/sine"] == "right; none seen"
    assert lines["planted/factor"].startswith("wrong; relative error 1.0e-01")
    assert "NOT PROVED" in lines["planted/called_right"]
    assert "NOT PROVED" in lines["planted/called_wrong"]


@pytest.mark.campaign
@pytest.mark.parametrize("half", ["dev", "held"])
def test_every_answer_of_the_corpus_is_proved(half):
    pytest.importorskip("mpmath", reason="proofs need mpmath: pip install -e '.[peers]'")
    from benchmarks.detection.proof import mistake

    cases = cases_of(f"benchmarks.detection.{half}")
    assert cases
    unproved = [case.name for case in cases if bool(mistake(case)) == case.right and not case.proof]
    assert unproved == []
