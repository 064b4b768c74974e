"""Right operators at thousands of awkward cases: every finding here is a false alarm.

Every check judges every operator of the engine with values scaled by 1e-8 to 1e8, with exact zeros,
ones and ties among them, in float64 and float32. The work comes in portions. Finished portions are
kept in a file, so that a stopped run can continue.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.parallel import in_processes
from benchmarks.results import machine, store
from benchmarks.subjects import ROOT, ours
from needle_cli.checking.checks.context import generator
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.claims import Claims
from needle_cli.checking.domains.registry import domain_of
from needle_cli.checking.generation.corners import informative
from needle_cli.checking.model import Plan, Status, Structure
from needle_cli.checking.search.judging import judge, structures_of
from needle_cli.specs import load_specs

DTYPES = ("float64", "float32")
PORTION = 500
"""Examples of one piece of work."""

KEPT = ROOT / ".needle" / "false_alarms.json"
FINDINGS = (Status.FAIL, Status.ERROR, Status.NO_DERIVATIVE)
DECADES = 8


def awkward(claims: Claims, drawn: Sequence[Structure], seed: int) -> list[Structure]:
    """Return structures with scales from 1e-8 to 1e8, about half of them with special values.

    A scale at which the outputs overflow or do not change shows nothing, so it is moved towards 1.
    """
    rng = generator(seed, claims.op, "awkward")
    scalable = any(
        domain_of(claim.domain).scalable
        for claim in claims.inputs.values()
        if claim.dtype == "float"
    )
    found = []
    for structure in drawn:
        exponent = rng.uniform(-DECADES, DECADES) if scalable else 0.0
        special = str(rng.choice(["none", "zeros", "units", "ties"]))
        if rng.random() < 0.5:
            special = structure.special
        for part in (1.0, 0.5, 0.25, 0.125):
            scaled = replace(structure, scale=10.0 ** (part * exponent), special=special)
            if not scalable or informative(claims, scaled):
                break
        else:
            scaled = replace(structure, special=special)
        found.append(scaled)
    return found


def portion(name: str, dtype: str, seed: int, number: int, examples: int) -> dict[str, Any]:
    """Judge one portion of an operator's examples; return counts and findings."""
    warnings.simplefilter("ignore")
    op, claims = ours(name)
    drawn_by = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    plan = Plan(NAMES, examples=examples, seed=drawn_by, dtype=dtype, shrink=False)
    structures = awkward(claims, structures_of(name, claims, plan), drawn_by)
    rows = judge(op, claims, plan, structures=structures)
    verdicts: Counter[str] = Counter()
    for row in rows:
        verdicts.update(row.counts)
    said = [
        f"seed {drawn_by}, {row.check}: "
        + "; ".join(f.finding.message for f in row.failures or ())
        + row.reason
        for row in rows
        if row.status in FINDINGS
    ]
    open_rows = [f"{row.check}: {row.reason}" for row in rows if row.status is Status.CANNOT_TELL]
    return {
        "cases": len(structures),
        "probes": dict(verdicts),
        "findings": said,
        "unanswered": open_rows,
    }


def run(names: list[str], examples: int, seed: int, jobs: int, fresh: bool, write: bool) -> int:
    """Do all unfinished portions, print a line per operator, and return 1 if there is a finding."""
    listed = [spec.name for spec in load_specs(ROOT / "specs")[0]]
    chosen = [name for name in listed if not names or name in names]
    units = [
        (name, dtype, seed, number, min(PORTION, examples - number * PORTION))
        for name in chosen
        for dtype in DTYPES
        for number in range(-(-examples // PORTION))
    ]
    done: dict[str, Any] = {}
    if KEPT.exists() and not fresh:
        done = json.loads(KEPT.read_text(encoding="utf-8"))
    left = [unit for unit in units if _key(unit) not in done]
    for unit, found in in_processes(portion, left, jobs):
        done[_key(unit)] = found
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(done), encoding="utf-8")
    rows = [_row(name, [done[_key(u)] for u in units if u[0] == name]) for name in chosen]
    _show(rows)
    if write:
        content = {"examples": examples, "seed": seed, "dtypes": list(DTYPES), "operators": rows}
        print(f"written to {store('false_alarms', content)}")
    return 1 if any(row["findings"] for row in rows) else 0


def _key(unit: tuple[Any, ...]) -> str:
    return " ".join(map(str, unit))


def _row(name: str, portions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    verdicts: Counter[str] = Counter()
    for one in portions:
        verdicts.update(one["probes"])
    return {
        "operator": name,
        "cases": sum(one["cases"] for one in portions),
        "probes": sum(verdicts.values()),
        "cannot_tell": verdicts["cannot_tell"],
        "findings": [text for one in portions for text in one["findings"]],
        "unanswered": [text for one in portions for text in one["unanswered"]],
    }


def _show(rows: Sequence[dict[str, Any]]) -> None:
    console = Console(width=110)
    table = Table("operator")
    for title in ("cases", "probes", "findings", "cannot tell"):
        table.add_column(title, justify="right")
    for row in rows:
        share = row["cannot_tell"] / max(1, row["probes"])
        told = f"{row['cannot_tell']} ({share:.2%})" if row["cannot_tell"] else "0"
        table.add_row(
            row["operator"],
            f"{row['cases']:,}",
            f"{row['probes']:,}",
            str(len(row["findings"])),
            told,
        )
    console.print(table)
    for row in rows:
        for text in [*row["findings"], *row["unanswered"]]:
            console.print(f"{row['operator']}: {text}", markup=False)
    console.print(machine(), markup=False)
