"""`needle check specs`: every spec is valid, every operator has one."""

from __future__ import annotations

import json
import time
from typing import Any

from needle_cli import console
from needle_cli._version import __version__
from needle_cli.commands.options import warn
from needle_cli.outcomes import joined, problem_of
from needle_cli.problems import FINDINGS, PASSED
from needle_cli.schedule import BrokenWorker, LocalRunner
from needle_cli.settings import Settings
from needle_cli.worker import Task


def check_specs(settings: Settings) -> int:
    """Load and lint all specs in a worker process; return the exit code."""
    started = time.monotonic()
    data = ask_once(Task("lint", "", spec=settings["specs"], trust=settings["trust"]), settings)
    if data["problems"]:
        raise joined([problem_of(problem) for problem in data["problems"]])
    issues = data["issues"] + _asked_less(settings)
    data["issues"] = issues
    if settings["format"] == "json":
        console.write(_document(data))
    elif settings["verbosity"] > -2:
        console.write(_screen(data, time.monotonic() - started, settings))
    return FINDINGS if issues and not settings["exit-zero"] else PASSED


def _asked_less(settings: Settings) -> list[dict[str, Any]]:
    """Return what the specs, settings and known failures ask less than `--against`."""
    if not settings["against"]:
        return []
    from needle_cli import against
    from needle_cli.selection import ours

    units = ours(settings)
    found = against.compare(units, settings)
    found.judge_differs = False  # specs only: nothing is judged here
    rows = against.rows_of(found, units, settings)
    for row in rows:
        if row.status == "known":
            warn(f"{row.op}: {row.reason}")
    return [
        {"op": row.op, "path": row.path, "line": row.line, "rule": "weakening",
         "message": finding.message}
        for row in rows
        for finding in row.findings
    ]  # fmt: skip


def ask_once(task: Task, settings: Settings) -> dict[str, Any]:
    """Run one task in a worker and return its answer."""
    from needle_cli.outcomes import problem_of
    from needle_cli.run import local_runner

    runner: LocalRunner = local_runner(settings, 1)
    try:
        outcome = next(iter(runner.outcomes([task], lambda task: None)))
    finally:
        runner.close()
    if "problem" in outcome.data:
        raise problem_of(outcome.data["problem"])
    if outcome.ending != "answer" or "issues" not in outcome.data:
        detail = outcome.data.get("traceback") or outcome.reason
        raise BrokenWorker(f"reading the specs failed: {detail}")
    return outcome.data


def _document(data: dict[str, Any]) -> str:
    document = {
        "schema": "needle.specs",
        "schema_version": 1,
        "tool": {"name": "needle", "version": __version__},
        "summary": {"specs": data["count"], "findings": len(data["issues"])},
        "issues": data["issues"],
    }
    return json.dumps(document, indent=2, allow_nan=False)


def _screen(data: dict[str, Any], seconds: float, settings: Settings) -> str:
    lines = [_line(issue) for issue in data["issues"]]
    count = len(data["issues"])
    if settings["format"] == "concise":
        return "\n".join(lines)
    what = "all valid and complete" if not count else f"{count} finding{'s' * (count > 1)}"
    summary = f"{data['count']} specs, {what} · {seconds:.1f} s"
    return "\n".join([f"✗ {line}" for line in lines] + ([""] if lines else []) + [summary])


def _line(issue: dict[str, Any]) -> str:
    place = f"{issue['path']}:{issue['line']}: " if issue["path"] else ""
    return f"{place}{issue['op']}: {issue['message']} [{issue['rule']}]"
