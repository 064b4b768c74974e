"""Which process a task goes to: a GPU has one of its own, the host as many as asked for."""

import sys

import pytest

from needle_cli.running.devices import named_devices
from needle_cli.running.local import LocalRunner
from needle_cli.running.tasks import Limits, Task

MEMORY = 2**30


@pytest.fixture(scope="module")
def outcomes():
    runner = LocalRunner(2, Limits(60.0, MEMORY, "tests.samples.lanes"))
    devices = ("cpu", "cuda:0", "cuda:1", "sim")
    tasks = [Task("judge", f"op{k}", device=device) for k in range(4) for device in devices]
    started = []
    try:
        found = list(runner.outcomes(tasks, started.append))
    finally:
        runner.close()
    assert sorted(task.op + task.device for task in started) == sorted(
        task.op + task.device for task in tasks
    )
    return found


def processes(outcomes, *slots):
    return {o.data["process"] for o in outcomes if o.task.slot in slots}


def test_every_task_is_answered(outcomes):
    assert len(outcomes) == 16
    assert all(outcome.ending == "answer" for outcome in outcomes)


def test_every_task_has_a_worker_of_its_own(outcomes):
    assert len({outcome.data["worker"] for outcome in outcomes}) == len(outcomes)


def test_a_new_process_is_kept_for_the_operators_of_the_engine_alone():
    sources = ("", "", "mine.py", "mine.py", "")
    runner = LocalRunner(1, Limits(60.0, MEMORY, "tests.samples.lanes", forks=False))
    tasks = [Task("judge", f"op{k}", source=source) for k, source in enumerate(sources)]
    try:
        found = [outcome.data["worker"] for outcome in runner.outcomes(tasks, lambda task: None)]
    finally:
        runner.close()
    assert found[0] == found[1] == found[2]
    assert len(set(found[2:])) == 3


def test_a_gpu_has_one_supervisor_that_does_nothing_else(outcomes):
    first, second = processes(outcomes, "cuda:0"), processes(outcomes, "cuda:1")
    host = processes(outcomes, "")
    assert len(first) == len(second) == 1
    assert len(host) == 2
    assert len(first | second | host) == 4


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="rlimit is used on Linux alone")
def test_memory_is_limited_where_it_can_be(outcomes):
    for outcome in outcomes:
        assert outcome.data["pool"] == str(MEMORY)
        assert (outcome.data["limit"] == MEMORY) == (not outcome.task.slot)


def test_a_device_is_meant_once():
    assert named_devices(["cuda", "cuda:0", "cpu", "cuda:1", "cpu"]) == ("cuda", "cpu", "cuda:1")
