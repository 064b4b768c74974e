"""What a supervisor makes of the end of a worker, and that it leaves nothing behind itself."""

import os
import sys
import time

import pytest

from needle_cli.running.channel import CHANNEL_LOST
from needle_cli.running.local import LocalRunner, outcome_of
from needle_cli.running.processes import family_of, listed, memory_of, memory_of_all
from needle_cli.running.supervisor import CLOSED_CHANNEL, INTO_CHANNEL, ending_words
from needle_cli.running.tasks import Limits, Task

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
ENDED = {"ending": "crashed", "reason": "why", "found": [], "seconds": 1.0, "check": "purity",
         "place": "", "printed": ""}  # fmt: skip


@pytest.mark.parametrize("code, said", [
    (0, "ended its process with exit code 0"),
    (-11, "crashed its process (SIGSEGV)"),
    (-9, "crashed its process (SIGKILL, perhaps because memory ran out)"),
    (-200, "crashed its process (signal 200)"),
    (CHANNEL_LOST, CLOSED_CHANNEL),
])  # fmt: skip
def test_the_end_of_a_process_in_words(code, said):
    assert ending_words(code) == said


def test_the_place_of_a_crash_is_that_of_the_case_that_was_said():
    outcome = outcome_of(Task("judge", "a/b"), ENDED | {"record": '{"check": "forward"}'})
    assert (outcome.check, outcome.record) == ("forward", {"check": "forward"})
    assert outcome_of(Task("judge", "a/b"), ENDED).check == "purity"
    assert outcome_of(Task("judge", "a/b"), ENDED | {"record": "{"}).check == "purity"


@pytest.mark.parametrize("text", ["[]", "{", "", "null"])
def test_an_answer_that_is_no_message_is_an_error(text):
    outcome = outcome_of(Task("judge", "a/b"), ENDED | {"ending": "answer", "answer": text})
    assert (outcome.ending, outcome.reason) == ("crashed", INTO_CHANNEL)
    whole = outcome_of(Task("judge", "a/b"), ENDED | {"ending": "answer", "answer": "{}"})
    assert whole.ending == "answer"


@LINUX
@pytest.mark.parametrize("forks", [True, False])
def test_a_runner_leaves_no_process_and_no_descriptor(forks):
    before = set(os.listdir("/proc/self/fd"))
    runner = LocalRunner(2, Limits(60.0, 2**30, "tests.samples.lanes", forks=forks))
    tasks = [Task("judge", f"op{k}", source="mine.py") for k in range(3)]
    found = list(runner.outcomes(tasks, lambda task: None))
    pids = {outcome.data[name] for outcome in found for name in ("worker", "process")}
    assert pids & set(family_of(os.getpid()))
    runner.close()
    until = time.monotonic() + 20
    while pids & {process.pid for process in listed()} and time.monotonic() < until:
        time.sleep(0.05)
    assert not pids & {process.pid for process in listed()}
    tracker = 1  # the resource tracker of multiprocessing, which the first process starts
    assert len(set(os.listdir("/proc/self/fd")) - before) <= tracker


@LINUX
def test_shared_memory_counts_and_what_is_shared_counts_once():
    import mmap

    size, mine = 2**25, os.getpid()
    before = memory_of(mine)
    page = mmap.mmap(-1, size)
    page.write(bytes([1]) * size)
    assert memory_of(mine) >= before + size
    child = os.fork()
    if not child:
        time.sleep(1000)
    try:
        alone, both = memory_of_all([mine]), memory_of_all([mine, child])
        assert size // 2 <= alone < both < memory_of(mine) + memory_of(child)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert memory_of(0) == 0
