"""Whether a gradient that does not fit its values fits those of the spec's reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking import reference
from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.claims import Claims
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
    """Whether the gradient is right for the reference at all of some cases."""
    referred = _Referred(inquiry.op, inquiry.claims)
    asked = 0
    for case in cases:
        if not 0 < case.size() <= LARGEST:
            continue
        question = inquiry.question(case)
        try:
            subject = Subject(referred, widen(case))
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


class _Referred:
    """An operator whose values are the reference's and whose gradients are its own."""

    abilities: frozenset[str] = frozenset()

    def __init__(self, op: OpUnderTest, claims: Claims) -> None:
        self._op = op
        self._claims = claims
        self.name = op.name

    @property
    def gradient_kind(self) -> GradientKind:
        """The form that the operator's gradients have to have."""
        return self._op.gradient_kind

    def evaluate(self, case: Case) -> _ReferredEvaluation:
        """Return the reference's values at a case."""
        try:
            outputs = tuple(reference.values(self._claims, case))
        except Exception as error:  # whatever a reference raises
            raise OperatorError("the reference", error) from error
        return _ReferredEvaluation(self._op.evaluate(case), outputs)


class _ReferredEvaluation:
    def __init__(self, own: Evaluation, outputs: tuple[Array, ...]) -> None:
        if [o.shape for o in own.outputs] != [o.shape for o in outputs]:
            raise Garbage("the outputs of the reference have other shapes")
        self._own = own
        self.outputs = outputs
        self.composite = own.composite

    def gradient(self, cotangents: Sequence[Array]) -> tuple[Gradient, ...]:
        return tuple(self._own.gradient(cotangents))
