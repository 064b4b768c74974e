"""A changed attribute of NumPy, the engine, the judge or builtins is seen, and nothing else is."""

import builtins
import sys
from types import ModuleType

import numpy as np
import pytest

import needle
from needle_cli.checking import model
from needle_cli.problems import shown_path
from needle_cli.running.side_effects import Snapshot
from needle_cli.running.worker_tasks import judge
from tests.running.test_rows import Crumbs, task

CHANGES = [
    (np, "exp", "numpy.exp"),
    (np.linalg, "norm", "numpy.linalg.norm"),
    (np, "my_own", "numpy.my_own"),
    (builtins, "len", "builtins.len"),
    (needle.ops, "exp", "needle.ops.exp"),
    (needle.Tensor, "__add__", "needle.tensor.Tensor.__add__"),
    (model.Case, "size", "needle_cli.checking.model.Case.size"),
]


@pytest.mark.parametrize("owner, attribute, name", CHANGES, ids=[c[2] for c in CHANGES])
def test_a_change_has_a_name(monkeypatch, owner, attribute, name):
    before = Snapshot()
    original = getattr(owner, attribute, None)
    monkeypatch.setattr(owner, attribute, lambda *words: original(*words), raising=False)
    assert name in before.changed()
    monkeypatch.undo()
    assert before.changed() == []


def test_an_equal_object_is_a_change_too(monkeypatch):
    class Equal(float):
        pass

    before = Snapshot()
    monkeypatch.setattr(np, "pi", Equal(np.pi))
    assert before.changed() == ["numpy.pi"]


def test_what_is_taken_away_is_a_change(monkeypatch):
    before = Snapshot()
    monkeypatch.delattr(np, "tanh")
    assert before.changed() == ["numpy.tanh"]


@pytest.mark.parametrize("part, value", [
    ("__code__", (lambda self: 0).__code__), ("__defaults__", (1,)), ("__kwdefaults__", {"a": 1}),
])  # fmt: skip
def test_what_a_function_is_made_of_is_watched(monkeypatch, part, value):
    before = Snapshot()
    monkeypatch.setattr(shown_path, part, value)
    assert before.changed() == [f"needle_cli.problems.shown_path.{part}"]


def test_a_module_that_is_replaced_is_seen(monkeypatch):
    before = Snapshot()
    monkeypatch.setitem(sys.modules, "numpy", ModuleType("numpy"))
    assert before.changed() == ["sys.modules['numpy']"]


def test_judging_changes_nothing():
    judge(task(checks=("forward", "gradient", "purity"), examples=2), Crumbs())
    before = Snapshot()
    judge(task(checks=("forward", "gradient", "purity"), examples=2), Crumbs())
    assert before.changed() == []
