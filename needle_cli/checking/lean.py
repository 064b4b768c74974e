"""The check with the fewest evaluations: three forward and at most three backward.

One central difference along one direction serves every cotangent. Calls are ordered so that a
gradient which remembers another call is caught by the same numbers: the first is asked between the
two points of the difference, the others after them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.checks import contract, gradient, linearity, precision
from needle_cli.checking.checks.purity import changed, fingerprint
from needle_cli.checking.checks.question import (
    Question,
    merge,
    passed,
    refused,
)
from needle_cli.checking.compare import Quick
from needle_cli.checking.escalate import escalate
from needle_cli.checking.model import (
    Answer,
    Array,
    Garbage,
    Gradient,
    OperatorError,
    Verdict,
)
from needle_cli.checking.numeric import FAST_STEP, Line
from needle_cli.checking.probes import random_cotangent, scaled_direction
from needle_cli.checking.subject import Subject, vector_of

CHEAP_UP_TO = 4096
"""Entries up to which two more cotangents are asked for."""


def ask(question: Question, selected: frozenset[str]) -> list[Answer]:
    """Ask contract, gradient, linearity and purity at the given inputs, cheaply."""
    subject = question.wide
    rng = question.rng("lean")
    before = fingerprint(subject.leaves)
    with np.errstate(all="ignore"):
        direction = scaled_direction(subject, rng)
        plus = _moved(subject, direction, FAST_STEP)
        raw, cotangent, answers = _first_gradient(question)
        if any(answer.findings for answer in answers):
            return _pure(question, before, answers, selected)
        minus = _moved(subject, direction, -FAST_STEP)
        if not subject.judged or subject.vector.size == 0:
            return _pure(question, before, answers, selected)
        gradients = subject.settle(raw)
        line = Line(subject, direction)
        quick = Quick(line, plus, minus)
        answers += _compared(question, quick, cotangent, gradients, rng, selected)
    return _pure(question, before, answers, selected)


def _moved(subject: Subject, direction: Sequence[Array], step: float) -> Array | None:
    """Return the outputs beside the point without touching the point; None where that raises."""
    leaves = list(subject.leaves)
    for i, u in zip(subject.judged, direction, strict=True):
        leaves[i] = leaves[i] + step * u
    try:
        return vector_of(subject.op.evaluate(subject.case.with_leaves(leaves)).outputs)
    except (OperatorError, Garbage):
        return None


def _first_gradient(
    question: Question,
) -> tuple[Sequence[Gradient], Array, list[Answer]]:
    """Ask the first gradient, judge its form, and that it leaves cotangent and output alone."""
    subject = question.wide
    cotangent = question.cotangent
    parts = subject.cotangents(cotangent)
    given, outputs = fingerprint(parts), fingerprint(subject.evaluation.outputs)
    raw = subject.evaluation.gradient(parts)
    answers = [contract.inspect(subject, raw)]
    if changed(given, parts, [""] * len(parts)):
        answers.append(refused("purity", "gradient changes the cotangent it is given"))
    if changed(outputs, subject.evaluation.outputs, [""] * len(outputs)):
        answers.append(refused("purity", "gradient changes the output it was computed from"))
    if question.subject is not subject:
        answers.append(_low_precision(question, cotangent))
    return raw, cotangent, answers


def _low_precision(question: Question, cotangent: Array) -> Answer:
    """Judge form and rounding of the gradient in the dtype of the inputs."""
    subject = question.subject
    raw = subject.evaluation.gradient(subject.cotangents(cotangent))
    form = contract.inspect(subject, raw)
    if form.findings:
        return form
    return merge([form, precision.agree(subject, subject.settle(raw), question.wide, cotangent)])


def _compared(
    question: Question,
    quick: Quick,
    cotangent: Array,
    gradients: Sequence[Array],
    rng: np.random.Generator,
    selected: frozenset[str],
) -> list[Answer]:
    """Compare along the line already measured; ask two more cotangents where that is cheap."""
    subject = question.wide
    answers: list[Answer] = []
    pairs = [(cotangent, gradients)]
    if subject.case.size() <= CHEAP_UP_TO:
        other = 64 * random_cotangent(rng, cotangent.size)
        of_other = subject.gradients(other)
        if "linearity" in selected and question.subject is subject:
            first, second = (cotangent, gradients), (other, of_other)
            answers.append(linearity.added(subject, first, second, rng))
        elif "linearity" in selected:
            answers.append(linearity.ask(question))
        pairs.append((other, of_other))
    if "gradient" not in selected:
        return answers
    verdicts: list[Answer] = []
    for v, g in pairs:
        outcome = quick.accept(v, g)
        if outcome is None:
            outcome = escalate(subject, quick.line, v, g, rng=rng, tangent=question.tangent)
        verdicts.append(gradient.as_answer(subject, outcome))
        if outcome.verdict is not Verdict.PASS:
            break
    return [*answers, *verdicts]


def _pure(
    question: Question, before: Sequence[bytes], answers: list[Answer], selected: frozenset[str]
) -> list[Answer]:
    """Add what purity says of the inputs, and keep what was selected."""
    hurt = changed(before, question.wide.leaves, question.wide.names)
    if hurt:
        text = f"the inputs {', '.join(hurt)} are changed by the call"
        answers.append(refused("purity", text, name=hurt[0]))
    else:
        answers.append(passed())
    return [a for a in answers if all(f.check in selected for f in a.findings)]
