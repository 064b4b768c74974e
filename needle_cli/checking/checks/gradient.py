"""gradient: the numeric `<v, J u>` against the analytic `<J^T v, u>`, random `v` and `u`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import NOTHING, Question, merge
from needle_cli.checking.model import Answer, Array, Code, Element, Finding, Verdict
from needle_cli.checking.numerics.acceptance import (
    HEADROOM,
    CentralDifference,
    Comparison,
)
from needle_cli.checking.numerics.comparison import compare, of_the_moving
from needle_cli.checking.numerics.hidden import LEVELS, hidden_part, hides, visible_share
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.localise import elements
from needle_cli.checking.numerics.probes import (
    entry_direction,
    groups_of_size,
    only,
    projected,
    random_cotangent,
    scaled_direction,
    unlike_sizes,
)
from needle_cli.checking.numerics.steps import FAST_STEP
from needle_cli.checking.numerics.tolerance import norm
from needle_cli.checking.point import Subject

FAINT = 2.0**-35
"""A slope below this share of the move may be the rounding of larger numbers: 2^-52, with 2^10
roundings and a share of 2^-7."""

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
    share = visible_share(sum(u.size for u in line.direction))
    for _ in range(LEVELS):
        limit = share * norm(line.slope(FAST_STEP))
        products = [g * u for g, u in zip(gradients, line.direction, strict=True)]
        if not hides(products, line.direction, limit):
            break
        line = Line(line.subject, hidden_part(products, line.direction, limit))
        line.slope(FAST_STEP)
        v, g = of_the_moving(line, cotangent, gradients)
        outcome = compare(
            line, v, g, rng=rng, tangent=question.tangent, factor=question.factor("gradient")
        )
        if outcome.verdict is Verdict.FAIL:
            return [as_answer(line.subject, outcome)]
    return []


def unlike(question: Question, rng: np.random.Generator) -> list[Answer]:
    """Compare entries of unlike sizes apart, each moved by its own size, every output alike.

    Beside entries that are more than `UNLIKE` times larger, small ones are not seen otherwise: what
    happens near them lies between two steps of the large ones, and their slopes are too small.
    Only a finding counts, and only a gross one: cotangents of unlike sizes are added up with more
    rounding than others.
    """
    subject = question.wide
    leaves = [subject.leaves[i] for i in subject.judged]
    direction = projected(subject, entry_direction(subject, rng), question.tangent)
    for masks in groups_of_size(leaves) if unlike_sizes(leaves) else ():
        line = Line(subject, [np.where(m, u, 0.0) for m, u in zip(masks, direction, strict=True)])
        size = np.abs(line.slope(FAST_STEP))
        bend = np.abs(line.at(FAST_STEP) - line.origin + (line.at(-FAST_STEP) - line.origin))
        # What bends as much as it rises is at a kink or at a flat place. Slopes far below the move
        # are what is left of numbers that cancel, as `1 - p` in a softmax, in the gradient too.
        seen = np.isfinite(size) & (bend < 0.1 * size * FAST_STEP)
        seen &= size > FAINT * max(float(np.max(np.abs(u), initial=0.0)) for u in line.direction)
        weights = np.where(seen, 1.0 / np.where(seen, size, 1.0), 0.0)
        cotangent = subject.rounded(random_cotangent(rng, size.size) * weights)
        gradients = subject.gradients(cotangent)
        outcome = compare(
            line, cotangent, gradients, rng=rng, tangent=question.tangent,
            factor=question.factor("gradient"),
        )  # fmt: skip
        gross = abs(outcome.analytic - outcome.numeric) > 0.01 * outcome.scale
        if outcome.verdict is Verdict.FAIL and gross:
            return [as_answer(subject, outcome)]
    return []


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
