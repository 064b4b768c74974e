"""purity: arguments and cached outputs stay unchanged, and equal calls give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence

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
from needle_cli.checking.checks.linearity import TWICE, natural_sizes
from needle_cli.checking.checks.parity import same_outputs
from needle_cli.checking.generation.layouts import arrange
from needle_cli.checking.model import Answer, Array, Code, Garbage, Gradient, OperatorError
from needle_cli.checking.numerics.probes import rms
from needle_cli.checking.numerics.tolerance import magnitude
from needle_cli.checking.point import Subject, elsewhere

CHEAP_UP_TO = 4096
"""Most entries of a case that is tried in another memory layout. Chosen."""

CHECK = "purity"

COMPUTED = "two equal calls of compute give different bytes"
HELD = "a second gradient of one evaluation gives different bytes"
BETWEEN = "gradient depends on a call made in between at another point (stale state)"
REMEMBERED = "compute and gradient remember an earlier call at another point (stale state)"
REUSED = "a later call changes the output of an earlier one"
DECLARE = (
    "; if the order of additions is not fixed (atomics), declare it in the spec: "
    "[[nondeterministic]] with a reason"
)


class Purity(Check):
    """Whether equal calls give equal results and have no side effects."""

    name = "purity"
    proves = True

    def ask(self, question: Question) -> Answer:
        """Test for unchanged arguments, repeatable results, no stale state, and any layout."""
        subject = question.subject
        repeats = repeatable_within if question.varies else repeatable
        answers = [untouched(question), repeats(question)]
        if subject.case.size() <= CHEAP_UP_TO and subject.judged and subject.vector.size:
            rng = question.rng("purity", "layout")
            layouts = [(sorted(LAYOUTS)[int(rng.integers(len(LAYOUTS)))],) for _ in range(2)]
            answers.append(any_layout(question, *layouts))
        return merge(answers)


def fingerprint(arrays: Sequence[Array]) -> list[bytes]:
    """Return the bytes of every array."""
    return [array.tobytes() for array in arrays]


def changed(before: Sequence[bytes], arrays: Sequence[Array], names: Sequence[str]) -> list[str]:
    """Return the names of the arrays whose bytes have changed."""
    return [
        name
        for old, array, name in zip(before, arrays, names, strict=True)
        if old != array.tobytes()
    ]


def untouched(question: Question) -> Answer:
    """Test that `compute` and `gradient` leave inputs, cotangent and cached output unchanged."""
    case = question.case.with_leaves([leaf.copy(order="K") for leaf in question.subject.leaves])
    fresh = Subject(question.op, case)
    names = fresh.names
    inputs = fingerprint(fresh.leaves)
    evaluation = fresh.evaluation
    hurt = changed(inputs, fresh.leaves, names)
    if hurt:
        return failed(
            CHECK,
            Code.COMPUTE_CHANGES_INPUT,
            f"compute changes its input {', '.join(hurt)}",
            name=hurt[0],
        )
    outputs = fingerprint(evaluation.outputs)
    cotangents = [part.copy() for part in fresh.cotangents(question.cotangent)]
    given = fingerprint(cotangents)
    evaluation.gradient(cotangents)
    hurt = changed(inputs, fresh.leaves, names)
    if hurt:
        return failed(
            CHECK,
            Code.GRADIENT_CHANGES_INPUT,
            f"gradient changes the input {', '.join(hurt)}",
            name=hurt[0],
        )
    if changed(given, cotangents, [""] * len(cotangents)):
        return failed(CHECK, Code.COTANGENT_CHANGED, "gradient changes the cotangent it is given")
    if changed(outputs, evaluation.outputs, [""] * len(outputs)):
        return failed(CHECK, Code.OUTPUT_CHANGED, "gradient changes the cached output")
    return passed()


def repeatable(question: Question) -> Answer:
    """Test that equal calls give equal bytes, also with a call at another point in between."""
    subject = question.subject
    advice = "" if question.device == "cpu" else DECLARE
    cotangents = subject.cotangents(question.cotangent)
    first = _bytes_of(Subject(question.op, subject.case).evaluation.gradient(cotangents))
    outputs = fingerprint(subject.evaluation.outputs)
    second = Subject(question.op, subject.case)
    if fingerprint(second.evaluation.outputs) != outputs:
        return failed(CHECK, Code.NOT_REPEATABLE, COMPUTED + advice)
    again = _bytes_of(second.evaluation.gradient(cotangents))
    if again != first:
        return failed(CHECK, Code.NOT_REPEATABLE, TWICE + advice)
    if _bytes_of(second.evaluation.gradient(cotangents)) != first:
        return failed(CHECK, Code.SECOND_GRADIENT, HELD + advice)
    held = Subject(question.op, subject.case)
    held_evaluation = held.evaluation
    if not _called_elsewhere(question, cotangents):
        return passed()
    if fingerprint(subject.evaluation.outputs) != outputs:
        return failed(CHECK, Code.OUTPUT_REUSED, REUSED)
    if _bytes_of(held_evaluation.gradient(cotangents)) != first:
        return failed(CHECK, Code.STALE, BETWEEN)
    fresh = question.op.evaluate(subject.case)
    if _bytes_of(fresh.gradient(cotangents)) != first:
        return failed(CHECK, Code.STALE, REMEMBERED)
    return passed(probes=3)


def repeatable_within(question: Question) -> Answer:
    """Test the same, within rounding, for an operator that may add up in any order.

    For small integers the order makes no difference, so the outputs have to be equal.
    """
    subject = question.subject
    second, held = (Subject(question.op, subject.case) for _ in range(2))
    answer = same_outputs(question, second, subject, CHECK, Code.NOT_REPEATABLE, _within(COMPUTED))
    if answer.findings or not subject.judged or not subject.vector.size:
        return answer
    v = subject.rounded(question.cotangent)
    asked = [
        (second.gradients(v), Code.NOT_REPEATABLE, TWICE),
        (second.gradients(v), Code.SECOND_GRADIENT, HELD),
    ]
    held.gradients(v)
    if _called_elsewhere(question, subject.cotangents(v)):
        fresh = Subject(question.op, subject.case)
        asked += [
            (held.gradients(v), Code.STALE, BETWEEN),
            (fresh.gradients(v), Code.STALE, REMEMBERED),
        ]
    names = subject.judged_names
    first = subject.gradients(v)
    allowed = _reordered(subject, v, first)
    answers = [answer]
    for got, code, text in asked:
        other = [~(np.isnan(g) & np.isnan(f)) for g, f in zip(got, first, strict=True)]
        text = _within(text)
        answers.append(worst_entry(CHECK, code, names, got, first, allowed, text, other))
    return merge(answers)


def _called_elsewhere(question: Question, cotangents: Sequence[Array]) -> bool:
    """Make a call at another point; False if the operator raises at every one."""
    for case in elsewhere(question.subject.case, question.subject.judged):
        try:
            question.op.evaluate(case).gradient([2 * c for c in cotangents])
        except (OperatorError, Garbage):
            continue
        return True
    return False


def _reordered(subject: Subject, cotangent: Array, gradients: Sequence[Array]) -> list[Array]:
    """Return how much gradients may change when sums are added up in another order."""
    natural = natural_sizes(subject, cotangent)
    sizes = map(magnitude, gradients)
    return [
        64 * subject.eps * (size + rms(size) + gain)
        for size, gain in zip(sizes, natural, strict=True)
    ]


def _within(text: str) -> str:
    return f"{text}, by more than their rounding"


def _bytes_of(gradients: Sequence[Gradient]) -> list[bytes]:
    return [b"" if g.value is None else g.value.tobytes() for g in gradients]


LAYOUTS = {"F": "Fortran-ordered", "reversed": "reversed", "sliced": "sliced"}


def layout_of(array: Array) -> str:
    """Return the memory layout of an array that is not contiguous, in words."""
    steps = [step for n, step in zip(array.shape, array.strides, strict=True) if n > 1]
    if 0 in steps:
        return "expanded (stride 0)"
    if any(step < 0 for step in steps):
        return "reversed (a negative stride)"
    return "Fortran-ordered" if array.flags.f_contiguous else "a view with gaps or swapped axes"


def viewed_as(array: Array, layout: str) -> Array:
    """Return the same numbers in another layout; an array of one entry stays as it is."""
    if array.ndim == 0 or array.size < 2:
        return array
    return arrange(array, layout)


def any_layout(question: Question, inputs: Sequence[str], cotangents: Sequence[str]) -> Answer:
    """Test that views of the same numbers give the same gradients within rounding.

    Args:
        question: The operator and the case.
        inputs: The layouts of `LAYOUTS` in which the inputs are given.
        cotangents: The same of the cotangent, with the inputs as they are.
    """
    subject, vector = question.subject, question.cotangent
    if not subject.judged or not subject.vector.size:
        return NOTHING
    reference = subject.gradients(vector)
    # Another layout may change the order of the same sums.
    allowed = _reordered(subject, vector, reference)
    answers: list[Answer] = []
    for layout in (*inputs, *cotangents):
        of_inputs = len(answers) < len(inputs)
        leaves = [viewed_as(leaf, layout) if of_inputs else leaf for leaf in subject.leaves]
        viewed = Subject(question.op, subject.case.with_leaves(leaves))
        parts = viewed.cotangents(vector)
        parts = parts if of_inputs else [viewed_as(part, layout) for part in parts]
        what = f"{LAYOUTS[layout]} {'inputs' if of_inputs else 'cotangent'}"
        try:
            got = viewed.settle(viewed.evaluation.gradient(parts))
        except OperatorError as error:
            text = f"{what} with the same numbers: {error}"
            return failed(CHECK, Code.LAYOUT, text)
        some = [np.isfinite(a) | np.isfinite(b) for a, b in zip(got, reference, strict=True)]
        text = f"{what} with the same numbers: the gradient changes"
        names = subject.judged_names
        answers.append(worst_entry(CHECK, Code.LAYOUT, names, got, reference, allowed, text, some))
    return merge(answers)


def same(first: Sequence[Array], second: Sequence[Array]) -> bool:
    """Return True if gradients of equal calls are equal, within a few roundings of their size."""
    return all(
        a.shape == b.shape and bool(np.all((a == b) | (np.isnan(a) & np.isnan(b)) | near))
        for a, b in zip(first, second, strict=True)
        for near in [np.abs(a - b) <= 16 * 2.0**-52 * rms(a)]
    )
