"""Our own engine, and any package of the course's shape whose tensors `check_function` gets."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from needle_cli.checking.claims import Claims
from needle_cli.checking.model import Case
from needle_cli.engines.adapter import Adapter
from needle_cli.engines.course_shaped import EngineOperator, operator_under_test
from needle_cli.engines.inputs import from_tensors, matches


class CourseShaped:
    """The adapter of engines with `Tensor`, `TensorTuple`, `Op` and `Value` as in the course.

    Operators of specs are those of `needle`. The package of a tensor is found from its class.
    """

    def prepare(self) -> None:
        """Import the engine."""
        importlib.import_module("needle")

    def recognises(self, value: object) -> bool:
        """Whether an argument is a tensor, or a sequence of tensors."""
        return matches(value)

    def from_values(
        self, function: Callable[..., Any], inputs: Sequence[object]
    ) -> tuple[EngineOperator, Case]:
        """Return the operator and the case of a function and its arguments."""
        return from_tensors(function, inputs)

    def operator(
        self, function: Callable[..., Any], claims: Claims, name: str, device: str
    ) -> EngineOperator:
        """Return the operator that a spec describes."""
        return operator_under_test(function, claims, name=name, device=device)

    def devices(self) -> list[str]:
        """Return the usable GPUs; if there is none, `cuda:0`; `why_not` has the reason."""
        backend = importlib.import_module("needle.backend")
        found = [device for device in backend.all_devices() if device != backend.cpu()]
        return [f"cuda:{place}" for place in range(len(found))] or ["cuda:0"]

    def why_not(self, device: str) -> str:
        """Return why a device cannot be used; the simulated one always can."""
        kind, _, place = device.partition(":")
        if kind in ("cpu", "sim"):
            return ""
        needle = importlib.import_module("needle")
        try:
            needle.backend.cuda(int(place or 0)).namespace()
        except needle.DeviceUnavailableError as error:
            return " ".join(str(error).split())
        return ""


ADAPTER: Adapter = CourseShaped()
