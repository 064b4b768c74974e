"""extremes: values and gradients at large and small magnitudes are finite and right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from needle_cli.checking.checks import forward
from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import NOTHING, Question, merge
from needle_cli.checking.checks.gradient import GradientCheck
from needle_cli.checking.claims import Claims
from needle_cli.checking.domains.registry import domain_of, family
from needle_cli.checking.model import (
    Answer,
    Element,
    Finding,
    OpUnderTest,
    Plan,
    Structure,
    Verdict,
)

SLOPE = GradientCheck()


class Extremes(Check):
    """Whether value and gradient are right far out in the domain."""

    name = "extremes"
    numbers = "extreme"
    every = 4
    """It runs at one structure in `every`, because its result depends little on the shape."""

    def why_not(self, op: OpUnderTest, claims: Claims, plan: Plan) -> str:
        """Return a reason if some inputs cannot be large."""
        bounded = [
            name
            for name, claim in claims.inputs.items()
            if family(claim) == "float" and not domain_of(claim.domain).has_far_end
        ]
        return f"the domain of {', '.join(bounded)} has no far end" if bounded else ""

    def wants(
        self, op: OpUnderTest, claims: Claims, structure: Structure, turn: int
    ) -> tuple[str, ...]:
        """Run at every fourth structure."""
        return (self.numbers,) if turn % self.every == 1 else ()

    def entries(self, question: Question) -> list[Element] | None:
        """Compare every entry of the gradient separately."""
        return SLOPE.entries(question)

    def ask(self, question: Question) -> Answer:
        """Compare value and gradient at a case drawn far out in the domain.

        The value is compared with the reference in a wider float, and the gradient with finite
        differences. If rounding hides the slope, as is normal far out, only the value counts.
        """
        if "extreme" not in question.case.tags:
            return NOTHING
        with np.errstate(all="ignore"):
            value = forward.against_reference(question)
            if value.findings:
                return _as_extremes(value)
            slope = SLOPE.ask(question)
        if slope.verdict in (Verdict.CANNOT_TELL, Verdict.NO_DERIVATIVE):
            return value
        return _as_extremes(merge([value, slope]))


def _as_extremes(answer: Answer) -> Answer:
    findings = tuple(_renamed(finding) for finding in answer.findings)
    return replace(answer, findings=findings)


def _renamed(finding: Finding) -> Finding:
    return replace(finding, check="extremes", message=f"far out in the domain: {finding.message}")
