"""`gitlab`: the code quality report, which GitLab shows in merge requests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from needle_cli import console
from needle_cli.reports.events import RunInfo, Summary
from needle_cli.reports.format import Format
from needle_cli.reports.issues import Issue, failure, issues_of


class Gitlab(Format):
    """One JSON list."""

    def done(self, info: RunInfo, summary: Summary) -> str:
        """Return the list of a run's issues."""
        return text_of(issues_of(info, summary))

    def failed(self, error: Mapping[str, Any]) -> str:
        """Return a list with only the error."""
        return text_of([failure(error)])


def text_of(issues: list[Issue]) -> str:
    """Return the document of a run's issues; a salt makes equal fingerprints distinct."""
    seen: dict[str, int] = {}
    entries = []
    for issue in issues:
        salt = seen.get(issue.fingerprint, 0)
        seen[issue.fingerprint] = salt + 1
        entries.append(_entry(issue, salt))
    return console.json_text(entries)


def _entry(issue: Issue, salt: int) -> dict[str, Any]:
    check = issue.row.check if issue.row else "needle"
    print_ = issue.fingerprint
    if salt:
        print_ = hashlib.sha256(f"{print_}\x1f{salt}".encode()).hexdigest()[:32]
    first = issue.text.partition("\n")[0]
    return {
        # GitLab does not show the name of the check, so the description repeats it.
        "description": f"{issue.title}: {first}",
        "check_name": check,
        "fingerprint": print_,
        "severity": "major" if issue.serious else "minor",
        # GitLab requires a place even if there is none, as for a wrong option.
        "location": {
            "path": issue.path or "pyproject.toml",
            "lines": {"begin": max(issue.line, 1)},
        },
    }
