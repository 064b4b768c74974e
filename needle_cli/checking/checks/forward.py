"""forward: value, shape and dtype equal the reference's; lazy equals eager; bad input raises."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from needle_cli.checking import reference
from needle_cli.checking.abilities import LazyOperator, is_lazy
from needle_cli.checking.checks import facts
from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import (
    NOTHING,
    Question,
    failed,
    merge,
    passed,
    worst_entry,
)
from needle_cli.checking.claims import Claims, ErrorCase
from needle_cli.checking.model import (
    Answer,
    Array,
    Case,
    Code,
    Garbage,
    OperatorError,
    OpUnderTest,
)
from needle_cli.checking.numerics.differences import EPS, SMALLEST
from needle_cli.checking.numerics.probes import rms
from needle_cli.checking.numerics.tolerance import MOVES, jittered, magnitude, moved_by_rounding
from needle_cli.checking.point import is_floating, widen

ERROR_CASE = "error case"
"""The tag of a case for which the operator has to raise."""


class Forward(Check):
    """Whether value, shape and dtype equal the reference's."""

    name = "forward"
    judges_value = True
    proves = True

    def own_cases(self, claims: Claims, dtype: str) -> Iterable[Case]:
        """Return the cases of the spec's `[[error]]` entries: the operator has to raise."""
        return [error_case(claims, error, dtype) for error in claims.errors]

    def ask(self, question: Question) -> Answer:
        """Compare the outputs with the reference, and lazy with eager evaluation, bit for bit."""
        if ERROR_CASE in question.case.tags:
            return _errors(question)
        with np.errstate(all="ignore"):
            answers = [against_reference(question)]
            if is_lazy(question.op) and not answers[0].findings:
                answers.append(lazy_equals_eager(question, question.op))
            answers.append(facts.elementwise(question))
            return merge(answers)


def against_reference(question: Question) -> Answer:
    """Compare number of outputs, shapes, dtypes and values with the reference."""
    claims = question.claims
    if claims is None:
        return NOTHING
    wanted = reference.values(claims, question.case)
    got = question.subject.evaluation.outputs
    if len(got) != len(wanted):
        return failed(
            "forward", Code.OUTPUT_COUNT, f"{len(got)} outputs, the reference gives {len(wanted)}"
        )
    for k, (a, b) in enumerate(zip(got, wanted, strict=True)):
        which = "the output" if len(got) == 1 else f"output {k}"
        if a.shape != b.shape:
            return failed(
                "forward",
                Code.OUTPUT_SHAPE,
                f"{which} has shape {a.shape}, the reference's is {b.shape}",
            )
        if a.dtype != b.dtype and not _promoted(question, a, b):
            return failed(
                "forward",
                Code.OUTPUT_DTYPE,
                f"{which} has dtype {a.dtype}, the reference's is {b.dtype}",
            )
    exact = reference.in_high_precision(claims, question.case) or wanted
    exact = [_held(a, b) for a, b in zip(got, exact, strict=True)]
    # The mean of no entries is NaN in the reference too; that counts as agreement.
    both = [_both_nan(a, b) for a, b in zip(got, exact, strict=True)]
    got = tuple(np.where(m, 0, a) if m.any() else a for a, m in zip(got, both, strict=True))
    exact = [np.where(m, 0, b) if m.any() else b for b, m in zip(exact, both, strict=True)]
    names = ["output"] if len(got) == 1 else [f"output[{k}]" for k in range(len(got))]
    allowed = _rounding(question, claims, exact)
    text = "the value is not the reference's"
    answer = worst_entry("forward", Code.VALUE, names, got, exact, allowed, text)
    if not answer.findings:
        return answer
    own = _rounding_of_reference(question, claims, exact)
    allowed = [a + b if b.shape == a.shape else a for a, b in zip(allowed, own, strict=True)]
    return worst_entry("forward", Code.VALUE, names, got, exact, allowed, text)


def _rounding_of_reference(
    question: Question, claims: Claims, exact: Sequence[Array]
) -> list[Array]:
    """Return the rounding error of the reference in the wider float, estimated from float64.

    A reference may cancel where the operator does not: far below zero `a + sqrt(a^2 + 4)` loses as
    many digits in longdouble as in float64. The difference between the two shows how many. If the
    true value is zero (the third moment of two numbers), only that error is left, and the operator
    is allowed as much.
    """
    wide, rng = widen(question.case), question.rng("forward", "own")
    own: list[Array] = []
    for move in range(MOVES + 1):
        leaves = [jittered(leaf, EPS, rng) if is_floating(leaf) and move else leaf
                  for leaf in wide.leaves()]  # fmt: skip
        case = wide.with_leaves(leaves)
        high, low = reference.in_high_precision(claims, case), reference.values(claims, case)
        if high is None:
            return [np.zeros(out.shape) for out in low]
        found = [
            np.abs(np.asarray(a - b, dtype=np.float64)) if is_floating(b) else np.zeros(b.shape)
            for a, b in zip(high, low, strict=True)
        ]
        found = [np.where(np.isfinite(x), x, 0.0) for x in found]
        own = [np.maximum(a, b) for a, b in zip(own, found, strict=True)] if own else found
    finer = float(np.finfo(reference.HIGH).eps) / EPS
    if finer >= 1:
        return [np.zeros(x.shape) for x in own]
    return [
        np.where(np.abs(value) <= 32 * finer * x, 4 * x, 32 * finer * x)
        if value.shape == x.shape else 32 * finer * x
        for value, x in zip(exact, own, strict=True)
    ]  # fmt: skip


def _both_nan(got: Array, exact: Array) -> Array:
    """Return the mask of entries that are NaN in both operator and reference."""
    if not (is_floating(got) and is_floating(exact)):
        return np.zeros(got.shape, dtype=bool)
    return np.asarray(np.isnan(got) & np.isnan(exact))


def _held(got: Array, exact: Array) -> Array:
    """Return the wider value, with infinities where the output's dtype would overflow."""
    if not is_floating(got) or not is_floating(exact):
        return exact
    limit = exact.dtype.type(np.finfo(got.dtype).max)
    return np.where(np.abs(exact) > limit, np.copysign(np.inf, exact), exact)


def _promoted(question: Question, got: Array, wanted: Array) -> bool:
    """Return True if NumPy's promotion of Python numbers explains a different dtype."""
    floats = {leaf.dtype for leaf in question.subject.leaves if is_floating(leaf)}
    return len(floats) == 1 and got.dtype in floats and wanted.dtype.kind == "f"


def _rounding(question: Question, claims: Claims, exact: Sequence[Array]) -> list[Array]:
    """Return, per output entry, a bound for the rounding of the value and of the inputs."""
    eps = max(
        (float(np.finfo(a.dtype).eps) for a in question.subject.leaves if is_floating(a)),
        default=EPS,
    )
    wide = widen(question.case)
    base = reference.in_high_precision(claims, wide) or reference.values(claims, wide)
    leaves = wide.leaves()

    def values(moved: Sequence[Array]) -> Sequence[Array]:
        case = wide.with_leaves(moved)
        return reference.in_high_precision(claims, case) or reference.values(claims, case)

    moves = [eps if is_floating(leaf) else 0.0 for leaf in leaves]
    spread = moved_by_rounding(values, leaves, moves, question.rng("forward"), base)
    allowed = []
    for got, out, change in zip(question.subject.evaluation.outputs, exact, spread, strict=True):
        if not is_floating(out):
            allowed.append(np.full(out.shape, 0.5))
            continue
        size = magnitude(out)
        tiny = float(np.finfo(got.dtype).smallest_subnormal) if is_floating(got) else SMALLEST
        allowed.append(eps * (32 * size + 4 * rms(size)) + 16 * change + 8 * tiny)
    return allowed


def lazy_equals_eager(question: Question, op: LazyOperator) -> Answer:
    """Compare bytes with lazy mode, with the outputs realised in order and in reverse."""
    eager = question.subject.evaluation.outputs
    for backwards in (False, True) if len(eager) > 1 else (False,):
        lazy = op.lazy_outputs(question.subject.case, backwards)
        if len(lazy) != len(eager):
            return failed(
                "forward", Code.LAZY, f"{len(lazy)} outputs in lazy mode, {len(eager)} in eager"
            )
        for a, b in zip(lazy, eager, strict=True):
            if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
                return failed(
                    "forward", Code.LAZY, "lazy mode does not give the bytes of eager mode"
                )
    return passed()


def _errors(question: Question) -> Answer:
    """Test that the `[[error]]` cases of this description raise the stated exception."""
    claims, why = question.claims, question.case.label
    if claims is None:
        return NOTHING
    chosen = [error for error in claims.errors if error.why == why]
    return merge([_raises(question.op, claims, error, question.dtype) for error in chosen])


def _raises(op: OpUnderTest, claims: Claims, error: ErrorCase, dtype: str) -> Answer:
    try:
        op.evaluate(error_case(claims, error, dtype))
    except OperatorError as caught:
        if _is_a(caught.original, error.raises):
            return passed()
        got = type(caught.original).__name__
        return failed(
            "forward", Code.RAISED_OTHER, f"{error.why}: raises {got}, expected {error.raises}"
        )
    except Garbage as caught:
        return failed(
            "forward", Code.RAISED_OTHER, f"{error.why}: {caught}, expected {error.raises}"
        )
    return failed(
        "forward", Code.NOT_RAISED, f"{error.why}: nothing is raised, expected {error.raises}"
    )


def error_case(claims: Claims, error: ErrorCase, dtype: str) -> Case:
    """Return the case of an `[[error]]` entry: floating inputs in `dtype`."""

    def array(given: Any) -> Any:
        if isinstance(given, tuple):
            return tuple(array(member) for member in given)
        made = np.asarray(given)
        return made.astype(dtype) if is_floating(made) else made

    inputs = {name: array(error.values[name]) for name in claims.inputs if name in error.values}
    params = {name: error.values[name] for name in claims.params if name in error.values}
    return Case(inputs, params, label=error.why, tags=frozenset({ERROR_CASE}))


def _is_a(error: BaseException, name: str) -> bool:
    """Return True if the exception's class, or one of its bases, has the given name."""
    wanted = name.rpartition(".")[2]
    ancestors = {kind.__name__ for kind in type(error).__mro__}
    builtin = getattr(builtins, wanted, None)
    return wanted in ancestors or (isinstance(builtin, type) and isinstance(error, builtin))
