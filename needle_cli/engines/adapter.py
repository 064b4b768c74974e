"""The protocol that an engine's adapter implements so that its operators can be judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from needle_cli.checking.claims import Claims
    from needle_cli.checking.model import Case, OpUnderTest


class Adapter(Protocol):
    """Turns the functions of one engine into operators under test, and lists its devices."""

    def prepare(self) -> None:
        """Import what the operators need, before the first one."""

    def recognises(self, value: object) -> bool:
        """Whether an argument of `check_function` is a tensor of this engine."""

    def from_values(
        self, function: Callable[..., Any], inputs: Sequence[object]
    ) -> tuple[OpUnderTest, Case]:
        """Return the operator and the case of `check_function(function, inputs)`."""

    def operator(
        self, function: Callable[..., Any], claims: Claims, name: str, device: str
    ) -> OpUnderTest:
        """Return the operator that a spec describes; it computes on `device`."""

    def devices(self) -> Sequence[str]:
        """Return the devices other than the host, as `--device` names them."""

    def why_not(self, device: str) -> str:
        """Return why a device cannot be used; "" if it can."""
