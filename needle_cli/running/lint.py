"""Lint specs in a worker, because references are imported and called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from needle_cli.operators.unit import users_specs
from needle_cli.problems import Problem, joined
from needle_cli.running.runners import answer
from needle_cli.running.tasks import Task
from needle_cli.settings import Settings

Issue = dict[str, Any]
"""Operator, path, line, rule and message of one thing that a spec lacks."""


@dataclass(frozen=True)
class Linted:
    """The number of specs that were read, and what they lack."""

    count: int
    issues: list[Issue]


def lint(sources: Sequence[str], settings: Settings) -> Linted:
    """Return what the specs of users' files lack; "" means those of the engine's operators.

    Raises `Problem` if one cannot be read.
    """
    count, issues, problems = 0, [], []
    for source in sources:
        folder = str(users_specs(source, settings)) if source else settings["specs"]
        data = answer(Task("lint", "", folder, source, trust=settings["trust"]), settings)
        count += data["count"]
        issues += data["issues"]
        problems += [Problem.of(problem) for problem in data["problems"]]
    if problems:
        raise joined(problems)
    return Linted(count, issues)
