"""The further cases of `thorough`: other cotangents, and values that were not given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from needle_cli.checking.checks.context import Question, passed, seed_of
from needle_cli.checking.checks.registry import CHECKS
from needle_cli.checking.domains.base import DomainKind
from needle_cli.checking.model import Answer, Array, Case, Garbage, OperatorError, Verdict
from needle_cli.checking.point import is_floating

Domains = Mapping[str, DomainKind]


def other_cotangents(question: Question) -> Iterator[Case]:
    """Yield the case with ones, a one-hot, a large, a tiny and two more random cotangents."""
    shape = question.wide.vector.shape
    if not shape[0]:
        return
    one_hot = np.zeros(shape)
    one_hot[int(question.rng("one-hot").integers(shape[0]))] = 1.0
    for v in (np.ones(shape), one_hot, question.cotangent * 1e6, question.cotangent * 1e-6):
        yield replace(question.case, cotangent=tuple(question.wide.cotangents(v)))
    for k in range(2):
        seed = seed_of(question.case.seed, "another", k)
        yield replace(question.case, cotangent=None, seed=seed)


def at_other_cases(
    question: Question, selected: Sequence[str], domains: Domains
) -> tuple[Question, list[Answer]]:
    """Ask gradient and linearity for other cotangents and at invented values.

    What is found at invented values is a note, unless domains say that they are inputs. Returned
    are also the question at which something was found, or else the given one.
    """
    asked = [name for name in ("gradient", "linearity") if name in selected]
    answers: list[Answer] = []
    cases = [("", case) for case in other_cotangents(question)]
    for word, case in chain(cases, invented(question, domains)):
        there = Question(question.op, case, tangent=question.tangent)
        try:
            found = [CHECKS[name].ask(there) for name in asked]
        except (OperatorError, Garbage):
            continue  # the operator may not accept these values
        answers += [a for a in found if a.verdict is Verdict.PASS]
        for answer in found:
            if not answer.findings:
                continue
            first = answer.findings[0]
            if word and not domains:
                note = f"not judged: at {word} the {first.check} check says: {first.message}"
                ending = "; if such values are inputs, say so with domain="
                return question, [*answers, replace(passed(), notes=(note + ending,))]
            at = f", at {word}" if word else ""
            placed = tuple(replace(f, message=f.message + at) for f in answer.findings)
            return there, [*answers, replace(answer, findings=placed, notes=())]
    return question, answers


CHANGES: Mapping[str, Callable[[Array, np.random.Generator], Array]] = {
    "the inputs with some zeros": lambda a, rng: np.where(rng.random(a.shape) < 0.3, 0.0, a),
    "the inputs rounded": lambda a, rng: np.round(a),
    "the inputs in another order": lambda a, rng: rng.permutation(a.reshape(-1)).reshape(a.shape),
    "the inputs times 1000": lambda a, rng: a * 1e3,
    "the inputs times 0.001": lambda a, rng: a * 1e-3,
    "the inputs times 1.03": lambda a, rng: a * (1 + 2.0**-5),
    "the negative inputs": lambda a, rng: -a,
}
"""Invented values, by the words for them."""


def invented(question: Question, domains: Domains) -> Iterator[tuple[str, Case]]:
    """Yield cases at values that were not given, at which the outputs are finite.

    With domains only the inputs that have one change, and stay inside; they are also drawn anew.
    """
    rng = question.rng("values")
    case = question.case
    owners = case.leaf_owners()
    words = list(CHANGES)
    for word in ["values drawn from the domain"] * 3 + words if domains else words:
        leaves = case.leaves()
        for i, (leaf, owner) in enumerate(zip(leaves, owners, strict=True)):
            if not is_floating(leaf) or not leaf.size or (domains and owner not in domains):
                continue
            if word not in CHANGES:
                new = domains[owner].draw(rng, leaf.shape)
            else:
                new = CHANGES[word](leaf, rng)
                if domains:
                    new = domains[owner].restored(leaf, new)
                    new = new if domains[owner].contains(new) else leaf
            leaves[i] = new.astype(leaf.dtype)
        there = replace(case.with_leaves(leaves), cotangent=None)
        try:
            outputs = question.op.evaluate(there).outputs
        except (OperatorError, Garbage):
            continue
        if all(np.isfinite(out).all() for out in outputs if is_floating(out)):
            yield word, there
