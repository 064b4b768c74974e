"""Find the failing case that is shown: small, clear, with a table of its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from needle_cli.causes import Cause
from needle_cli.checking.checks.context import NOTHING, Question, seed_of
from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.checks.registry import CHECKS
from needle_cli.checking.checks.tally import Failed, Tally
from needle_cli.checking.claims import Claims, SpecFunctionFailed
from needle_cli.checking.domains.registry import accepts
from needle_cli.checking.generation.realise import realise
from needle_cli.checking.model import (
    Answer,
    Array,
    Case,
    Code,
    Element,
    Finding,
    Garbage,
    OperatorError,
    Structure,
    Verdict,
)
from needle_cli.checking.results import CaseReport, Failure

CLEAR = 100.0
"""A smaller case is kept if its error is within this factor of the largest one seen. Chosen."""


def failures(inquiry: Inquiry, tally: Tally) -> tuple[Failure, ...]:
    """Return what is shown of a check's failing cases: one failure with two cases at most.

    The smallest case is stored in the tally, because a cause has to explain it too.
    """
    found = _telling(tally.failed) or tally.unexplained
    if not found:
        return ()
    first = _clearest(found)
    smallest, answer = first.case, first.answer
    if inquiry.plan.shrink and tally.check not in inquiry.plan.known and tally.failed:
        smallest, answer = _smaller(inquiry, tally.check, found)
        tally.shrunk = Failed(None, smallest, answer)
    failure = failure_of(inquiry, tally.check, smallest, answer)
    typical = _typical(found)
    if typical is not None:
        report = report_of(inquiry, tally.check, typical.case, typical.answer)
        failure = replace(failure, typical=report)
    return (replace(failure, probes=len(found)),)


def _telling(found: list[Failed]) -> list[Failed]:
    """Return the failing cases with something to compare, if there are some, else all of them.

    Where the operator or the reference raised, nothing was compared.
    """
    return [entry for entry in found if not entry.answer.error] or found


def with_cause(
    tally: Tally, shown: tuple[Failure, ...], cause: Cause | None
) -> tuple[Failure, ...]:
    """Return failures with the operator's likely cause, which was found from all checks together.

    Points without a derivative get the kinks that the spec lacks instead.
    """
    explained = []
    for failure in shown:
        finding = replace(failure.finding, cause=cause if tally.failed else None)
        if tally.undeclared and not tally.failed:
            message = "a point without a derivative, and the spec declares no kink there"
            finding = replace(finding, message=message)
        fits = f"fits all {failure.probes} failing cases"
        explained.append(
            replace(
                failure,
                finding=finding,
                certainty=(fits if CHECKS[tally.check].proves else "from all checks together")
                if finding.cause
                else "",
                undeclared=() if tally.failed else tally.undeclared,
            )
        )
    return tuple(explained)


def _size(case: Case) -> tuple[int, int, int]:
    """Return a sort key for how much there is to read in a case."""
    ranks = sum(leaf.ndim for leaf in case.leaves())
    views = sum(not leaf.flags.c_contiguous for leaf in case.leaves())
    empty = 10**9 if any(leaf.size == 0 for leaf in case.leaves()) else 0
    return case.size() + empty, ranks + views, len(repr(sorted(case.params.items(), key=repr)))


def _clear(answer: Answer, worst: float) -> bool:
    return bool(answer.findings) and (answer.share >= worst / CLEAR or answer.share >= 1e4)


def _clearest(found: Sequence[Failed]) -> Failed:
    worst = max(entry.answer.share for entry in found)
    clear = [entry for entry in found if _clear(entry.answer, worst)] or list(found)
    return min(clear, key=lambda entry: _size(entry.case))


def _smaller(inquiry: Inquiry, check: str, found: Sequence[Failed]) -> tuple[Case, Answer]:
    """Return the smallest clear failing case: structure first, then its numbers."""
    start = _clearest(found)
    worst = max(entry.answer.share for entry in found)
    best: tuple[Case, Answer] = (start.case, start.answer)
    if start.structure is not None:
        other = _smaller_structure(inquiry, check, start.answer, worst)
        if other is not None and _size(other[0]) < _size(best[0]):
            best = other
        best = _plainer_numbers(inquiry, check, best, worst)
    return best


def _smaller_structure(
    inquiry: Inquiry, check: str, first: Answer, worst: float
) -> tuple[Case, Answer] | None:
    kind = CHECKS[check].numbers

    def fails(structure: Structure) -> bool:
        found = _drawn(inquiry, structure, kind)
        answer = NOTHING if found is None else _ask(inquiry, check, found, first)
        return _clear(answer, worst)

    number = seed_of(inquiry.plan.seed, inquiry.op.name, check, "shrink")
    from needle_cli.checking.search.smallest import smallest

    structure = smallest(inquiry.claims, fails, number)
    if structure is None:
        return None
    case = _drawn(inquiry, structure, kind)
    answer = NOTHING if case is None else _ask(inquiry, check, case, first)
    return (case, answer) if case is not None and answer.findings else None


def _drawn(inquiry: Inquiry, structure: Structure, kind: str) -> Case | None:
    """Return the case of a structure; None if a function of the spec fails to draw it."""
    try:
        return realise(inquiry.claims, structure, inquiry.plan.dtype, kind)
    except SpecFunctionFailed:
        return None


def _ask(inquiry: Inquiry, check: str, case: Case, first: Answer) -> Answer:
    """Run a check at a constructed case; nothing counts that is not wrong as the `first` case is.

    At a matrix of ones, which is singular, operator and reference may raise, for example. That is
    no smaller case of a wrong value.
    """
    try:
        answer = inquiry.ask(check, case)
    except Exception:
        return NOTHING
    return answer if answer.error == first.error and _blames(answer) == _blames(first) else NOTHING


def _blames(answer: Answer) -> bool:
    """Whether it was the reference that failed."""
    return any(finding.code is Code.REFERENCE for finding in answer.findings)


def _plainer_numbers(
    inquiry: Inquiry, check: str, best: tuple[Case, Answer], worst: float
) -> tuple[Case, Answer]:
    """Replace numbers by 1, 2, -1, 0.5 if the case still fails clearly.

    Zero and tiny numbers are not used, because they hide errors. The cotangent becomes ones, or
    1, 2, 3 and so on, if the case still fails.
    """
    for candidate in _plainer_cases(inquiry.claims, best[0]):
        answer = _ask(inquiry, check, candidate, best[1])
        if _clear(answer, worst) and _shows(inquiry, check, candidate, answer):
            best = (candidate, answer)
            break
    case = best[0]
    try:
        shapes = [out.shape for out in inquiry.op.evaluate(case).outputs]
    except (OperatorError, Garbage):
        return best
    for pattern in (_ones, _counting):
        candidate = replace(case, cotangent=tuple(pattern(shape, case) for shape in shapes))
        answer = _ask(inquiry, check, candidate, best[1])
        if _clear(answer, worst) and _shows(inquiry, check, candidate, answer):
            return candidate, answer
    return best


def _shows(inquiry: Inquiry, check: str, case: Case, answer: Answer) -> bool:
    """Return True if the case's own cotangent shows a wrong entry; checks use others too."""
    table = report_of(inquiry, check, case, answer).elements
    return not table or any(element.wrong for element in table)


def _ones(shape: tuple[int, ...], case: Case) -> Array:
    return np.ones(shape)


def _counting(shape: tuple[int, ...], case: Case) -> Array:
    return np.arange(1.0, 1.0 + int(np.prod(shape))).reshape(shape)


def _plainer_cases(claims: Claims, case: Case) -> Iterator[Case]:
    """Yield the case with plainer numbers, the plainest first, inside the domains."""
    patterns: list[Callable[[Array], Array]] = [
        np.ones_like,
        lambda a: (1 + np.arange(a.size)).reshape(a.shape).astype(a.dtype),
        lambda a: np.resize(np.array([2.0, -1.0, 0.5, 3.0]), a.shape).astype(a.dtype),
        lambda a: np.resize(np.array([2.0, 1.0, 0.5, 3.0]), a.shape).astype(a.dtype),
        lambda a: np.resize(np.array([0.5, 0.25, 0.75]), a.shape).astype(a.dtype),
    ]
    owners = case.leaf_owners()
    for pattern in patterns:
        leaves = []
        for owner, leaf in zip(owners, case.leaves(), strict=True):
            plain = pattern(leaf) if leaf.dtype.kind == "f" else leaf
            claim = claims.inputs_at(case.tags).get(owner)
            leaves.append(plain if claim is not None and accepts(claim, plain) else leaf)
        candidate = case.with_leaves(leaves)
        if any(a is not b for a, b in zip(candidate.leaves(), case.leaves(), strict=True)):
            yield candidate


def _typical(found: Sequence[Failed]) -> Failed | None:
    """Return the failing case of ordinary size with the largest error, if there is one."""
    ordinary = [entry for entry in found if 4 <= entry.case.size() <= 64]
    return max(ordinary, key=lambda entry: entry.answer.share, default=None)


def failure_of(inquiry: Inquiry, check: str, case: Case, answer: Answer) -> Failure:
    """Return the failure that is shown for one case."""
    report = report_of(inquiry, check, case, answer)
    finding = _main_finding(check, answer)
    wrong = [e for e in report.elements if e.wrong and np.isfinite(e.analytic - e.numeric)]
    if wrong and finding.index is None:
        worst = max(wrong, key=lambda e: abs(e.analytic - e.numeric))
        finding = replace(
            finding,
            input=worst.input,
            index=worst.index,
            analytic=worst.analytic,
            numeric=worst.numeric,
            allowed=worst.allowed,
        )
    return Failure(finding, "", report)


def first_failure(check: str, case: Case, answer: Answer) -> Failure:
    """Return the failure of one case as it was drawn, for which nothing is computed."""
    finding = _main_finding(check, answer)
    return Failure(finding, "", CaseReport(case, case.cotangent, finding.message))


def _main_finding(check: str, answer: Answer) -> Finding:
    if answer.findings:
        return answer.findings[0]
    text = "; ".join(answer.notes) or "no derivative at this point, and the spec declares no kink"
    return Finding(check, Code.NO_DERIVATIVE, "", None, None, None, None, message=text)


def report_of(inquiry: Inquiry, check: str, case: Case, answer: Answer) -> CaseReport:
    """Return a case with its cotangent and, for a failed comparison, its table of entries."""
    message = _main_finding(check, answer).message
    question = inquiry.question(case)
    try:
        cotangent = tuple(question.subject.cotangents(question.cotangent))
        table = _table(question, check, answer)
    except (OperatorError, Garbage, SpecFunctionFailed):
        return CaseReport(case, case.cotangent, message)
    return CaseReport(case, cotangent, message, tuple(table))


def _table(question: Question, check: str, answer: Answer) -> list[Element]:
    if answer.error or answer.verdict is Verdict.NO_DERIVATIVE:
        return []
    projected_only = any(f.index is None and f.analytic is not None for f in answer.findings)
    entries = CHECKS[check].entries(question) if projected_only else None
    if entries is not None:
        return entries
    shown: dict[tuple[str, tuple[int, ...]], Element] = {}
    for f in answer.findings:
        if f.index is not None and f.analytic is not None and f.numeric is not None:
            element = Element(f.input, f.index, f.analytic, f.numeric, f.allowed or 0.0, True)
            shown.setdefault((f.input, f.index), element)
    return list(shown.values())
