"""`needle check specs`: every spec is valid, every operator has one."""

from __future__ import annotations

import time
from collections.abc import Sequence

from needle_cli import console
from needle_cli._version import __version__
from needle_cli.cli.commands.options import warn
from needle_cli.gate import against
from needle_cli.operators.selection import is_file_word
from needle_cli.operators.unit import ours, users
from needle_cli.problems import FINDINGS, PASSED, Problem, counted
from needle_cli.running.lint import Issue, lint
from needle_cli.settings import Settings


def check_specs(settings: Settings, files: Sequence[str] = ()) -> int:
    """Load and lint the specs of users' files, or of all operators; return the exit code."""
    started = time.monotonic()
    strange = next((word for word in files if not is_file_word(word)), None)
    if strange is not None:
        raise Problem(f"check specs takes files with operators, not {strange!r}")
    found = lint(files or ("",), settings)
    issues = found.issues + _weakenings(settings, files)
    if settings["format"] == "json":
        console.write(_document(found.count, issues))
    elif settings["verbosity"] > -2:
        console.write(_screen(found.count, issues, time.monotonic() - started, settings))
    return FINDINGS if issues and not settings["exit-zero"] else PASSED


def _weakenings(settings: Settings, files: Sequence[str]) -> list[Issue]:
    """Return where specs, settings and known failures ask for less than at `--against`."""
    if not settings["against"]:
        return []
    units = [unit for file in files for unit in users(file, settings)] if files else ours(settings)
    rows = against.rows(units, units, settings)
    said = [(row.op, finding) for row in rows for finding in row.findings]
    for op, finding in said:
        if not finding.refuses:
            warn(f"{op}: {finding.message}")
    return [
        {"op": op, "path": finding.path, "line": finding.line, "rule": "weakening",
         "message": finding.message}
        for op, finding in said
        if finding.refuses
    ]  # fmt: skip


def _document(count: int, issues: list[Issue]) -> str:
    document = {
        "schema": "needle.specs",
        "schema_version": 1,
        "tool": {"name": "needle", "version": __version__},
        "summary": {"specs": count, "findings": len(issues)},
        "issues": issues,
    }
    return console.json_text(document)


def _screen(specs: int, issues: list[Issue], seconds: float, settings: Settings) -> str:
    lines = [_line(issue) for issue in issues]
    count = len(issues)
    if settings["format"] == "concise":
        return "\n".join(lines)
    what = "all valid and complete" if not count else counted(count, "finding")
    summary = f"{counted(specs, 'spec')}, {what} · {seconds:.1f} s"
    return "\n".join([f"✗ {line}" for line in lines] + ([""] if lines else []) + [summary])


def _line(issue: Issue) -> str:
    place = f"{issue['path']}:{issue['line']}: " if issue["path"] else ""
    return f"{place}{issue['op']}: {issue['message']} [{issue['rule']}]"
