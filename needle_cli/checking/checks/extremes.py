"""extremes: large and small magnitudes give finite values and gradients where the true ones are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from needle_cli.checking.checks import forward, gradient
from needle_cli.checking.checks.context import NOTHING, Question, merge
from needle_cli.checking.model import Answer, Finding, Verdict


def ask(question: Question) -> Answer:
    """Compare value and gradient at a case drawn far out in the domain.

    The value is held against the reference in a wider float; the value then vouches for the
    numeric derivative. Where rounding hides the slope altogether nothing is said: that is what
    happens far out.
    """
    if "extreme" not in question.case.tags:
        return NOTHING
    with np.errstate(all="ignore"):
        value = forward.against_reference(question)
        if value.findings:
            return _worded(value)
        slope = gradient.ask(question)
    if slope.verdict in (Verdict.CANNOT_TELL, Verdict.NO_DERIVATIVE):
        return value
    return _worded(merge([value, slope]))


def _worded(answer: Answer) -> Answer:
    findings = tuple(_renamed(finding) for finding in answer.findings)
    return replace(answer, findings=findings)


def _renamed(finding: Finding) -> Finding:
    return replace(finding, check="extremes", message=f"far out in the domain: {finding.message}")
