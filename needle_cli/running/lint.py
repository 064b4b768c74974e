"""What specs lack that can be read: asked of a worker, since references are imported and called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from needle_cli.operators.selection import users_specs
from needle_cli.running.local import BrokenWorker
from needle_cli.running.outcomes import joined, problem_of
from needle_cli.running.session import local_runner
from needle_cli.running.worker import Task
from needle_cli.settings import Settings

Issue = dict[str, Any]
"""Operator, path, line, rule and message of one thing that a spec lacks."""


@dataclass(frozen=True)
class Linted:
    """How many specs were read, and what they lack."""

    count: int
    issues: list[Issue]


def lint(sources: Sequence[str], settings: Settings) -> Linted:
    """Return what the specs of users' files lack; those of the engine's operators for "".

    Raises `Problem` where one cannot be read.
    """
    count, issues, problems = 0, [], []
    for source in sources:
        folder = str(users_specs(source, settings)) if source else settings["specs"]
        data = _ask(Task("lint", "", folder, source, trust=settings["trust"]), settings)
        count += data["count"]
        issues += data["issues"]
        problems += [problem_of(problem) for problem in data["problems"]]
    if problems:
        raise joined(problems)
    return Linted(count, issues)


def _ask(task: Task, settings: Settings) -> dict[str, Any]:
    """Run one task in a worker and return its answer."""
    runner = local_runner(settings, 1)
    try:
        outcome = next(iter(runner.outcomes([task], lambda task: None)))
    finally:
        runner.close()
    if "problem" in outcome.data:
        raise problem_of(outcome.data["problem"])
    if outcome.ending != "answer" or "issues" not in outcome.data:
        detail = outcome.data.get("raised") or outcome.data.get("traceback") or outcome.reason
        raise BrokenWorker(f"reading the specs failed: {detail}")
    return outcome.data
