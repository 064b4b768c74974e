"""Machine formats: valid against the schema, strict, free of names of people and machines."""

import getpass
import json
import re
import socket
from pathlib import Path

import jsonschema
import pytest

import needle_cli
from tests.helpers import needle, workplace

SCHEMA = json.loads(
    (Path(needle_cli.__file__).parent / "reports" / "report.schema.json").read_text("utf-8")
)
ALL = ("check", "canned.py", "-k", "not broken", "--timeout", "1", "--seed", "3")


def refuse(word):
    raise AssertionError(f"{word} is not strict JSON")


def strict(text):
    return json.loads(text, parse_constant=refuse)


def test_the_report_follows_its_schema():
    code, screen, _ = needle(*ALL, "--format", "json", stand_in=True)
    document = strict(screen)
    assert code == 1
    jsonschema.validate(document, SCHEMA)
    assert {row["status"] for row in document["results"]} == {
        "pass", "fail", "cannot_tell", "error", "timeout",
    }  # fmt: skip
    ids = [row["id"] for row in document["results"]]
    assert len(ids) == len(set(ids))


def test_errors_follow_the_schema():
    for words in (["check", "--sed"], ["check", "ops", "zzz"], ["check", "ops", "-k", "("]):
        _, screen, _ = needle(*words, "--format", "json")
        jsonschema.validate(strict(screen), SCHEMA)


def test_the_schema_can_refuse():
    document = strict(needle(*ALL, "--format", "json", stand_in=True)[1])
    document["results"][0]["status"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def without_times(document):
    text = json.dumps(document)
    text = re.sub(r'"seconds": [\d.e-]+', '"seconds": 0', text)
    text = re.sub(r'"started": "[^"]+"', '"started": ""', text)
    return re.sub(r'"argv": \[[^]]*\]', '"argv": []', text)


def test_jobs_change_nothing_but_times():
    reports = [
        without_times(strict(needle(*ALL, "--format", "json", "-j", jobs, stand_in=True)[1]))
        for jobs in (1, 2, 5)
    ]
    assert reports[0] == reports[1] == reports[2]


def test_reports_carry_no_names_and_no_absolute_paths(tmp_path):
    path = tmp_path / "out.json"
    needle(*ALL, "--report", f"json={path}", workplace() / "canned.py", stand_in=True)
    text = path.read_text(encoding="utf-8")
    assert str(workplace()) not in text and str(tmp_path) not in text
    for name in {getpass.getuser(), socket.gethostname()}:
        assert not re.search(rf"\b{re.escape(name)}\b", text)


def test_several_reports_in_one_run(tmp_path):
    words = [f"--report={name}={tmp_path / name}" for name in ("json", "ndjson", "concise")]
    code, screen, errors = needle(*ALL, *words, stand_in=True)
    assert code == 1 and "✗" in screen and errors.count("wrote ") == 3
    jsonschema.validate(strict((tmp_path / "json").read_text("utf-8")), SCHEMA)
    events = [strict(line) for line in (tmp_path / "ndjson").read_text("utf-8").splitlines()]
    assert events[0]["event"] == "run_started" and events[-1]["event"] == "run_done"
    assert "canned/wrong[cpu-float64] gradient" in (tmp_path / "concise").read_text("utf-8")


def test_a_report_that_cannot_be_written_keeps_the_run_from_starting(tmp_path):
    target, other = tmp_path / "missing.xml", tmp_path / "whole.json"
    target.mkdir()
    words = [
        "check",
        "canned.py",
        "-k",
        "wrong",
        f"--report=junit={target}",
        f"--report=json={other}",
    ]
    code, _, stderr = needle(*words, stand_in=True)
    assert code == 2
    assert "cannot write the report" in stderr and "missing.xml" in stderr
    assert "cannot write" in strict(other.read_text("utf-8"))["error"]["message"]
    target.rmdir()
    code, _, stderr = needle(*words, stand_in=True)
    assert code == 1 and "cannot write" not in stderr
    assert strict(other.read_text("utf-8"))["results"]


def test_no_report_is_written_over_another(tmp_path):
    words = [f"--report={name}={tmp_path / 'one'}" for name in ("json", "ndjson")]
    code, _, stderr = needle("check", "canned.py", "-k", "wrong", *words, stand_in=True)
    assert code == 2 and "two reports" in stderr


def test_an_operator_cannot_forge_the_report():
    code, screen, _ = needle(
        "check", "operators/nasty.py", "-k", "writes_to_fd or prints", "-n", "2", "--format", "json"
    )
    document = strict(screen)
    jsonschema.validate(document, SCHEMA)
    assert code == 1
    errors = [row for row in document["results"] if row["status"] == "error"]
    assert {row["op"] for row in errors} == {"nasty/writes_to_fd", "nasty/prints"}
    assert all("printed to standard output" in row["reason"] for row in errors)
