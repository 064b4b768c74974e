"""The cost of a passing check compared with its bare evaluations, on the host and on a device.

Sizes go from ten entries to `--largest`. Each row is one operator and size on one device. The share
is relative to the device's own rate (of copying for elementwise operators and reductions, of matrix
products for matmul and conv), measured in the same run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.results import machine, store
from needle import Tensor, backend, ops
from needle_cli.checking import check_function
from needle_cli.checking.model import Case
from needle_cli.engines.course_shaped import EngineEvaluation, EngineOperator
from needle_cli.running.devices import why_not

LARGE = 10_000_000
"""From this number of entries, a check should cost at most `TARGET` times its bare evaluations."""

TARGET = 1.5


@dataclass(frozen=True)
class Work:
    """An operator, its inputs' shapes for a number of entries, and the work of one evaluation.

    `amount` gives, for the shapes, the least number of array entries to move, or the number of
    floating-point operations; `by` says which.
    """

    name: str
    function: Callable[..., Any]
    shapes: Callable[[int], list[tuple[int, ...]]]
    by: str
    amount: Callable[[Sequence[tuple[int, ...]]], float]


def _square(size: int) -> list[tuple[int, ...]]:
    n = max(2, int(size**0.5))
    return [(n, n), (n, n)]


def _images(size: int) -> list[tuple[int, ...]]:
    side = 4 if size < 1000 else 32
    channels = 2 if size < 1000 else 16
    return [(max(1, size // (side * side * channels)), side, side, channels),
            (3, 3, channels, channels)]  # fmt: skip


WORKS = (
    Work("exp", ops.exp, lambda n: [(n,)], "copy", lambda s: 2 * s[0][0]),
    Work("summation", lambda a: ops.summation(a, axes=(1,)), lambda n: [(max(1, n // 10), 10)],
         "copy", lambda s: 1.1 * s[0][0] * s[0][1]),
    Work("matmul", ops.matmul, _square, "multiply", lambda s: 2.0 * s[0][0] ** 3),
    Work("conv", lambda x, w: ops.conv(x, w, 1, 1), _images, "multiply",
         lambda s: 2.0 * s[0][0] * s[0][1] * s[0][2] * 9 * s[0][3] ** 2),
)  # fmt: skip


def run(device: str, largest: int, rounds: int, write: bool) -> int:
    """Time every work on the host and on the device; print a table and how many meet the target."""
    console = Console(width=120)
    reason = why_not(device)
    if reason:
        console.print(f"not measured on {device}: {reason}", markup=False)
        return 4
    rows = []
    for place in dict.fromkeys(("cpu", device)):
        for dtype in ("float32", "float64"):
            rates = {"copy": copy_rate(place, dtype), "multiply": matrix_rate(place, dtype)}
            for work in WORKS:
                size = 10
                while size <= (largest if place != "cpu" else min(largest, LARGE)):
                    rows.append(measured(work, size, place, dtype, rates, rounds))
                    size *= 10
    console.print(table(rows))
    large = [row["ratio"] for row in rows if row["size"] >= LARGE and row["device"] == device]
    if large:
        met = sum(ratio <= TARGET for ratio in large)
        console.print(f"{met} of {len(large)} large checks within {TARGET} times the bare cost")
    if write:
        content = {"device": device_name(device), "rows": rows}
        console.print(f"written to {store('gpu', content)}")
    console.print(f"{device_name(device)}; {machine()}", markup=False)
    return 0


def measured(
    work: Work, size: int, device: str, dtype: str, rates: dict[str, float], rounds: int
) -> dict[str, Any]:
    """Return the row of one work: bare and check, interleaved, in milliseconds."""
    shapes = work.shapes(size)
    rng = np.random.default_rng(0)
    place = place_of(device)
    tensors = [
        Tensor(rng.standard_normal(shape), device=place, dtype=dtype, requires_grad=True)
        for shape in shapes
    ]

    def bare() -> None:
        for kind, (forward, backward) in counts.items():
            for _ in range(forward - backward):
                work.function(*inputs[kind])
            for _ in range(backward):
                work.function(*inputs[kind]).backward()

    def check() -> None:
        if not check_function(work.function, tensors).passed:
            raise AssertionError(f"{work.name} on {device} in {dtype} is refused, and is right")

    counts = evaluations(check)
    inputs = {
        kind: [Tensor(t.realize_cached_data().astype(kind), device=place, dtype=kind)
               for t in tensors]
        for kind in counts
    }  # fmt: skip
    times: dict[str, list[float]] = {"bare": [], "check": []}
    for name, call in (("bare", bare), ("check", check)) * (rounds + 1):
        times[name].append(seconds(call, place))
    bare_time, check_time = (statistics.median(times[name][1:]) for name in ("bare", "check"))
    amount = work.amount(shapes)
    least = sum(
        amount * (forward + backward) * np.dtype(kind).itemsize / rates[work.by]
        if work.by == "copy"
        else amount * (forward + 2 * backward) / rates[work.by]
        for kind, (forward, backward) in counts.items()
    )
    return {
        "work": work.name, "size": sum(int(np.prod(s)) for s in shapes), "device": device,
        "dtype": dtype, "bare_ms": 1e3 * bare_time, "check_ms": 1e3 * check_time,
        "ratio": check_time / bare_time, "share": least / check_time,
    }  # fmt: skip


def evaluations(check: Callable[[], None]) -> dict[str, list[int]]:
    """Return the numbers of forward and backward evaluations of a check, by dtype."""
    counts: dict[str, list[int]] = {}
    forward, backward = EngineOperator.evaluate, EngineEvaluation.gradient

    def counted(kind: str, place: int) -> None:
        counts.setdefault(kind, [0, 0])[place] += 1

    def evaluate(self: EngineOperator, case: Case) -> EngineEvaluation:
        counted(str(case.leaves()[0].dtype), 0)
        return forward(self, case)

    def gradient(self: EngineEvaluation, cotangents: Any) -> Any:
        counted(str(cotangents[0].dtype), 1)
        return backward(self, cotangents)

    with (
        patch.object(EngineOperator, "evaluate", evaluate),
        patch.object(EngineEvaluation, "gradient", gradient),
    ):
        check()
    return counts


def place_of(device: str) -> Any:
    """Return the engine's object for a device."""
    kind, _, index = device.partition(":")
    return backend.cpu() if kind == "cpu" else getattr(backend, kind)(int(index or 0))


def wait_for(place: Any) -> None:
    """Wait until a GPU has finished all its work."""
    if isinstance(place, backend.CUDADevice):
        place.namespace().cuda.Device(place.index).synchronize()


def seconds(call: Callable[[], Any], place: Any) -> float:
    """Return the seconds from a call until the device has finished it."""
    wait_for(place)
    started = time.perf_counter()
    call()
    wait_for(place)
    return time.perf_counter() - started


def copy_rate(device: str, dtype: str) -> float:
    """Return the bytes per second, read and written, of a large copy on the device."""
    place = place_of(device)
    array = place.ones(LARGE, dtype=dtype)
    best = min(seconds(array.copy, place) for _ in range(5))
    return 2.0 * LARGE * np.dtype(dtype).itemsize / best


def matrix_rate(device: str, dtype: str) -> float:
    """Return the floating-point operations per second of a large matrix product."""
    place, n = place_of(device), 4096 if device.startswith("cuda") else 512
    array = place.ones(n, n, dtype=dtype)
    return 2.0 * n**3 / min(seconds(lambda: array @ array, place) for _ in range(5))


def device_name(device: str) -> str:
    """Return the product name of a GPU, or the name of another device."""
    if not device.startswith("cuda"):
        return device
    place = place_of(device)
    with place.scope():
        properties = place.namespace().cuda.runtime.getDeviceProperties(place.index)
    return str(properties["name"].decode())


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return the table of all rows."""
    made = Table(title="a passing check beside its bare evaluations")
    for name in ("work", "entries", "device", "dtype", "bare ms", "check ms", "ratio", "share"):
        made.add_column(name, justify="left" if name in ("work", "device", "dtype") else "right")
    for row in rows:
        made.add_row(
            row["work"], f"{row['size']:,}", row["device"], row["dtype"], f"{row['bare_ms']:.3f}",
            f"{row['check_ms']:.3f}", f"{row['ratio']:.2f}", f"{row['share']:.1%}",
        )  # fmt: skip
    return made
