"""`markdown`: the summary of a pull request's job, within GitHub's size limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from needle_cli.console import tame
from needle_cli.problems import counted
from needle_cli.reports.events import Row, RunInfo, Summary
from needle_cli.reports.format import Format
from needle_cli.reports.issues import Issue, failure, issues_of
from needle_cli.reports.lines import MARKS, Line, by_operator
from needle_cli.reports.numbers import percent

LARGEST = 900 * 2**10
"""Bytes of a summary; GitHub refuses more than 1 MiB."""

LONGEST = 200
"""Characters of a cause in the table; the full text follows below it."""

MOST_LISTED = 60
"""With at most this many operators, those that pass are listed too."""


class Markdown(Format):
    """One page."""

    def done(self, info: RunInfo, summary: Summary) -> str:
        """Return the summary of a run."""
        return text_of(info, summary)

    def failed(self, error: Mapping[str, Any]) -> str:
        """Return a page with the error that kept the run from starting."""
        issue = failure(error)
        place = f" ({inline(issue.path)}:{issue.line})" if issue.path else ""
        return f"### needle: could not run\n\n{plain(issue.text)}{place}\n"


def text_of(info: RunInfo, summary: Summary) -> str:
    """Return the whole summary."""
    issues = issues_of(info, summary)
    lines = by_operator(summary.rows)
    parts = [f"### needle: {_headline(lines, issues)}", ""]
    parts += _table(lines, summary)
    parts += [f"- {plain(note)}" for note in summary.remarks]
    parts += ["", f"seed {info.seed} · profile {info.profile} · {', '.join(info.devices)} · "
              f"{', '.join(info.dtypes)} · {info.examples} examples"]  # fmt: skip
    size = sum(len(part.encode()) + 1 for part in parts)
    for count, issue in enumerate(issues):
        block = _block(issue)
        size += len(block.encode()) + 1
        if size > LARGEST:
            parts.append(f"\nand {len(issues) - count} more, in the report")
            break
        parts.append(block)
    return "\n".join(parts) + "\n"


def _headline(lines: list[Line], issues: list[Issue]) -> str:
    wrong = sum(issue.serious for issue in issues)
    accepted = sum(issue.accepted for issue in issues)
    open_ = sum(issue.row is None or issue.row.is_open for issue in issues) - wrong
    words = [counted(wrong, "finding")] if wrong else []
    words += [f"{open_} unanswered"] if open_ else []
    words += [f"{counted(accepted, 'weakening')} accepted"] if accepted else []
    count = counted(len(lines), "operator")
    if not words:
        return f"{count}, no findings" if lines else "nothing judged"
    return f"{' and '.join(words)} in {count}"


def _table(lines: list[Line], summary: Summary) -> list[str]:
    """Return the table: everything that is open, and what passes if there are few operators."""
    listed = [x for x in lines if len(lines) <= MOST_LISTED or x.status not in ("pass", "known")]
    if not lines:
        return []
    was = bool(summary.before)
    reasons = _reasons(summary.rows)
    titles = ["operator", "verdict", "worst error", *(["was"] if was else []), "examples"]
    rows = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for line in listed:
        share = line.worst.of_allowed if line.worst and line.status == "pass" else None
        before = summary.before.get(line.name)
        grown = share is not None and before is not None and share > 2 * before
        shown = f"**{percent(share)}**" if grown else percent(share)
        verdict = f"{MARKS[line.status]} {reasons.get(line.name, '')}".strip()
        cells = [inline(line.name), plain(verdict), shown, *([percent(before)] if was else []),
                 str(line.examples)]  # fmt: skip
        rows.append("| " + " | ".join(cells) + " |")
    if len(listed) < len(lines):
        rows += ["", f"{len(lines) - len(listed)} other operators pass."]
    return [*rows, ""]


def _reasons(rows: tuple[Row, ...]) -> dict[str, str]:
    """Return check and cause of the worst row of every operator that does not pass."""
    found: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row.severity):
        if row.status in ("pass", "not_applicable") or row.op in found:
            continue
        cause = row.findings[0].cause or row.findings[0].message if row.findings else row.reason
        found[row.op] = shortened(f"{row.check}: {cause}")
    return found


def _block(issue: Issue) -> str:
    """Return the details of one issue, collapsed."""
    place = f" — {issue.path}:{issue.line}" if issue.path else ""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", issue.text)), default=0))
    head = f"<details><summary>{plain(issue.title + place)}</summary>"
    return f"\n{head}\n\n{fence}\n{issue.text}\n{fence}\n\n</details>"


def shortened(text: str) -> str:
    """Return a text, cut if it is too long for a cell."""
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def inline(text: str) -> str:
    """Return any text as code."""
    return "`" + tame(text).replace("`", "'").replace("|", "\\|").replace("\n", " ") + "`"


def plain(text: str) -> str:
    """Return a text on one line with Markdown and HTML escaped."""
    text = tame(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]#|~])", r"\\\1", " ".join(text.split()))
