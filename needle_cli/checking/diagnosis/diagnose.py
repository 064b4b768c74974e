"""The likely cause of an operator's findings, from the findings of all checks and from probes.

A finding of one check may follow from that of another: a gradient that doubles its output gradient
in place also has a wrong value. So the causes that a check proves come first, then patterns that
hold at up to six probes, then what can be concluded from the set of failed checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import numpy as np

from needle_cli.causes import Cause
from needle_cli.checking.abilities import has_second_order, is_on_device
from needle_cli.checking.checks.context import Question
from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.checks.registry import CHECKS
from needle_cli.checking.checks.second_order import lifted
from needle_cli.checking.checks.tally import Failed, Tally
from needle_cli.checking.diagnosis.against_reference import fits_reference
from needle_cli.checking.diagnosis.digits import few_digits
from needle_cli.checking.diagnosis.jacobian import LARGEST, MOST_PROBES, Probe, probe_of
from needle_cli.checking.diagnosis.patterns import describe
from needle_cli.checking.diagnosis.regions import NOT_CONTIGUOUS
from needle_cli.checking.model import Array, Case, Code, Garbage, OperatorError
from needle_cli.checking.point import Subject

ORDINARY = 48
"""Cases of up to this many entries are probed first. Chosen: large enough for any pattern."""

FAR_OUT = "inputs are very large or very small"

PROVEN: Mapping[Code, Cause] = {
    Code.COMPUTE_CHANGES_INPUT: Cause("mutation", "compute, input"),
    Code.GRADIENT_CHANGES_INPUT: Cause("mutation", "gradient, input"),
    Code.INPUT_CHANGED: Cause("mutation", "input"),
    Code.COTANGENT_CHANGED: Cause("mutation", "gradient, cotangent"),
    Code.OUTPUT_CHANGED: Cause("mutation", "gradient, output"),
    Code.OUTPUT_REUSED: Cause("mutation", "output"),
    Code.HOST_COPY: Cause("device", "copy"),
    Code.HOST_OPERAND: Cause("device", "operand"),
    Code.NO_ARGUMENT: Cause("device", "argument"),
    Code.NO_FUNCTION: Cause("device", "function"),
    Code.STALE: Cause("stale state", "call"),
    Code.NOT_REPEATABLE: Cause("stale state", "not repeatable"),
    Code.SECOND_GRADIENT: Cause("stale state", "second gradient"),
}
"""The cause that a finding proves. If there are several, the first of this table is taken."""

PROVEN_OF_FORM: Mapping[Code, Cause] = {
    Code.NAN_LEAK: Cause("nan", "leak"),
    Code.COUNT: Cause("form", "count"),
    Code.NOT_NONE: Cause("form", "not none"),
    Code.NONE: Cause("form", "none"),
    Code.KIND: Cause("form", "array"),
}
"""The same, with lower priority than a cause that a finding itself carries."""

NOT_LINEAR = Cause("not linear")
OTHER_DTYPE = Cause("precision", "dtype")
FEW_DIGITS = Cause("precision", "digits")


def diagnose(tallies: Mapping[str, Tally], inquiry: Inquiry) -> tuple[Cause | None, bool]:
    """Return the cause of an operator's findings, and whether it explains a wrong value too.

    The cause is None if nothing simple fits.

    Args:
        tallies: The findings of every check.
        inquiry: Creates the question for a case.
    """
    failed = {check: tally.failed for check, tally in tallies.items() if tally.failed}
    if not failed:
        return None, False
    try:
        proven = _proven(failed, inquiry)
        return (proven, True) if proven else (_inferred(failed, tallies, inquiry), False)
    except Exception:  # an operator or a reference may raise anything at a probe
        return None, False  # the findings are reported without a cause


def _codes(failed: Mapping[str, Sequence[Failed]]) -> set[Code]:
    return {f.code for entries in failed.values() for e in entries for f in e.answer.findings}


def _proven(failed: Mapping[str, Sequence[Failed]], inquiry: Inquiry) -> Cause | None:
    """Return the cause that some finding proves, or None."""
    codes = _codes(failed)
    findings = [f for entries in failed.values() for e in entries for f in e.answer.findings]
    named = [finding.cause for finding in findings if finding.cause]
    causes = [*_of(PROVEN, codes), *named, *_of(PROVEN_OF_FORM, codes)]
    if causes:
        return causes[0]
    device = inquiry.plan.device
    forward_alone = device != "cpu" and set(failed) == {"forward"}
    if forward_alone and _wraps_around(failed["forward"], inquiry):
        return Cause("device", "wraps")
    if failed.get("parity") and not _wrong_on_host(failed["parity"], inquiry):
        return Cause("device", "answer", {"device": device})
    wrong = [e.case for e in failed.get("gradient", ()) if not e.answer.error]
    smallest = sorted(wrong, key=Case.size)[:MOST_PROBES]
    valued = Code.VALUE in codes and inquiry.stated is not None
    if valued and fits_reference(smallest, inquiry):
        return Cause("compute")
    return None


def _of(causes: Mapping[Code, Cause], codes: Set[Code]) -> list[Cause]:
    return [cause for code, cause in causes.items() if code in codes]


def _wraps_around(entries: Sequence[Failed], inquiry: Inquiry) -> bool:
    """Return True if an index that is out of range does not raise."""
    missed = {
        entry.case.label
        for entry in entries
        if any(finding.code is Code.NOT_RAISED for finding in entry.answer.findings)
    }
    errors = inquiry.stated.errors if inquiry.stated is not None else ()
    return any(error.why in missed and error.raises == "IndexError" for error in errors)


def _inferred(
    failed: Mapping[str, Sequence[Failed]], tallies: Mapping[str, Tally], inquiry: Inquiry
) -> Cause | None:
    """Return the pattern of the wrong gradients, or a conclusion from the set of failed checks."""
    codes = _codes(failed)
    if Code.DTYPE in codes:
        return OTHER_DTYPE
    pattern = _pattern(failed, tallies, inquiry)
    if pattern:
        return pattern
    if Code.SHAPE in codes:
        return Cause("shape")
    if Code.RAISED_FOR_VALUES in codes and "contract" in tallies and tallies["contract"].some_pass:
        return Cause("shape", "raises")
    if all(e.answer.error for entries in failed.values() for e in entries):
        return None  # it raises, so there is no gradient to compare
    second = tallies["second_order"].passed if "second_order" in tallies else ()
    return _alone(failed, second, inquiry)


def _wrong_on_host(entries: Sequence[Failed], inquiry: Inquiry) -> bool:
    """Return True if the gradient is wrong on the host too, at the cases where a device differs."""
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
) -> Cause | None:
    """Return the pattern that fits the probes of the gradient check, or else of the exact check.

    Passing cases are probed too: a pattern that holds everywhere would predict them wrong.
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
        nonlinear = any(not e.answer.error for e in failed.get("linearity", ()))
        found = describe([p for p in probes if p.is_wrong()], probes)
        if found and (found.name == "cotangent ignored" or not nonlinear):
            return found
        if few_digits([e.case for e in entries], inquiry):
            return FEW_DIGITS
        return NOT_LINEAR if nonlinear else found
    return None


def _probes(cases: Sequence[Case], inquiry: Inquiry) -> list[Probe]:
    """Return the probes at failing cases, those of ordinary size first."""
    ordinary = sorted((c for c in cases if 2 <= c.size() <= ORDINARY), key=lambda c: -c.size())
    others = sorted((c for c in cases if not 2 <= c.size() <= ORDINARY), key=Case.size)
    ranked = [*ordinary, *others]
    probes = (_probe(case, inquiry) for case in ranked)
    return [probe for probe in probes if probe is not None][:MOST_PROBES]


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
    failed: Mapping[str, Sequence[Failed]], passed: Sequence[Case], inquiry: Inquiry
) -> Cause | None:
    """Return what can be concluded from which checks failed and which passed.

    `passed` are cases at which the second gradient was right.
    """
    checks = {
        check for check, entries in failed.items() if not all(e.answer.error for e in entries)
    }
    codes = _codes(failed)
    valued = codes == {Code.VALUE}
    if checks == {"forward", "extremes"} and not valued:
        return Cause("only where", values={"where": FAR_OUT})
    if "forward" in checks:
        return None
    if "linearity" in checks and "gradient" not in checks:
        linear = few_digits([e.case for e in failed["linearity"]], inquiry)
        return FEW_DIGITS if linear else NOT_LINEAR
    if checks == {"purity"} and Code.LAYOUT in codes:
        return Cause("only where", values={"where": NOT_CONTIGUOUS})
    if checks == {"second_order"}:
        return _second_alone(failed["second_order"][0].case, passed, inquiry)
    if checks == {"precision"}:
        mixed = Code.MIXED_DTYPE in codes
        return OTHER_DTYPE if mixed else Cause("precision", "float64 only")
    if "kink" in checks and checks <= {"kink", "extremes"}:
        return Cause("only where", values={"where": "there is no derivative"})
    if checks == {"extremes"}:
        return Cause("only where", "value" if valued else "", {"where": FAR_OUT})
    if checks == {"graph"}:
        return Cause("only where", values={"where": "one value is used several times"})
    return None


def _second_alone(case: Case, passed: Sequence[Case], inquiry: Inquiry) -> Cause | None:
    """Return the cause of a wrong second gradient: a graph cut wholly or in part, or one branch.

    If it is right and not zero at another case, the graph is whole and a branch is wrong.
    """
    own = _second_gradients(case, inquiry)
    if own is None:
        return None
    if any(any(g.any() for g in _second_gradients(other, inquiry) or ()) for other in passed[:2]):
        return Cause("only where", "second order")
    if own and all(not g.any() for g in own):
        return Cause("graph cut")
    return Cause("graph cut", "in part")


def _second_gradients(case: Case, inquiry: Inquiry) -> list[Array] | None:
    """Return the gradients of the gradient in the operator's own inputs, or None if it raises."""
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
