"""Run one unit of work per operator in worker processes, with a line of progress for each."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any


def in_processes(
    work: Callable[..., Any], units: Sequence[tuple[Any, ...]], jobs: int
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every unit with the result of `work(*unit)`, as they end; print progress on stderr.

    `work` has to be a module-level function, since processes receive it by its name.
    """
    started = time.perf_counter()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(work, *unit): unit for unit in units}
        for number, done in enumerate(as_completed(running), 1):
            unit = running[done]
            spent = time.perf_counter() - started
            print(f"{number} of {len(units)}  {unit[0]}  {spent:.0f} s", file=sys.stderr)
            yield unit, done.result()
