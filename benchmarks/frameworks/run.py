"""Ask `check_pair` for operators of PyTorch, JAX and autograd: every finding is to be looked at.

It is a fault of the framework, to be kept in docs/found.md with a proof, or a fault of the tool.
Work comes in portions of one operator and dtype. Finished portions are kept in a file, so that a
stopped run can continue.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.detection.run import KEPT, keep, read
from benchmarks.frameworks.cases import Unsupported, case, operators_of
from benchmarks.parallel import in_processes
from benchmarks.results import machine, store
from needle_cli.checking import check_pair

PORTION = 100
"""Cases of one piece of work."""

WORDS = {"pass": "passed", "fail": "finding", "no_derivative": "finding"}
"""What a verdict counts as; any other is undecided."""


def answer(framework: str, name: str, dtype: str, seed: int, number: int) -> tuple[str, str]:
    """Return what the tool says of one case in a word, and its report."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            forward, vjp, inputs = case(framework, name, dtype, seed, number)
        except Unsupported as error:
            return "unsupported", str(error)
        try:
            report = check_pair(forward, vjp, inputs, seed=number)
        except Exception as error:  # whatever the tool raises is its fault
            return "fault", f"{type(error).__name__}: {error}"
    return WORDS.get(str(report.verdict), "undecided"), str(report)


def portion(
    framework: str, name: str, dtype: str, seed: int, start: int, count: int
) -> dict[str, Any]:
    """Ask some cases of one operator in one dtype; keep what is said where it does not pass."""
    found: Counter[str] = Counter()
    told = []
    for number in range(start, start + count):
        word, said = answer(framework, name, dtype, seed, number)
        found[word] += 1
        if word != "passed":
            told.append({"case": number, "answer": word, "said": said})
        if word == "unsupported" and number == start:
            break
    return {"answers": dict(found), "told": told}


def run(
    chosen: Sequence[str], operators: Sequence[str], dtypes: Sequence[str], cases: int, seed: int,
    jobs: int, fresh: bool, write: bool,
) -> int:  # fmt: skip
    """Do all unfinished portions, print findings and figures; return 1 if there is a finding."""
    console = Console(width=120)
    units = []
    for framework in chosen:
        if importlib.util.find_spec(framework) is None:
            console.print(f"{framework} is not installed: pip install -e '.[peers]'", markup=False)
            continue
        names = [n for n in operators_of(framework) if not operators or n in operators]
        units += [
            (framework, name, dtype, seed, start, min(PORTION, cases - start))
            for name in names
            for dtype in dtypes
            for start in range(0, cases, PORTION)
        ]
    kept = KEPT / "frameworks.json"
    done = read(kept, fresh)
    left = [unit for unit in units if _key(unit) not in done]
    for unit, found in in_processes(portion, left, jobs):
        done[_key(unit)] = found
        keep(kept, done)
    _show(console, units, done)
    rows = figures(units, done)
    if write:
        content = {"cases": cases, "seed": seed, "dtypes": list(dtypes), "operators": rows}
        print(f"written to {store('frameworks', content)}")
    return 1 if any(row["finding"] or row["fault"] for row in rows) else 0


def figures(units: Sequence[tuple[Any, ...]], done: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the counts of every operator of every framework, all dtypes together."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for unit in units:
        counts.setdefault(unit[:2], Counter()).update(done[_key(unit)]["answers"])
    words = ("passed", "finding", "undecided", "fault", "unsupported")
    return [
        {"framework": framework, "operator": name, **{word: count[word] for word in words}}
        for (framework, name), count in counts.items()
    ]


def reproduction(unit: tuple[Any, ...], number: int) -> list[str]:
    """Return the lines that ask one case again."""
    framework, name, dtype, seed = unit[:4]
    return [
        "from benchmarks.frameworks.cases import case",
        "from needle_cli.checking import check_pair",
        f'forward, vjp, inputs = case("{framework}", "{name}", "{dtype}", {seed}, {number})',
        f"print(inputs, check_pair(forward, vjp, inputs, seed={number}))",
    ]


def _key(unit: tuple[Any, ...]) -> str:
    return " ".join(map(str, unit))


def _show(console: Console, units: Sequence[tuple[Any, ...]], done: dict[str, Any]) -> None:
    for unit in units:
        for one in done[_key(unit)]["told"]:
            console.print(
                f"{one['answer']}: {' '.join(unit[:3])}, case {one['case']}", markup=False
            )
            if one["answer"] in ("finding", "fault"):
                for line in one["said"].splitlines()[:6]:
                    console.print(f"    | {line}", markup=False, highlight=False)
                for line in reproduction(unit, one["case"]):
                    console.print(f"    {line}", markup=False, highlight=False)
    table = Table("framework")
    words = ("operators", "passed", "finding", "undecided", "fault", "unsupported")
    for word in words:
        table.add_column(word, justify="right")
    rows = figures(units, done)
    for framework in dict.fromkeys(unit[0] for unit in units):
        mine = [row for row in rows if row["framework"] == framework]
        table.add_row(framework, str(len(mine)), *(str(sum(r[w] for r in mine)) for w in words[1:]))
    console.print(table)
    console.print(machine(), markup=False)
