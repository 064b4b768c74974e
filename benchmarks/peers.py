"""check_pair compared with torch's gradcheck (fast mode), and jax's and autograd's check_grads.

Each is timed warm, in blocks of calls, as in a test suite that uses one checker, and cold, with one
call after the other checkers have run and emptied the processor's caches. Blocks are interleaved.
"""

from __future__ import annotations

import importlib
import math
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.results import machine, store
from benchmarks.work import Work, works
from needle_cli.checking import check_pair

Check = Callable[[], bool]

OURS = "check_pair"

BLOCK = 2e-3
"""The least duration of a block of warm calls, in seconds."""


def of_ours(work: Work) -> Check:
    """Return our check of a work."""
    inputs = list(work.inputs)
    return lambda: check_pair(work.forward, work.vjp, inputs).passed


def of_autograd(work: Work) -> Check:
    """Return autograd's check_grads, reverse mode, order 1."""
    xp = importlib.import_module("autograd.numpy")
    check_grads = importlib.import_module("autograd.test_util").check_grads
    function = work.generic(xp)

    def check() -> bool:
        check_grads(function, modes=["rev"], order=1)(*work.inputs)
        return True

    return check


def of_jax(work: Work) -> Check:
    """Return jax's check_grads, reverse mode, order 1, in float64 on the CPU."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    check_grads = importlib.import_module("jax.test_util").check_grads
    function = work.generic(importlib.import_module("jax.numpy"))

    def check() -> bool:
        check_grads(function, work.inputs, order=1, modes=["rev"])
        return True

    return check


def of_torch(work: Work) -> Check:
    """Return torch's gradcheck in fast mode."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    function = work.generic(torch)
    tensors = [torch.tensor(a, requires_grad=True) for a in work.inputs]
    return lambda: bool(torch.autograd.gradcheck(function, tensors, fast_mode=True))


PEERS: dict[str, Callable[[Work], Check]] = {
    OURS: of_ours,
    "autograd 1": of_autograd,
    "torch fast": of_torch,
    "jax 1": of_jax,
}


@dataclass
class Row:
    """Median milliseconds of every checker for one work, and our evaluations and memory."""

    name: str
    milliseconds: dict[str, float] = field(default_factory=dict)
    cold: dict[str, float] = field(default_factory=dict)
    evaluations: str = ""
    megabytes: dict[str, float] = field(default_factory=dict)


def run(rounds: int, write: bool) -> int:
    """Time all checkers on all works; print medians, ratios, evaluations and memory."""
    console = Console(width=120)
    missing: dict[str, str] = {}
    rows = [measured(work, rounds, missing) for work in works()]
    for name, why in missing.items():
        console.print(f"gap: {name} is not measured: {why}", markup=False)
    console.print(table(rows))
    for name in PEERS:
        if name != OURS and name not in missing:
            warm = mean_ratio([row.milliseconds for row in rows], name)
            cold = mean_ratio([row.cold for row in rows], name)
            console.print(f"{name}: {warm:.2f} times our time (geometric mean), cold {cold:.2f}")
    if write:
        console.print(f"written to {store('peers', [vars(row) for row in rows])}")
    console.print(machine(), markup=False)
    return 0


def measured(work: Work, rounds: int, missing: dict[str, str]) -> Row:
    """Return one row: after one call of each, every checker is timed once per round, in turn."""
    row = Row(work.name)
    checks: dict[str, Check] = {}
    for name, make in PEERS.items():
        try:
            check = make(work)
            with np.errstate(all="ignore"):
                if not check():
                    raise AssertionError(f"{name} refuses {work.name}, which is right")
        except ImportError as error:
            missing[name] = f"{error}"
            continue
        checks[name] = check
    cold: dict[str, list[float]] = {name: [] for name in checks}
    warm: dict[str, list[float]] = {name: [] for name in checks}
    for _ in range(rounds):
        for name, check in checks.items():
            first = seconds(check, 1)
            calls = 1 + int(BLOCK / first)
            cold[name].append(first)
            warm[name].append(seconds(check, calls))
    row.milliseconds = {name: 1e3 * statistics.median(found) for name, found in warm.items()}
    row.cold = {name: 1e3 * statistics.median(found) for name, found in cold.items()}
    row.evaluations = evaluations(work)
    row.megabytes = {name: peak(check) for name, check in checks.items()}
    return row


def seconds(check: Check, calls: int) -> float:
    """Return the mean duration of `calls` calls."""
    started = time.perf_counter()
    for _ in range(calls):
        check()
    return (time.perf_counter() - started) / calls


def mean_ratio(times: Sequence[dict[str, float]], name: str) -> float:
    """Return the geometric mean over all works of a checker's time divided by ours."""
    return math.exp(statistics.fmean(math.log(found[name] / found[OURS]) for found in times))


def evaluations(work: Work) -> str:
    """Return how often our check calls forward and vjp, as "3+3"."""
    counts = [0, 0]

    def forward(*arrays: Any) -> Any:
        counts[0] += 1
        return work.forward(*arrays)

    def vjp(*arrays: Any) -> Any:
        counts[1] += 1
        return work.vjp(*arrays)

    check_pair(forward, vjp, list(work.inputs))
    return f"{counts[0]}+{counts[1]}"


def peak(check: Check) -> float:
    """Return the peak of memory allocated by one check, in MB, as tracemalloc sees it.

    NumPy reports its arrays to tracemalloc; torch and jax do not, so their figures are lower
    bounds.
    """
    tracemalloc.start()
    check()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def table(rows: list[Row]) -> Table:
    """Return the table of all rows: milliseconds, ratio to ours in brackets."""
    made = Table(title="time to check one right operator, ms (ratio to ours); peak MB of ours")
    made.add_column("work")
    for name in PEERS:
        made.add_column(name, justify="right")
    made.add_column("fwd+bwd", justify="right")
    made.add_column("MB", justify="right")
    for row in rows:
        ours = row.milliseconds[OURS]
        cells = []
        for name in PEERS:
            if name not in row.milliseconds:
                cells.append("gap")
            elif name == OURS:
                cells.append(f"{ours:.3f}")
            else:
                spent = row.milliseconds[name]
                cells.append(f"{spent:.3f} ({spent / ours:.2f})")
        made.add_row(row.name, *cells, row.evaluations, f"{row.megabytes[OURS]:.2f}")
    return made
