"""The results so far of one check of one operator, and the report row that follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field

from needle_cli.checking.claims import Kink
from needle_cli.checking.model import Answer, Case, Plan, Status, Structure, Verdict
from needle_cli.checking.numerics.nonsmooth import AT_A_KINK
from needle_cli.checking.results import Failure, Result, Worst

CAP = 0.02
"""Share of the probes of one operator and check that may be undecided. Chosen."""

ENOUGH = 4
"""Failing cases after which a check stops for this operator. Chosen."""

ENOUGH_KINKS = 6
"""Cases without a derivative after which a check stops: each takes long to decide. Chosen."""

ENOUGH_DOUBTS = 6
"""Undecided cases, with hardly any decided ones, after which a check is hopeless. Chosen."""

KEPT = 4
"""Most passing cases that are kept: a diagnosis has to explain them too. Chosen."""

NEAR_KINK = "near kink"
"""Tag of a case that could not be moved away from a declared kink: it may have no derivative."""


@dataclass
class Failed:
    """A case with an answer that is not a plain pass, and the structure it was drawn from."""

    structure: Structure | None
    case: Case
    answer: Answer


@dataclass
class Tally:
    """Counts, worst error and failing cases of one check."""

    check: str
    examples: int = 0
    counts: dict[Verdict, int] = field(default_factory=dict)
    worst: Worst | None = None
    failed: list[Failed] = field(default_factory=list)
    passed: list[Case] = field(default_factory=list)
    undecided: list[Failed] = field(default_factory=list)
    kinks: list[Failed] = field(default_factory=list)
    at_kinks: list[Failed] = field(default_factory=list)
    shrunk: Failed | None = None
    undeclared: tuple[Kink, ...] = ()
    blocked: str = ""
    conclusion: tuple[Status, str] | None = None
    met: frozenset[int] = frozenset()
    seconds: float = 0.0

    @property
    def done(self) -> bool:
        """Whether there are enough failing cases, or too many without a derivative."""
        return len(self.failed) >= ENOUGH or len(self.kinks) >= ENOUGH_KINKS

    @property
    def some_pass(self) -> bool:
        """Whether a case had no finding."""
        return self.examples > len(self.failed)

    @property
    def hopeless(self) -> bool:
        """Whether nearly all cases so far are undecided."""
        return len(self.undecided) >= max(ENOUGH_DOUBTS, 0.8 * self.examples)

    @property
    def unexplained(self) -> list[Failed]:
        """The cases without a derivative, if the spec could declare kinks for them."""
        return [*self.kinks, *self.at_kinks] if self.undeclared else []

    def add(self, structure: Structure | None, case: Case, answer: Answer) -> None:
        """Count an answer."""
        if not answer.asked:
            return
        self.examples += 1
        self.met |= answer.met
        for verdict, count in answer.probes.items():
            self.counts[verdict] = self.counts.get(verdict, 0) + count
        if answer.where is not None and not answer.findings:
            share = answer.share
            if self.worst is None or share > self.worst.of_allowed:
                self.worst = Worst(share, answer.where[0], answer.where[1])
        if not answer.findings and len(self.passed) < KEPT and 3 < case.size() <= 48:
            self.passed.append(case)
        entry = Failed(structure, case, answer)
        if answer.findings:
            self.failed.append(entry)
        elif answer.verdict is Verdict.CANNOT_TELL:
            self.undecided.append(entry)
        elif answer.verdict is Verdict.NO_DERIVATIVE and NEAR_KINK not in case.tags:
            self.kinks.append(entry)
        elif AT_A_KINK in answer.notes and NEAR_KINK not in case.tags:
            self.at_kinks.append(entry)

    def status(self) -> tuple[Status, str]:
        """Return the row's status, and its reason unless it is pass or fail."""
        if self.failed:
            crashed = all(entry.answer.error for entry in self.failed)
            return (Status.ERROR if crashed else Status.FAIL), ""
        if self.unexplained:
            said = dict.fromkeys(n for entry in self.unexplained for n in entry.answer.notes)
            return Status.NO_DERIVATIVE, "; ".join(said) or "a point without a derivative"
        if self.conclusion and not self.blocked:
            return self.conclusion
        if not self.examples:
            return (Status.ERROR, self.blocked) if self.blocked else (Status.NOT_APPLICABLE, "")
        probes = sum(self.counts.values())
        # A point without a derivative that no [[kink]] can describe counts as undecided.
        doubts = self.counts.get(Verdict.CANNOT_TELL, 0) + len(self.kinks)
        if doubts > CAP * probes:
            entries = [*self.undecided, *self.kinks]
            notes = "; ".join(dict.fromkeys(n for e in entries for n in e.answer.notes))
            return Status.CANNOT_TELL, f"{doubts} of {probes} probes undecided: {notes}"
        return Status.PASS, ""


def row(
    op: str, plan: Plan, tally: Tally, failures: tuple[Failure, ...], why_not: str = ""
) -> Result:
    """Return the report's row for a tally; `why_not` says why the check does not apply."""
    status, reason = tally.status()
    if not tally.examples and why_not:
        status = Status.NOT_APPLICABLE  # even if it was blocked by a finding of another check
    if status is Status.NOT_APPLICABLE:
        reason = why_not or "the check applies to no case of this spec"
    return Result(
        op=op,
        check=tally.check,
        device=plan.device,
        dtype=plan.dtype,
        status=status,
        reason=reason,
        examples=tally.examples,
        counts={verdict.value: count for verdict, count in sorted(tally.counts.items())},
        worst=tally.worst,
        failures=failures,
        seconds=tally.seconds,
    )
