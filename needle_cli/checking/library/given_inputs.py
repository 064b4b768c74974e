"""Judge a case that the fast path did not accept, with care, only at the given inputs.

The order of the calls is that of the fast path, so that a gradient that remembers another call is
found here too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.checks import contract, gradient, linearity, precision
from needle_cli.checking.checks.context import Question, failed, passed
from needle_cli.checking.library.arrays import CHEAP_UP_TO, HOST
from needle_cli.checking.library.fast_path import sums_differ, weights
from needle_cli.checking.model import (
    Answer,
    Array,
    Code,
    Garbage,
    Gradient,
    OperatorError,
    Verdict,
)
from needle_cli.checking.numerics.acceptance import CentralDifference
from needle_cli.checking.numerics.comparison import compare_in_full
from needle_cli.checking.numerics.differences import Line
from needle_cli.checking.numerics.probes import opposed, random_cotangent, scaled_direction
from needle_cli.checking.numerics.steps import FAST_STEP
from needle_cli.checking.point import Subject, vector_of


def ask(question: Question, selected: Sequence[str]) -> list[Answer]:
    """Ask contract, gradient, linearity and purity at the given inputs, cheaply.

    A few sums and comparisons decide a pass. Only if they disagree, the checks' own functions are
    called, which write the messages. The caller silences NumPy's warnings.
    """
    subject = question.wide
    rng = question.rng("lean")
    kept = [leaf.copy() for leaf in subject.leaves]
    answers = _ask(question, selected, rng)
    changed = [
        name
        for name, leaf, before in zip(subject.names, subject.leaves, kept, strict=True)
        if HOST.differ(leaf, before)
    ]
    if changed:
        text = f"the inputs {', '.join(changed)} are changed by the call"
        answers.append(failed("purity", Code.INPUT_CHANGED, text, name=changed[0]))
    return [a for a in answers if all(f.check in selected for f in a.findings)] or [passed()]


def _ask(question: Question, selected: Sequence[str], rng: np.random.Generator) -> list[Answer]:
    """Make the evaluations in an order that reveals a gradient that remembers another call."""
    subject = question.wide
    direction = scaled_direction(subject, rng)
    plus = _moved(subject, direction, FAST_STEP)
    if question.case.cotangent is None:
        question.draw_cotangent(rng)
    raw, answers = _first_gradient(question)
    if any(answer.findings for answer in answers):
        return answers
    minus = _moved(subject, direction, -FAST_STEP)
    if HOST.differ(subject.vector, vector_of(subject.evaluation.outputs)):
        answers.append(
            failed(
                "purity", Code.OUTPUT_REUSED, "a later call changes the output of an earlier one"
            )
        )
        return answers
    sizes = {vector.size for vector in (plus, subject.vector, minus) if vector is not None}
    if len(sizes) > 1:
        counts = " or ".join(str(size) for size in sorted(sizes))
        text = f"forward returns {counts} numbers for inputs of the same shapes"
        return [*answers, failed("contract", Code.GARBAGE, text)]
    if not subject.judged or subject.vector.size == 0:
        return answers
    difference = CentralDifference(Line(subject, direction), plus, minus)
    return answers + _compared(question, difference, subject.settle(raw), rng, selected)


def _moved(subject: Subject, direction: Sequence[Array], step: float) -> Array | None:
    """Return the outputs at a moved point, leaving the point unchanged; None if that raises."""
    leaves = list(subject.leaves)
    for i, u in zip(subject.judged, direction, strict=True):
        leaves[i] = leaves[i] + step * u
    try:
        return vector_of(subject.op.evaluate(subject.case.with_leaves(leaves)).outputs)
    except (OperatorError, Garbage):
        return None


def _first_gradient(question: Question) -> tuple[Sequence[Gradient], list[Answer]]:
    """Compute the first gradient; judge its form and that cotangent and output are unchanged."""
    subject = question.wide
    outputs = subject.evaluation.outputs
    vector = subject.vector  # a copy
    parts = subject.cotangents(question.cotangent)
    raw = subject.evaluation.gradient(parts)
    widened = question.subject is not subject
    formed = contract.well_formed(raw, subject.leaves, subject.judged, subject.op.gradient_kind)
    answers = [] if formed else [contract.form(subject, raw, any_dtype=widened)]
    given = subject.cotangents(question.cotangent, copy=False)
    if any(HOST.differ(a, b) for a, b in zip(parts, given, strict=True)):
        answers.append(
            failed("purity", Code.COTANGENT_CHANGED, "gradient changes the cotangent it is given")
        )
    if HOST.differ(vector, vector_of(outputs)):
        answers.append(
            failed(
                "purity", Code.OUTPUT_CHANGED, "gradient changes the output it was computed from"
            )
        )
    if widened:
        answers.append(precision.close(question, question.subject, subject))
    return raw, answers


def _compared(
    question: Question,
    difference: CentralDifference,
    gradients: Sequence[Array],
    rng: np.random.Generator,
    selected: Sequence[str],
) -> list[Answer]:
    """Compare along the line already measured; ask for two more cotangents if that is cheap."""
    subject, cotangent = question.wide, question.cotangent
    answers: list[Answer] = []
    pairs = [(cotangent, gradients)]
    if subject.case.size() <= CHEAP_UP_TO:
        factors = weights(FAST_STEP * difference.slope, difference.line.origin)
        drawn = random_cotangent(rng, cotangent.size)
        other = subject.rounded(factors * opposed(drawn, cotangent))
        pairs.append((other, subject.gradients(other)))
        if "linearity" in selected and question.subject is not subject:
            answers.append(linearity.Linearity().ask(question))
        elif "linearity" in selected:
            of_sum = subject.gradients(cotangent + other)
            if any(sums_differ(of_sum, gradients, pairs[1][1])):
                answers.append(linearity.added(subject, pairs[0], pairs[1], of_sum, rng))
    if "gradient" not in selected:
        return answers
    for v, g in pairs:
        if not difference.agrees(v, g):
            outcome = compare_in_full(
                subject, difference.line, v, g, rng=rng, tangent=question.tangent
            )
            answers.append(gradient.as_answer(subject, outcome))
            if outcome.verdict is not Verdict.PASS:
                return answers
    return answers + gradient.hidden(question, difference.line, cotangent, gradients, rng)
