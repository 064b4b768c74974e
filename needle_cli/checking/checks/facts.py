"""Claims of a spec that are tested at every case: `elementwise` and `facts.no_nan_leak`."""

from __future__ import annotations

import numpy as np

from needle_cli.checking.checks.context import NOTHING, Question, failed, merge, passed
from needle_cli.checking.model import Answer, Code
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


def no_nan_leak(question: Question) -> Answer:
    """Test that NaN and infinity in unused entries do not reach a gradient."""
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
    return merge(answers)


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
