"""The likely cause of an operator's findings: from what every check said, and from probes.

What one check says may be a consequence of what another has found: a gradient that writes into its
output gradient is also wrong by half. So the causes that a check proves come first, then patterns
that hold at up to six probes, then what follows from which checks failed alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

import numpy as np

from needle_cli.checking.abilities import has_second_order, is_on_device
from needle_cli.checking.checks.context import Question
from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.checks.registry import CHECKS
from needle_cli.checking.checks.second_order import lifted
from needle_cli.checking.checks.tally import Failed, Tally
from needle_cli.checking.diagnosis.against_reference import fits_reference
from needle_cli.checking.diagnosis.jacobian import LARGEST, Probe, probe_of
from needle_cli.checking.diagnosis.patterns import describe, shown
from needle_cli.checking.model import (
    Array,
    Case,
    Code,
    Element,
    Finding,
    Garbage,
    OperatorError,
)
from needle_cli.checking.numerics.localise import elements
from needle_cli.checking.point import Subject, is_floating

SPREAD = 1e-5
"""Relative scatter of a ratio that still counts as one number."""

DIGITS = "the gradient is right to few digits: it is computed in a narrower dtype"
CONTIGUOUS = "the gradient is wrong only where inputs are not contiguous"
PROBES = 6
ORDINARY = 48
NEARBY = 2.0**-10
"""Share of its size by which a number moves, to see whether an error is that of rounding."""

NARROW = (2e-9, 4e-6)
"""Relative errors between which a slope computed in float32 has most of its entries."""

PROVEN: Mapping[Code, str] = {
    Code.COMPUTE_CHANGES_INPUT: "an array is changed in place: compute writes into its input",
    Code.GRADIENT_CHANGES_INPUT: "an array is changed in place: gradient writes into an input",
    Code.INPUT_CHANGED: "an array is changed in place: the call writes into an input",
    Code.COTANGENT_CHANGED: "an array is changed in place: gradient writes into out_grad",
    Code.OUTPUT_CHANGED: "an array is changed in place: gradient writes into the output",
    Code.OUTPUT_REUSED: "an array is changed in place: a later call writes into the output",
    Code.HOST_COPY: "a device array is copied to the host",
    Code.HOST_OPERAND: "an array of the host meets one of the device",
    Code.NO_ARGUMENT: "an argument is used that the device does not have",
    Code.NO_FUNCTION: "a function is used that the device does not have",
    Code.STALE: "stale state: an earlier call is remembered",
    Code.NOT_REPEATABLE: "the answer is not repeatable: equal calls give different numbers",
    Code.SECOND_GRADIENT: "stale state: a second gradient differs from the first",
}
"""What a check proves by a finding; of several the first of this order."""

PROVEN_OF_FORM: Mapping[Code, str] = {
    Code.NAN_LEAK: "NaN leaks from entries that are not used",
    Code.NOT_NONE: "an input without a derivative gets a gradient",
    Code.NONE: "the gradient of an input is None",
    Code.KIND: "a bare array is returned where a tensor is expected",
}
"""The same, after what a finding itself names as its cause."""


def diagnose(tallies: Mapping[str, Tally], inquiry: Inquiry) -> tuple[str, bool]:
    """Return the cause of an operator's findings in words, "" where nothing simple fits.

    And whether it explains a wrong value too, or a wrong gradient alone.

    Args:
        tallies: What every check found.
        inquiry: Makes the question of a case.
    """
    failed = {check: tally.failed for check, tally in tallies.items() if tally.failed}
    if not failed:
        return "", False
    said = [f for entries in failed.values() for e in entries for f in e.answer.findings]
    proven = _proven(failed, said, inquiry)
    if proven is not None:
        return proven, True
    return _inferred(failed, said, tallies, inquiry), False


def _proven(
    failed: Mapping[str, Sequence[Failed]], said: Sequence[Finding], inquiry: Inquiry
) -> str | None:
    """Return the cause that a check proves by what it says, None where there is none such."""
    codes = {finding.code for finding in said}
    named = [finding.cause for finding in said if finding.cause]
    causes = [*_of(PROVEN, codes), *named, *_of(PROVEN_OF_FORM, codes)]
    if causes:
        return causes[0]
    away = inquiry.plan.device != "cpu"
    if away and set(failed) == {"forward"} and _wraps_around(failed["forward"], inquiry):
        return "the device, not the formula: positions that do not exist wrap around there"
    if failed.get("parity") and not _wrong_on_host(failed["parity"], inquiry):
        device = inquiry.plan.device
        return f"the device, not the formula: {device} does not answer what the host answers"
    valued = Code.VALUE in codes
    wrong = [e.case for e in failed.get("gradient", ()) if not e.answer.error]
    if valued and fits_reference(sorted(wrong, key=Case.size)[:PROBES], inquiry):
        return "compute, not gradient: the gradient is the reference's, the value is not"
    return None


def _of(causes: Mapping[Code, str], codes: Set[Code]) -> list[str]:
    return [cause for code, cause in causes.items() if code in codes]


def _wraps_around(entries: Sequence[Failed], inquiry: Inquiry) -> bool:
    """Whether a position that does not exist raises nothing."""
    missed = {
        entry.case.label
        for entry in entries
        if any(finding.code is Code.NOT_RAISED for finding in entry.answer.findings)
    }
    return any(e.why in missed and e.raises == "IndexError" for e in inquiry.claims.errors)


def _inferred(
    failed: Mapping[str, Sequence[Failed]],
    said: Sequence[Finding],
    tallies: Mapping[str, Tally],
    inquiry: Inquiry,
) -> str:
    """Return the pattern that wrong gradients show, or what follows from which checks failed."""
    codes = {finding.code for finding in said}
    if Code.DTYPE in codes:
        return "the gradient comes in another dtype"
    pattern = _pattern(failed, tallies, inquiry)
    if pattern:
        return pattern
    if Code.SHAPE in codes:
        return "the gradient has another shape than its input"
    contract_tally = tallies.get("contract")
    if Code.RAISED_FOR_VALUES in codes and contract_tally and contract_tally.some_pass:
        return "the shapes inside gradient fit for some inputs only: it raises for others"
    if all(e.answer.error for entries in failed.values() for e in entries):
        return ""  # it raises: there is no gradient to say anything of
    second = tallies["second_order"].passed if "second_order" in tallies else ()
    return _alone(failed, second, inquiry, said)


def _wrong_on_host(entries: Sequence[Failed], inquiry: Inquiry) -> bool:
    """Tell whether the host refuses the gradient as well, at the cases where a device differs."""
    if not is_on_device(inquiry.op):
        return False
    host = inquiry.op.on_host
    for entry in entries:
        question = Question(host, entry.case, inquiry.claims)
        try:
            if any(CHECKS[check].ask(question).findings for check in ("contract", "gradient")):
                return True
        except (OperatorError, Garbage):
            return True
    return False


def _pattern(
    failed: Mapping[str, Sequence[Failed]], tallies: Mapping[str, Tally], inquiry: Inquiry
) -> str:
    """Return the pattern that fits the probes of the gradient check, else of the exact one.

    Passing cases take part: what holds everywhere would have been wrong there as well.
    """
    for check in ("gradient", "exact"):
        entries = [e for e in failed.get(check, ()) if not e.answer.error]
        probes = _probes([e.case for e in entries], inquiry)
        shrunk = tallies[check].shrunk if check in tallies else None
        if shrunk is not None and entries:
            probes += _probes([shrunk.case], inquiry)
        if not probes:
            continue
        probes += _probes(tallies[check].passed, inquiry)
        bent = any(not e.answer.error for e in failed.get("linearity", ()))
        text = describe([p for p in probes if p.is_wrong()], probes)
        if text and ("ignored" in text or not bent):
            return text
        if few_digits([e.case for e in entries], inquiry):
            return DIGITS
        return "the gradient is not linear in the output gradient" if bent else text
    return ""


def few_digits(cases: Sequence[Case], inquiry: Inquiry) -> bool:
    """Tell a gradient whose entries are all wrong by as little as float32 rounds away.

    Rounding differs from entry to entry; a factor of 1.000001 does not. And it is another one
    beside the same numbers, where a term that should not be there is nearly the same.
    """
    here, there = [], []
    asked = 0
    for case in sorted(cases, key=Case.size)[:PROBES]:
        try:
            errors = _relative_errors(case, inquiry)
            beside = _relative_errors(_beside(case, inquiry), inquiry)
        except (OperatorError, Garbage):
            return False
        asked += len(errors)
        off = [place for place, error in errors.items() if abs(error) > NARROW[0]]
        here += [errors[place] for place in off]
        there += [beside.get(place, 0.0) for place in off]
    if len(here) < 2 or len(here) <= asked / 2:
        return False
    off_here, off_there = np.array(here), np.array(there)
    largest = np.max(np.abs(off_here))
    alike = np.abs(off_there - off_here) <= 64 * NEARBY * np.abs(off_here)
    return bool(largest < NARROW[1] and np.ptp(off_here) > 0.1 * largest and alike.mean() < 0.5)


def _beside(case: Case, inquiry: Inquiry) -> Case:
    """Return the case with all its numbers, and the output gradient, moved by a small share."""
    question = inquiry.question(case)
    rng = question.rng("few digits")

    def moved(array: Array) -> Array:
        near: Array = array * (1 + NEARBY * rng.uniform(0.5, 1.0, array.shape)).astype(array.dtype)
        return near

    leaves = [moved(leaf) if is_floating(leaf) else leaf for leaf in case.leaves()]
    cotangent = question.wide.cotangents(moved(question.cotangent))
    return replace(case.with_leaves(leaves), cotangent=tuple(cotangent))


def _relative_errors(case: Case, inquiry: Inquiry) -> dict[tuple[str, tuple[int, ...]], float]:
    """Return entries' errors as shares of their sizes, where differences know them well."""
    question = inquiry.question(case)
    found = {}
    for entry in elements(question.wide, question.cotangent, question.tangent):
        size = max(abs(entry.analytic), abs(entry.numeric))
        if size > 0 and entry.allowed <= NARROW[0] * size:
            found[entry.input, entry.index] = (entry.analytic - entry.numeric) / size
    return found


def _probes(cases: Sequence[Case], inquiry: Inquiry) -> list[Probe]:
    """Return the probes at failing cases, those of ordinary size first."""
    ordinary = sorted((c for c in cases if 2 <= c.size() <= ORDINARY), key=lambda c: -c.size())
    others = sorted((c for c in cases if not 2 <= c.size() <= ORDINARY), key=Case.size)
    ranked = [*ordinary, *others]
    probes = (_probe(case, inquiry) for case in ranked)
    return [probe for probe in probes if probe is not None][:PROBES]


def _probe(case: Case, inquiry: Inquiry) -> Probe | None:
    question = inquiry.question(case)
    try:
        subject = question.wide
        if not 0 < case.size() <= LARGEST or not 0 < subject.vector.size <= LARGEST:
            return None
        with np.errstate(all="ignore"):
            return probe_of(subject, question.cotangent)
    except (OperatorError, Garbage):
        return None


def _alone(
    failed: Mapping[str, Sequence[Failed]],
    passed: Sequence[Case],
    inquiry: Inquiry,
    said: Sequence[Finding],
) -> str:
    """Return what follows from which checks failed, the others being content.

    `passed` are cases at which the second gradient was right.
    """
    checks = {
        check for check, entries in failed.items() if not all(e.answer.error for e in entries)
    }
    codes = {finding.code for finding in said}
    valued = codes == {Code.VALUE}
    if checks == {"forward", "extremes"} and not valued:
        return "the gradient is wrong only where inputs are very large or very small"
    if checks & {"forward"}:
        return ""
    if "linearity" in checks and "gradient" not in checks:
        if few_digits([e.case for e in failed["linearity"]], inquiry):
            return DIGITS
        return "the gradient is not linear in the output gradient"
    if checks == {"purity"} and Code.LAYOUT in codes:
        return CONTIGUOUS
    if checks == {"second_order"}:
        return _second_alone(failed["second_order"][0].case, passed, inquiry)
    if checks == {"precision"}:
        mixed = Code.MIXED_DTYPE in codes
        return "the gradient comes in another dtype" if mixed else "right in float64 only"
    if "kink" in checks and checks <= {"kink", "extremes"}:
        return "the gradient is wrong only where there is no derivative"
    if checks == {"extremes"}:
        what = "value" if valued else "gradient"
        return f"the {what} is wrong only where inputs are very large or very small"
    if checks == {"graph"}:
        return "the gradient is wrong only where one value is used several times"
    return ""


def _second_alone(case: Case, passed: Sequence[Case], inquiry: Inquiry) -> str:
    """Tell a cut graph, whose second gradient is zero, from one that is wrong.

    Where it is right elsewhere, and not zero, the graph is whole and a branch is wrong.
    """
    own = _second_gradients(case, inquiry)
    if own is None:
        return ""
    if any(any(g.any() for g in _second_gradients(other, inquiry) or ()) for other in passed[:2]):
        return "right in first order; in second order wrong only where some of the inputs are"
    if own and all(not g.any() for g in own):
        return "the graph is cut: the gradient has no gradient of its own"
    return "right in first order only: part of the gradient is computed outside the graph"


def _second_gradients(case: Case, inquiry: Inquiry) -> list[Array] | None:
    """Return the gradients of the gradient in the inputs themselves, None where it raises."""
    question = inquiry.question(case)
    if not has_second_order(question.op):
        return None
    try:
        subject = Subject(question.op.second_order(), lifted(question.wide, question))
        gradients = subject.gradients(np.ones(subject.vector.shape))
    except (OperatorError, Garbage):
        return None
    owners = subject.case.leaf_owners()
    return [g for i, g in zip(subject.judged, gradients, strict=True) if owners[i] != "cotangent"]


def likely_cause(findings: Sequence[Finding], table: Sequence[Element]) -> str:
    """Return a cause from the entries of one case, "" where no simple pattern fits every one."""
    for finding in findings:
        _, colon, hint = finding.message.rpartition(": ")
        if colon and hint.startswith("missing sum"):
            return hint
    if not any(f.check in ("gradient", "second_order") for f in findings):
        return ""
    return _of_entries([e for e in table if np.isfinite(e.analytic) and np.isfinite(e.numeric)])


def _of_entries(entries: Sequence[Element]) -> str:
    """Name a pattern that every entry shows; at least two telling entries are needed."""
    analytic = np.array([e.analytic for e in entries])
    numeric = np.array([e.numeric for e in entries])
    allowed = np.array([e.allowed for e in entries])
    telling = np.abs(numeric) > 100 * allowed
    if telling.sum() < 2:
        return ""
    if np.all(np.abs(analytic[telling]) <= allowed[telling]):
        return "the gradient is zero"
    ratios = analytic[telling] / numeric[telling]
    middle = float(np.median(ratios))
    if np.all(np.abs(ratios - middle) <= SPREAD * abs(middle)) and abs(middle - 1) > 10 * SPREAD:
        return f"the gradient is exactly {shown(middle)} \N{MULTIPLICATION SIGN} the numeric one"
    wrong = {e.input for e in entries if e.wrong}
    if 0 < len(wrong) < len({e.input for e in entries}):
        return f"only the gradient of {', '.join(sorted(wrong))} is wrong"
    return ""
