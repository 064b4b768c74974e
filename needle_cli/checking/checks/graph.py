"""graph: the gradients of several uses of a value are added up, `f(x, x)` included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from needle_cli.checking.abilities import GraphOperator, has_graph
from needle_cli.checking.checks import contract
from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import NOTHING, Question, merge, worst_entry
from needle_cli.checking.model import Answer, Array, Code
from needle_cli.checking.numerics.line import EPS, SMALLEST
from needle_cli.checking.numerics.tolerance import norm
from needle_cli.checking.point import Subject


class Graph(Check):
    """Whether the gradients of several uses of a value add up."""

    name = "graph"
    needs_gradient = True
    ability = "graph"

    def ask(self, question: Question) -> Answer:
        """Run the reverse pass for two and three uses, and for one value in several positions."""
        subject = question.wide
        op = question.op
        if not has_graph(op) or not subject.judged or not subject.vector.size:
            return NOTHING
        several = [uses(question, op, count) for count in (2, 3)]
        return merge([*several, shared(question, op), alone(question, op)])


def uses(question: Question, op: GraphOperator, count: int) -> Answer:
    """Test that a value used `count` times gets `count` times the gradient."""
    subject = question.wide
    cotangents = subject.cotangents(question.cotangent)
    raw = op.graph_gradients(subject.case, cotangents, count, False)
    form = contract.inspect(subject, raw)
    if form.findings:
        return form
    wanted = [count * g for g in question.gradients]
    text = f"a value used {count} times does not get {count} times the gradient"
    terms = question.gradients if question.varies else None
    return _equal(subject, subject.settle(raw), wanted, text, terms)


def shared(question: Question, op: GraphOperator) -> Answer:
    """Test that in `f(x, x)` the gradient of x is the sum of those of both positions."""
    subject = question.wide
    groups: dict[tuple[tuple[int, ...], str], list[int]] = {}
    for i in subject.judged:
        groups.setdefault((subject.leaves[i].shape, _domain(question, i)), []).append(i)
    twice = [group for group in groups.values() if len(group) > 1]
    if not twice or len(groups) != 1:
        return NOTHING
    leaves = list(subject.leaves)
    for group in twice:
        for i in group:
            leaves[i] = leaves[group[0]]
    same = Subject(question.op, subject.case.with_leaves(leaves))
    single = same.gradients(question.cotangent)
    if not all(np.isfinite(g).all() for g in single):
        return NOTHING
    positions = {i: k for k, i in enumerate(same.judged)}
    wanted = list(single)
    for group in twice:
        total = sum((single[positions[i]] for i in group), np.zeros(leaves[group[0]].shape))
        for i in group:
            wanted[positions[i]] = total
    raw = op.graph_gradients(same.case, same.cotangents(question.cotangent), 1, True)
    text = "one value in several positions does not get the sum of their gradients"
    return _equal(same, same.settle(raw), wanted, text, single)


def alone(question: Question, op: GraphOperator) -> Answer:
    """Test that an input gets its gradient when it is the only one that requires one."""
    subject = question.wide
    owners = subject.case.leaf_owners()
    asking = sorted({owners[i] for i in subject.judged})
    if len(asking) < 2:
        return NOTHING
    answers = []
    for owner in asking:
        case = replace(subject.case, judged=frozenset({owner}))
        single = Subject(question.op, case)
        raw = op.graph_gradients(case, subject.cotangents(question.cotangent), 1, False)
        form = contract.inspect(single, raw)
        if form.findings:
            answers.append(form)
            continue
        wanted = [
            g for i, g in zip(subject.judged, question.gradients, strict=True) if owners[i] == owner
        ]
        text = f"{owner} gets another gradient when it alone asks for one"
        terms = wanted if question.varies else None
        answers.append(_equal(single, single.settle(raw), wanted, text, terms))
    return merge(answers)


def _domain(question: Question, leaf: int) -> str:
    """Return a key that is equal for leaves with the same set of allowed values."""
    if question.claims is None:
        return ""
    owner = question.wide.case.leaf_owners()[leaf]
    claim = question.claims.inputs_at(question.case.tags).get(owner)
    return repr((claim.domain, claim.values)) if claim else owner


def _equal(
    subject: Subject,
    got: Sequence[Array],
    wanted: Sequence[Array],
    text: str,
    terms: Sequence[Array] | None = None,
) -> Answer:
    names = subject.judged_names
    size = norm(np.concatenate([t.reshape(-1) for t in terms])) if terms is not None else 0.0
    with np.errstate(all="ignore"):
        # Infinite and NaN gradients cannot be added up.
        finite = [np.isfinite(b) for b in wanted]
        allowed = [16 * (EPS * (np.abs(b) + size) + SMALLEST) for b in wanted]
    return worst_entry("graph", Code.USES, names, got, wanted, allowed, text, finite)
