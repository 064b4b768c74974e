"""The few names of a course-shaped engine that an adapter needs, and guards around its calls."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import ModuleType
from typing import Any

import numpy as np

from needle_cli.checking.model import Array, Garbage, OperatorError
from needle_cli.engines.placing import is_on_device, mirror, on_host, placed


class Engine:
    """The few names of a course-shaped engine that an adapter needs.

    Args:
        module: the engine's top-level module, with a submodule `autograd`.
        device: "cpu", or "cuda" / "cuda:1" to evaluate there.
        resident: leave arrays on the device instead of bringing them back to the host.
    """

    def __init__(self, module: ModuleType, device: str = "cpu", resident: bool = False) -> None:
        self.module = module
        self.autograd: Any = importlib.import_module(f"{module.__name__}.autograd")
        self.tensor: Any = self.autograd.Tensor
        self.tensor_tuple: Any = self.autograd.TensorTuple
        self.value: Any = self.autograd.Value
        self.device, self.resident = device, resident
        self._place: Any = None
        if device != "cpu":
            kind, _, index = device.partition(":")
            self._place = getattr(module, kind)(int(index or 0))

    def constant(self, array: Array, requires_grad: bool) -> Any:
        """Wrap an array as a leaf without copying it (on the host)."""
        return self.tensor.make_const(self.bare(array), requires_grad=requires_grad)

    @property
    def place(self) -> Any:
        """The engine's object for the device; None for the host."""
        return self._place

    def read(self, data: object, what: str) -> Array:
        """Return the data of a tensor as an array, on the host unless the engine is resident."""
        return checked_array(data, what) if self.resident else as_array(data, what)

    def bare(self, array: Array) -> Any:
        """Return what an index or bool input is passed as: the array, on the engine's device."""
        if self._place is None or is_on_device(array):
            return array
        # After a failed kernel every call fails: that is the operator's fault, not ours.
        with stage(f"the copy to {self.device}"):
            return placed(array, self._place)

    def mirror(self, values: Sequence[Any], arrays: Sequence[Array]) -> None:
        """Copy what a call did to device arrays back into the host arrays they came from."""
        if self._place is not None and not self.resident:
            data = [value.cached_data if self.is_tensor(value) else value for value in values]
            mirror(zip(data, arrays, strict=True))

    def make_tuple(self, tensors: Sequence[Any]) -> Any:
        """Return a `TensorTuple` node over tensors."""
        return self.module.ops.make_tuple(*tensors)

    def is_tensor(self, value: object) -> bool:
        """Whether a value is a tensor of this engine."""
        return isinstance(value, self.tensor)

    def is_tuple(self, value: object) -> bool:
        """Whether a value is a `TensorTuple` of this engine."""
        return isinstance(value, self.tensor_tuple)

    def lazy(self) -> AbstractContextManager[None]:
        """Return a context in which computations are deferred."""
        return _lazy_mode(self.autograd)

    def walk(self, outputs: Sequence[Any], cotangents: Sequence[Any], leaves: Sequence[Any]) -> Any:
        """Run the engine's own reverse pass; return the gradient of each leaf, or None."""
        for leaf in leaves:
            if self.is_tensor(leaf):
                leaf.grad = None
        wanted = [
            (output, cotangent)
            for output, cotangent in zip(outputs, cotangents, strict=True)
            if output.requires_grad
        ]
        if wanted:
            ends, starts = ([*side] for side in zip(*wanted, strict=True))
            end = ends[0] if len(ends) == 1 else self.make_tuple(ends)
            start = starts[0] if len(starts) == 1 else self.make_tuple(starts)
            self.autograd.compute_gradient_of_variables(end, start)
        found = [leaf.grad if self.is_tensor(leaf) else None for leaf in leaves]
        for leaf in leaves:
            if self.is_tensor(leaf):
                leaf.grad = None
        return found


@contextmanager
def _lazy_mode(autograd: Any) -> Iterator[None]:
    """Switch the engine to lazy mode and back, by its own context manager if it has one."""
    manager = getattr(autograd, "lazy_mode", None)
    if manager is not None:
        with manager():
            yield
        return
    before = autograd.LAZY_MODE
    autograd.LAZY_MODE = True
    try:
        yield
    finally:
        autograd.LAZY_MODE = before


USUAL_ERRORS: dict[str, Any] = {
    "divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"
}  # fmt: skip
"""NumPy's own error state. The judge ignores floating-point errors, and an operator that saw that
state could tell a check from training."""

_errors: dict[str, Any] = {}


def run_as_in_training() -> None:
    """Run operators under NumPy's own error state from now on, not under that of the judge.

    This is for processes of the judge's own, which ignore warnings.
    """
    _errors.update(USUAL_ERRORS)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Turn everything that an operator raises, exits included, into `OperatorError`."""
    try:
        with np.errstate(**_errors) if _errors else nullcontext():
            yield
    except (KeyboardInterrupt, Garbage, OperatorError):
        raise
    except BaseException as error:
        raise OperatorError(name, error, _place(error)) from error


def _place(error: BaseException) -> str:
    """Return file and line of the innermost frame of an operator; "" if there is none.

    That is a frame of `compute` or `gradient`, or of a function that these call in the same file.
    """
    found, home = "", ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_name in ("compute", "gradient"):
            home = code.co_filename
        if code.co_filename == home:
            found = f"{os.path.basename(home)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def as_array(data: object, what: str) -> Array:
    """Return the data of a tensor as a host array, or raise `Garbage` with what came instead."""
    data = on_host(data)
    return checked_array(np.asarray(data) if isinstance(data, np.generic) else data, what)


def checked_array(data: Any, what: str) -> Array:
    """Return an array of any device unchanged, or raise `Garbage` with what came instead."""
    if not isinstance(data, np.ndarray) and not is_on_device(data):
        raise Garbage(f"{what} holds {described(data)}, not an array")
    if data.dtype.kind not in "fiub":
        raise Garbage(f"{what} holds an array of dtype {data.dtype}, not of numbers")
    found: Array = data
    return found


def described(value: object) -> str:
    """Return a short name for what came instead of a tensor."""
    if value is None:
        return "None"
    kind = type(value)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    return f"a {name}"
