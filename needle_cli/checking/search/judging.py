"""Which cases an operator is judged on: corners first, then examples, then smaller failures."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from needle_cli.checking.checks import exact, forward, kink
from needle_cli.checking.checks.context import Question, seed_of
from needle_cli.checking.checks.inquiry import ERROR_CASE, Inquiry
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.checks.tally import Tally, row
from needle_cli.checking.claims import Claims
from needle_cli.checking.diagnosis.diagnose import diagnose
from needle_cli.checking.generation.corners import corner_structures
from needle_cli.checking.generation.realise import realise
from needle_cli.checking.generation.sampling import sample
from needle_cli.checking.model import (
    Answer,
    Case,
    Failure,
    OpUnderTest,
    Plan,
    Result,
    Structure,
    Verdict,
)
from needle_cli.checking.search import shrink
from needle_cli.checking.search.missing_kinks import Undeclared

Breadcrumb = Callable[[str, Case], None]

GENERIC = tuple(name for name in NAMES if name not in ("exact", "kink", "extremes"))

MOST_KINKED = 24
"""Cases on kinks that an operator is judged on: each asks every output along every coordinate."""


def judge(
    op: OpUnderTest,
    claims: Claims,
    plan: Plan,
    breadcrumb: Breadcrumb | None = None,
    structures: Sequence[Structure] | None = None,
) -> list[Result]:
    """Ask every check of the plan of one operator and return one row per check.

    Args:
        op: The operator, ready to be evaluated.
        claims: What its spec says.
        plan: Checks, number of examples, seed, device and dtype.
        breadcrumb: Called with check and case before every question, so that a crash can name
            them.
        structures: The cases to be, without their numbers; by default `structures_of` the plan.

    Returns:
        Rows in the order of the checks, without locations. The same arguments give the same rows
        apart from times.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if structures is None:
            structures = structures_of(op.name, claims, plan)
        return _Judge(op, claims, plan, breadcrumb).run(structures)


def structures_of(name: str, claims: Claims, plan: Plan) -> list[Structure]:
    """Return the structures of an operator's cases: its corners, then as many drawn at random.

    They follow from the operator's name, its spec, and the plan's seed, device and dtype.
    """
    seed = seed_of(plan.seed, name, "cases", plan.device, plan.dtype)
    return [*corner_structures(claims), *sample(claims, plan.examples, seed)]


def ask_again(
    op: OpUnderTest, claims: Claims, plan: Plan, check: str, case: Case
) -> Failure | None:
    """Ask one check of one recorded case; None where it has no finding there (any more)."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        inquiry = Inquiry(op, claims, plan)
        answer = inquiry.ask(check, case)
        if not answer.findings and answer.verdict is not Verdict.NO_DERIVATIVE:
            return None
        return shrink.failure_of(inquiry, check, case, answer)


class _Judge:
    def __init__(
        self, op: OpUnderTest, claims: Claims, plan: Plan, breadcrumb: Breadcrumb | None
    ) -> None:
        self.inquiry = Inquiry(op, claims, plan)
        self.op, self.claims, self.plan = op, claims, plan
        self.breadcrumb = breadcrumb
        self.tallies = {name: Tally(name) for name in NAMES if name in plan.checks}
        self.number = 0

    def run(self, structures: Sequence[Structure]) -> list[Result]:
        self._ask_error_cases()
        for structure in structures:
            self._consider(structure)
        reasons = why_not_applicable(self.op, self.claims, self.plan)
        if "kink" in self.tallies and not self.plan.first:
            self.tallies["kink"].missing = kink.unmet(self.claims, self.tallies["kink"].met)
        if not self.plan.first:
            self._look_for_kinks()
        shown = {}
        for check, tally in self.tallies.items():
            started = time.perf_counter()
            # Who wants to know whether anything fails has no use for what it looks like.
            shown[check] = () if self.plan.first else shrink.failures(self.inquiry, tally)
            tally.seconds += time.perf_counter() - started
        cause, of_value = ("", False) if self.plan.first else diagnose(self.tallies, self.inquiry)
        rows = []
        for check, tally in self.tallies.items():
            # What a wrong gradient looks like says nothing of a value that is not the reference's.
            told = cause if of_value or check != "forward" else ""
            failures = shrink.with_cause(tally, shown[check], told)
            rows.append(row(self.op.name, self.plan, tally, failures, reasons))
        return rows

    def _look_for_kinks(self) -> None:
        """Find the kinks that the spec lacks, where points without a derivative were met."""
        met = [tally for tally in self.tallies.values() if tally.kinks or tally.at_kinks]
        if met:
            missing = Undeclared(self.op, self.claims, self.plan).kinks(self.tallies)
            for tally in met:
                tally.undeclared = missing

    def _ask_error_cases(self) -> None:
        tally = self.tallies.get("forward")
        for error in self.claims.errors if tally is not None else ():
            case = replace(
                forward.error_case(self.claims, error, self.plan.dtype),
                tags=frozenset({ERROR_CASE}),
            )
            self._count("forward", None, case, None)

    def _consider(self, structure: Structure) -> None:
        """Ask every check that a structure can serve: generic, integer or far-out numbers."""
        refused = any(tally.failed for tally in self.tallies.values())
        if self.plan.first and refused:
            return
        self.number += 1
        # Doubts take long. Of an operator that is refused already they are not worth it: where
        # equal calls differ, say, no difference of gradients settles.
        ended = {n for n, t in self.tallies.items() if t.done or (refused and t.hopeless)}
        for kind, checks in self._kinds(structure):
            wanted = [n for n in checks if n in self.tallies and n not in ended]
            if wanted:
                case = realise(self.claims, structure, self.plan.dtype, kind)
                self._ask_all(wanted, structure, case)

    def _kinds(self, structure: Structure) -> Iterable[tuple[str, tuple[str, ...]]]:
        yield "generic", GENERIC
        if exact.linear_inputs(self.claims):
            yield "integer", ("exact", "parity")
        if self._may_be_kinked(structure):
            yield "kink", ("kink", "parity")
        if self.number % 4 == 1:
            yield "extreme", ("extremes",)

    def _may_be_kinked(self, structure: Structure) -> bool:
        """Tell whether a structure is small enough, and its operator has kinks or closed edges."""
        tally = self.tallies.get("kink")
        if tally is None or tally.examples >= MOST_KINKED or not kink.concerns(self.claims):
            return False
        shapes: list[tuple[int, ...]] = []
        for shape in structure.shapes.values():
            nested: Any = shape
            shapes.extend(nested if nested and isinstance(nested[0], tuple) else (nested,))
        return 0 < sum(map(math.prod, shapes)) <= kink.LARGEST

    def _ask_all(self, checks: list[str], structure: Structure, case: Case) -> None:
        """Ask in order; where compute or the form of the gradient is broken, stop there."""
        question = self.inquiry.question(case)
        for check in checks:
            answer = self._count(check, structure, case, question)
            if answer.error or (answer.findings and check == "contract"):
                text = f"not asked: {check} has a finding"
                for later in checks[checks.index(check) + 1 :]:
                    self.tallies[later].blocked = text
                return

    def _count(
        self, check: str, structure: Structure | None, case: Case, question: Question | None
    ) -> Answer:
        if self.breadcrumb is not None:
            self.breadcrumb(check, case)
        started = time.perf_counter()
        answer = self.inquiry.ask(check, case, question)
        tally = self.tallies[check]
        tally.seconds += time.perf_counter() - started
        tally.add(structure, case, answer)
        return answer


def cases_of(
    op: OpUnderTest, claims: Claims, plan: Plan, structures: Sequence[Structure]
) -> list[Case]:
    """Return every case that `judge` would ask about, in order."""
    collector = _Collector(op, claims, plan, None)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for structure in structures:
            collector._consider(structure)
    return collector.found


class _Collector(_Judge):
    """Draws the cases and asks nothing."""

    def __init__(
        self, op: OpUnderTest, claims: Claims, plan: Plan, breadcrumb: Breadcrumb | None
    ) -> None:
        super().__init__(op, claims, plan, breadcrumb)
        self.found: list[Case] = []

    def _ask_all(self, checks: list[str], structure: Structure, case: Case) -> None:
        self.found.append(case)


def why_not_applicable(op: OpUnderTest, claims: Claims, plan: Plan) -> dict[str, str]:
    """Return, for checks that a spec rules out, the line of the spec that does."""
    reasons: dict[str, str] = {}
    if not exact.linear_inputs(claims):
        reasons["exact"] = "the spec states no structure and no facts.linear_in"
    if not kink.concerns(claims):
        reasons["kink"] = "the spec declares no [[kink]], and no domain has a closed end"
    if not any(claim.differentiable and claim.dtype == "float" for claim in claims.inputs.values()):
        text = "the spec has no differentiable input"
        reasons.update(dict.fromkeys(("gradient", "linearity", "second_order", "graph"), text))
        reasons.update(dict.fromkeys(("exact", "kink", "precision"), text))
    if getattr(op, "on_host", None) is None:
        reasons["parity"] = "asked only where another device than the host is judged"
    if plan.order < 2:
        reasons["second_order"] = "order 1 was asked for"
    bounded = [
        name
        for name, claim in claims.inputs.items()
        if claim.domain.name not in ("real", "positive", "nonnegative", "nonzero", "distinct")
    ]
    if bounded:
        reasons["extremes"] = f"the domain of {', '.join(bounded)} has no far end"
    for check, ability in (("second_order", "second_order"), ("graph", "graph")):
        if ability not in op.abilities:
            reasons.setdefault(check, "the operator is not a function of tensors")
    return reasons
