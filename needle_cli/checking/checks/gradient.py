"""gradient: the numeric `<v, J u>` against the analytic `<J^T v, u>`, random `v` and `u`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import NOTHING, Question, merge
from needle_cli.checking.model import Answer, Array, Code, Element, Finding, Verdict
from needle_cli.checking.numerics.acceptance import (
    HEADROOM,
    LEVELS,
    CentralDifference,
    Comparison,
    hidden_part,
    hides,
)
from needle_cli.checking.numerics.comparison import compare, of_the_moving
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.localise import elements
from needle_cli.checking.numerics.probes import (
    entry_direction,
    only,
    projected,
    random_cotangent,
    scaled_direction,
    unlike_sizes,
)
from needle_cli.checking.numerics.steps import FAST_STEP
from needle_cli.checking.numerics.tolerance import norm
from needle_cli.checking.point import Subject

DIFFER = "analytic and numeric derivative differ"


class GradientCheck(Check):
    """Whether analytic and numeric derivatives agree along random directions."""

    name = "gradient"
    proves = True
    needs_gradient = True

    def entries(self, question: Question) -> list[Element] | None:
        """Compare every entry of the gradient separately."""
        return elements(question.wide, question.cotangent, question.tangent)

    def ask(self, question: Question) -> Answer:
        """Compare along a joint direction with two cotangents, and along that of one input."""
        subject = question.wide
        if not subject.judged or subject.vector.size == 0:
            return NOTHING
        if all(subject.leaves[i].size == 0 for i in subject.judged):
            return NOTHING
        rng = question.rng("gradient")
        direction = projected(subject, scaled_direction(subject, rng), question.tangent)
        line = Line(subject, direction)
        answers = [_along(question, line, question.cotangent, question.gradients, rng)]
        if len(subject.judged) > 1 and answers[0].verdict is Verdict.PASS:
            position = int(rng.integers(len(subject.judged)))
            single = Line(subject, only(direction, position))
            answers.append(_along(question, single, question.cotangent, question.gradients, rng))
        if answers[0].verdict is Verdict.PASS:
            answers += hidden(question, line, question.cotangent, question.gradients, rng)
            answers += unlike(question, rng)
        return merge(answers)


def hidden(
    question: Question,
    line: Line,
    cotangent: Array,
    gradients: Sequence[Array],
    rng: np.random.Generator,
) -> list[Answer]:
    """Compare the parts of a direction whose slope is too small to be seen in the whole.

    Only a finding counts: an undecided part does not make the whole undecided.
    """
    for _ in range(LEVELS):
        size = norm(line.slope(FAST_STEP))
        if not hides(line.direction, gradients, size):
            break
        line = Line(line.subject, hidden_part(line.direction, gradients, size))
        line.slope(FAST_STEP)
        v, g = of_the_moving(line, cotangent, gradients)
        outcome = compare(
            line, v, g, rng=rng, tangent=question.tangent, factor=question.factor("gradient")
        )
        if outcome.verdict is Verdict.FAIL:
            return [as_answer(line.subject, outcome)]
    return []


def unlike(question: Question, rng: np.random.Generator) -> list[Answer]:
    """Compare where every entry moves by its own size and every output counts the same.

    Beside entries that are more than `UNLIKE` times larger, small ones are not seen otherwise: what
    happens near them lies between two steps of the large ones, and their slopes are too small.
    Only a finding counts.
    """
    subject = question.wide
    if not unlike_sizes([subject.leaves[i] for i in subject.judged]):
        return []
    line = Line(subject, projected(subject, entry_direction(subject, rng), question.tangent))
    size = np.abs(line.slope(FAST_STEP))
    bend = np.abs(line.at(FAST_STEP) - line.origin + (line.at(-FAST_STEP) - line.origin))
    # What bends as much as it rises is at a kink or at a flat place.
    seen = np.isfinite(size) & (size > 0) & (bend < 0.1 * size * FAST_STEP)
    weights = np.where(seen, 1.0 / np.where(seen, size, 1.0), 0.0)
    weights = np.where(np.isfinite(weights), weights, 0.0)
    cotangent = subject.rounded(random_cotangent(rng, size.size) * weights)
    gradients = subject.gradients(cotangent)
    outcome = compare(
        line, cotangent, gradients, rng=rng, tangent=question.tangent,
        factor=question.factor("gradient"),
    )  # fmt: skip
    return [as_answer(subject, outcome)] if outcome.verdict is Verdict.FAIL else []


def _along(
    question: Question,
    line: Line,
    cotangent: Array,
    gradients: Sequence[Array],
    rng: np.random.Generator,
) -> Answer:
    subject = line.subject
    with np.errstate(all="ignore"):
        quick = CentralDifference(line)
        first = quick.accept(cotangent, gradients, HEADROOM)
        if first is not None:
            # The difference is known, so a second cotangent costs only one more gradient.
            other = random_cotangent(rng, cotangent.size)
            found = subject.gradients(other)
            second = quick.accept(other, found, HEADROOM)
            if second is not None:
                return as_answer(subject, max(first, second, key=lambda c: c.share))
            cotangent, gradients = other, found
    outcome = compare(
        line,
        cotangent,
        gradients,
        rng=rng,
        tangent=question.tangent,
        factor=question.factor("gradient"),
    )
    return as_answer(subject, outcome)


def as_answer(subject: Subject, outcome: Comparison, check: str = "gradient") -> Answer:
    """Turn a comparison into an answer; after a failure the wrong entry is looked for later."""
    probes = {outcome.verdict: 1}
    notes = (outcome.note,) if outcome.note else ()
    name = subject.names[subject.judged[0]] if subject.judged else ""
    if outcome.verdict is not Verdict.FAIL:
        share = outcome.share if outcome.verdict is Verdict.PASS else 0.0
        return Answer(outcome.verdict, (), share, (name, None), probes, notes)
    finding = Finding(
        check,
        Code.SLOPE,
        name,
        None,
        _number(outcome.analytic),
        _number(outcome.numeric),
        _number(outcome.allowed),
        message=f"{DIFFER}, {outcome.note}" if outcome.note else DIFFER,
    )
    return Answer(outcome.verdict, (finding,), max(outcome.share, 1.0), (name, None), probes, notes)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
