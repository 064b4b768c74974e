"""`sarif`: the format of code scanning, version 2.1.0 (OASIS, 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from needle_cli import console
from needle_cli._version import __version__
from needle_cli.explanations import CHECKS
from needle_cli.reports.events import RunInfo, Summary
from needle_cli.reports.format import Format
from needle_cli.reports.issues import Issue, failure, issues_of

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "needle/v1"
OTHERS = {
    "spec": "an operator has a spec, a spec has an operator",
    "against": "a change asks no less of an operator than was asked before",
    "faults": "the checks refuse every wrong gradient that is planted",
}
Node = dict[str, Any]


class Sarif(Format):
    """One JSON document."""

    def done(self, info: RunInfo, summary: Summary) -> str:
        """Return the document of a run."""
        return text_of(issues_of(info, summary), whole=not summary.interrupted)

    def failed(self, error: Mapping[str, Any]) -> str:
        """Return a document with only a notification of the tool."""
        return text_of([failure(error)], whole=False)


def text_of(issues: list[Issue], whole: bool) -> str:
    """Return the document of a run; issues without an operator are notifications of the tool."""
    results = [issue for issue in issues if issue.row is not None]
    used = list(dict.fromkeys(issue.row.check for issue in results if issue.row))
    told = [_notification(issue) for issue in issues if issue.row is None]
    failed = any(issue.serious for issue in issues if issue.row is None)
    run: Node = {
        "tool": {"driver": {
            "name": "needle", "version": __version__, "semanticVersion": __version__,
            "rules": [_rule(name) for name in used],
        }},
        "invocations": [{
            "executionSuccessful": whole and not failed, "toolExecutionNotifications": told,
        }],
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": {"text": "the folder in which needle was run"}}
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(issue, used) for issue in results],
    }  # fmt: skip
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return console.json_text(document)


def _rule(check: str) -> Node:
    known = CHECKS.get(check)
    if known is None:
        return {"id": check, "shortDescription": {"text": OTHERS.get(check, check)}}
    text = f"{known.asks}\n\n{known.fails}\n\n{known.fix}"
    return {
        "id": check,
        "shortDescription": {"text": known.line},
        "fullDescription": {"text": known.asks},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": "error"},
    }


def _result(issue: Issue, rules: list[str]) -> Node:
    row = issue.row
    assert row is not None
    node: Node = {
        "ruleId": row.check,
        "ruleIndex": rules.index(row.check),
        "level": "error" if issue.serious else "warning",
        "message": {"text": f"{issue.title}\n{issue.text}"},
        "locations": [_location(issue.path, issue.line)] if issue.path else [],
        # It must not depend on the line: GitHub tracks alerts across commits with it.
        "partialFingerprints": {FINGERPRINT: issue.fingerprint},
    }
    if row.spec and row.spec != row.path:
        spec = _location(row.spec, 1)
        node["relatedLocations"] = [{"id": 1, **spec, "message": {"text": "its spec"}}]
    return node


def _notification(issue: Issue) -> Node:
    level = "error" if issue.serious else "warning"
    node: Node = {"level": level, "message": {"text": f"{issue.title}: {issue.text}"}}
    return {**node, "locations": [_location(issue.path, issue.line)]} if issue.path else node


def _location(path: str, line: int) -> Node:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(path), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": max(line, 1)},
        }
    }
