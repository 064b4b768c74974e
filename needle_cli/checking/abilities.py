"""The optional protocols of an operator under test: what it offers beyond value and gradient.

`OpUnderTest.abilities` names the protocols that an operator implements. The functions of this
module test for one, also for the type checker. No code uses a protocol without this test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeGuard

from needle_cli.checking.model import Array, Case, Gradient, OpUnderTest


class LazyOperator(OpUnderTest, Protocol):
    """The ability "lazy": results may be computed on first use."""

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
        the same value, `f(x, x)`, and gets the same accumulated gradient. Inputs that are not
        judged do not require a gradient.
        """


class TwiceDifferentiable(OpUnderTest, Protocol):
    """The ability "second_order": the gradient has a gradient of its own."""

    def second_order(self) -> TwiceDifferentiable:
        """Return the operator `(cotangents, inputs) -> gradients`.

        The first input of its cases is the cotangent, a tuple if the operator has several outputs.
        Its outputs are the gradients of the other judged inputs.
        """


class DeviceOperator(OpUnderTest, Protocol):
    """The ability "device": it computes on another device than the host.

    Its cases and results are nevertheless arrays of the host.
    """

    @property
    def on_host(self) -> OpUnderTest:
        """The same function, computed on the host."""

    def outputs_together(self, cases: Sequence[Case]) -> list[tuple[Array, ...] | None]:
        """Evaluate many cases of equal shapes and parameters at once.

        Return the outputs of every case, None for a case at which the operator raises.
        """


class Device(Protocol):
    """A device: the functions of its arrays, and copies to it and from it."""

    def __hash__(self) -> int:
        """Equal devices hash alike."""

    def namespace(self) -> Any:
        """Return the module with the device's array functions."""

    def array(self, data: Any, dtype: Any = None) -> Any:
        """Copy a host array to the device."""

    def to_host(self, array: Any) -> Any:
        """Copy an array to the host."""


class ResidentOperator(OpUnderTest, Protocol):
    """The ability "resident": cases, outputs and gradients are arrays of a device."""

    @property
    def device(self) -> Device:
        """The device."""

    def moved_to_host(self, case: Case) -> tuple[OpUnderTest, Case]:
        """Return the operator for cases of the host, and the case copied to the host."""


def is_lazy(op: OpUnderTest) -> TypeGuard[LazyOperator]:
    """Return True if an operator can be computed lazily."""
    return "lazy" in op.abilities


def has_graph(op: OpUnderTest) -> TypeGuard[GraphOperator]:
    """Return True if an operator's engine has a reverse pass."""
    return "graph" in op.abilities


def has_second_order(op: OpUnderTest) -> TypeGuard[TwiceDifferentiable]:
    """Return True if an operator's gradient can be differentiated again."""
    return "second_order" in op.abilities


def is_on_device(op: OpUnderTest) -> TypeGuard[DeviceOperator]:
    """Return True if an operator computes on another device than the host."""
    return "device" in op.abilities


def is_resident(op: OpUnderTest) -> TypeGuard[ResidentOperator]:
    """Return True if an operator's arrays are on a device."""
    return "resident" in op.abilities
