"""The further cases of `thorough`: other cotangents, other values, calls in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from needle_cli.checking.checks.context import Question, seed_of
from needle_cli.checking.checks.registry import CHECKS, NAMES
from needle_cli.checking.model import Answer, Array, Case, Garbage, OperatorError, Verdict

SLIGHT = 1e-6
"""A smaller relative error at values that the user did not give is not a finding; tuned."""


def ask(question: Question, selected: Sequence[str]) -> list[Answer]:
    """Ask every selected check in full at the case, then the gradient check at perturbed cases."""
    # A pair may be written for one dtype only, so narrower dtypes are not tried.
    dtypes = "graph" in question.op.abilities
    names = [name for name in NAMES if name in selected and (dtypes or name != "precision")]
    answers = [CHECKS[name].ask(question) for name in names]
    if any(answer.findings for answer in answers):
        return answers
    for case in [*other_cotangents(question), *other_values(question)]:
        answers.extend(_only_findings(_at(question, case, selected)))
        if answers and answers[-1].findings:
            break
    return answers


def _at(question: Question, case: Case, selected: Sequence[str]) -> list[Answer]:
    perturbed = Question(question.op, case, question.claims, tangent=question.tangent)
    try:
        return [CHECKS[n].ask(perturbed) for n in ("gradient", "linearity") if n in selected]
    except (OperatorError, Garbage):
        return []  # the operator may not accept a perturbed case


def _only_findings(answers: list[Answer]) -> list[Answer]:
    """Return clear findings and passes; doubts at inputs that the user did not give are dropped."""
    return [
        a
        for a in answers
        if a.verdict is Verdict.PASS or (a.verdict is Verdict.FAIL and not _slight(a))
    ]


def _slight(answer: Answer) -> bool:
    """Whether findings are as small as the rounding that a formula may have at other values.

    `k0e(x) - k1e(x)` keeps half its digits near 1e8. A gradient whose error there is not larger is
    right, or it is wrong at the given inputs too.
    """
    return all(
        f.analytic is not None
        and f.numeric is not None
        and abs(f.analytic - f.numeric) <= SLIGHT * max(abs(f.analytic), abs(f.numeric))
        for f in answer.findings
    )


def other_cotangents(question: Question) -> list[Case]:
    """Return the case with ones, a one-hot, a large, a tiny and two more random cotangents."""
    shape = question.wide.vector.shape
    if not shape[0]:
        return []
    one_hot = np.zeros(shape)
    one_hot[int(question.rng("one-hot").integers(shape[0]))] = 1.0
    special = [np.ones(shape), one_hot, question.cotangent * 1e6, question.cotangent * 1e-6]
    cases = [
        replace(question.case, cotangent=tuple(question.wide.cotangents(v)), label="cotangent")
        for v in special
    ]
    for k in range(2):
        seed = seed_of(question.case.seed, "another", k)
        cases.append(replace(question.case, cotangent=None, seed=seed, label="another seed"))
    return cases


def other_values(question: Question) -> list[Case]:
    """Return the case at rounded, scaled, shuffled and partly zero values that can be computed."""
    rng = question.rng("values")

    def shuffled(a: Array) -> Array:
        return rng.permutation(a.reshape(-1)).reshape(a.shape)

    def with_zeros(a: Array) -> Array:
        return np.where(rng.random(a.shape) < 0.3, 0.0, a)

    makers: list[Callable[[Array], Array]] = [
        np.round,
        with_zeros,
        shuffled,
        lambda a: a * 1e3,
        lambda a: a * 1e-3,
        lambda a: a * (1 + 2.0**-5),
        lambda a: -a,
    ]
    cases = []
    for make in makers:
        leaves = [
            make(leaf).astype(leaf.dtype) if leaf.dtype.kind == "f" else leaf
            for leaf in question.case.leaves()
        ]
        case = replace(question.case.with_leaves(leaves), cotangent=None, label="variant")
        if _computes(question, case):
            cases.append(case)
    return cases


def _computes(question: Question, case: Case) -> bool:
    try:
        outputs = question.op.evaluate(case).outputs
    except (OperatorError, Garbage):
        return False
    return all(np.isfinite(out).all() for out in outputs if out.dtype.kind == "f")
