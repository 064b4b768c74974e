"""The collector of abandoned graphs: due by bytes, rarely where there is nothing to free."""

import gc
from typing import Any

import numpy as np
import pytest

import needle as ndl
from needle import autograd, backward, lifetime
from needle.lifetime import Collector

MEGABYTES = np.broadcast_to(np.zeros(()), (2**20, 10))  # 80 of them, on paper


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> Any:
    calls: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda: calls.append(1))
    return calls


def test_it_collects_once_enough_was_walked(collections: list[int]) -> None:
    collector = Collector(count=iter(range(100, 0, -1)).__next__)
    for _ in range(4):
        collector.note([MEGABYTES, None, (MEGABYTES[:1], MEGABYTES[:1])])
    assert len(collections) == 2 and collector.limit == lifetime._LEAST


def test_it_collects_less_often_where_nothing_is_freed(collections: list[int]) -> None:
    collector = Collector(count=lambda: 7)
    for _ in range(1000):
        collector.note([MEGABYTES])
    assert len(collections) < 30 and collector.limit == lifetime._MOST


def test_it_leaves_a_disabled_collector_alone(collections: list[int]) -> None:
    collector = Collector(count=lambda: 7)
    gc.disable()
    try:
        for _ in range(10):
            collector.note([MEGABYTES])
    finally:
        gc.enable()
    assert not collections


def test_new_leaves_in_every_step_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop of the course's first homework; activations and limit are a sixteenth of real ones.

    One step has 1 MB of activations.
    """
    monkeypatch.setattr(lifetime, "_LEAST", lifetime._LEAST // 16)
    monkeypatch.setattr(backward, "_collector", Collector())
    x = ndl.Tensor(np.ones((1_250, 50), dtype="float32"), requires_grad=False)
    w = ndl.Tensor(np.ones((50, 50), dtype="float32"))
    gc.collect()
    started, counts = autograd.TENSOR_COUNTER, []
    threshold = gc.get_threshold()
    gc.set_threshold(100_000)  # Python's own collector sees too few objects to act
    try:
        for _ in range(40):
            (ndl.relu(ndl.tanh(x @ w) * 0.5)).sum().backward()
            w = ndl.Tensor(w.numpy() - 0.1 * w.grad.numpy())
            counts.append(autograd.TENSOR_COUNTER - started)
    finally:
        gc.set_threshold(*threshold)
    assert max(counts) < 40 / 2 * counts[0]
    assert min(counts[10:]) <= 2 * counts[0]
