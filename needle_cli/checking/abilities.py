"""What an operator under test may offer beyond value and gradient: the optional protocols.

`OpUnderTest.abilities` names those that hold. A function of this module answers whether one does,
and says so to the type checker too; nothing asks an operator for what it has not stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeGuard

from needle_cli.checking.model import Array, Case, Gradient, OpUnderTest


class LazyOperator(OpUnderTest, Protocol):
    """The ability "lazy": results may be computed when they are first asked for."""

    def lazy_outputs(self, case: Case, reverse: bool) -> tuple[Array, ...]:
        """Compute in lazy mode, realising the output's leaves in order or reversed."""


class GraphOperator(OpUnderTest, Protocol):
    """The ability "graph": the engine has a reverse pass of its own."""

    def graph_gradients(
        self, case: Case, cotangents: Sequence[Array], uses: int, share: bool
    ) -> tuple[Gradient, ...]:
        """Return what the engine's reverse pass leaves in the inputs.

        The operator is applied `uses` times to the same inputs and the results are added up before
        `backward(cotangent)`. With `share` every differentiable leaf of equal shape and dtype is
        one and the same value, `f(x, x)`, and gets the same accumulated gradient. Inputs that are
        not judged ask for no gradient.
        """


class TwiceDifferentiable(OpUnderTest, Protocol):
    """The ability "second_order": the gradient has a gradient of its own."""

    def second_order(self) -> TwiceDifferentiable:
        """Return the operator `(cotangents, inputs) -> gradients`, itself under test.

        Its cases carry the cotangent in an input of its own before the others, a tuple where the
        operator has several outputs. An evaluation's outputs are the gradients of the other judged
        inputs.
        """


class DeviceOperator(OpUnderTest, Protocol):
    """The ability "device": it computes on another device than the host.

    Its cases and answers are arrays of the host all the same.
    """

    @property
    def on_host(self) -> OpUnderTest:
        """The same function, computed on the host."""

    def outputs_together(self, cases: Sequence[Case]) -> list[tuple[Array, ...] | None]:
        """Evaluate many cases of equal shapes and parameters at once.

        Return the outputs of every case, None where the operator raises.
        """


class Device(Protocol):
    """A device: its arrays' functions, and the ways there and back."""

    def __hash__(self) -> int:
        """Equal devices hash alike."""

    def namespace(self) -> Any:
        """The module whose functions make arrays there."""

    def array(self, data: Any, dtype: Any = None) -> Any:
        """Copy a host array there."""

    def to_host(self, array: Any) -> Any:
        """Copy an array from there."""


class ResidentOperator(OpUnderTest, Protocol):
    """The ability "resident": cases, outputs and gradients are arrays of a device."""

    @property
    def device(self) -> Device:
        """The device."""

    def moved_to_host(self, case: Case) -> tuple[OpUnderTest, Case]:
        """Return the operator for cases of the host, and the case there."""


def is_lazy(op: OpUnderTest) -> TypeGuard[LazyOperator]:
    """Whether an operator can be computed lazily."""
    return "lazy" in op.abilities


def has_graph(op: OpUnderTest) -> TypeGuard[GraphOperator]:
    """Whether an operator's engine has a reverse pass."""
    return "graph" in op.abilities


def has_second_order(op: OpUnderTest) -> TypeGuard[TwiceDifferentiable]:
    """Whether an operator's gradient can be differentiated again."""
    return "second_order" in op.abilities


def is_on_device(op: OpUnderTest) -> TypeGuard[DeviceOperator]:
    """Whether an operator computes on another device than the host."""
    return "device" in op.abilities


def is_resident(op: OpUnderTest) -> TypeGuard[ResidentOperator]:
    """Whether an operator's arrays live on a device."""
    return "resident" in op.abilities
