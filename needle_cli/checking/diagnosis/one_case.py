"""The likely cause of findings at one case: the diagnosis of a whole operator, asked around it.

A library call and a replay have one case and no generator. So the checks are asked once more at
that case, at the same arrays moved a little and shuffled, and at a part of arrays that are too
large for a whole Jacobian. Where nothing of that computes, the entries side by side are all there
is.
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

ASKED = ("contract", "gradient", "linearity", "purity")
"""What is asked around a finding: the checks that need no spec and no graph."""

SPREAD = 1e-5
"""Relative scatter of a ratio that still counts as one number. Chosen: differences of single
entries know a slope to about 1e-7."""

OF_ENTRIES = ("ratio", "zeros")
"""The causes that single entries show."""

TELLING = 100
"""Multiple of what is allowed from which on an entry says something of a ratio. Chosen."""

MOVE = 2.0**-5
"""Share of its size by which a number is moved. Chosen: clear of rounding, and rarely far enough
to leave a domain."""


def cause_at(
    inquiry: Inquiry, case: Case, answers: Sequence[Answer], table: Sequence[Element] = ()
) -> Cause | None:
    """Return the cause of what checks answered at a case, None where nothing simple fits.

    `table` are entries of the case side by side. Other values are tried only without a spec: with
    one, only its generator knows which are allowed.
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
    """Ask in order; where the form of the gradient is broken, stop there."""
    for check in ASKED:
        answer = inquiry.ask(check, case)
        if not answer.error:
            _tally(tallies, check).add(None, case, answer)
        if answer.error or (answer.findings and check == "contract"):
            return


def _fits(inquiry: Inquiry, case: Case) -> bool:
    """Whether a case is small enough for its whole Jacobian."""
    try:
        outputs = inquiry.op.evaluate(case).outputs
    except (OperatorError, Garbage):
        return False
    return case.size() <= LARGEST and sum(out.size for out in outputs) <= LARGEST


def _around(inquiry: Inquiry, case: Case) -> Iterator[Case]:
    """Yield the case with its floating numbers moved a little, twice, and shuffled."""
    rng = inquiry.question(case).rng("around")

    def moved(array: Array) -> Array:
        return np.asarray(array * (1 + MOVE * rng.uniform(-1.0, 1.0, array.shape)))

    def shuffled(array: Array) -> Array:
        return rng.permutation(moved(array).reshape(-1)).reshape(array.shape)

    for seed, change in enumerate((moved, moved, shuffled), 1):
        leaves = [change(a).astype(a.dtype) if a.dtype.kind == "f" else a for a in case.leaves()]
        near = replace(case.with_leaves(leaves), cotangent=None, seed=case.seed + seed)
        if _fits(inquiry, near) and _finite(inquiry, near):
            yield near


def _finite(inquiry: Inquiry, case: Case) -> bool:
    outputs = inquiry.op.evaluate(case).outputs
    return all(np.isfinite(out).all() for out in outputs if out.dtype.kind == "f")


def _cut(case: Case) -> Case:
    """Return the first entries along every axis, axes of one length cut to one length."""
    lengths = sorted({n for leaf in case.leaves() for n in leaf.shape if n > 1})
    short = {n: k for k, n in enumerate(lengths, 2)}
    parts = [leaf[tuple(slice(short.get(n, n)) for n in leaf.shape)] for leaf in case.leaves()]
    return replace(case.with_leaves([part.copy() for part in parts]), cotangent=None)


def _as_in(table: Sequence[Element], cause: Cause | None) -> Cause | None:
    """Return a cause found at a part of the arrays, unless the entries of the whole deny it."""
    finite = [e for e in table if np.isfinite(e.analytic) and np.isfinite(e.numeric)]
    wrong = {e.input for e in finite if e.wrong}
    theirs = [e for e in finite if e.input in wrong]
    telling = [e for e in theirs if abs(e.numeric) > TELLING * e.allowed]
    if len(telling) < 2:
        return cause
    inputs = tuple(sorted(wrong)) if wrong < {e.input for e in finite} else ()
    read = _of_entries(telling)
    if read is not None:
        read = replace(read, inputs=inputs)
        return cause if cause is not None and _agree(cause, read) else read
    if cause is None or cause.inputs != inputs or cause.name in OF_ENTRIES:
        return Cause("only input", inputs=inputs) if inputs else None
    return cause


def _agree(cause: Cause, read: Cause) -> bool:
    """Whether a cause says of a part what entries say of the whole; it may know it better."""
    if cause.inputs != read.inputs:
        return False
    better = (cause.name, cause.form) in (("ratio", "size"), ("form", "none for zero"))
    return better or (cause.name, cause.factor) == (read.name, read.factor)


def _of_entries(telling: Sequence[Element]) -> Cause | None:
    """Return the one ratio of all entries, 0 included."""
    if all(abs(e.analytic) <= e.allowed for e in telling):
        return Cause("zeros")
    ratios = np.array([e.analytic / e.numeric for e in telling])
    middle = float(np.median(ratios))
    one = np.all(np.abs(ratios - middle) <= SPREAD * abs(middle))
    if not one or abs(middle - 1) <= 10 * SPREAD:
        return None
    return Cause("ratio", "number", {"factor": shown(middle)})
