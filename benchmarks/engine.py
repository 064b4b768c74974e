"""The engine's own costs beside PyTorch's and autograd's: time, peak memory, growth.

Times are interleaved, block by block in one thread, and shown as ratios. The peak of memory is
that of a process of its own, above what it held before the program. Growth is the time for many
members divided by that for a quarter of them: 4 is linear.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.engine_programs import GROWING, PEERS, TIMED
from benchmarks.results import machine, store

HEAVY = ("rnn", "mlp", "mlp_loop", "row_sums")
BLOCK = 5e-3
"""The least duration of a block of calls, in seconds."""


def run(rounds: int, write: bool) -> int:
    """Measure and print everything."""
    console = Console(width=120)
    times = {name: measured_times(program, rounds) for name, program in TIMED.items()}
    console.print(time_table(times))
    memory = {name: {peer: peak(name, peer) for peer in PEERS} for name in HEAVY}
    console.print(memory_table(memory))
    growth = {name: growing(program) for name, program in GROWING.items()}
    for name, (seconds, ratio) in growth.items():
        console.print(f"{name}: {1e3 * seconds:.1f} ms for 4000, {ratio:.1f} times that for 1000")
    if write:
        found = {"times": times, "memory": memory, "growth": growth}
        console.print(f"written to {store('engine', [found])}")
    console.print(machine(), markup=False)
    return 0


def measured_times(program: Callable[[str], Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median seconds of one call for every engine, timed in turn."""
    steps = {}
    for peer in PEERS:
        try:
            step = program(peer)
            step()
        except ImportError:
            continue
        steps[peer] = step
    found: dict[str, list[float]] = {peer: [] for peer in steps}
    calls = {peer: 1 + int(BLOCK / seconds(step, 2)) for peer, step in steps.items()}
    for _ in range(rounds):
        for peer, step in steps.items():
            found[peer].append(seconds(step, calls[peer]))
    return {peer: statistics.median(each) for peer, each in found.items()}


def seconds(step: Callable[[], Any], calls: int) -> float:
    """Return the mean duration of `calls` calls."""
    started = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - started) / calls


def peak(name: str, peer: str) -> float | None:
    """Return the peak of a program in MB above the process before it; None without the peer."""
    command = [sys.executable, "-m", "benchmarks.engine_programs", name, peer]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        return None
    return float(done.stdout)


def growing(program: Callable[[int], Any]) -> tuple[float, float]:
    """Return the seconds for 4000 members, and how many times those for 1000 they are."""
    program(10)
    small, large = [min(seconds(lambda n=n: program(n), 1) for _ in range(3)) for n in (1000, 4000)]  # type: ignore[misc]
    return large, large / small


def time_table(times: dict[str, dict[str, float]]) -> Table:
    """Return the table of times: ours in microseconds, and ours divided by each peer's."""
    made = Table(title="time of one step; ratios: ours divided by theirs")
    for column in ("program", "ours", *[f"/ {peer}" for peer in PEERS if peer != "needle"]):
        made.add_column(column, justify="left" if column == "program" else "right")
    for name, found in times.items():
        ours = found["needle"]
        ratios = [
            f"{ours / found[peer]:.2f}" if peer in found else "gap"
            for peer in PEERS
            if peer != "needle"
        ]
        made.add_row(name, f"{1e6 * ours:.0f} us", *ratios)
    return made


def memory_table(memory: dict[str, dict[str, float | None]]) -> Table:
    """Return the table of peaks in MB."""
    made = Table(title="peak of memory above the start, MB")
    for column in ("program", *PEERS, "ours / torch"):
        made.add_column(column, justify="left" if column == "program" else "right")
    for name, found in memory.items():
        cells = ["gap" if value is None else f"+{value:.0f}" for value in found.values()]
        ours, theirs = found["needle"], found["torch"]
        ratio = f"{ours / theirs:.2f}" if ours is not None and theirs else "gap"
        made.add_row(name, *cells, ratio)
    return made
