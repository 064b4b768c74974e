"""exact: the numeric and analytic derivatives in a linear input are equal, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import (
    NOTHING,
    Question,
    failed,
    merge,
    passed,
    worst_entry,
)
from needle_cli.checking.claims import Claims
from needle_cli.checking.model import Answer, Array, Code, OpUnderTest, Plan, Structure
from needle_cli.checking.point import Subject, narrow

EXACT_UP_TO = {"float64": 2.0**50, "float32": 2.0**22, "float16": 2.0**9}
"""Magnitudes up to which sums of integers are exact. Derived from the significand's bits (53, 24
and 11), with two or three bits of margin for partial sums."""

SHORT = {"float64": 2.0**20, "float32": 2.0**10, "float16": 2.0**4}
"""Outputs that are whole numbers after multiplication by this are taken as free of rounding."""


def linear_inputs(claims: Claims) -> frozenset[str]:
    """Return the inputs in which the spec claims linearity, the others being constant."""
    if claims.structure:
        return frozenset(claims.inputs)
    return frozenset(claims.linear_in)


class Exact(Check):
    """Whether a linear operator's derivative is exactly right."""

    name = "exact"
    numbers = "integer"
    needs_gradient = True
    proves = True

    def why_not(self, op: OpUnderTest, claims: Claims, plan: Plan) -> str:
        """Return a reason if the spec claims no linearity."""
        missing = "the spec states no structure and no facts.linear_in"
        return super().why_not(op, claims, plan) or ("" if linear_inputs(claims) else missing)

    def wants(
        self, op: OpUnderTest, claims: Claims, structure: Structure, turn: int
    ) -> tuple[str, ...]:
        """Run at small integers if the spec claims linearity."""
        return (self.numbers,) if linear_inputs(claims) else ()

    def ask(self, question: Question) -> Answer:
        """Compare at small integers with step 1 and tolerance zero, in all three float dtypes."""
        claims = question.claims
        if claims is None or "exact" not in question.case.tags or not linear_inputs(claims):
            return NOTHING
        rng = question.rng("exact")
        answers: list[Answer] = []
        bound = _largest_sum(question)
        for dtype, limit in EXACT_UP_TO.items():
            if bound <= limit:
                subject = Subject(question.op, narrow(question.case, dtype))
                answers.append(_at(subject, linear_inputs(claims), rng))
        return merge(answers)


def _largest_sum(question: Question) -> float:
    """Bound every partial sum in value and gradient by the sums of absolute values."""
    case = question.case
    size = case.with_leaves([np.abs(a) if a.dtype.kind == "f" else a for a in case.leaves()])
    subject = Subject(question.op, size)
    with np.errstate(all="ignore"):
        outputs = float(np.max(np.abs(subject.vector), initial=0.0))
        pulled = subject.gradients(np.full(subject.vector.shape, 2.0))
        terms = max(case.size(), subject.vector.size, 1)
        gradients = max((float(np.max(np.abs(g), initial=0.0)) for g in pulled), default=0.0)
        # The number of terms bounds entries that cancel even for the absolute values.
        return max(outputs, gradients) * 8 + (4 * terms if question.case.size() > 64 else 0)


def _at(subject: Subject, linear: frozenset[str], rng: np.random.Generator) -> Answer:
    v = _integers(rng, subject.vector.shape)
    gradients = subject.gradients(v)
    owners = subject.case.leaf_owners()
    names = subject.judged_names
    answers: list[Answer] = []
    for position, i in enumerate(subject.judged):
        if owners[i] not in linear or subject.leaves[i].size == 0:
            continue
        u, w = (_integers(rng, subject.leaves[i].shape) for _ in range(2))
        up, down = _moved(subject, i, u), _moved(subject, i, -u)
        both, other = _moved(subject, i, u + w), _moved(subject, i, w)
        slack = _slack((subject.vector, up, down, both, other), subject.leaves[i].dtype)
        if slack is None:
            continue
        numeric = float(np.dot(v, up - down)) / 2
        analytic = float(np.dot(gradients[position].reshape(-1), u.reshape(-1)))
        agree = abs(analytic - numeric) <= slack * np.sum(np.abs(v))
        message = f"not exact in {names[position]} for {subject.leaves[i].dtype}"
        answers.append(
            worst_entry(
                "exact",
                Code.NOT_EXACT,
                [names[position]],
                [np.array(analytic)],
                [np.array(numeric)],
                [np.array(1.0)],
                message,
            )
            if not agree
            else passed()
        )
        if not agree and not answers[-1].findings:
            answers[-1] = failed(
                "exact", Code.NOT_EXACT, f"{message}: {analytic!r}, exactly {numeric!r}"
            )
        if not (np.abs((both - up) - (other - subject.vector)) <= slack).all():
            text = f"the claim of linearity in {names[position]} does not hold"
            answers.append(failed("exact", Code.STRUCTURE, text, name=names[position]))
    return merge(answers)


def _slack(values: Sequence[Array], dtype: np.dtype[Any]) -> float | None:
    """Return the allowed error of the outputs, or None to skip the comparison.

    It is zero if the outputs are multiples of a power of two. A mean of three is linear but rounds:
    in float64 that rounding is allowed for; other dtypes are skipped.
    """
    short = SHORT[str(dtype)]
    if all(np.array_equal(a * short, np.round(a * short), equal_nan=True) for a in values):
        return 0.0
    if dtype != np.float64:
        return None
    size = max(float(np.max(np.abs(a), initial=0.0)) for a in values)
    return 64 * float(np.finfo(np.float64).eps) * size


def _moved(subject: Subject, position: int, step: Array) -> Array:
    leaves = list(subject.leaves)
    leaves[position] = (leaves[position] + step).astype(leaves[position].dtype)
    return subject.values(leaves)


def _integers(rng: np.random.Generator, shape: tuple[int, ...] | Sequence[int]) -> Array:
    """Return small nonzero integers: a zero would hide the entry it is multiplied with."""
    draws = rng.integers(1, 3, size=shape)
    return np.asarray(draws * (2 * rng.integers(0, 2, size=shape) - 1), dtype=np.float64)
