"""`junit`: a suite per family, and a test case per operator and check, for CI servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from needle_cli.console import tame
from needle_cli.reports.events import Row, RunInfo, Summary
from needle_cli.reports.format import Format
from needle_cli.reports.issues import failure, issue_of, place_of, unasked_of

Element = ElementTree.Element


class Junit(Format):
    """One XML document."""

    def done(self, info: RunInfo, summary: Summary) -> str:
        """Return the document of a run."""
        return text_of(suites(info, summary))

    def failed(self, error: Mapping[str, Any]) -> str:
        """Return a document whose one test case is the error."""
        return text_of(failed(error))


def suites(info: RunInfo, summary: Summary) -> Element:
    """Return the root element of a run."""
    root = ElementTree.Element("testsuites", name="needle")
    families: dict[str, list[Row]] = {}
    for row in summary.rows:
        families.setdefault(row.op.rpartition("/")[0], []).append(row)
    for family, rows in families.items():
        suite = _suite(root, family, info.started)
        for row in rows:
            suite.append(_case(row, info))
        _count(suite)
    own = [(f"judging {item.op}", item.message, "internal") for item in summary.internal]
    own += [(issue.title, issue.text, "unasked") for issue in unasked_of(summary)]
    if own:
        suite = _suite(root, "needle", info.started)
        for name, text, kind in own:
            case = ElementTree.SubElement(
                suite, "testcase", classname="needle", name=_clean(name), time="0"
            )
            _add_outcome(case, "error", text, text, kind)
        _count(suite)
    return root


def failed(error: Mapping[str, Any]) -> Element:
    """Return the root element of a run that failed."""
    issue = failure(error)
    root = ElementTree.Element("testsuites", name="needle")
    suite = _suite(root, "needle", "")
    case = ElementTree.SubElement(suite, "testcase", classname="needle", name="run", time="0")
    if issue.path:
        case.set("file", issue.path)
        case.set("line", str(issue.line or 1))
    _add_outcome(case, "error", issue.text, issue.title, str(error["kind"]))
    _count(suite)
    return root


def text_of(root: Element) -> str:
    """Return the document of a root element."""
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _suite(root: Element, name: str, started: str) -> Element:
    suite = ElementTree.SubElement(root, "testsuite", name=name)
    if started:
        suite.set("timestamp", started.partition("+")[0])
    return suite


def _case(row: Row, info: RunInfo) -> Element:
    case = ElementTree.Element(
        "testcase", classname=row.op.replace("/", "."), name=f"{row.check}[{place_of(row)}]",
        time=f"{row.seconds:.3f}",
    )  # fmt: skip
    if row.path:
        case.set("file", row.path)
        case.set("line", str(row.line))
    if row.status in ("not_applicable", "known"):
        ElementTree.SubElement(case, "skipped", message=_clean(row.reason or row.status))
    elif row.is_open:
        issue = issue_of(row, info)
        wrong = row.status in ("fail", "no_derivative")
        first = issue.text.partition("\n")[0]
        _add_outcome(case, "failure" if wrong else "error", first, issue.text, row.status)
    return case


def _add_outcome(case: Element, kind: str, message: str, text: str, name: str) -> None:
    child = ElementTree.SubElement(case, kind, message=_clean(message), type=name)
    child.text = _clean(text)


def _clean(text: str) -> str:
    """Return a text without the characters that XML 1.0 cannot represent."""
    return "".join(
        c if c in "\n\t" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")
        else f"\\x{ord(c):02x}"
        for c in tame(text)
    )  # fmt: skip


def _count(suite: Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(kind) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.3f}")
