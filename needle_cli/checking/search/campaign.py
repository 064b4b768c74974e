"""Fault injection: put every fault into a right gradient, and report which are caught."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from needle_cli.checking.checks.context import generator
from needle_cli.checking.checks.second_order import of_cotangent
from needle_cli.checking.claims import Claims
from needle_cli.checking.faults.operator import GRAPH_CUT, FaultyOperator
from needle_cli.checking.faults.vocabulary import FAULTS
from needle_cli.checking.model import (
    Case,
    Code,
    Finding,
    Garbage,
    OperatorError,
    OpUnderTest,
    Plan,
    Status,
)
from needle_cli.checking.numerics.probes import random_cotangent
from needle_cli.checking.point import Subject, narrow
from needle_cli.checking.results import CaseReport, Failure, Result
from needle_cli.checking.search.judging import cases_of, judge, structures_of

CHECK = "faults"
"""The name of the row."""

SMALL = 64
"""Up to this many entries, a fault is also looked for in float32 and in second order. Chosen."""

CAUGHT = (Status.FAIL, Status.ERROR, Status.NO_DERIVATIVE)


def plant(op: OpUnderTest, claims: Claims, plan: Plan) -> Result:
    """Return a row that says how many faults the checks catch with this operator's spec.

    A fault is not counted if it changes no gradient at any case or if the spec calls it immune. A
    fault that changes a gradient and fails no check is a finding, reported with a case at which it
    changes something.
    """
    immune = {entry.fault for entry in claims.immune}
    structures = structures_of(op.name, claims, plan)
    cases = cases_of(op, claims, plan, structures)
    seconds, caught, unchanged = 0.0, 0, 0
    survivors: list[tuple[str, FaultyOperator]] = []
    for name in FAULTS:
        if name in immune:
            continue
        seen = FaultyOperator(op, claims, name)
        if not _shows(seen, cases):
            unchanged += 1
            continue
        planted = FaultyOperator(op, claims, name)
        rows = judge(
            planted, claims, replace(plan, shrink=False, first=True), structures=structures
        )
        seconds += sum(row.seconds for row in rows)
        if any(row.status in CAUGHT for row in rows):
            caught += 1
        else:
            survivors.append((name, seen))
    total = caught + len(survivors)
    reason = f"{caught}/{total}"
    if unchanged:
        reason += f"; {unchanged} change nothing here"
    return Result(
        op=op.name,
        check=CHECK,
        device=plan.device,
        dtype=plan.dtype,
        status=Status.FAIL if survivors else Status.PASS,
        reason=reason,
        examples=total,
        counts={"pass": caught, "fail": len(survivors)},
        failures=tuple(_survivor(name, planted) for name, planted in survivors),
        seconds=seconds,
    )


def _shows(planted: FaultyOperator, cases: Sequence[Case]) -> bool:
    """Return True if a fault changes any gradient, which is quicker than running all checks.

    Small cases are also tried in float32 and in second order.
    """
    for case in cases:
        asked = [case]
        if case.size() <= SMALL:
            asked.append(narrow(case, "float32"))
        for one in asked:
            with contextlib.suppress(OperatorError, Garbage):
                _ask(planted, one)
            if planted.changed_at is not None:
                return True
    return False


def _ask(planted: FaultyOperator, case: Case) -> None:
    subject = Subject(planted, case)
    rng = generator(case.seed, "planting")
    with np.errstate(all="ignore"):
        vector = subject.rounded(16 * random_cotangent(rng, subject.vector.size))
        subject.evaluation.gradient(subject.cotangents(vector))
        if planted.fault == GRAPH_CUT and case.size() <= SMALL:
            second = Subject(
                planted.second_order(), of_cotangent(subject, subject.cotangents(vector))
            )
            second.evaluation.gradient(second.cotangents(np.ones(second.vector.shape)))


def _survivor(name: str, planted: FaultyOperator) -> Failure:
    case = planted.changed_at
    assert case is not None
    message = (
        f"the planted fault {name!r} changes the gradient and no check finds it: "
        f"the spec lacks cases or claims that show it, or declares too narrow a domain"
    )
    finding = Finding(CHECK, Code.FAULT_MISSED, "", None, None, None, None, message=message)
    return Failure(finding, "", CaseReport(case, None, message))
