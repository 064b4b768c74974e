"""The error of the numeric slope by step at one typical case.

Large steps have a truncation error, small ones a rounding error. The steps that are used lie
between them, where the error is far below that of a wrong gradient.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.claims import Claims, SpecFunctionFailed
from needle_cli.checking.generation.corners import corner_structures
from needle_cli.checking.generation.realise import realise
from needle_cli.checking.model import (
    Case,
    Garbage,
    GeneratorError,
    OperatorError,
    OpUnderTest,
    Plan,
)
from needle_cli.checking.numerics.comparison import ALL
from needle_cli.checking.numerics.line import EPS, Line
from needle_cli.checking.numerics.probes import projected, scaled_direction
from needle_cli.checking.numerics.steps import FAST_STEP
from needle_cli.checking.numerics.tolerance import norm
from needle_cli.checking.numerics.windows import read
from needle_cli.checking.point import inner

STEPS = tuple(2.0**-k for k in range(1, 50, 2))
SIZES = range(3, 65)
"""Numbers of entries of a typical case. Chosen."""


@dataclass(frozen=True)
class ErrorCurve:
    """Relative distances from the most accurate slope, the best extrapolated one.

    `errors` are those of central differences by step, `gradient` is that of the operator's own
    slope. No distance is less than `known`, the relative error of the most accurate slope.
    """

    steps: tuple[float, ...]
    errors: tuple[float, ...]
    gradient: float
    known: float
    step: float = FAST_STEP


def error_curve(op: OpUnderTest, claims: Claims, plan: Plan) -> ErrorCurve | None:
    """Return the curve at the first typical case, or None if there is no such case or slope."""
    inquiry = Inquiry(op, claims, plan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for case in _typical(claims):
            try:
                return _at(inquiry, case)
            except (OperatorError, Garbage, SpecFunctionFailed):
                return None
    return None


def _typical(claims: Claims) -> list[Case]:
    for structure in corner_structures(claims):
        plain = structure.special == "none" and structure.values == "generic"
        if not plain or structure.scale != 1.0:
            continue
        try:
            case = realise(claims, structure)
        except (GeneratorError, SpecFunctionFailed):
            continue
        if case.size() in SIZES:
            return [case]
    return []


def _at(inquiry: Inquiry, case: Case) -> ErrorCurve | None:
    question = inquiry.question(case)
    subject = question.wide
    if not subject.judged or not subject.vector.size:
        return None
    direction = scaled_direction(subject, question.rng("curve"))
    direction = projected(subject, direction, question.tangent)
    line = Line(subject, direction)
    best = read(line, ALL).best
    trusted = float(np.dot(question.cotangent, best.slope))
    error = norm(question.cotangent * best.error)
    if not np.isfinite(error):
        return None
    if trusted == 0:
        return None
    known = max(error / abs(trusted), EPS)

    def distance(slope: float) -> float:
        return max(abs(slope - trusted) / abs(trusted), known)

    line.fetch(side * step for step in STEPS for side in (1, -1))
    slopes = [float(np.dot(question.cotangent, line.slope(step))) for step in STEPS]
    return ErrorCurve(
        STEPS, tuple(map(distance, slopes)), distance(inner(question.gradients, direction)), known
    )
