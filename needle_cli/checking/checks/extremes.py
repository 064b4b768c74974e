"""extremes: values and gradients at large and small magnitudes are finite and right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from needle_cli.checking.checks import forward
from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import NOTHING, Question, merge
from needle_cli.checking.checks.gradient import GradientCheck, as_answer
from needle_cli.checking.claims import Claims
from needle_cli.checking.domains.registry import domain_of, family
from needle_cli.checking.model import (
    Answer,
    Array,
    Code,
    Element,
    Finding,
    OpUnderTest,
    Plan,
    Structure,
    Verdict,
)
from needle_cli.checking.numerics.comparison import compare
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.localise import elements
from needle_cli.checking.numerics.probes import entry_direction, projected

SLOPE = GradientCheck()

SHRUNK = (1.0, 2.0**-10, 2.0**-20)
"""Factors of the steps at which an output may be resolved. Chosen: at the last one the steps still
have eight bits beside the inputs."""

LARGEST_STEP, OCTAVES = 2.0**-9, 10
"""The largest of the steps whose quotients have to agree, and their number; each is half of the one
before. Chosen: they reach from above those of a comparison to below the fast one. Two that cross
periods agree by chance in one of ten cases, ten in one of a billion."""


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
        """Compare every entry of the gradient separately, for the outputs that a step resolves."""
        subject = question.wide
        with np.errstate(all="ignore"):
            seen = resolved(Line(subject, _own_direction(question)))
        shown = elements(subject, np.where(seen, question.cotangent, 0.0), question.tangent)
        found = seen.any() and any(element.wrong for element in shown or ())
        return shown if found else SLOPE.entries(question)

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
            if slope.findings and all(f.code is Code.SLOPE for f in slope.findings):
                slope = _at_resolved_outputs(question)
        if slope.verdict in (Verdict.CANNOT_TELL, Verdict.NO_DERIVATIVE):
            return value
        return _as_extremes(merge([value, slope]))


def _at_resolved_outputs(question: Question) -> Answer:
    """Compare slopes again, each output at the largest steps that resolve it.

    Far out an ordinary step may cross many periods or jumps, as those of `fmod(377, 6e-7)`, and
    its difference says nothing of the slope. An output that no step resolves is not judged.
    """
    subject, direction = question.wide, _own_direction(question)
    left, answers = np.ones(subject.vector.shape, dtype=bool), []
    for shrunk in SHRUNK:
        line = Line(subject, [shrunk * u for u in direction])
        seen = left & resolved(line)
        left &= ~seen
        if not seen.any():
            continue
        cotangent = np.where(seen, question.cotangent, 0.0)
        outcome = compare(
            line,
            cotangent,
            subject.gradients(cotangent),
            rng=question.rng("extremes", shrunk),
            tangent=question.tangent,
            factor=question.factor("gradient"),
        )
        answers.append(as_answer(subject, outcome))
    return merge(answers)


def _own_direction(question: Question) -> list[Array]:
    """Return a direction along which every entry moves in proportion to its own size."""
    subject = question.wide
    direction = entry_direction(subject, question.rng("extremes"))
    return projected(subject, direction, question.tangent)


def resolved(line: Line) -> Array:
    """Return a mask of the outputs whose difference quotients at `OCTAVES` steps agree.

    They agree to a tenth from one step to the next, or within the rounding of the output. Not
    finite ones count as resolved: what becomes of them is decided elsewhere.
    """
    steps = [LARGEST_STEP / 2**k for k in range(OCTAVES)]
    line.fetch([side * t for t in steps for side in (1, -1)])
    slopes = np.array([line.slope(t) for t in steps])
    sizes = np.maximum(np.abs(slopes[1:]), np.abs(slopes[:-1]))
    unit = 64 * line.subject.rounding * np.abs(line.origin)
    rounding = np.multiply.outer([1 / t for t in steps[1:]], unit)
    apart = np.abs(np.diff(slopes, axis=0)) > 0.1 * sizes + rounding
    return np.asarray(~apart.any(axis=0))


def _as_extremes(answer: Answer) -> Answer:
    findings = tuple(_renamed(finding) for finding in answer.findings)
    return replace(answer, findings=findings)


def _renamed(finding: Finding) -> Finding:
    return replace(finding, check="extremes", message=f"far out in the domain: {finding.message}")
