"""Canned answers by operator name, instead of `needle_cli.running.worker_tasks` in workers."""

import os
import time

HEADING = {"device": "cpu", "dtype": "float64", "file": "canned.py"}
ARRAY = {"dtype": "float64", "shape": [1], "values": [1.0]}


def row(task, check, status, **fields):
    return {
        "op": task.op, "check": check, "device": task.device, "dtype": task.dtype,
        "status": status, "reason": "", "examples": 100, "counts": {"pass": 600}, "worst": None,
        "path": "", "line": 0, "seconds": 0.1, "findings": [], "formula": "", **fields,
    }  # fmt: skip


def spot(name, index, analytic=None, numeric=None, allowed=None, of_allowed=None, wrong=True):
    return {
        "input": name, "index": index, "analytic": analytic, "numeric": numeric,
        "allowed": allowed, "of_allowed": of_allowed, "wrong": wrong,
    }  # fmt: skip


def record(task, check, shape, values):
    array = {"dtype": "float64", "shape": shape, "values": values}
    return {
        "op": task.op, "check": check, **HEADING, "inputs": {"a": array},
        "params": {"axes": {"tuple": [0, -1]}}, "cotangent": [array], "judged": ["a"],
        "silent": [], "seed": 7, "tags": [], "label": "",
    }  # fmt: skip


def wrong(task):
    elements = [
        spot("a", [i, j], 2.0 * i - j - 1, 1.0 * i - (j + 1) / 2, 1e-6)
        for i in (0, 1)
        for j in (0, 1)
    ]
    return {
        "message": "analytic and numeric derivative differ",
        "cause": "the gradient is exactly 2 × the numeric one",
        "certainty": "6 of 6 probes, spread 3e-10; nothing else fits",
        "spot": spot("a", [0], 4.0, 2.0, 1.1e-6),
        "smallest": {
            "record": record(task, "gradient", [1], [1.0]), "message": "", "label": "square",
            "shapes": {"a": [1]}, "elements": [spot("a", [0], 4.0, 2.0, 1.1e-6)],
        },
        "typical": {
            "record": None, "message": "", "label": "", "shapes": {"a": [2, 2]},
            "elements": elements,
        },
        "probes": 6,
        "add": "",
    }  # fmt: skip


def judge(task, breadcrumb):
    name = task.op.rpartition("/")[2]
    worst = spot("a", [1, 0], of_allowed=0.44)
    good = [row(task, check, "pass", worst=worst) for check in task.checks]
    if name == "wrong":
        good[2] = row(
            task, task.checks[2], "fail", findings=[wrong(task)], formula="y = a^2; da = 2 a dy"
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
    return {"rows": good, "clean": True}


def load(task, breadcrumb):
    return {"problems": [], "clean": True}


def describe(check, case, task):
    return record(task, check, [1], [1.0])
