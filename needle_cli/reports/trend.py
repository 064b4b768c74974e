"""Compare the worst errors of operators with those of an earlier report.

A worst error of 88 % of the bound passes like one of 4 %. If it was 4 % before, a reviewer should
see that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from needle_cli.reports import documents
from needle_cli.reports.events import Row

JUMP = 10.0
"""A worst error that grew by this factor is worth a warning."""

NOTABLE = 0.05
"""Below this share of the bound, growth means nothing."""


def worst_errors(rows: Sequence[Row]) -> dict[str, float]:
    """Return the largest share of the bound for every operator that passes."""
    found: dict[str, float] = {}
    for row in rows:
        if row.worst is not None and row.worst.of_allowed is not None and row.status == "pass":
            found[row.op] = max(found.get(row.op, 0.0), row.worst.of_allowed)
    return found


def earlier(path: str) -> dict[str, float]:
    """Return the worst errors of a report in a file; raises `Problem` if it is not a report."""
    file = Path(path)
    return worst_errors(documents.parsed(documents.read(file), file.name)[1].rows)


def warnings(rows: Sequence[Row], before: Mapping[str, float]) -> list[str]:
    """Return a line for every operator whose worst error has grown by a factor of ten."""
    return [
        f"{op}: worst error {share:.0%} of what is allowed, was {before[op]:.2g} of it "
        f"({share / before[op]:.0f} times as much)"
        for op, share in worst_errors(rows).items()
        if share >= NOTABLE and 0 < before.get(op, 0.0) <= share / JUMP
    ]
