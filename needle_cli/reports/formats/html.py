"""`html`: one file that needs no network, with every operator, its charts and its failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from needle_cli._version import __version__
from needle_cli.problems import Problem
from needle_cli.reports import documents, trend
from needle_cli.reports.events import (
    FINDING,
    OF_THE_GATE,
    UNANSWERED,
    FindingView,
    Row,
    RunInfo,
    Summary,
)
from needle_cli.reports.format import Format, Writer
from needle_cli.reports.issues import case_text, failure, issues_of
from needle_cli.reports.lines import MARKS, Line, by_operator, footer
from needle_cli.reports.numbers import cell, percent, small
from needle_cli.settings import Settings

TEMPLATE = "report.html.jinja"
MOST_ENTRIES = 64
GROUPS = {"wrong": FINDING, "open": UNANSWERED, "known": {"known"}, "right": {"pass"}}
"""The words for filtering and sorting the table, and the statuses that each stands for."""


class Html(Format):
    """One page."""

    def __init__(self, write: Writer, settings: Settings) -> None:
        try:
            import jinja2
            import matplotlib  # noqa: F401 - asked for now, before anything is judged
        except ImportError as error:
            raise Problem(
                f"the html report needs matplotlib and jinja2 ({error.name} is missing): "
                "pip install 'needle-check[report]'"
            ) from error
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent),
            autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
        )  # fmt: skip
        self._template = environment.get_template(TEMPLATE)
        super().__init__(write, settings)
        self._earlier = [trend.earlier(path) for path in settings["earlier"]]

    def done(self, info: RunInfo, summary: Summary) -> str:
        """Return the page of a run."""
        return self._template.render(page_of(info, summary, self._earlier))

    def failed(self, error: Mapping[str, Any]) -> str:
        """Return a page with the error that kept the run from starting."""
        issue = failure(error)
        place = f"{issue.path}:{issue.line}" if issue.path else ""
        page = {"version": __version__, "failed": issue.text, "place": place}
        return self._template.render(page)


def page_of(
    info: RunInfo, summary: Summary, earlier: Sequence[Mapping[str, float]] = ()
) -> dict[str, Any]:
    """Return the data for the template."""
    operators = [
        _operator(line, info, summary, [before.get(line.name) for before in earlier])
        for line in by_operator(summary.rows)
    ]
    operators.sort(key=lambda operator: list(GROUPS).index(operator["group"]))
    issues = issues_of(info, summary)
    return {
        "version": __version__, "failed": "", "place": "", "info": info, "summary": summary,
        "operators": operators, "footer": footer(info, summary), "was": bool(summary.before),
        "serious": sum(issue.serious for issue in issues), "issues": len(issues),
        "groups": {g: sum(o["group"] == g for o in operators) for g in GROUPS},
        "internal": [f"{item.op}: {item.message}" for item in summary.internal],
    }  # fmt: skip


def _operator(
    line: Line, info: RunInfo, summary: Summary, past: Sequence[float | None]
) -> dict[str, Any]:
    """Return the template's data for one operator; `past` are its earlier worst errors."""
    from needle_cli.reports.formats import charts

    rows = [row for row in summary.rows if row.op == line.name]
    share = line.worst.of_allowed if line.worst and line.status == "pass" else None
    curve = next((row.curve for row in rows if row.curve), None)
    now = trend.worst_errors(rows).get(line.name)
    return {
        "line": line, "mark": MARKS[line.status],
        "group": next((g for g, statuses in GROUPS.items() if line.status in statuses), "right"),
        "share": percent(share), "bar": min(share or 0.0, 1.0),
        "was": percent(summary.before.get(line.name)) if summary.before else "",
        "rows": [_row(row) for row in rows],
        "formula": next((row.formula for row in rows if row.formula), ""),
        "place": f"{rows[0].path}:{rows[0].line}" if rows[0].path else "",
        "curve": charts.curve(curve) if curve else "",
        "history": charts.history([*past, now]) if any(past) else "",
        "findings": [_finding(finding, row, info) for row in rows for finding in row.findings
                     if row.is_open and finding.refuses],
    }  # fmt: skip


def _row(row: Row) -> dict[str, Any]:
    worst = row.worst.of_allowed if row.worst else None
    return {
        "check": row.check, "mark": MARKS[row.status], "status": row.status,
        "where": f"{row.device} {row.dtype}", "examples": row.examples, "worst": percent(worst),
        "at": row.worst.name if row.worst else "", "reason": row.reason,
        "seconds": f"{row.seconds:.2f}",
    }  # fmt: skip


def _finding(finding: FindingView, row: Row, info: RunInfo) -> dict[str, Any]:
    from needle_cli.reports.formats import charts

    case = finding.typical if finding.typical and finding.typical.elements else finding.smallest
    elements = case.elements if case else ()
    return {
        "check": row.check, "where": f"{row.device} {row.dtype}", "status": row.status,
        "cause": finding.cause, "certainty": finding.certainty, "message": finding.message,
        "fix": finding.fix, "smallest": case_text(finding), "add": finding.add,
        "entries": [
            {"name": e.name, "analytic": cell(e.analytic), "numeric": cell(e.numeric),
             "allowed": small(e.allowed), "wrong": e.wrong}
            for e in elements[:MOST_ENTRIES]
        ],
        "heat": charts.heat(elements),
        "replay": documents.replay(finding, row, info)["command"] if finding.replay_id else "",
        "seed": "" if row.check in OF_THE_GATE else documents.seed_line(row, info),
    }  # fmt: skip
