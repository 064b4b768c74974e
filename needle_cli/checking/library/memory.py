"""Whether a gradient remembers another call: the first call of all, or the latest.

The first call is made at another point than the given one, before anything else. Later it is made
again, and where the gradient is wrong at the given inputs it is asked whether it is right at those
of the first call.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.checks import purity
from needle_cli.checking.checks.context import Question, failed, passed
from needle_cli.checking.model import Answer, Array, Case, Code, Garbage, OperatorError, Verdict
from needle_cli.checking.numerics.comparison import compare
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.probes import random_cotangent, scaled_direction
from needle_cli.checking.point import Subject, elsewhere

EARLIER = "an equal call gives another gradient later: something is remembered"
EACH = "equal calls give different gradients, each time others"
OVERWRITTEN = "a later call of the gradient overwrites what an earlier one returned"
KEPT = (
    "the gradient here is that of an earlier call at other inputs: it uses the numbers of {} then"
)

Asked = tuple[Case, Array, list[Array]]
"""A call of the gradient: its point, the cotangent, and the gradients of the judged leaves."""


def first_call(question: Question) -> list[Asked]:
    """Make a call at another point before any at the given one; none if all of them raise."""
    subject = question.subject
    for beside in elsewhere(subject.case, subject.judged):
        there = Subject(question.op, beside)
        try:
            v = there.rounded(random_cotangent(question.rng("first"), there.vector.size))
            return [(beside, v, [g.copy() for g in there.gradients(v)])]
        except (OperatorError, Garbage):
            continue
    return []


def repeated(question: Question, calls: Sequence[Asked]) -> Answer:
    """Judge that earlier calls, made again, give the same."""
    for case, v, before in calls:
        later = []
        for _ in range(2):
            there = Subject(question.op, case)
            try:
                given = there.gradients(v)
                later.append([g.copy() for g in given])
                there.gradients(2 * v)
            except (OperatorError, Garbage) as error:
                return failed("purity", Code.STALE, f"an equal call fails later: {error}")
            if not purity.same(later[-1], given):
                return failed("purity", Code.OUTPUT_REUSED, OVERWRITTEN)
        if not purity.same(later[0], later[1]):
            return failed("purity", Code.NOT_REPEATABLE, EACH)
        if not purity.same(before, later[0]):
            return failed("purity", Code.STALE, EARLIER)
    return passed()


def kept(question: Question, calls: Sequence[Asked]) -> Answer:
    """Judge whether a gradient that is wrong here is right at the numbers of the first call.

    All inputs may be kept from there, or one of them. A whole multiple of the cotangent is right
    wherever the slope happens to be that number, and shows no memory.
    """
    subject = question.wide
    if not calls or calls[0][1].size != subject.vector.size:
        return passed()
    there, v, _ = calls[0]
    here, rng, kept = subject.gradients(v), question.rng("kept"), there.leaves()
    if _agrees(subject, v, here, rng) or any(_is_multiple(g, v) for g in here):
        return passed()
    moved = [i for i in subject.judged if not np.array_equal(subject.leaves[i], kept[i])]
    for changed in [moved, *([[i] for i in moved] if len(moved) > 1 else [])]:
        leaves = list(subject.leaves)
        for i in changed:
            leaves[i] = kept[i].astype(np.float64)
        point = Subject(question.op, subject.case.with_leaves(leaves), subject.widened)
        if _agrees(point, v, here, rng):
            names = " and ".join(subject.names[i] for i in changed)
            return failed("purity", Code.STALE, KEPT.format(names))
    return passed()


def _agrees(point: Subject, v: Array, gradients: list[Array], rng: np.random.Generator) -> bool:
    """Whether gradients agree with the slopes at a point, along two lines."""
    lines = (Line(point, scaled_direction(point, rng)) for _ in range(2))
    return all(compare(line, v, gradients, rng=rng).verdict is Verdict.PASS for line in lines)


def _is_multiple(gradient: Array, cotangent: Array) -> bool:
    """Whether a gradient is the cotangent times one whole number."""
    flat = gradient.reshape(-1)
    if flat.shape != cotangent.shape or not flat.size:
        return False
    factor = np.round(flat[0] / cotangent[0])
    return bool(np.all(flat == factor * cotangent))
