"""`--executor`: the same report through any executor, and nothing lost when a worker goes away."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future

import pytest

from needle_cli.running import executor
from needle_cli.running.tasks import Limits, Task
from tests.helpers import ROOT, environment, needle

ASKED = ("check", "ops", "exp", "log", "logsoftmax", "-n", 2, "--seed", 1, "--format", "json",
         "--select", "forward,gradient")  # fmt: skip


def results(screen):
    document = json.loads(screen)
    rows = re.sub(r'"seconds": [\d.e-]+', "", json.dumps(document["results"]))
    return rows, document


@pytest.mark.parametrize("name", ["threads", "processes"])
def test_an_executor_gives_the_report_of_this_machine(name):
    code, screen, stderr = needle(*ASKED, "--executor", f"executors:{name}", fresh=True)
    assert code == 0, stderr
    assert results(screen)[0] == results(needle(*ASKED)[1])[0]


def test_a_lost_worker_costs_nothing_and_three_are_a_finding():
    code, screen, _ = needle(*ASKED, "--executor", "executors:losing", fresh=True)
    assert code == 0 and len(results(screen)[1]["results"]) > 4
    code, screen, _ = needle(*ASKED, "--executor", "executors:losing", fresh=True, LOSE_ALL="1")
    rows = results(screen)[1]["results"]
    assert code == 1 and all(row["status"] == "error" for row in rows)
    assert "its worker was lost 3 times: RuntimeError: the worker is gone" in rows[0]["reason"]


def test_an_operator_that_ends_its_process_costs_itself_alone():
    words = ("check", "operators/nasty.py", "-k", "os_exit_three or right", "-n", 2, "--seed", 1,
             "--format", "json", "--executor", "executors:processes")  # fmt: skip
    code, screen, _ = needle(*words, fresh=True)
    rows = json.loads(screen)["results"]
    bad = {row["op"] for row in rows if row["status"] == "error"}
    assert code == 1 and bad == {"nasty/os_exit_three"}
    assert any(row["op"] == "nasty/right" and row["status"] == "pass" for row in rows)


def test_an_executor_that_never_answers_is_not_waited_for(monkeypatch):
    class Silent(Executor):
        def submit(self, *words):
            future = Future()
            future.set_running_or_notify_cancel()
            return future

    monkeypatch.setattr(executor, "TICK", 0.01)
    monkeypatch.setattr(executor, "DELAY", 0.0)
    limits = Limits(0.1, 2**30, "tests.samples.lanes", until=time.monotonic())
    runner = executor.ExecutorRunner(Silent(), limits)
    (outcome,) = runner.outcomes([Task("judge", "a/b")], lambda task: None)
    runner.close()
    assert (outcome.ending, outcome.reason) == ("timeout", "no answer within --max-time")


@pytest.mark.parametrize(
    "word, said",
    [
        ("executors", "expected MODULE:FACTORY"),
        ("executors:absent", "AttributeError"),
        ("no_such_module:make", "ModuleNotFoundError"),
        ("executors:nothing", "makes a int, which has no submit()"),
        ("executors:broken", "no scheduler at that address"),
        ("needle_cli.running.executor:dask", "DASK_SCHEDULER_ADDRESS is not set"),
    ],
)
def test_what_is_no_executor_is_refused(word, said):
    code, _, stderr = needle(*ASKED, "--executor", word)
    assert code == 2 and said in stderr


@pytest.fixture
def cluster(tmp_path):
    """Return a Dask scheduler's address and its two workers, all processes of their own."""
    pytest.importorskip("distributed")
    env = environment() | {"PYTHONPATH": str(ROOT)}
    file = tmp_path / "scheduler.json"
    common = ["--scheduler-file", str(file)]
    quiet = {
        "cwd": tmp_path,
        "env": env,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1",
            "--port", "0", "--no-dashboard"]  # fmt: skip
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1",
              "--nworkers", "1", "--host", "127.0.0.1", "--no-dashboard"]  # fmt: skip
    processes = [subprocess.Popen([*dask, *common], **quiet, start_new_session=True)]
    processes += [
        subprocess.Popen([*worker, *common], **quiet, start_new_session=True) for _ in range(2)
    ]
    try:
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        yield json.loads(file.read_text())["address"], processes[1:]
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def stored_operators():
    """Return the first ten of our operators that have a row in the matrix: all are written."""
    return list(json.loads((ROOT / "tests" / "checking" / "matrix.json").read_text("utf-8")))[:10]


def test_dask_judges_everything_though_a_worker_is_killed(cluster, tmp_path):
    address, workers = cluster
    operators = stored_operators()
    asked = (
        "check",
        "ops",
        *operators,
        "-n",
        2,
        "--seed",
        1,
        "--format",
        "json",
        "--select",
        "forward,gradient",
    )
    events = tmp_path / "events.ndjson"
    command = [sys.executable, "-m", "needle_cli", *map(str, asked), "--executor",
               "needle_cli.running.executor:dask", f"--report=ndjson={events}"]  # fmt: skip
    env = environment() | {"DASK_SCHEDULER_ADDRESS": address}
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        done = 0
        while done < 3 and process.poll() is None:
            time.sleep(0.1)
            done = events.read_text().count("operator_done") if events.exists() else 0
        os.killpg(workers[0].pid, signal.SIGKILL)
        screen, stderr = process.communicate(timeout=300)
    assert 3 <= done < len(operators), done
    assert process.returncode == 0, stderr
    rows, document = results(screen)
    assert {row["op"] for row in document["results"]} == set(operators)
    assert rows == results(needle(*asked)[1])[0]
