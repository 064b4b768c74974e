"""One form of a row, from the worker to the report and back."""

import json
from dataclasses import replace

import pytest

from needle_cli.reports import documents
from needle_cli.reports.events import CaseView, Curve, FindingView, Row, RunInfo, Spot

ARRAY = {"dtype": "float64", "shape": [1], "values": ["0x1.8p+1"]}
HEADING = {"op": "family/op", "check": "gradient", "device": "cpu", "dtype": "float64"}
SHOWN = {"inputs": {"a": ARRAY}, "params": {"axis": 0}, "cotangent": [ARRAY], "seed": 7}
RECORD = {**HEADING, "file": "", **SHOWN, "judged": ["a"], "silent": [], "tags": ["t"],
          "label": "tie"}  # fmt: skip
SPOT = Spot("a", (0, 1), float("inf"), 2.0, None)
FINDING = FindingView(
    "differ", "a cause", "sure", SPOT,
    CaseView(RECORD, "said", "tie", {"a": [1]}, (SPOT, replace(SPOT, wrong=False))),
    CaseView(None, "", "", {"a": [9]}), 6, "[[kink]]",
    code="slope", cause_name="ratio", cause_values={"factor": "2"},
)  # fmt: skip
ROW = Row(
    *HEADING.values(), "fail", "why", 100,
    {"pass": 5, "fail": 1, "no_derivative": 0, "cannot_tell": 0},
    Spot("a", None, of_allowed=0.4), findings=(FINDING,), seconds=0.25, formula="y = a",
    curve=Curve((0.5, 0.25), (1.0, float("inf")), float("inf"), 1e-9, 0.25),
)  # fmt: skip
INFO = RunInfo(0, "ci", (), "", {}, ("cpu",), ("float64",), ("gradient",), 100, ("family/op",), "")


def through(row, info):
    return documents.row_of(json.loads(json.dumps(documents.row(row, info), allow_nan=False)))


@pytest.mark.parametrize("row", [ROW, Row(*HEADING.values(), "pass")])
def test_a_worker_s_row_arrives_whole(row):
    counts = {"pass": 0, "fail": 0, "no_derivative": 0, "cannot_tell": 0, **row.counts}
    assert through(row, None) == replace(row, counts=counts)


def test_a_report_keeps_of_a_record_what_it_shows():
    finding = replace(FINDING, replay_id="abcdef", token="word")
    placed = replace(ROW, findings=(finding,), path="needle/ops/family.py", line=3, spec="s.toml")
    read = through(placed, INFO)
    case = read.findings[0].smallest
    assert case.record == {**HEADING, **SHOWN, "label": "tie"}
    assert replace(read, findings=()) == replace(placed, findings=())
    assert replace(read.findings[0], smallest=None) == replace(finding, smallest=None)


def test_a_worker_s_row_says_nothing_of_the_run():
    document = documents.row(replace(ROW, findings=(replace(FINDING, replay_id="abcdef"),)), None)
    assert document["replay"] is None and document["findings"][0]["replay"] is None
    assert documents.row(ROW, INFO)["findings"][0]["smallest"].keys().isdisjoint({"record"})
