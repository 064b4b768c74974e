"""extremes: large and small magnitudes give finite values and gradients where the true ones are."""

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
    """Of so many structures one is asked: its numbers depend little on the shape."""

    def why_not(self, op: OpUnderTest, claims: Claims, plan: Plan) -> str:
        """Say which inputs cannot be large or small."""
        bounded = [
            name
            for name, claim in claims.inputs.items()
            if family(claim) == "float" and not domain_of(claim.domain).has_far_end
        ]
        return f"the domain of {', '.join(bounded)} has no far end" if bounded else ""

    def wants(
        self, op: OpUnderTest, claims: Claims, structure: Structure, turn: int
    ) -> tuple[str, ...]:
        """Ask at every fourth structure."""
        return (self.numbers,) if turn % self.every == 1 else ()

    def entries(self, question: Question) -> list[Element] | None:
        """Compare every entry of the gradient by itself."""
        return SLOPE.entries(question)

    def ask(self, question: Question) -> Answer:
        """Compare value and gradient at a case drawn far out in the domain.

        The value is compared with the reference in a wider float. A right value then stands for the
        numeric derivative. Where rounding hides the slope altogether nothing is said: that is what
        happens far out.
        """
        if "extreme" not in question.case.tags:
            return NOTHING
        with np.errstate(all="ignore"):
            value = forward.against_reference(question)
            if value.findings:
                return _worded(value)
            slope = SLOPE.ask(question)
        if slope.verdict in (Verdict.CANNOT_TELL, Verdict.NO_DERIVATIVE):
            return value
        return _worded(merge([value, slope]))


def _worded(answer: Answer) -> Answer:
    findings = tuple(_renamed(finding) for finding in answer.findings)
    return replace(answer, findings=findings)


def _renamed(finding: Finding) -> Finding:
    return replace(finding, check="extremes", message=f"far out in the domain: {finding.message}")
