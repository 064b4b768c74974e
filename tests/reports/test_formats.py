"""Reports for other programs: what each format promises, whatever is in names and messages."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from junitparser import Failure, JUnitXml
from markdown_it import MarkdownIt
from pydantic import ValidationError

from needle_cli import console
from needle_cli.reports import issues
from needle_cli.reports.events import (
    FindingView,
    InternalError,
    Row,
    RunDone,
    RunFailed,
    RunInfo,
    Spot,
    Summary,
)
from needle_cli.reports.formats import github, gitlab, junit, markdown, sarif
from needle_cli.reports.outputs import format_class
from needle_cli.settings import FORMATS, REPORTS, Config, resolve
from tests.helpers import needle

NASTY = 'a <b> & "c" | `d` % 100\r\n::error::no\x1b[31m [/] \ud800 *e*'
OUTSIDE = r"""(src|href)\s*=\s*"(?!\#|data:)|url\((?!\#)|@import|https?://(?!www\.w3\.org/)"""
INFO = RunInfo(0, "ci", ("check",), "2030-01-01T00:00:00+00:00", {}, ("cpu",), ("float64",),
               ("gradient",), 100, ("family/op",), "specs/")  # fmt: skip


def row(name="op", status="fail", message=NASTY, **fields):
    findings = (FindingView(message, "", "", Spot("a", (0,), 4.0, 2.0, 1e-6)),)
    usual = {"path": "needle/ops/family.py", "line": 12, "spec": "specs/family/op.toml"}
    return Row(f"family/{name}", "gradient", "cpu", "float64", status,
               findings=findings if status != "pass" else (), **{**usual, **fields})  # fmt: skip


def summary(*rows, code=1, internal=()):
    return Summary(tuple(rows), code, 1.0, internal=internal)


def written(name, event):
    text = []
    format_class(name)(text.append, resolve({}, {}, Config(None, {}))).handle(event)
    return "".join(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a report of every format, of one run."""
    place = tmp_path_factory.mktemp("reports")
    words = [f"--report={name}={place / name}" for name in REPORTS]
    code, _, _ = needle("check", "canned.py", "-k", "not broken", "--timeout", 1, "--seed", 3,
                        *words, stand_in=True)  # fmt: skip
    assert code == 1
    return place


def sarif_log(text):
    """Return a log that follows the standard; its models take long to load."""
    from pydantic_sarif import model

    return model.StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate_json(text)


def text_of(folder, name):
    return (folder / name).read_text(encoding="utf-8")


def test_junit_counts_and_places_every_check(folder):
    root = ElementTree.fromstring(text_of(folder, "junit"))
    results = json.loads(text_of(folder, "json"))["results"]
    cases = root.findall("testsuite/testcase")
    assert len(cases) == len(results) == int(root.find("testsuite").get("tests"))
    wrong = next(c for c in cases if c.find("failure") is not None)
    assert wrong.get("classname") == "canned.wrong"
    assert wrong.get("name") == "gradient[cpu-float64]"
    assert wrong.get("file") == "canned.py" and int(wrong.get("line")) > 1
    failure = wrong.find("failure")
    assert failure.get("message").startswith("the gradient is exactly 2 ×")
    assert "needle replay" in failure.text
    assert int(root.find("testsuite").get("failures")) == len(root.findall(".//failure"))
    assert root.findall(".//error")


def test_a_reader_of_junit_sees_the_same(folder):
    """Junitparser stands for the servers that show tests."""
    results = json.loads(text_of(folder, "json"))["results"]
    suite = next(iter(JUnitXml.fromfile(str(folder / "junit"))))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (
        len(results),
        *(sum(r["status"] in group for r in results) for group in (
            {"fail", "no_derivative"}, {"error", "timeout", "cannot_tell"},
            {"not_applicable", "known"},
        )),
    )  # fmt: skip
    assert suite.failures and suite.errors
    wrong = next(case for case in suite if any(isinstance(r, Failure) for r in case.result))
    assert (wrong.classname, wrong.name) == ("canned.wrong", "gradient[cpu-float64]")
    assert wrong.result[0].message.startswith("the gradient is exactly 2 ×")


def test_junit_survives_any_characters():
    root = junit.suites(INFO, summary(row(), row("known", "known", reason=NASTY)))
    read = ElementTree.fromstring(junit.text_of(root))
    assert "::error::no" in read.find(".//failure").text
    assert "\\x1b" in read.find(".//failure").text
    assert read.find(".//skipped") is not None


def test_sarif_follows_a_finding_and_not_its_line(folder):
    run = json.loads(text_of(folder, "sarif"))["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[r["ruleIndex"]] == r["ruleId"] for r in run["results"])
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]
    here, there = (
        json.loads(sarif.text_of(issues.issues_of(INFO, summary(row(line=n))), True))
        for n in (12, 99)
    )
    one, other = (d["runs"][0]["results"][0] for d in (here, there))
    assert one["partialFingerprints"] == other["partialFingerprints"]
    assert one["locations"] != other["locations"]
    spec = one["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert spec == "specs/family/op.toml"
    moved = json.loads(sarif.text_of(issues.issues_of(INFO, summary(row("other"))), True))
    result = moved["runs"][0]["results"][0]
    assert result["partialFingerprints"] != one["partialFingerprints"]


def test_sarif_is_what_its_standard_asks(folder, tmp_path):
    """The models are made of the standard's schema, and refuse what it does not name."""
    said = text_of(folder, "sarif")
    assert sarif_log(said).runs[0].results
    needle("check", "ops", "zzz", f"--report=sarif={tmp_path / 'error'}")
    unable = sarif_log((tmp_path / "error").read_text(encoding="utf-8"))
    assert unable.runs[0].invocations[0].executionSuccessful is False
    nasty = sarif.text_of(issues.issues_of(INFO, summary(row())), True)
    assert sarif_log(nasty)


@pytest.mark.parametrize("old, new", [
    ('"ruleId"', '"rule_id"'), ('"startLine": ', '"startLine": -'),
    ('"level": "error"', '"level": "bad"'),
    ('"version": "2.1.0"', '"version": "2.1"'), ('"executionSuccessful": true,', ''),
])  # fmt: skip
def test_what_the_standard_does_not_ask_is_seen(folder, old, new):
    said = text_of(folder, "sarif")
    assert old in said
    with pytest.raises(ValidationError):
        sarif_log(said.replace(old, new))


def test_annotations_cannot_be_broken_out_of():
    lines = github.lines(issues.issues_of(INFO, summary(row(), row("x,y:z"))))
    assert len(lines) == 2 and all(line.startswith("::error file=") for line in lines)
    assert all("\n" not in line and "\r" not in line for line in lines)
    assert "title=family/x%2Cy%3Az%3A gradient [cpu-float64]::" in lines[1]
    assert "%25 100" in lines[0]


def test_at_most_nine_annotations_the_worst_first():
    rows = [row(f"slow{i}", "timeout") for i in range(6)] + [row(f"wrong{i}") for i in range(6)]
    lines = github.lines(issues.issues_of(INFO, summary(*rows)))
    assert len(lines) == 10
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 6 + ["::warning"] * 4
    assert "and 3 more" in lines[-1]
    assert not github.lines([])


def test_gitlab_tells_equal_findings_apart():
    internal = (InternalError("a", "same", ""), InternalError("b", "same", ""))
    entries = json.loads(
        gitlab.text_of(issues.issues_of(INFO, summary(row(), code=3, internal=internal)))
    )
    assert len({entry["fingerprint"] for entry in entries}) == len(entries) == 3
    assert all(entry["severity"] in ("info", "minor", "major") for entry in entries)
    assert entries[2]["check_name"] in entries[2]["description"]
    assert entries[2]["location"] == {"path": "needle/ops/family.py", "lines": {"begin": 12}}


def test_markdown_renders_as_it_is_meant():
    text = markdown.text_of(INFO, summary(row(), row("fine", "pass")))
    page = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(text)
    assert "1 finding in 2 operators" in page
    assert page.count("<tr>") == 3
    assert page.count("<td>") == 2 * 4
    assert "<b>" not in page and "&lt;b&gt;" in page
    assert page.count("<details>") == 1


def test_markdown_stays_below_what_is_shown():
    rows = [row(f"op{i}", message="x" * 20_000) for i in range(400)]
    text = markdown.text_of(INFO, summary(*rows))
    assert len(text) < 2**20
    assert "more, in the report" in text


def test_the_page_needs_nothing_from_outside(folder):
    text = text_of(folder, "html")
    assert not re.search(OUTSIDE, text)
    assert "the gradient is exactly 2 × the numeric one" in text
    assert "analytic − numeric" in text and text.count("<svg") >= 1
    escaped = written("html", RunDone(INFO, summary(row())))
    assert "<b>" not in escaped.partition("<section")[2].partition("</section>")[0]


@pytest.mark.parametrize("name", REPORTS)
def test_an_error_is_told_in_every_format(name, tmp_path):
    for words, said in (
        (["check", "ops", "zzz"], "unknown operator"),
        (["check", "--no-such-option"], "no such option"),
        (["check", "broken.py"], "no such file"),
    ):
        target = tmp_path / f"{name}-{len(words)}"
        code, _, _ = needle(*words, f"--report={name}={target}")
        assert code == 2
        assert said in target.read_text(encoding="utf-8")


def test_a_report_is_no_error_twin(folder):
    assert all("could not run" not in text_of(folder, name) for name in REPORTS)


def test_actions_are_told_without_being_asked(tmp_path):
    page = tmp_path / "summary.md"
    words = ("check", "canned.py", "-k", "wrong", "--seed", 3)
    said = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": page}
    code, screen, _ = needle(*words, stand_in=True, **said)
    assert code == 1 and "\n::error file=canned.py" in screen
    assert "1 finding in 1 operator" in page.read_text(encoding="utf-8")
    _, screen, _ = needle(*words, "--annotations", "none", stand_in=True, **said)
    assert "::error" not in screen
    _, screen, _ = needle(*words, stand_in=True)
    assert "::error" not in screen


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "ndjson"])
def test_a_device_on_which_nothing_was_judged_is_told_in_every_format(name):
    said = "nothing judged on cuda: it is not there"
    missing = Summary((row(status="pass"),), 4, 1.0, unasked=(said,))
    assert said in " ".join(written(name, RunDone(INFO, missing)).replace("\\", "").split())
    assert said not in written(name, RunDone(INFO, summary(row(status="pass"), code=0)))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "html"])
def test_no_text_of_an_operator_is_a_command_or_moves_the_cursor(name, capsys, monkeypatch):
    """Names, messages, formulas, paths, notes and errors, on the screen of a build server."""
    hostile = "::stop-commands::x\n::error::y\r##[add-mask]z\x1b]0;t\x07\u202e"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    bad = replace(
        row(hostile, message=hostile, path=hostile, spec=hostile, formula=hostile, reason=hostile),
        findings=(FindingView(hostile, hostile, hostile, Spot(hostile, (0,)), add=hostile),),
    )
    other = replace(bad, op="a/b", check="spec", findings=(), status="cannot_tell")
    whole = Summary((bad, other), 1, 1.0, (hostile,), (InternalError(hostile, hostile, hostile),),
                    unasked=(hostile,))  # fmt: skip
    error = {"kind": "usage", "message": hostile, "path": hostile, "line": 3, "nearest": hostile}
    for event in (RunDone(replace(INFO, source=hostile), whole), RunFailed(error)):
        format_class(name)(console.write, resolve({}, {}, Config(None, {}))).handle(event)
    text = capsys.readouterr().out
    assert text.replace("\n", "").isprintable() and "##[" not in text
    for line in text.splitlines():
        if line.strip().startswith("::"):
            assert name == "github" and re.match(r"::(error|warning) [^:]*::[^\r]*$", line)


def test_our_own_commands_are_left(capsys):
    """Twin."""
    format_class("github")(console.write, resolve({}, {}, Config(None, {}))).handle(
        RunDone(INFO, summary(row(message="wrong")))
    )
    assert capsys.readouterr().out.startswith("::error file=needle/ops/family.py,line=12")
