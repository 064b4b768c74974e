"""`needle check ops --faults` as a whole process: the score of every operator, and the time."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

from rich.console import Console

from benchmarks.results import machine, store
from benchmarks.whole import COMMAND
from needle_cli.running.local import usable_cores


def run(write: bool) -> int:
    """Run the command with and without faults; print scores and times."""
    console = Console(width=100)
    plain, _ = _timed(COMMAND)
    spent, report = _timed([*COMMAND, "--faults"])
    scores = {
        row["op"]: row["reason"].partition(";")[0]
        for row in report["results"]
        if row["check"] == "faults"
    }
    for name, score in scores.items():
        console.print(f"{name:30} {score}", markup=False)
    cores = usable_cores()
    console.print(f"{spent:.0f} s on {cores} cores, {spent / plain:.1f} times a run without")
    console.print(machine(), markup=False)
    if write:
        rows = {"seconds": spent, "ratio": spent / plain, "cores": cores, "scores": scores}
        console.print(f"written to {store('faults', rows)}")
    return int(report["summary"]["exit_code"])


def _timed(command: list[str]) -> tuple[float, dict[str, Any]]:
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    spent = time.perf_counter() - started
    return spent, json.loads(done.stdout)
