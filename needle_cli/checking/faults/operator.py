"""An operator with an injected fault: its values are right, its gradients are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from needle_cli.checking.abilities import (
    TwiceDifferentiable,
    has_graph,
    has_second_order,
    is_lazy,
)
from needle_cli.checking.claims import Claims
from needle_cli.checking.faults.vocabulary import FAULTS, Call
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

GRAPH_CUT = "graph cut"


class FaultyOperator:
    """An operator with a fault in its gradient; its values are right.

    `changed_at` is the first case at which the fault changed a gradient, None so far.
    """

    def __init__(self, op: OpUnderTest, claims: Claims, fault: str) -> None:
        self._op = op
        self._claims = claims
        self._change = FAULTS[fault]
        self.fault = fault
        self.changed_at: Case | None = None
        self._memory: dict[Any, Any] = {}

    @property
    def name(self) -> str:
        """The operator's own name, because seeds depend on it."""
        return self._op.name

    @property
    def gradient_kind(self) -> GradientKind:
        """The form of the operator's gradients."""
        return self._op.gradient_kind

    @property
    def abilities(self) -> frozenset[str]:
        """The abilities of the operator that support a fault."""
        return self._op.abilities & {"lazy", "graph", "second_order"}

    def evaluate(self, case: Case) -> _FaultyEvaluation:
        """Return an evaluation with right values and wrong gradients."""
        return _FaultyEvaluation(self, case, self._op.evaluate(case))

    def lazy_outputs(self, case: Case, reverse: bool) -> tuple[Array, ...]:
        """Compute in lazy mode."""
        assert is_lazy(self._op)
        return self._op.lazy_outputs(case, reverse)

    def graph_gradients(
        self, case: Case, cotangents: Sequence[Array], uses: int, share: bool
    ) -> tuple[Gradient, ...]:
        """Return the result of the reverse pass with a wrong `gradient`.

        With `share` (one value in several positions) the fault is not injected.
        """
        assert has_graph(self._op)
        right = self._op.graph_gradients(case, cotangents, uses, share)
        if share or self.fault == GRAPH_CUT:
            return right
        evaluation = self._op.evaluate(case)
        once = tuple(evaluation.gradient(cotangents))
        wrong = self.wrong(case, evaluation, cotangents, once)
        return tuple(
            there if there.value is None or here.value is None
            else here._replace(value=here.value * here.value.dtype.type(uses))
            for there, here in zip(right, wrong, strict=False)
        )  # fmt: skip

    def second_order(self) -> TwiceDifferentiable:
        """Return the right gradient as an operator, with a zero gradient for the graph cut."""
        assert has_second_order(self._op)
        second = self._op.second_order()
        return _Cut(self, second) if self.fault == GRAPH_CUT else second

    def wrong(
        self,
        case: Case,
        evaluation: Evaluation,
        cotangents: Sequence[Array],
        right: tuple[Gradient, ...],
    ) -> tuple[Gradient, ...]:
        """Return the gradients with the fault, or the right ones if it cannot be injected."""
        call = Call(self._op, self._claims, case, evaluation, cotangents, right, self._memory)
        try:
            with np.errstate(all="ignore"):
                found = self._change(call)
        except (OperatorError, Garbage):
            return right
        if self.changed_at is None and (
            self._memory.pop("overwrote", False) or differ(right, found)
        ):
            self.changed_at = case
        return found


class _FaultyEvaluation:
    def __init__(self, planted: FaultyOperator, case: Case, evaluation: Evaluation) -> None:
        self._planted = planted
        self._case = case
        self._evaluation = evaluation

    @property
    def outputs(self) -> tuple[Array, ...]:
        return self._evaluation.outputs

    @property
    def composite(self) -> bool:
        return self._evaluation.composite

    def gradient(self, cotangents: Sequence[Array]) -> tuple[Gradient, ...]:
        right = tuple(self._evaluation.gradient(cotangents))
        return self._planted.wrong(self._case, self._evaluation, cotangents, right)


class _Cut:
    """The vjp of an operator whose graph is cut: all its gradients are zero."""

    abilities = frozenset({"second_order"})

    def __init__(self, planted: FaultyOperator, op: TwiceDifferentiable) -> None:
        self._planted = planted
        self._op = op
        self.name = op.name
        self.gradient_kind = op.gradient_kind

    def evaluate(self, case: Case) -> _CutEvaluation:
        return _CutEvaluation(self._planted, case, self._op.evaluate(case))

    def second_order(self) -> TwiceDifferentiable:
        return _Cut(self._planted, self._op.second_order())


class _CutEvaluation:
    def __init__(self, planted: FaultyOperator, case: Case, evaluation: Evaluation) -> None:
        self._planted = planted
        self._case = case
        self._evaluation = evaluation
        self.outputs = evaluation.outputs
        self.composite = evaluation.composite

    def gradient(self, cotangents: Sequence[Array]) -> tuple[Gradient, ...]:
        right = tuple(self._evaluation.gradient(cotangents))
        found = tuple(
            g._replace(value=np.zeros_like(g.value)) if g.value is not None else g for g in right
        )
        if self._planted.changed_at is None and differ(right, found):
            self._planted.changed_at = self._case
        return found


def differ(right: Sequence[Gradient], found: Sequence[Gradient]) -> bool:
    """Return True if gradients differ by more than rounding: in value, shape, dtype or form."""
    if len(right) != len(found):
        return True
    for a, b in zip(right, found, strict=True):
        if (a.value is None) != (b.value is None) or a.kind != b.kind:
            return True
        if a.value is None or b.value is None:
            continue
        if a.value.shape != b.value.shape or a.value.dtype != b.value.dtype:
            return True
        if a.value.size and not _alike(a.value, b.value):
            return True
    return False


def _alike(a: Array, b: Array) -> bool:
    """Return True if arrays agree within a few roundings of their largest entry, and in NaN."""
    with np.errstate(all="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        if same.all():
            return True
        largest = float(np.max(np.abs(a[np.isfinite(a)]), initial=0.0))
        gap = np.where(same, 0.0, np.abs(a.astype(np.float64) - b))
    return bool(np.all(gap <= 64 * float(np.finfo(a.dtype).eps) * largest))
