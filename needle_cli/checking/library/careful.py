"""Ask the checks themselves, with care, what the fast path did not accept.

The fast path's disagreement is asked first, along its own line. Then each selected check is asked
as the command asks it. What a remembered call or a memory layout explains is said to be that, and
its consequences are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from needle_cli.checking.checks import gradient, linearity, precision, purity
from needle_cli.checking.checks.context import NOTHING, Question, failed, merge, passed
from needle_cli.checking.checks.registry import CHECKS, NAMES
from needle_cli.checking.domains.base import DomainKind
from needle_cli.checking.library import memory
from needle_cli.checking.library.arrays import as_given
from needle_cli.checking.library.fast_path import FACTOR, FastPath
from needle_cli.checking.model import (
    Answer,
    Case,
    Code,
    Garbage,
    OperatorError,
    Verdict,
)
from needle_cli.checking.numerics.acceptance import CentralDifference
from needle_cli.checking.numerics.comparison import compare_in_full
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.probes import (
    opposed,
    power_of_two,
    random_cotangent,
    rms,
    scaled_direction,
    signed,
)
from needle_cli.checking.numerics.steps import FAST_STEP
from needle_cli.checking.point import is_floating, vector_of

Domains = Mapping[str, DomainKind]


def ask(
    question: Question, selected: Sequence[str], fast: FastPath | None, thorough: bool
) -> list[Answer]:
    """Ask the selected checks at the given inputs; the caller silences NumPy's warnings.

    What changes arrays, or depends on earlier calls, is found first: the rest follows from it.
    """
    pure = "purity" in selected
    if "contract" in selected and (found := _same_count(question)).findings:
        return [found]
    calls = fast.asked if fast is not None and fast.asked else memory.first_call(question)
    if pure and (found := purity.untouched(question)).findings:
        return [found]
    answers: list[Answer] = []
    for name in NAMES:
        if name not in selected or name == "purity":
            continue
        wrong = any(a.findings for a in answers)
        answers.append(_asked(name, question, fast, thorough, wrong))
        if name == "contract" and answers[-1].findings:
            return answers
    if not pure:
        return answers
    wrong = any(a.findings for a in answers)
    layouts = purity.any_layout(question, *_layouts(thorough))
    for judge, applies in (
        (purity.repeatable, True),
        (partial(memory.repeated, calls=calls), not layouts.findings),
        (partial(memory.kept, calls=calls), wrong),
    ):
        if applies and (found := judge(question)).findings:
            return [found]
    return [*answers, layouts]


def _layouts(thorough: bool) -> tuple[Sequence[str], Sequence[str]]:
    """Return the layouts that are tried for inputs and for cotangents."""
    return (tuple(purity.LAYOUTS), tuple(purity.LAYOUTS)) if thorough else ((), ("sliced",))


def _asked(
    name: str, question: Question, fast: FastPath | None, thorough: bool, wrong: bool
) -> Answer:
    """Ask one check, in the form in which the library asks it."""
    if name == "gradient":
        return merge([*_along_the_same_line(question, fast), CHECKS[name].ask(question)])
    if name == "linearity" and not thorough:
        return _linear(question, wrong)
    if name == "precision" and not (thorough and "graph" in question.op.abilities):
        # A pair may be written for one dtype only, so no narrower dtypes are tried.
        low, wide = question.subject, question.wide
        able = low is not wide and low.judged and low.vector.size
        return precision.close(question, low, wide) if able else NOTHING
    return CHECKS[name].ask(question)


def _linear(question: Question, wrong: bool) -> Answer:
    """Judge that a multiple of the cotangent gives that multiple, as the fast path does.

    Where the gradient is wrong, a sum of cotangents tells whether it is linear at all.
    """
    subject = question.subject
    if not subject.judged or not subject.vector.size:
        return NOTHING
    v = subject.rounded(question.cotangent)
    rng, of_v = question.rng("linear"), subject.gradients(v)
    answers = [linearity.scaled(subject, v, of_v, factor, rng) for factor in (FACTOR, 1 / FACTOR)]
    if wrong:
        w = subject.rounded(opposed(random_cotangent(rng, v.size), v))
        second, both = (w, subject.gradients(w)), subject.gradients(v + w)
        answers.append(linearity.added(subject, (v, of_v), second, both, rng))
    return merge(answers)


def _same_count(question: Question) -> Answer:
    """Judge that forward returns as many numbers here, and a step to both sides."""
    subject = question.wide
    line = Line(subject, scaled_direction(subject, question.rng("count")))
    sizes = {subject.vector.size}
    for step in (FAST_STEP, -FAST_STEP):
        try:
            moved = subject.case.with_leaves(line.leaves(step))
            sizes.add(vector_of(question.op.evaluate(moved).outputs).size)
        except (OperatorError, Garbage):
            pass
    if len(sizes) == 1:
        return passed()
    counts = " or ".join(str(size) for size in sorted(sizes))
    text = f"forward returns {counts} numbers for inputs of the same shapes"
    return failed("contract", Code.OUTPUT_COUNT, text)


def _along_the_same_line(question: Question, fast: FastPath | None) -> list[Answer]:
    """Compare along the line, and for the cotangent, for which the fast path did not agree."""
    if fast is None or len(fast.asked) < 2 or fast.arrays.away:
        return []
    subject, (_, cotangent, _), rng = question.wide, fast.asked[1], question.rng("again")
    if cotangent.size != subject.vector.size:
        return []
    line = Line(subject, [move / FAST_STEP for move in fast.moves])
    gradients = subject.gradients(cotangent)
    outcome = CentralDifference(line).accept(cotangent, gradients)
    if outcome is None:
        outcome = compare_in_full(
            subject, line, cotangent, gradients, rng=rng, tangent=question.tangent
        )
    answer = gradient.as_answer(subject, outcome)
    if outcome.verdict is not Verdict.PASS:
        return [answer]
    return [answer, *gradient.hidden(question, line, cotangent, gradients, rng)]


def by_layout(
    op_at: Callable[[Case], list[Answer]], case: Case, answers: list[Answer]
) -> list[Answer]:
    """Return the answers, or which input's memory layout is the reason of their findings."""
    odd = [i for i, a in enumerate(case.leaves()) if a.size > 1 and not a.flags.c_contiguous]
    if not odd or not any(answer.findings for answer in answers):
        return answers

    def alone(kept: int | None) -> list[Answer]:
        leaves = [
            as_given(a) if i == kept else np.array(a, order="C", copy=True)
            for i, a in enumerate(case.leaves())
        ]
        return op_at(case.with_leaves(leaves))

    if any(answer.findings for answer in alone(None)):
        return answers
    found = next((i for i in odd if any(a.findings for a in alone(i))), odd[0])
    name, layout = case.leaf_names()[found], purity.layout_of(case.leaves()[found])
    says = next(f.message for a in answers for f in a.findings)
    text = f"wrong where {name} is {layout}, as it was handed in; a contiguous copy passes: {says}"
    return [failed("purity", Code.LAYOUT, text, name=name)]


def wrong_beside(question: Question) -> bool:
    """Whether the gradient is wrong at inputs moved a little at random too."""
    rng = question.rng("beside")
    leaves = [
        leaf + (2.0**-7 * power_of_two(rms(leaf)) * signed(rng, leaf.shape)).astype(leaf.dtype)
        if is_floating(leaf)
        else leaf
        for leaf in question.case.leaves()
    ]
    moved = replace(question.case.with_leaves(leaves), cotangent=None)
    return CHECKS["gradient"].ask(Question(question.op, moved)).verdict is not Verdict.PASS


def not_judged(question: Question) -> list[str]:
    """Return notes about outputs and inputs that hold no floating numbers."""
    outputs = question.subject.evaluation.outputs
    notes = [
        f"{'the output' if len(outputs) == 1 else f'output {k}'} holds {out.dtype}: "
        "it has no gradient, and nothing is judged there"
        for k, out in enumerate(outputs)
        if not is_floating(out)
    ]
    if not question.subject.judged:
        notes.append("no input holds floating numbers: there is no gradient to judge")
    return notes


def would_settle(question: Question) -> str:
    """Return what to do after a verdict that is open, from what is seen at the given inputs."""
    subject = question.wide
    try:
        vector = subject.vector
    except (OperatorError, Garbage):
        return "to settle it: inputs at which the function can be computed"
    if not np.isfinite(vector).all():
        return "to settle it: inputs at which every output is finite"
    for name, leaf in zip(subject.names, subject.leaves, strict=True):
        size = np.abs(leaf[np.isfinite(leaf) & (leaf != 0)]) if is_floating(leaf) else leaf[:0]
        if size.size and size.max() > SPREAD * size.min():
            return (
                f"to settle it: inputs of similar size; entries of {name} are from "
                f"{size.min():.2g} to {size.max():.2g} in size, so check the small ones alone"
            )
    sizes = [rms(subject.leaves[i]) for i in subject.judged]
    if sizes and max(sizes) > SPREAD * min(sizes):
        small = subject.judged_names[int(np.argmin(sizes))]
        return f"to settle it: a {small} of ordinary size; it is far smaller than the other inputs"
    return (
        "to settle it: inputs where the output moves by more than its rounding and has no kink, "
        "edge or jump within a few thousandths; entries near 1 do for most functions"
    )


SPREAD = 2.0**20
"""Sizes of numbers that differ by more than this hide the slopes of the small ones. Chosen."""
