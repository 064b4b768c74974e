"""Claims of a spec that are tested at every case: `elementwise` and some `facts`."""

from __future__ import annotations

import numpy as np

from needle_cli.checking.checks.context import (
    NOTHING,
    Question,
    failed,
    merge,
    passed,
    worst_entry,
)
from needle_cli.checking.model import Answer, Code
from needle_cli.checking.numerics.probes import rms
from needle_cli.checking.point import Subject

LIMIT = 1024
"""Most entries of a case at which the claims are tested. Chosen."""


def elementwise(question: Question) -> Answer:
    """Test that moving one entry of an input changes no output entry but its own."""
    claims, subject = question.claims, question.subject
    outputs = subject.evaluation.outputs
    if claims is None or not claims.elementwise or subject.case.size() > LIMIT:
        return NOTHING
    if len(outputs) != 1 or outputs[0].size < 2:
        return NOTHING
    # Vector instructions may round an entry by its place in memory, so both calls get plain copies.
    plain = Subject(question.op, subject.case.with_leaves([a.copy() for a in subject.leaves]))
    rng = question.rng("elementwise")
    answers = []
    for i in subject.judged:
        leaf = subject.leaves[i]
        if leaf.size:
            flat = int(rng.integers(leaf.size))
            answers.append(_others_unchanged(plain, i, flat))
    return merge(answers)


def _others_unchanged(subject: Subject, position: int, flat: int) -> Answer:
    before = subject.evaluation.outputs[0]
    leaf = subject.leaves[position]
    touched = np.zeros(leaf.shape, dtype=bool)
    touched.reshape(-1)[flat] = True
    moved = np.where(touched, leaf * leaf.dtype.type(1 + 2.0**-6), leaf).astype(leaf.dtype)
    leaves = list(subject.leaves)
    leaves[position] = moved
    after = subject.op.evaluate(subject.case.with_leaves(leaves)).outputs[0]
    own = np.broadcast_to(touched, before.shape)
    same = (after == before) | (np.isnan(after) & np.isnan(before)) | own
    if after.shape == before.shape and same.all():
        return passed()
    name = subject.names[position]
    text = f"the spec says elementwise, but one entry of {name} moves other outputs"
    return failed("forward", Code.NOT_ELEMENTWISE, text, name=name)


def of_gradients(question: Question) -> Answer:
    """Test what the spec's facts say of gradients."""
    return merge([no_nan_leak(question), symmetric_gradient(question)])


def symmetric_gradient(question: Question) -> Answer:
    """Test that gradients are symmetric matrices, within a rounding that solvers may have."""
    claims, subject = question.claims, question.wide
    owners, answers = subject.case.leaf_owners(), []
    for g, i in zip(question.gradients, subject.judged, strict=True):
        if claims is None or owners[i] not in claims.symmetric_gradient or not g.size:
            continue
        mirrored = g.swapaxes(-1, -2)
        allowed = np.full(g.shape, np.sqrt(subject.rounding) * rms(g))
        text = "the gradient is not symmetric, and the spec says it is"
        named = [subject.names[i]]
        answer = worst_entry("contract", Code.SYMMETRY, named, [g], [mirrored], [allowed], text)
        answers.append(answer)
    return merge(answers)


def no_nan_leak(question: Question) -> Answer:
    """Test that NaN and infinity in unused entries, or in their outputs, reach no gradient."""
    claims, subject = question.claims, question.wide
    if claims is None or not claims.no_nan_leak or subject.case.size() > LIMIT:
        return NOTHING
    owners = subject.case.leaf_owners()
    answers = [
        _leaks(question, subject, k, bad)
        for k, i in enumerate(subject.judged)
        if owners[i] in claims.no_nan_leak
        for bad in (np.nan, np.inf)
    ]
    return merge([*answers, _cotangent_leaks(question, subject)])


def _cotangent_leaks(question: Question, subject: Subject) -> Answer:
    """Make the output gradient infinite at one output, and look at entries that it does not use.

    There 0 times infinity is NaN. An operator that gives NaN to used entries as well, as a softmax
    does, says nothing about the unused ones.
    """
    claims, rng = question.claims, question.rng("infinite")
    if claims is None or not subject.vector.size:
        return NOTHING
    one = np.zeros(subject.vector.shape)
    one[int(rng.integers(one.size))] = 1.0
    plain = subject.gradients(one)
    got = subject.gradients(np.where(one == 1.0, np.inf, question.cotangent))
    if any(np.isnan(g[p != 0]).any() for g, p in zip(got, plain, strict=True)):
        return NOTHING
    owners = subject.case.leaf_owners()
    for i, g, p in zip(subject.judged, got, plain, strict=True):
        if owners[i] in claims.no_nan_leak and np.isnan(g[p == 0]).any():
            name = subject.names[i]
            text = (
                f"an infinite output gradient at an output that does not use an entry of {name} "
                f"gives it the gradient nan: 0 times infinity, where a choice gives 0"
            )
            return failed("contract", Code.NAN_LEAK, text, name=name)
    return passed()


def _leaks(question: Question, subject: Subject, position: int, bad: float) -> Answer:
    """Put `bad` where the gradient is zero, and test that the gradients stay the same."""
    i = subject.judged[position]
    unused = question.gradients[position] == 0
    if not unused.any():
        return NOTHING
    leaves = list(subject.leaves)
    leaves[i] = np.where(unused, bad, leaves[i])
    poisoned = Subject(subject.op, subject.case.with_leaves(leaves))
    got = poisoned.gradients(question.cotangent)
    for name, a, b in zip(
        (subject.names[j] for j in subject.judged), got, question.gradients, strict=True
    ):
        if not np.array_equal(a, b):
            entry = f"{bad} in an entry of {subject.names[i]} that is not used"
            text = f"{entry} reaches the gradient of {name}"
            return failed("contract", Code.NAN_LEAK, text, name=name)
    return passed()
