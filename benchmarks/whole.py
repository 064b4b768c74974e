"""The time of `needle check ops`, as a whole process, by operator and by check."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

from benchmarks.results import machine, store

COMMAND = [sys.executable, "-m", "needle_cli", "check", "ops", "--format", "json", "--seed", "0"]


def run(runs: int, write: bool) -> int:
    """Time whole runs at the default profile; list the slowest operators and checks."""
    console = Console(width=100)
    walls, report = [], {}
    for _ in range(runs):
        started = time.perf_counter()
        done = subprocess.run(
            [*COMMAND, "--profile", "default"], capture_output=True, text=True, check=False
        )
        walls.append(time.perf_counter() - started)
        if done.returncode:
            console.print(done.stderr, markup=False)
            return done.returncode
        report = json.loads(done.stdout)
    seconds: dict[str, float] = {}
    checks: dict[str, float] = {}
    for row in report["results"]:
        spent = row.get("seconds", 0.0)
        seconds[row["op"]] = seconds.get(row["op"], 0.0) + spent
        checks[row["check"]] = checks.get(row["check"], 0.0) + spent
    console.print(f"needle check ops: median {statistics.median(walls):.1f} s of {runs} runs")
    for title, found in (("operator", seconds), ("check", checks)):
        table = Table(title)
        table.add_column("s", justify="right")
        for name, spent in sorted(found.items(), key=lambda item: -item[1])[:10]:
            table.add_row(name, f"{spent:.2f}")
        console.print(table)
    if write:
        rows = {"wall": walls, "operators": seconds, "checks": checks}
        console.print(f"written to {store('ops', rows)}")
    console.print(machine(), markup=False)
    return 0
