"""Whether a gradient that does not match the operator's values matches the reference's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking import reference
from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.claims import Claims, SpecFunctionFailed
from needle_cli.checking.diagnosis.jacobian import LARGEST, probe_of
from needle_cli.checking.model import (
    Array,
    Case,
    Evaluation,
    Garbage,
    Gradient,
    GradientKind,
    OperatorError,
    OpUnderTest,
)
from needle_cli.checking.point import Subject, widen


def fits_reference(cases: Sequence[Case], inquiry: Inquiry) -> bool:
    """Return True if the gradient is right for the reference at all the cases."""
    with_reference = _ReferenceValues(inquiry.op, inquiry.claims)
    asked = 0
    for case in cases:
        if not 0 < case.size() <= LARGEST:
            continue
        question = inquiry.question(case)
        try:
            subject = Subject(with_reference, widen(case))
            if not 0 < subject.vector.size <= LARGEST:
                continue
            with np.errstate(all="ignore"):
                probe = probe_of(subject, question.cotangent)
        except (OperatorError, Garbage):
            return False
        if probe is None or probe.is_wrong():
            return False
        asked += 1
    return asked > 0


class _ReferenceValues:
    """An operator with the reference's values and its own gradients."""

    abilities: frozenset[str] = frozenset()

    def __init__(self, op: OpUnderTest, claims: Claims) -> None:
        self._op = op
        self._claims = claims
        self.name = op.name

    @property
    def gradient_kind(self) -> GradientKind:
        """The form of the operator's own gradients."""
        return self._op.gradient_kind

    def evaluate(self, case: Case) -> _ReferenceEvaluation:
        """Return the reference's values at a case."""
        try:
            outputs = tuple(reference.values(self._claims, case))
        except SpecFunctionFailed as error:
            raise OperatorError("the reference", error) from error
        return _ReferenceEvaluation(self._op.evaluate(case), outputs)


class _ReferenceEvaluation:
    def __init__(self, own: Evaluation, outputs: tuple[Array, ...]) -> None:
        if [o.shape for o in own.outputs] != [o.shape for o in outputs]:
            raise Garbage("the outputs of the reference have other shapes")
        self._own = own
        self.outputs = outputs
        self.composite = own.composite

    def gradient(self, cotangents: Sequence[Array]) -> tuple[Gradient, ...]:
        return tuple(self._own.gradient(cotangents))
