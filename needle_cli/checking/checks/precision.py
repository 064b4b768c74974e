"""precision: float32 and float16 gradients against the float64 one at the same rounded input.

If the spec states `facts.mixed_dtypes`, inputs of different dtypes are tried too: each gradient has
to have the dtype of its input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from needle_cli.checking.abilities import TwiceDifferentiable, has_second_order
from needle_cli.checking.checks import contract, second_order
from needle_cli.checking.checks.agreement import agree, in_range
from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import NOTHING, Question, failed, merge, passed
from needle_cli.checking.claims import Claims
from needle_cli.checking.model import (
    Answer,
    Array,
    Case,
    Code,
    OperatorError,
    OpUnderTest,
    Structure,
)
from needle_cli.checking.numerics.probes import random_cotangent
from needle_cli.checking.point import Subject, is_floating, limits, widen

NARROW = ("float32", "float16")

LARGEST_MIXED = 512
"""Most entries of a case that is tried with inputs of different dtypes. Chosen."""

LARGEST_SECOND = 128
"""Most entries of a case whose second gradient is compared in narrow dtypes. Chosen."""

LARGEST_KINKED = 24
"""Most entries of a case that is put on kinks. Chosen."""

EVERY = 4
"""The second gradient is compared at one case in four: it costs three times the first. Chosen."""


class Precision(Check):
    """Whether gradients in narrow dtypes equal the rounded float64 one."""

    name = "precision"
    needs_gradient = True

    def wants(
        self, op: OpUnderTest, claims: Claims, structure: Structure, turn: int
    ) -> tuple[str, ...]:
        """Run at generic numbers, and at small structures on the declared kinks."""
        kinked = claims.kinks and 0 < structure.size() <= LARGEST_KINKED and turn % 2 == 0
        return (self.numbers, "kink") if kinked else (self.numbers,)

    def ask(self, question: Question) -> Answer:
        """Judge dtype, form and rounding of the gradients in every narrow dtype."""
        return merge([*(_at(question, dtype) for dtype in NARROW), _mixed(question)])


def _mixed(question: Question) -> Answer:
    """Judge the same with one input in float32, a random one of those that the spec states.

    The output's dtype is left to the operator; each gradient has the dtype of its input.
    """
    case, owners = question.wide.case, question.wide.case.leaf_owners()
    claimed = question.claims.mixed_dtypes if question.claims is not None else ()
    able = [i for i in question.wide.judged if owners[i] in claimed]
    if len(able) < 2 or case.size() > LARGEST_MIXED or question.dtype != "float64":
        return NOTHING
    chosen = able[int(question.rng("mixed").integers(len(able)))]
    leaves = question.wide.leaves
    with np.errstate(all="ignore"):
        narrowed = _narrowed(leaves[chosen], "float32")
        if not np.isfinite(narrowed).all():
            return NOTHING
        mixed = case.with_leaves([narrowed if i == chosen else a for i, a in enumerate(leaves)])
        low, wide = _in_both(question.op, mixed)
        if not low.vector.size:
            return NOTHING
        answer = _close_to_wide(question, low, wide)
    text = f"with {low.names[chosen]} alone in float32: "
    findings = tuple(
        replace(
            f,
            code=Code.MIXED_DTYPE if f.code is Code.DTYPE else f.code,
            message=text + f.message,
        )
        for f in answer.findings
    )
    return replace(answer, findings=findings)


def _at(question: Question, dtype: str) -> Answer:
    case = question.case
    if not any(is_floating(leaf) for leaf in case.leaves()):
        return NOTHING
    with np.errstate(all="ignore"):
        leaves = [_narrowed(a, dtype) if is_floating(a) else a for a in case.leaves()]
        if not all(np.isfinite(a).all() for a in leaves if is_floating(a)):
            return NOTHING
        low, wide = _in_both(question.op, case.with_leaves(leaves))
        try:
            outputs = low.evaluation.outputs
        except OperatorError as error:
            if dtype == "float16" and isinstance(error.original, TypeError):
                return NOTHING
            raise
        answers = [_dtype_kept(outputs, wide, dtype)]
        if low.judged and low.vector.size and not answers[0].findings:
            answers.append(_close_to_wide(question, low, wide))
        return merge(answers)


def _close_to_wide(question: Question, low: Subject, wide: Subject) -> Answer:
    """Judge the first gradient, and at some cases the second."""
    answer, op = close(question, low, wide), question.op
    if answer.findings or not has_second_order(op) or not _second_is_asked(question, low):
        return answer
    return merge([answer, _second(question, op, low, wide)])


def _in_both(op: OpUnderTest, case: Case) -> tuple[Subject, Subject]:
    """Return the operator at a narrow case, and at the same numbers in float64."""
    kinds = [leaf.dtype for leaf in case.leaves() if is_floating(leaf)]
    return Subject(op, case), Subject(op, widen(case), max(float(limits(k).eps) for k in kinds))


def close(question: Question, low: Subject, wide: Subject) -> Answer:
    """Judge the form of the narrow gradients, and that they equal the wide ones within rounding."""
    raw = low.evaluation.gradient(low.cotangents(in_range(low, wide, question.cotangent)))
    form = contract.inspect(low, raw)
    if form.findings:
        return form
    factor = question.factor("precision", _narrowest(low))
    answers = [form, agree(low, wide, question.cotangent, factor, raw=raw)]
    size = question.cotangent.size
    if size * low.eps > 1 and not answers[1].findings:
        # As after a sum: equal terms are lost when a sum of them in the narrow dtype is too large.
        answers.append(agree(low, wide, np.ones(size), factor))
    return merge(answers)


def _narrowest(subject: Subject) -> str:
    """Return the narrowest dtype of the inputs."""
    kinds = [leaf.dtype for leaf in subject.leaves if is_floating(leaf)]
    return str(min(kinds, key=lambda kind: kind.itemsize))


def _second_is_asked(question: Question, low: Subject) -> bool:
    """Return True if the second gradient is compared in a narrow dtype at this case."""
    once = question.claims is not None and question.claims.order == 1
    if (
        "kink" in question.case.tags
        or question.order < 2
        or once
        or low.case.size() > LARGEST_SECOND
    ):
        return False
    return not question.rng("precision", "turn").integers(EVERY)


def _second(
    question: Question, first_order: TwiceDifferentiable, low: Subject, wide: Subject
) -> Answer:
    """Judge the second gradient: that of the vjp as a function of the cotangent and the inputs."""
    op = first_order.second_order()
    cotangent = low.rounded(question.cotangent)
    narrow_case = second_order.of_cotangent(low, low.cotangents(cotangent))
    wide_case = second_order.of_cotangent(wide, wide.cotangents(cotangent))
    low, wide = Subject(op, narrow_case), Subject(op, wide_case, low.eps)
    if not (np.isfinite(low.vector).all() and np.isfinite(wide.vector).all()):
        return NOTHING
    v = low.rounded(random_cotangent(question.rng("precision", "second"), low.vector.size))
    raw = low.evaluation.gradient(low.cotangents(v))
    form = contract.inspect(low, raw, may_lack=True)
    answer = form
    if not form.findings:
        factor = question.factor("precision", _narrowest(low))
        answer = agree(low, wide, v, factor)
    findings = [replace(f, message=f"second order: {f.message}") for f in answer.findings]
    return replace(answer, findings=tuple(findings))


def _narrowed(leaf: Array, dtype: str) -> Array:
    """Return numbers rounded to a dtype; what is not zero does not become zero.

    It may lie beside a kink, or in a domain without zero.
    """
    least = float(np.finfo(dtype).smallest_normal)
    vanish = (leaf != 0) & (np.abs(leaf) < least)
    return np.asarray(np.where(vanish, np.copysign(least, leaf), leaf), dtype=dtype)


def _dtype_kept(outputs: Sequence[Array], wide: Subject, dtype: str) -> Answer:
    for out, reference in zip(outputs, wide.evaluation.outputs, strict=True):
        if is_floating(reference) and out.dtype != np.dtype(dtype):
            return failed(
                "precision", Code.OUTPUT_DTYPE, f"{dtype} inputs give a {out.dtype} output"
            )
    return passed()
