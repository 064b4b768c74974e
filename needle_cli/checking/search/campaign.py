"""The judge judged: every fault planted into a right gradient, and which of them is caught."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from needle_cli.checking.checks.context import generator
from needle_cli.checking.checks.second_order import of_cotangent
from needle_cli.checking.claims import Claims
from needle_cli.checking.faults.operator import GRAPH_CUT, Planted
from needle_cli.checking.faults.vocabulary import FAULTS
from needle_cli.checking.model import (
    Case,
    CaseReport,
    Code,
    Failure,
    Finding,
    Garbage,
    OperatorError,
    OpUnderTest,
    Plan,
    Result,
    Status,
)
from needle_cli.checking.numerics.probes import random_cotangent
from needle_cli.checking.point import Subject, narrow
from needle_cli.checking.search.judging import cases_of, judge, structures_of

CHECK = "faults"
"""The name of the row."""

SMALL = 64
"""Entries of a case up to which a fault is looked for in float32 and second order as well."""

REFUSED = (Status.FAIL, Status.ERROR, Status.NO_DERIVATIVE)


def plant(op: OpUnderTest, claims: Claims, plan: Plan) -> Result:
    """Return a row that says how many of the faults this operator's spec catches.

    A fault that changes no answer at any case is not counted, nor is one that the spec calls
    immune. A fault that changes one and is refused by no check is a finding, with the case at which
    it was there to be seen.
    """
    immune = {entry.fault for entry in claims.immune}
    structures = structures_of(op.name, claims, plan)
    cases = cases_of(op, claims, plan, structures)
    seconds, caught, idle = 0.0, 0, 0
    survivors: list[tuple[str, Planted]] = []
    for name in FAULTS:
        if name in immune:
            continue
        seen = Planted(op, claims, name)
        if not _shows(seen, cases):
            idle += 1
            continue
        planted = Planted(op, claims, name)
        rows = judge(
            planted, claims, replace(plan, shrink=False, first=True), structures=structures
        )
        seconds += sum(row.seconds for row in rows)
        if any(row.status in REFUSED for row in rows):
            caught += 1
        else:
            survivors.append((name, seen))
    total = caught + len(survivors)
    reason = f"{caught}/{total}"
    if idle:
        reason += f"; {idle} change nothing here"
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


def _shows(planted: Planted, cases: Sequence[Case]) -> bool:
    """Return True if a fault changes any answer, which is quicker than asking all checks in vain.

    The smaller cases are also tried in a narrow dtype and in second order.
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


def _ask(planted: Planted, case: Case) -> None:
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


def _survivor(name: str, planted: Planted) -> Failure:
    case = planted.changed_at
    assert case is not None
    message = (
        f"the planted fault {name!r} changes the gradient and no check says so: "
        f"the spec lacks cases or claims that show it, or declares too narrow a domain"
    )
    finding = Finding(CHECK, Code.FAULT_MISSED, "", None, None, None, None, message=message)
    return Failure(finding, "", CaseReport(case, None, message))
