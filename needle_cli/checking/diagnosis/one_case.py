"""The likely cause of findings at one case: the diagnosis of an operator, from cases near it.

A library call and a replay have one case and no generator. So the checks run again at that case
and at the same arrays moved a little and shuffled. Arrays that are too large for a whole Jacobian
are cut to a part, and the cause found there is compared with the entries of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from needle_cli.causes import Cause
from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.checks.tally import Tally
from needle_cli.checking.diagnosis.diagnose import diagnose
from needle_cli.checking.diagnosis.jacobian import LARGEST
from needle_cli.checking.diagnosis.patterns import shown
from needle_cli.checking.model import Answer, Array, Case, Element, Garbage, OperatorError
from needle_cli.checking.point import is_floating

ASKED = ("contract", "gradient", "linearity", "purity")
"""The checks that run at nearby cases: those that need no spec and no graph."""

SPREAD = 1e-5
"""Relative scatter up to which ratios count as one number. Chosen: finite differences of single
entries are accurate to about 1e-7."""

OF_ENTRIES = ("ratio", "zeros")
"""The causes that can be read from single entries."""

RATIO_FROM = 100
"""An entry takes part in a ratio if it is larger than this multiple of its tolerance. Chosen."""

MOVE = 2.0**-5
"""Relative change of the numbers of a nearby case. Chosen: far above rounding, and rarely large
enough to leave a domain."""


def cause_at(
    inquiry: Inquiry, case: Case, answers: Sequence[Answer], table: Sequence[Element] = ()
) -> Cause | None:
    """Return the cause of the findings at a case, or None if nothing simple fits.

    `table` compares entries of the case. Nearby cases are tried only without a spec: if there is
    one, only its generator knows which values are allowed.
    """
    tallies: dict[str, Tally] = {}
    for answer in answers:
        for check in {finding.check for finding in answer.findings}:
            mine = tuple(f for f in answer.findings if f.check == check)
            _tally(tallies, check).add(None, case, replace(answer, findings=mine))
    broken = any(answer.error for answer in answers) or "contract" in tallies
    if not tallies or broken:
        return diagnose(tallies, inquiry)[0]
    fits = _fits(inquiry, case)
    around = list(_around(inquiry, case if fits else _cut(case))) if inquiry.stated is None else []
    for near in [*([case] if fits else []), *around]:
        _ask_all(inquiry, near, tallies)
    cause = diagnose(tallies, inquiry)[0]
    return cause if fits else _as_in(table, cause)


def _tally(tallies: dict[str, Tally], check: str) -> Tally:
    return tallies.setdefault(check, Tally(check))


def _ask_all(inquiry: Inquiry, case: Case, tallies: dict[str, Tally]) -> None:
    """Ask the checks in order; stop where the operator raises or the gradient's form is wrong."""
    for check in ASKED:
        answer = inquiry.ask(check, case)
        if not answer.error:
            _tally(tallies, check).add(None, case, answer)
        if answer.error or (answer.findings and check == "contract"):
            return


def _fits(inquiry: Inquiry, case: Case) -> bool:
    """Return True if a case is small enough for its whole Jacobian."""
    try:
        outputs = inquiry.op.evaluate(case).outputs
    except (OperatorError, Garbage):
        return False
    return case.size() <= LARGEST and sum(out.size for out in outputs) <= LARGEST


def _around(inquiry: Inquiry, case: Case) -> Iterator[Case]:
    """Yield two cases with the floating numbers moved a little, and one with them shuffled too."""
    rng = inquiry.question(case).rng("around")

    def moved(array: Array) -> Array:
        return np.asarray(array * (1 + MOVE * rng.uniform(-1.0, 1.0, array.shape)))

    def shuffled(array: Array) -> Array:
        return rng.permutation(moved(array).reshape(-1)).reshape(array.shape)

    for seed, change in enumerate((moved, moved, shuffled), 1):
        leaves = [change(a).astype(a.dtype) if is_floating(a) else a for a in case.leaves()]
        near = replace(case.with_leaves(leaves), cotangent=None, seed=case.seed + seed)
        if _fits(inquiry, near) and _finite(inquiry, near):
            yield near


def _finite(inquiry: Inquiry, case: Case) -> bool:
    outputs = inquiry.op.evaluate(case).outputs
    return all(np.isfinite(out).all() for out in outputs if is_floating(out))


def _cut(case: Case) -> Case:
    """Return the case cut along every axis; axes of equal length stay of equal length."""
    lengths = sorted({n for leaf in case.leaves() for n in leaf.shape if n > 1})
    short = {n: k for k, n in enumerate(lengths, 2)}
    parts = [leaf[tuple(slice(short.get(n, n)) for n in leaf.shape)] for leaf in case.leaves()]
    return replace(case.with_leaves([part.copy() for part in parts]), cotangent=None)


def _as_in(table: Sequence[Element], cause: Cause | None) -> Cause | None:
    """Return the cause found at a part of the arrays, or what the entries of the whole show."""
    finite = [e for e in table if np.isfinite(e.analytic) and np.isfinite(e.numeric)]
    wrong = {e.input for e in finite if e.wrong}
    theirs = [e for e in finite if e.input in wrong]
    clear = [e for e in theirs if abs(e.numeric) > RATIO_FROM * e.allowed]
    if len(clear) < 2:
        return cause
    inputs = tuple(sorted(wrong)) if wrong < {e.input for e in finite} else ()
    read = _of_entries(clear)
    if read is not None:
        read = replace(read, inputs=inputs)
        return cause if cause is not None and _agree(cause, read) else read
    if cause is None or cause.inputs != inputs or cause.name in OF_ENTRIES:
        return Cause("only input", inputs=inputs) if inputs else None
    return cause


def _agree(cause: Cause, read: Cause) -> bool:
    """Return True if the cause of a part says the same as the entries of the whole, or more."""
    if cause.inputs != read.inputs:
        return False
    more = (cause.name, cause.form) in (("ratio", "size"), ("form", "none for zero"))
    return more or (cause.name, cause.factor) == (read.name, read.factor)


def _of_entries(clear: Sequence[Element]) -> Cause | None:
    """Return the ratio, which may be 0, if all entries have the same one."""
    if all(abs(e.analytic) <= e.allowed for e in clear):
        return Cause("zeros")
    ratios = np.array([e.analytic / e.numeric for e in clear])
    middle = float(np.median(ratios))
    one = np.all(np.abs(ratios - middle) <= SPREAD * abs(middle))
    if not one or abs(middle - 1) <= 10 * SPREAD:
        return None
    return Cause("ratio", "number", {"factor": shown(middle)})
