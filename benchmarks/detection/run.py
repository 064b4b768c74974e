"""Ask `check_pair` for every case of the corpus: what is accused, passed, refused, or left open?

Work comes in portions of one category and seed. Finished portions are kept in a file, so that a
stopped run can continue.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.detection.corpus import Case, cases_of
from benchmarks.parallel import in_processes
from benchmarks.results import machine, store
from benchmarks.subjects import ROOT
from needle_cli.checking import check_pair

KEPT = ROOT / ".needle"

ANSWERS = {
    True: {"pass": "passed", "fail": "accused", "no_derivative": "accused"},
    False: {"pass": "passed", "fail": "refused"},
}
"""What a verdict means for a right pair and for a wrong one; any other is undecided."""

WANTED = {True: "passed", False: "refused"}


def answer(case: Case, seed: int) -> tuple[str, str]:
    """Return what the tool says of a case in one word, and its report."""
    forward, vjp, inputs = case.pair()
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report = check_pair(forward, vjp, inputs, seed=seed)
    except Exception as error:  # a pair may do anything; the tool has to report it
        return "fault", f"{type(error).__name__}: {error}"
    return ANSWERS[case.right].get(str(report.verdict), "undecided"), str(report)


def portion(category: str, seed: int, corpus: str) -> list[dict[str, Any]]:
    """Ask all cases of a category with one seed."""
    found = []
    for case in cases_of(corpus):
        if case.name.startswith(f"{category}/"):
            word, said = answer(case, seed)
            row = {"case": case.name, "right": case.right, "seed": seed, "answer": word}
            if word != WANTED[case.right]:
                row |= {"why": case.why, "said": said}
            found.append(row)
    return found


def run(names: Sequence[str], corpus: str, seeds: int, jobs: int, fresh: bool, write: bool) -> int:
    """Do all unfinished portions, print the tables, and return 1 if an answer is wrong."""
    half = corpus.rpartition(".")[2]
    categories = sorted({case.name.partition("/")[0] for case in cases_of(corpus)})
    chosen = [name for name in categories if not names or name in names]
    units = [(name, seed, corpus) for name in chosen for seed in range(seeds)]
    kept = KEPT / f"detection_{half}.json"
    done = read(kept, fresh)
    left = [unit for unit in units if _key(unit) not in done]
    for unit, found in in_processes(portion, left, jobs):
        done[_key(unit)] = found
        keep(kept, done)
    rows = [row for unit in units for row in done[_key(unit)]]
    _show(rows)
    if write:
        content = {"half": half, **summary(rows, seeds)}
        print(f"written to {store(f'detection_{half}', content)}")
    return (
        1
        if any(row["answer"] in ("accused", "fault") for row in rows)
        or any(not row["right"] and row["answer"] == "passed" for row in rows)
        else 0
    )


def read(kept: Path, fresh: bool) -> dict[str, Any]:
    """Return the portions that earlier runs have finished."""
    if fresh or not kept.exists():
        return {}
    done: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return done


def keep(kept: Path, done: dict[str, Any]) -> None:
    """Write the finished portions; a run that is stopped here leaves the old file."""
    kept.parent.mkdir(exist_ok=True)
    new = kept.with_suffix(".new")
    new.write_text(json.dumps(done), encoding="utf-8")
    new.replace(kept)


def counts(rows: Sequence[dict[str, Any]], right: bool) -> Counter[str]:
    """Return how often each answer was given to the right or the wrong pairs."""
    return Counter(row["answer"] for row in rows if row["right"] == right)


def summary(rows: Sequence[dict[str, Any]], seeds: int) -> dict[str, Any]:
    """Return the figures by category, and every answer that is not the wanted one."""
    found = {}
    for name in _categories(rows):
        mine = [row for row in rows if row["case"].startswith(f"{name}/")]
        found[name] = {"right": counts(mine, True), "wrong": counts(mine, False)}
    others = [
        {key: row[key] for key in ("case", "seed", "answer", "why")} for row in rows if "why" in row
    ]
    return {"seeds": seeds, "categories": found, "not as wanted": others}


def _categories(rows: Sequence[dict[str, Any]]) -> list[str]:
    return sorted({row["case"].partition("/")[0] for row in rows})


def _key(unit: tuple[Any, ...]) -> str:
    return " ".join(map(str, unit[:2]))


def _show(rows: Sequence[dict[str, Any]]) -> None:
    console = Console(width=120)
    table = Table("category")
    words = {True: ("passed", "accused", "undecided", "fault")}
    words[False] = ("refused", "passed", "undecided", "fault")
    for right, kind in ((True, "right"), (False, "wrong")):
        table.add_column(kind, justify="right")
        for word in words[right]:
            table.add_column(word, justify="right")
    lines = {
        name: [row for row in rows if row["case"].startswith(f"{name}/")]
        for name in _categories(rows)
    }
    for name, mine in {**lines, "all": list(rows)}.items():
        cells = [name]
        for right in (True, False):
            count = counts(mine, right)
            cells += [str(count.total()), *(str(count[word] or "") for word in words[right])]
        table.add_row(*cells)
    for row in rows:
        if "why" in row:
            kind = "right" if row["right"] else "wrong"
            console.print(f"{row['answer']}: {row['case']}, seed {row['seed']}", markup=False)
            console.print(f"    {kind}: {row['why']}", markup=False)
            for line in row["said"].splitlines()[:6]:
                console.print(f"    | {line}", markup=False, highlight=False)
    console.print(table)
    console.print(machine(), markup=False)
