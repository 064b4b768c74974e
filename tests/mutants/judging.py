"""What a worker does with a mutant: the engine with the edit first, then the judging of the tool.

Stands in for `needle_cli.running.worker_tasks` in worker processes. `task.names` holds the module
that is edited, its text, and whatever tells tasks apart; without them the engine is as on disk.
"""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import Any

from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.running import worker_tasks
from needle_cli.running.tasks import Breadcrumb, Data, Task
from needle_cli.specs import load_spec
from tests.mutants import agreement, engine

describe = worker_tasks.describe
load = worker_tasks.load

_specs: dict[str, Any] = {}


def _remembered(task: Task) -> Any:
    """Return a spec and no module; reading one takes longer than some judgements."""
    if task.spec not in _specs:
        _specs[task.spec] = load_spec(Path(task.spec))
    return _specs[task.spec], None


worker_tasks._spec = _remembered


def _settle(task: Task) -> None:
    """Make the engine that a task asks for the one that is imported."""
    with contextlib.suppress(Exception):  # what cannot be imported is the operator's error
        engine.install(*task.names[:2])


def judge(task: Task, breadcrumb: Breadcrumb) -> Data:
    """Judge an operator of the edited engine."""
    _remembered(task)
    _settle(task)
    # The next task brings an engine of its own: no reason to give the process up.
    return worker_tasks.judge(task, breadcrumb) | {"clean": True}


def again(task: Task, breadcrumb: Breadcrumb) -> Data:
    """Ask a recorded question of the edited engine again."""
    _remembered(task)
    _settle(task)
    return worker_tasks.again(task, breadcrumb) | {"clean": True}


def compare(task: Task, breadcrumb: Breadcrumb) -> Data:
    """Compare the gradients of the edited engine with those of the one on disk, by value."""
    spec, _ = _remembered(task)
    operators = []
    for names in ((), task.names[:2]):
        engine.install(*names)
        owner = importlib.import_module(spec.claims.op.partition(":")[0])
        function = getattr(owner, spec.claims.function)
        operators.append(operator_under_test(function, spec.claims, name=task.op))
    original, edited = operators
    found = agreement.compare(original, edited, spec.claims, task.examples, task.seed)
    return {"agreement": found, "clean": True}
