"""kink: the gradient at declared points without a derivative, and at closed ends of domains."""

from __future__ import annotations

import numpy as np

from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import NOTHING, Question
from needle_cli.checking.checks.site import Site
from needle_cli.checking.checks.surroundings import LARGEST
from needle_cli.checking.claims import Claims
from needle_cli.checking.domains.registry import domain_of
from needle_cli.checking.kinks.registry import kink_of
from needle_cli.checking.model import Answer, OpUnderTest, Plan, Status, Structure


class KinkCheck(Check):
    """Whether the gradient at declared kinks and closed ends follows the spec."""

    name = "kink"
    numbers = "kink"
    needs_gradient = True
    most = 24
    """A case is expensive: every output along every coordinate. Tuned on the shipped specs."""

    def why_not(self, op: OpUnderTest, claims: Claims, plan: Plan) -> str:
        """Return a reason if the operator has no kink and no closed end."""
        text = "the spec declares no [[kink]], and no domain has a closed end"
        return super().why_not(op, claims, plan) or ("" if concerns(claims) else text)

    def wants(
        self, op: OpUnderTest, claims: Claims, structure: Structure, turn: int
    ) -> tuple[str, ...]:
        """Run at kinks and closed ends, if there are any and the structure is small enough."""
        fits = concerns(claims) and 0 < structure.size() <= LARGEST
        return (self.numbers,) if fits else ()

    def conclude(
        self, claims: Claims, examples: int, met: frozenset[int]
    ) -> tuple[Status, str] | None:
        """Fail if the spec declares a kink that was observed at no case."""
        text = unmet(claims, met)
        if text and not examples:
            unseen = "no case is small enough to be put on the declared kinks"
            return Status.CANNOT_TELL, unseen
        return (Status.FAIL, text) if text else None

    def ask(self, question: Question) -> Answer:
        """Judge every output of a case that lies on declared kinks or on closed ends."""
        claims, subject = question.claims, question.wide
        if claims is None or "kink" not in question.case.tags:
            return NOTHING
        if not subject.judged or not subject.vector.size or subject.case.size() > LARGEST:
            return NOTHING
        with np.errstate(all="ignore"):
            return Site(question, claims).judge(claims.kinks)


def concerns(claims: Claims) -> bool:
    """Return True if an operator has declared kinks or a domain with a closed end."""
    return bool(claims.kinks) or any(
        domain_of(claim.domain).closed_ends and claim.differentiable
        for claim in claims.inputs.values()
    )


def unmet(claims: Claims, met: frozenset[int]) -> str:
    """Return a message about the declared kinks that no case has shown, or ""."""
    words = []
    for number, kink in enumerate(claims.kinks):
        judged = any(claims.inputs[name].differentiable for name in kink.of)
        if number not in met and judged:
            at = f" at {kink.value}" if kink_of(kink).takes_value else ""
            words.append(f"the {kink.kind} of {' and '.join(kink.of)}{at}")
    if not words:
        return ""
    return (
        f"the spec declares a kink that no case has shown: {', '.join(words)}; "
        "left and right slope agree wherever it was tried"
    )
