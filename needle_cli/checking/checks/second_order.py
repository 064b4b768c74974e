"""second_order: the gradient comparison, for the vjp as a function of cotangent and inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from needle_cli.checking.abilities import TwiceDifferentiable, has_second_order
from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import NOTHING, Question, failed, merge, passed
from needle_cli.checking.checks.gradient import as_answer
from needle_cli.checking.claims import Claims
from needle_cli.checking.model import (
    Answer,
    Array,
    Case,
    Code,
    Element,
    InputValue,
    OperatorError,
    OpUnderTest,
    Plan,
    Verdict,
)
from needle_cli.checking.numerics.comparison import compare
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.localise import elements
from needle_cli.checking.numerics.probes import (
    Tangent,
    projected,
    random_cotangent,
    scaled_direction,
)
from needle_cli.checking.point import Subject

LIMIT = 512
"""Most entries of a case whose second gradient is compared. Chosen."""


class SecondOrder(Check):
    """Whether the gradient of the gradient is right."""

    name = "second_order"
    needs_gradient = True
    ability = "second_order"

    def why_not(self, op: OpUnderTest, claims: Claims, plan: Plan) -> str:
        """Return a reason if order 1 was requested or nothing can be differentiated twice."""
        if plan.order < 2:
            return "order 1 was requested"
        return super().why_not(op, claims, plan)

    def entries(self, question: Question) -> list[Element] | None:
        """Compare every entry of the second gradient separately."""
        if not has_second_order(question.op):
            return None
        subject = Subject(question.op.second_order(), lifted(question.wide, question))
        return elements(subject, np.ones(subject.vector.shape))

    def ask(self, question: Question) -> Answer:
        """Compare derivatives of the gradient, up to the requested order."""
        claims, subject = question.claims, question.wide
        if not has_second_order(question.op) or not subject.judged:
            return NOTHING
        if subject.vector.size == 0 or subject.case.size() > LIMIT or question.order < 2:
            return NOTHING
        if any(subject.leaves[i].size == 0 for i in subject.judged):
            return NOTHING
        if claims is not None and claims.order == 1:
            return _has_to_raise(question, question.op)
        op, case = question.op.second_order(), lifted(subject, question)
        answers = [_probe(question, Subject(op, case))]
        if question.order > 2 and answers[0].verdict is Verdict.PASS:
            middle = Subject(op, case)
            deeper = Subject(op.second_order(), lifted(middle, question, "cotangent2"))
            answers.append(_probe(question, deeper))
        return merge(answers)


def lifted(subject: Subject, question: Question, name: str = "cotangent") -> Case:
    """Return the case of the vjp, with the cotangent as its first input."""
    rng = question.rng("second_order", name)
    parts = subject.cotangents(random_cotangent(rng, subject.vector.size))
    return of_cotangent(subject, parts, name)


def of_cotangent(subject: Subject, parts: Sequence[Array], name: str = "cotangent") -> Case:
    """Return the case of the vjp for a given cotangent, one array per output leaf."""
    value: InputValue = parts[0] if len(parts) == 1 else tuple(parts)
    return Case(
        {name: value, **subject.case.inputs},
        subject.case.params,
        judged=subject.case.judged | {name},
        silent=frozenset(),
        seed=subject.case.seed,
        label=subject.case.label,
        tags=subject.case.tags,
    )


def _probe(question: Question, subject: Subject) -> Answer:
    rng = question.rng("second_order", "probe")
    with np.errstate(all="ignore"):
        if not np.isfinite(subject.vector).all():
            return NOTHING
        direction = projected(subject, scaled_direction(subject, rng), _skip_new(question.tangent))
        cotangent = random_cotangent(rng, subject.vector.size)
        outcome = compare(
            Line(subject, direction),
            cotangent,
            subject.gradients(cotangent),
            rng=rng,
            tangent=_skip_new(question.tangent),
            factor=question.factor("second_order"),
        )
    answer = as_answer(subject, outcome, "second_order")
    if answer.findings and not answer.notes:
        text = "the gradient of the gradient differs from its numeric derivative"
        return replace(answer, findings=tuple(replace(f, message=text) for f in answer.findings))
    return answer


def _skip_new(tangent: Tangent | None) -> Tangent | None:
    """Do not project directions of the cotangent: only the operator's own inputs have domains."""
    if tangent is None:
        return None
    return lambda name, u: u if name.startswith("cotangent") else tangent(name, u)


def _has_to_raise(question: Question, first: TwiceDifferentiable) -> Answer:
    """Test that a second gradient raises, because the spec says `order = 1`."""
    op, case = first.second_order(), lifted(question.wide, question)
    subject = Subject(op, case)
    try:
        subject.gradients(np.ones(subject.vector.shape))
    except OperatorError:
        return passed()
    text = "the spec says order = 1, but a second gradient does not raise"
    return failed("second_order", Code.ORDER, text)
