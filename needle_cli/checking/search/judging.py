"""Judge an operator: run every check at corner cases, then at random ones, and shrink failures."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from needle_cli.causes import Cause
from needle_cli.checking.checks.check import NUMBERS
from needle_cli.checking.checks.context import Question, seed_of
from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.checks.registry import CHECKS
from needle_cli.checking.checks.tally import Tally, row
from needle_cli.checking.claims import Claims, SpecFunctionFailed
from needle_cli.checking.diagnosis.diagnose import diagnose
from needle_cli.checking.diagnosis.one_case import cause_at
from needle_cli.checking.generation.corners import corner_structures
from needle_cli.checking.generation.realise import realise
from needle_cli.checking.generation.sampling import sample
from needle_cli.checking.model import Answer, Case, OpUnderTest, Plan, Structure, Verdict
from needle_cli.checking.results import Failure, Result
from needle_cli.checking.search import shrink
from needle_cli.checking.search.missing_kinks import MissingKinks

Breadcrumb = Callable[[str, Case], None]
Found = Callable[[Result], None]


def judge(
    op: OpUnderTest,
    claims: Claims,
    plan: Plan,
    breadcrumb: Breadcrumb | None = None,
    structures: Sequence[Structure] | None = None,
    found: Found | None = None,
) -> list[Result]:
    """Run every check of the plan on one operator and return one row per check.

    Args:
        op: The operator, ready to be evaluated.
        claims: What its spec says.
        plan: Checks, number of examples, seed, device and dtype.
        breadcrumb: Called with check and case before every check, so that a crash report can name
            them.
        structures: The structures of the cases; by default `structures_of` the plan.
        found: Called with the row of a check at its first finding, whose case is not made smaller,
            so that a report can have it if this function never returns.

    Returns:
        Rows in the order of the checks, without locations. The same arguments give the same rows
        apart from times.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if structures is None:
            structures = structures_of(op.name, claims, plan)
        return _Judge(op, claims, plan, breadcrumb, found).run(structures)


def structures_of(name: str, claims: Claims, plan: Plan) -> list[Structure]:
    """Return the structures of an operator's cases: its corners, then `plan.examples` random ones.

    They depend only on the operator's name, its spec, and the plan.
    """
    seed = seed_of(plan.seed, name, "cases", plan.device, plan.dtype)
    return [*corner_structures(claims), *sample(claims, plan.examples, seed)]


def ask_again(
    op: OpUnderTest, claims: Claims, plan: Plan, check: str, case: Case
) -> Failure | None:
    """Run one check at one recorded case; return None if it has no finding there (any more)."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        inquiry = Inquiry(op, claims, plan)
        answer = inquiry.answer(check, case)
        if not answer.findings and answer.verdict is not Verdict.NO_DERIVATIVE:
            return None
        failure = shrink.failure_of(inquiry, check, case, answer)
        cause = cause_at(inquiry, case, [answer], failure.smallest.elements)
        finding = replace(failure.finding, cause=cause)
        return replace(failure, finding=finding, certainty="likely" if cause else "")


class _Judge:
    def __init__(
        self,
        op: OpUnderTest,
        claims: Claims,
        plan: Plan,
        breadcrumb: Breadcrumb | None = None,
        found: Found | None = None,
    ) -> None:
        self.inquiry = Inquiry(op, claims, plan)
        self.op, self.claims, self.plan = op, claims, plan
        self.breadcrumb, self.found = breadcrumb, found
        self.tallies = {name: Tally(name) for name in CHECKS if name in plan.checks}
        self.number = 0

    def run(self, structures: Sequence[Structure]) -> list[Result]:
        try:
            self._ask_own_cases()
            for structure in structures:
                self._consider(structure)
        except SpecFunctionFailed:  # one that draws; what was found before is not lost
            if not any(tally.failed for tally in self.tallies.values()):
                raise
        if not self.plan.first:
            for check, tally in self.tallies.items():
                asked = tally.examples, tally.met
                tally.conclusion = CHECKS[check].conclude(self.claims, *asked)
            with contextlib.suppress(SpecFunctionFailed):
                self._look_for_kinks()
        shown = {}
        for check, tally in self.tallies.items():
            started = time.perf_counter()
            # With `first` only the statuses are used, so the failures are not prepared.
            shown[check] = () if self.plan.first else self._failures(tally)
            tally.seconds += time.perf_counter() - started
        cause, of_value = (None, False) if self.plan.first else self._cause()
        rows = []
        for check, tally in self.tallies.items():
            # The cause of a wrong gradient does not explain a wrong value, unless it says so.
            fitting = cause if of_value or not CHECKS[check].judges_value else None
            failures = shrink.with_cause(tally, shown[check], fitting)
            why_not = CHECKS[check].why_not(self.op, self.claims, self.plan)
            rows.append(row(self.op.name, self.plan, tally, failures, why_not))
        return rows

    def _failures(self, tally: Tally) -> tuple[Failure, ...]:
        try:
            return shrink.failures(self.inquiry, tally)
        except SpecFunctionFailed:
            return tuple(
                shrink.first_failure(tally.check, entry.case, entry.answer)
                for entry in tally.failed[:1]
            )

    def _cause(self) -> tuple[Cause | None, bool]:
        try:
            return diagnose(self.tallies, self.inquiry)
        except SpecFunctionFailed:
            return None, False

    def _look_for_kinks(self) -> None:
        """Find the kinks that the spec lacks, if some cases had no derivative."""
        met = [tally for tally in self.tallies.values() if tally.kinks or tally.at_kinks]
        if met:
            missing = MissingKinks(self.op, self.claims, self.plan).kinks(self.tallies)
            for tally in met:
                tally.undeclared = missing

    def _ask_own_cases(self) -> None:
        for check in self.tallies:
            for case in CHECKS[check].own_cases(self.claims, self.plan.dtype):
                self._count(check, None, case, None)

    def _consider(self, structure: Structure) -> None:
        """Run every check at a structure, filled with the kinds of numbers that the check wants."""
        failed = any(tally.failed for tally in self.tallies.values())
        if self.plan.first and failed:
            return
        self.number += 1
        # Undecided cases take long. If the operator has failed already, hopeless checks stop: when
        # equal calls differ, for example, no difference settles.
        kinds = {
            name: CHECKS[name].wants(self.op, self.claims, structure, self.number)
            for name, tally in self.tallies.items()
            if not (tally.done or (failed and tally.hopeless) or _is_enough(tally))
        }
        for kind in NUMBERS:
            wanted = [name for name, numbers in kinds.items() if kind in numbers]
            if wanted:
                case = realise(self.claims, structure, self.plan.dtype, kind)
                self._ask_all(wanted, structure, case)

    def _ask_all(self, checks: list[str], structure: Structure, case: Case) -> None:
        """Run checks in order; stop if the operator raises or a required check has a finding."""
        question = self.inquiry.question(case)
        for check in checks:
            answer = self._count(check, structure, case, question)
            if answer.error or (answer.findings and CHECKS[check].required):
                text = f"not run: {check} has a finding"
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
        if self.found is not None and answer.findings and len(tally.failed) == 1:
            failure = shrink.first_failure(check, case, answer)
            self.found(row(self.op.name, self.plan, tally, (failure,)))
        return answer


def cases_of(
    op: OpUnderTest, claims: Claims, plan: Plan, structures: Sequence[Structure]
) -> list[Case]:
    """Return every case that `judge` would use, in order."""
    collector = _Collector(op, claims, plan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for structure in structures:
            collector._consider(structure)
    return collector.cases


class _Collector(_Judge):
    """Draws the cases and runs no check."""

    def __init__(self, op: OpUnderTest, claims: Claims, plan: Plan) -> None:
        super().__init__(op, claims, plan)
        self.cases: list[Case] = []

    def _ask_all(self, checks: list[str], structure: Structure, case: Case) -> None:
        self.cases.append(case)


def _is_enough(tally: Tally) -> bool:
    """Return True if a check has run at as many cases as it wants."""
    most = CHECKS[tally.check].most
    return most is not None and tally.examples >= most
