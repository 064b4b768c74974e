"""Canned answers by operator name, instead of `needle_cli.running.worker_tasks` in workers."""

import os
import time

from needle_cli.reports import documents
from needle_cli.reports.events import CaseView, FindingView, Row, Spot

HEADING = {"device": "cpu", "dtype": "float64", "file": "canned.py"}
WORST = Spot("a", (1, 0), of_allowed=0.44)


def row(task, check, status, reason="", **fields):
    return Row(task.op, check, task.device, task.dtype, status, reason, 100, {"pass": 600},
               seconds=0.1, **fields)  # fmt: skip


def record(task, check, shape, values):
    array = {"dtype": "float64", "shape": shape, "values": values}
    return {
        "op": task.op, "check": check, **HEADING, "inputs": {"a": array},
        "params": {"axes": {"tuple": [0, -1]}}, "cotangent": [array], "judged": ["a"],
        "silent": [], "seed": 7, "tags": [], "label": "",
    }  # fmt: skip


def wrong(task):
    elements = tuple(
        Spot("a", (i, j), 2.0 * i - j - 1, 1.0 * i - (j + 1) / 2, 1e-6)
        for i in (0, 1)
        for j in (0, 1)
    )
    spot = Spot("a", (0,), 4.0, 2.0, 1.1e-6)
    return FindingView(
        "analytic and numeric derivative differ",
        "the gradient is exactly 2 × the numeric one",
        "6 of 6 probes, spread 3e-10; nothing else fits",
        spot,
        CaseView(record(task, "gradient", [1], [1.0]), "", "square", {"a": [1]}, (spot,)),
        CaseView(None, "", "", {"a": [2, 2]}, elements),
        probes=6,
        code="slope",
        cause_name="ratio",
        cause_values={"factor": "2"},
    )


def judge(task, breadcrumb):
    name = task.op.rpartition("/")[2]
    good = [row(task, check, "pass", worst=WORST) for check in task.checks]
    if name == "wrong":
        good[2] = row(
            task, task.checks[2], "fail", findings=(wrong(task),), formula="y = a^2; da = 2 a dy"
        )
    if name == "unsure":
        good[0] = row(task, task.checks[0], "cannot_tell", reason="92 of 100 probes undecided")
    if name == "broken":
        raise AssertionError("the tool's own mistake")
    if name == "crash":
        breadcrumb("gradient", None)
        os._exit(3)
    if name == "slow":
        breadcrumb("gradient", None)
        time.sleep(100)
    return {"rows": [documents.row(item, None) for item in good], "clean": True}


def load(task, breadcrumb):
    return {"problems": [], "clean": True}


def describe(check, case, task):
    return record(task, check, [1], [1.0])
