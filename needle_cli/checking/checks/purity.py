"""purity: nothing is changed behind the caller's back, and equal calls give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.cases.layouts import arrange
from needle_cli.checking.checks.linearity import natural_sizes
from needle_cli.checking.checks.question import Question, merge, passed, refused, worst_entry
from needle_cli.checking.model import Answer, Array, Case, Garbage, Gradient, OperatorError
from needle_cli.checking.numerics.differences import EPS
from needle_cli.checking.numerics.probes import rms
from needle_cli.checking.subject import Subject

CHEAP_UP_TO = 4096


def ask(question: Question) -> Answer:
    """Ask for untouched arguments, repeatable answers, no stale state, and no taste for layouts."""
    subject = question.subject
    answers = [untouched(question), repeatable(question)]
    if subject.case.size() <= CHEAP_UP_TO and subject.judged and subject.vector.size:
        answers.append(any_layout(question))
    return merge(answers)


def fingerprint(arrays: Sequence[Array]) -> list[bytes]:
    """Return the bytes of every array."""
    return [array.tobytes() for array in arrays]


def changed(before: Sequence[bytes], arrays: Sequence[Array], names: Sequence[str]) -> list[str]:
    """Return the names of the arrays whose bytes are not what they were."""
    return [
        name
        for old, array, name in zip(before, arrays, names, strict=True)
        if old != array.tobytes()
    ]


def untouched(question: Question) -> Answer:
    """Ask whether inputs, cotangent and cached output survive `compute` and `gradient`."""
    case = question.case.with_leaves([leaf.copy(order="K") for leaf in question.subject.leaves])
    fresh = Subject(question.op, case)
    names = fresh.names
    inputs = fingerprint(fresh.leaves)
    evaluation = fresh.evaluation
    hurt = changed(inputs, fresh.leaves, names)
    if hurt:
        return refused("purity", f"compute changes its input {', '.join(hurt)}", name=hurt[0])
    outputs = fingerprint(evaluation.outputs)
    cotangents = [part.copy() for part in fresh.cotangents(question.cotangent)]
    given = fingerprint(cotangents)
    evaluation.gradient(cotangents)
    hurt = changed(inputs, fresh.leaves, names)
    if hurt:
        return refused("purity", f"gradient changes the input {', '.join(hurt)}", name=hurt[0])
    if changed(given, cotangents, [""] * len(cotangents)):
        return refused("purity", "gradient changes the cotangent it is given")
    if changed(outputs, evaluation.outputs, [""] * len(outputs)):
        return refused("purity", "gradient changes the cached output")
    return passed()


def repeatable(question: Question) -> Answer:
    """Ask for the same bytes from equal calls, also after a call at another point in between."""
    subject = question.subject
    cotangents = subject.cotangents(question.cotangent)
    first = _bytes_of(Subject(question.op, subject.case).evaluation.gradient(cotangents))
    outputs = fingerprint(subject.evaluation.outputs)
    second = Subject(question.op, subject.case)
    if fingerprint(second.evaluation.outputs) != outputs:
        return refused("purity", "two equal calls of compute give different bytes")
    again = _bytes_of(second.evaluation.gradient(cotangents))
    if again != first:
        return refused("purity", "two equal calls of gradient give different bytes")
    if _bytes_of(second.evaluation.gradient(cotangents)) != first:
        return refused("purity", "a second gradient of one evaluation gives different bytes")
    elsewhere = _another_point(subject)
    held = Subject(question.op, subject.case)
    held_evaluation = held.evaluation
    try:
        other = question.op.evaluate(elsewhere)
        other.gradient([2 * c for c in cotangents])
    except (OperatorError, Garbage):
        return passed()
    if _bytes_of(held_evaluation.gradient(cotangents)) != first:
        text = "gradient depends on a call made in between at another point (stale state)"
        return refused("purity", text)
    fresh = question.op.evaluate(subject.case)
    if _bytes_of(fresh.gradient(cotangents)) != first:
        text = "compute and gradient remember an earlier call at another point (stale state)"
        return refused("purity", text)
    return passed(probes=3)


def _another_point(subject: Subject) -> Case:
    """Return a case of the same shapes a little way off: still inside any open domain."""
    leaves = list(subject.leaves)
    for i in subject.judged:
        leaf = leaves[i]
        leaves[i] = (leaf * leaf.dtype.type(1 + 2.0**-6)).astype(leaf.dtype)
    return subject.case.with_leaves(leaves)


def _bytes_of(gradients: Sequence[Gradient]) -> list[bytes]:
    return [b"" if g.value is None else g.value.tobytes() for g in gradients]


LAYOUTS = {"F": "Fortran-ordered", "reversed": "reversed", "sliced": "sliced"}


def viewed_as(array: Array, layout: str) -> Array:
    """Return the same numbers in another layout; what is too small for one stays as it is."""
    if array.ndim == 0 or array.size < 2:
        return array
    return arrange(array, layout)


def any_layout(question: Question) -> Answer:
    """Ask for the same answers, within rounding, for views of the same numbers."""
    subject = question.subject
    reference = question.gradients
    names = [subject.names[i] for i in subject.judged]
    rng = question.rng("purity", "layout")
    layout = sorted(LAYOUTS)[int(rng.integers(len(LAYOUTS)))]
    chosen = LAYOUTS[layout]
    leaves = [viewed_as(leaf, layout) for leaf in question.wide.leaves]
    viewed = Subject(question.op, question.wide.case.with_leaves(leaves))
    cotangents = [viewed_as(c, layout) for c in viewed.cotangents(question.cotangent)]
    try:
        got = viewed.settle(viewed.evaluation.gradient(cotangents))
    except OperatorError as error:
        text = f"{chosen} inputs with the same numbers make it raise: {error}"
        return refused("purity", text)
    # Another layout is another order of the same sums.
    natural = natural_sizes(question.wide, question.cotangent)
    sizes = [np.where(np.isfinite(g), np.abs(g), 0.0) for g in reference]
    allowed = [
        64 * EPS * (size + rms(size) + gain) for size, gain in zip(sizes, natural, strict=True)
    ]
    both = [np.isfinite(a) | np.isfinite(b) for a, b in zip(got, reference, strict=True)]
    got = [np.where(m, a, 0.0) for a, m in zip(got, both, strict=True)]
    wanted = [np.where(m, b, 0.0) for b, m in zip(reference, both, strict=True)]
    return worst_entry(
        "purity", names, got, wanted, allowed, f"a {chosen} view changes the gradient"
    )
