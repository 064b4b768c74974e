"""docs/measured.md is what benchmarks/results/ says, and no cause stands there for nothing."""

import json

import pytest

from benchmarks.measured import PAGE, page
from benchmarks.results import RESULTS
from needle_cli.causes import CAUSES
from needle_cli.checking.faults.vocabulary import FAULTS


def stored(name):
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))["rows"]


def test_the_page_is_the_results():
    assert PAGE.read_text("utf-8") == page()


def test_every_cause_has_been_printed_for_something():
    rows = stored("diagnosis")
    said = {word for row in rows.values() if isinstance(row, dict) for word in row["words"]}
    assert set(CAUSES) <= said, set(CAUSES) - said


def test_enough_causes_are_the_right_ones():
    rows = stored("diagnosis")
    faults, people = rows["planted faults"], rows["mistakes as people make them"]
    assert faults["right"] >= 0.95 * faults["asked"] and faults["asked"] > 20 * len(FAULTS)
    assert people["right"] >= 0.8 * people["asked"] and people["asked"] == 40


@pytest.mark.parametrize("key", ["findings", "cannot_tell"])
def test_no_right_operator_is_accused(key):
    rows = stored("false_alarms")
    assert rows["examples"] >= 10_000 and len(rows["operators"]) >= 30
    for row in rows["operators"]:
        count = len(row[key]) if key == "findings" else row[key]
        assert count <= (0 if key == "findings" else 0.01 * row["probes"]), row["operator"]
