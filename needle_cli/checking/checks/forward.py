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
from needle_cli.checking.checks.linearity import largest_product
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
from needle_cli.checking.numerics.line import EPS
from needle_cli.checking.numerics.probes import rms
from needle_cli.checking.numerics.tolerance import jittered, magnitude, moved_by_rounding
from needle_cli.checking.point import FLOAT64, is_floating, widen

ERROR_CASE = "error case"
"""The tag of a case for which the operator has to raise."""

AS_WRONG = 16
"""How many times as wrong as the reference in the same dtype a value may be. Chosen: formulas of
another order of operations lose a few times as much."""

MODERATE = 2.0**17
"""Largest error of a reference, in roundings, that is no bad formula. Tuned: a normalisation of
entries that differ by 1e-5 of their size loses as much, `a + sqrt(a^2 + 4)` at -1e3 more."""

TRIALS = 32
"""Points at which the reference's own rounding is measured, after a disagreement only. Chosen: the
rounding of a mean of two numbers is zero at every other point."""


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
    errors, eps, wider = _errors_of_reference(question, claims)
    if [e.shape for e in errors] == [a.shape for a in allowed]:
        allowed = [
            a + _excused(e, magnitude(b), eps)
            for a, b, e in zip(allowed, exact, errors, strict=True)
        ]
    if wider:
        text += f", which runs in a wider float than the operator's {got[0].dtype}"
    return worst_entry("forward", Code.VALUE, names, got, exact, allowed, text)


def _excused(error: Array, size: Array, eps: float) -> Array:
    """Return the errors of the operator that those of the reference explain, per entry.

    A multiple of the reference's error is excused as long as that is a moderate multiple of the
    rounding. Beyond that the formula is a bad one, and the operator is held to the wider float.
    That may have lost digits too. If the true value is zero (the third moment of two numbers),
    only the error is left.
    """
    unsure = 32 * float(np.finfo(reference.HIGH).eps) / eps * error
    usual = error < MODERATE * eps * size
    excused = np.maximum(unsure, np.where(usual, AS_WRONG * error, 0.0))
    return np.where(size <= unsure, 4 * error, excused)


def _errors_of_reference(question: Question, claims: Claims) -> tuple[list[Array], float, bool]:
    """Return, per output entry, how wrong the reference itself is in the dtype of the case.

    That is the largest difference from a wider float, at inputs moved by some roundings. It holds
    the rounding of intermediate results too, which input moves alone do not show: the mean of two
    nearly equal numbers may be off by more than their difference, and no move of them changes
    their normalised values. Also return the dtype's rounding, and whether it is narrow and the
    reference is rounded only once: then it computes in a wider float, and shows nothing of this.
    """
    case, rng = question.case, question.rng("forward", "own")
    kinds = {leaf.dtype for leaf in case.leaves() if is_floating(leaf)}
    eps = max((float(np.finfo(kind).eps) for kind in kinds), default=EPS)
    errors: list[Array] = []
    once = eps > EPS
    for move in range(TRIALS):
        leaves = [jittered(leaf, 4 * eps, rng).astype(leaf.dtype) if is_floating(leaf) and move
                  else leaf for leaf in case.leaves()]  # fmt: skip
        here = case.with_leaves(leaves)
        low = reference.values(claims, here)
        high = reference.in_high_precision(claims, here) or reference.values(claims, widen(here))
        if [a.shape for a in low] != [b.shape for b in high]:
            return [np.zeros(a.shape) for a in low], eps, False
        found = [
            magnitude(np.asarray(a, dtype=b.dtype) - b) if is_floating(b) else np.zeros(b.shape)
            for a, b in zip(low, high, strict=True)
        ]
        once = once and all(
            bool((e <= 0.51 * eps * magnitude(b)).all())
            for e, b in zip(found, high, strict=True) if is_floating(b)
        )  # fmt: skip
        errors = [np.maximum(a, b) for a, b in zip(errors, found, strict=True)] if errors else found
    return errors, eps, once


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
    gain = largest_product(leaves)
    allowed = []
    for got, out, change in zip(question.subject.evaluation.outputs, exact, spread, strict=True):
        if not is_floating(out):
            allowed.append(np.full(out.shape, 0.5))
            continue
        size = magnitude(out)
        limits = np.finfo(got.dtype if is_floating(got) else FLOAT64)
        least, tiny = float(limits.smallest_normal), float(limits.smallest_subnormal)
        # A factor that underflowed may have been multiplied by inputs; what is below the smallest
        # normal number has no fixed number of digits.
        floor = np.where(size < least, least, 8 * min(tiny * gain, least))
        allowed.append(eps * (32 * size + 4 * rms(size)) + 16 * change + floor)
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
