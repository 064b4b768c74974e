"""precision: float32 and float16 gradients against the float64 one at the same rounded input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.checks import contract
from needle_cli.checking.checks.linearity import natural_sizes
from needle_cli.checking.checks.question import (
    NOTHING,
    Question,
    merge,
    passed,
    refused,
    worst_entry,
)
from needle_cli.checking.model import Answer, Array, OperatorError
from needle_cli.checking.numerics.probes import rms
from needle_cli.checking.numerics.tolerance import norm
from needle_cli.checking.subject import Subject, is_floating, narrow, widen

NARROW = ("float32", "float16")


def ask(question: Question) -> Answer:
    """Ask, for every dtype below the case's own, for its dtype, form and rounding."""
    return merge([_at(question, dtype) for dtype in NARROW])


def _at(question: Question, dtype: str) -> Answer:
    case = question.case
    if not any(is_floating(leaf) for leaf in case.leaves()):
        return NOTHING
    with np.errstate(all="ignore"):
        low_case = narrow(case, dtype)
        if not _survives(case.leaves(), low_case.leaves()):
            return NOTHING
        low, wide = Subject(question.op, low_case), Subject(question.op, widen(low_case))
        try:
            outputs = low.evaluation.outputs
        except OperatorError as error:
            if dtype == "float16" and isinstance(error.original, TypeError):
                return NOTHING
            raise
        answers = [_dtype_kept(outputs, wide, dtype)]
        if low.judged and low.vector.size and not answers[0].findings:
            cotangent = low.rounded(question.cotangent)
            raw = low.evaluation.gradient(low.cotangents(cotangent))
            form = contract.inspect(low, raw)
            answers.append(form)
            if not form.findings:
                answers.append(
                    agree(low, low.settle(raw), wide, cotangent, question.factor("precision"))
                )
        return merge(answers)


def _survives(before: Sequence[Array], after: Sequence[Array]) -> bool:
    """Tell whether rounding kept every number finite, nonzero and apart from the others' zeros."""
    for a, b in zip(before, after, strict=True):
        if is_floating(a) and not (np.isfinite(b).all() and np.array_equal(a == 0, b == 0)):
            return False
    return True


def _dtype_kept(outputs: Sequence[Array], wide: Subject, dtype: str) -> Answer:
    for out, reference in zip(outputs, wide.evaluation.outputs, strict=True):
        if is_floating(reference) and out.dtype != np.dtype(dtype):
            return refused("precision", f"{dtype} inputs give a {out.dtype} output")
    return passed()


def agree(
    low: Subject, got: Sequence[Array], wide: Subject, cotangent: Array, factor: float = 1.0
) -> Answer:
    """Compare narrow gradients with the float64 ones at the same numbers.

    Allowed is the rounding of the entry, of its array, and of the natural size `|v| |y| / |x|` of
    a gradient, and what inputs moved by one narrow rounding do to the float64 gradient.
    """
    names = [low.names[i] for i in low.judged]
    high = wide.gradients(cotangent)
    spread = _conditioning(wide, cotangent, low.eps, high)
    kept_got, kept_high, allowed = [], [], []
    sizes = natural_sizes(wide, cotangent)
    for i, a, b, moved, natural in zip(low.judged, got, high, spread, sizes, strict=True):
        info = np.finfo(low.leaves[i].dtype)
        finite = np.where(np.isfinite(b), np.abs(b), 0.0)
        size = finite + rms(finite) + natural
        tiny = float(info.smallest_subnormal) * max(1.0, norm(cotangent), rms(finite))
        allowed.append(factor * (12 * (low.eps * size + tiny) + 8 * moved))
        # Beyond the narrow range nothing is promised, for the result or for what it is made of.
        beyond = ~np.isfinite(b) | (finite > 0.01 * float(info.max))
        beyond |= ~np.isfinite(a) & (natural > 1e-3 * float(info.max))
        kept_got.append(np.where(beyond, 0.0, a))
        kept_high.append(np.where(beyond, 0.0, b))
    dtype = low.leaves[low.judged[0]].dtype
    text = f"the {dtype} gradient is not the float64 one rounded"
    return worst_entry("precision", names, kept_got, kept_high, allowed, text)


def _conditioning(
    wide: Subject, cotangent: Array, eps: float, base: Sequence[Array]
) -> list[Array]:
    """Return how far float64 gradients move when inputs and cotangent move by a narrow eps."""
    rng = np.random.Generator(np.random.PCG64(0))
    spread = [np.zeros(g.shape) for g in base]
    for _ in range(2):
        leaves = list(wide.leaves)
        for i in wide.judged:
            signs = rng.integers(0, 2, size=leaves[i].shape) * 2.0 - 1
            leaves[i] = leaves[i] * (1 + eps * signs)
        moved = Subject(wide.op, wide.case.with_leaves(leaves))
        signs = rng.integers(0, 2, size=cotangent.shape) * 2.0 - 1
        try:
            gradients = moved.gradients(cotangent * (1 + eps * signs))
        except OperatorError:
            continue
        for k, (a, b) in enumerate(zip(gradients, base, strict=True)):
            change = np.abs(a - b)
            spread[k] = np.maximum(spread[k], np.where(np.isfinite(change), change, 0.0))
    return spread
