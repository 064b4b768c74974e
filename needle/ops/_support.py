"""What several families share: conversions between dtypes and devices, constants, parameters."""

import operator
from typing import Any

import numpy

from needle.backend import Device, device_of
from needle.errors import complaint
from needle.tensor import Tensor, TensorOp, zeros


class ArrayOp(TensorOp):
    """An operator whose every input is one tensor; a `TensorTuple` is refused at the call."""

    tensors_only = True
    repeatable = True


class Cast(ArrayOp):
    """The same numbers in another dtype: y = a; da = dy in a's dtype."""

    reads_inputs = reads_result = False

    def __init__(self, dtype: Any) -> None:
        self.dtype = numpy.dtype(dtype)

    def compute(self, a: Any) -> Any:
        return a.astype(self.dtype, copy=False)

    def gradient(self, out_grad: Tensor, node: Tensor) -> Tensor:
        return cast_like(out_grad, node.inputs[0])


def cast_like(a: Tensor, like: Any) -> Tensor:
    """Return `a` in the dtype of the tensor or array `like`; `a` itself where nothing changes.

    Asks for a's dtype, in lazy mode too: were the conversion left in the graph there, sums of
    gradients would be added up in another order than in eager mode.
    """
    return a if a.dtype == like.dtype else cast(a, like.dtype)


def cast(a: Tensor, dtype: Any) -> Tensor:
    """Return `a` in another dtype."""
    return Cast(dtype)(a)


class ToDevice(ArrayOp):
    """The same numbers on another device: y = a; da = dy where a lives."""

    reads_inputs = reads_result = False

    def __init__(self, device: Device) -> None:
        self.device = device

    def compute(self, a: Any) -> Any:
        return a if device_of(a) == self.device else self.device.array(a)

    def gradient(self, out_grad: Tensor, node: Tensor) -> Tensor:
        return to_device(out_grad, node.inputs[0].device)  # type: ignore[attr-defined]


def to_device(a: Tensor, device: Device) -> Tensor:
    """Return `a` on `device`."""
    return ToDevice(device)(a)


def zeros_like(a: Any) -> Tensor:
    """Return a constant of zeros with the tensor's shape, dtype and device."""
    return zeros(*a._facts())


def as_number(where: str, scalar: Any) -> Any:
    """Return a Python number, so that NumPy lets the array decide the dtype.

    Raises `TypeError` for anything that is not one real number.
    """
    if type(scalar) in (int, float, bool):
        return scalar
    if isinstance(scalar, (numpy.ndarray, numpy.generic)) and scalar.ndim == 0:
        kind = scalar.dtype.kind
        if kind in "biuf":
            return float(scalar) if kind == "f" else scalar.item()
    raise TypeError(complaint(where, "scalar", "a real number", type(scalar).__name__))


def as_index(where: str, argument: str, value: Any) -> int:
    """Return an integer parameter as `int`; raises `TypeError` for anything else, bool too."""
    if not isinstance(value, (bool, numpy.bool_)):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise TypeError(complaint(where, argument, "an integer", repr(value)))


def as_shape(where: str, shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple of int; one int stands for one axis."""
    if isinstance(shape, (tuple, list)):
        return tuple([as_index(where, "every length in shape", n) for n in shape])
    return (as_index(where, "shape", shape),)


def as_axes(where: str, axes: Any) -> int | tuple[int, ...] | None:
    """Return None, an int, or a tuple of int; raises `TypeError` for anything else."""
    if axes is None:
        return None
    if isinstance(axes, (tuple, list)):
        return tuple([as_index(where, "every axis", axis) for axis in axes])
    return as_index(where, "axes", axes)


def axes_of(where: str, axes: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """Return the axes counted from the front, in the order given; all of them for None.

    Raises `numpy.exceptions.AxisError` (a `ValueError` and an `IndexError`) for an axis that
    does not exist, `ValueError` for one given twice.
    """
    if axes is None:
        return tuple(range(ndim))
    given = axes if isinstance(axes, tuple) else (axes,)
    for axis in given:
        if not -ndim <= axis < ndim:
            raise numpy.exceptions.AxisError(
                complaint(where, "every axis", f"in [{-ndim}, {ndim})", axis)
            )
    found = tuple([axis % ndim for axis in given])
    if len(set(found)) != len(found):
        raise ValueError(complaint(where, "axes", "without repetition", axes))
    return found


def wide(a: Any) -> Any:
    """Return a float16 array as float32, any other as it is, for sums of many terms.

    In float16 a sum of 0.1 stops growing at 256.
    """
    return a.astype(numpy.float32) if a.dtype == numpy.float16 else a


def sum_of(a: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Return the sum over `axes` in a's dtype (small integers: int64), added up without losses."""
    total = numpy.sum(wide(a), axis=axes, keepdims=keepdims)
    return total.astype(a.dtype) if a.dtype == numpy.float16 else total


def kept_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return `shape` with length 1 on the reduced axes, as `keepdims` gives it."""
    return tuple([1 if axis in axes else n for axis, n in enumerate(shape)])
