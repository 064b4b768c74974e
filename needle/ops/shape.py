"""Rearranging entries: every operator here is linear and moves or repeats values."""
# ruff: noqa: D102
# (the docstring of an operator's class says what its compute and gradient do)

from collections.abc import Iterable
from typing import Any

import numpy

from needle.backend import array_namespace
from needle.errors import complaint
from needle.ops._broadcast import sum_to
from needle.ops._support import ArrayOp, as_axes, as_index, as_shape, axes_of
from needle.ops.tuples import make_tuple
from needle.tensor import Tensor, TensorOp, TensorTuple, TensorTupleOp

__all__ = [
    "BroadcastTo",
    "Dilate",
    "Flip",
    "Reshape",
    "Split",
    "Stack",
    "Transpose",
    "UnDilate",
    "broadcast_to",
    "dilate",
    "flip",
    "reshape",
    "split",
    "stack",
    "transpose",
    "undilate",
]


class Transpose(ArrayOp):
    """y = a with two axes swapped; da = dy with the same two swapped."""

    reads_inputs = reads_result = False

    def __init__(self, axes: Any = None) -> None:
        self.axes = as_axes("transpose", axes)
        if axes is not None and not (isinstance(self.axes, tuple) and len(self.axes) == 2):
            raise ValueError(complaint("transpose", "axes", "None or two axes", axes))

    def compute(self, a: Any) -> Any:
        if self.axes is None and a.ndim < 2:
            raise ValueError(complaint("transpose", "a", "at least 2-d", f"shape {a.shape}"))
        pair = (-2, -1) if self.axes is None else self.axes
        first, second = [axes_of("transpose", axis, a.ndim)[0] for axis in pair]  # type: ignore[union-attr]
        return numpy.swapaxes(a, first, second)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return transpose(out_grad, self.axes)


def transpose(a: Tensor, axes: Any = None) -> Tensor:
    """Return `a` with two axes swapped, the last two by default.

    Raises `ValueError` unless `axes` are two, `AxisError` for an axis that does not exist.
    """
    return Transpose(axes)(a)


class Reshape(ArrayOp):
    """y = a's entries in row-major order in another shape; da = dy in a's shape."""

    reads_inputs = reads_result = False

    def __init__(self, shape: Any) -> None:
        self.shape = as_shape("reshape", shape)
        if any(n < -1 for n in self.shape):
            raise ValueError(complaint("reshape", "every length", "0 or more, or -1", shape))

    def compute(self, a: Any) -> Any:
        try:
            return a.reshape(self.shape)
        except ValueError:
            raise ValueError(
                complaint("reshape", "shape", f"of {a.size} entries, as {a.shape} is", self.shape)
            ) from None

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return reshape(out_grad, node.inputs[0].shape)


def reshape(a: Tensor, shape: Any) -> Tensor:
    """Return the entries of `a` in `shape`, of which one length may be -1.

    Raises `ValueError` if the number of entries differs, `TypeError` for anything but integers.
    """
    return Reshape(shape)(a)


class BroadcastTo(ArrayOp):
    """y = a repeated along new axes and axes of length 1; da = dy summed over the repetitions."""

    reads_inputs = reads_result = False

    def __init__(self, shape: Any) -> None:
        self.shape = as_shape("broadcast_to", shape)

    def compute(self, a: Any) -> Any:
        try:
            return numpy.broadcast_to(a, self.shape)
        except ValueError:
            raise ValueError(
                complaint("broadcast_to", "shape", f"one that {a.shape} broadcasts to", self.shape)
            ) from None

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return sum_to(out_grad, node.inputs[0])


def broadcast_to(a: Tensor, shape: Any) -> Tensor:
    """Return `a` repeated to `shape`, as NumPy broadcasts; raises `ValueError` if it cannot be."""
    return BroadcastTo(shape)(a)


class Stack(TensorOp):
    """y[.., i, ..] = a_i along a new axis; da_i = dy[.., i, ..]."""

    repeatable = True
    reads_inputs = reads_result = False

    def __init__(self, axis: int) -> None:
        self.axis = as_index("stack", "axis", axis)

    def compute(self, args: Any) -> Any:
        if not isinstance(args, tuple):
            raise TypeError(complaint("stack", "args", "a TensorTuple", "a Tensor"))
        if not args:
            raise ValueError(complaint("stack", "args", "at least one tensor", "none"))
        shapes = [a.shape for a in args]
        if len(set(shapes)) > 1:
            raise ValueError(complaint("stack", "args", "of one shape", shapes))
        return numpy.stack(args, axis=axes_of("stack", self.axis, args[0].ndim + 1)[0])

    def gradient(self, out_grad: Tensor, node: Any) -> TensorTuple:
        return split(out_grad, self.axis).cast_to(node.inputs[0]._facts())


def stack(args: "Iterable[Tensor] | TensorTuple", axis: int) -> Tensor:
    """Return tensors of one shape joined along a new axis at position `axis` of the result.

    Raises `ValueError` for no tensors or different shapes, `AxisError` for a position that does
    not exist, `TypeError` for members that are no tensors.
    """
    if not isinstance(args, Iterable):
        raise TypeError(complaint("stack", "args", "a sequence of tensors", type(args).__name__))
    return Stack(axis)(args if isinstance(args, TensorTuple) else make_tuple(*args))


class Split(TensorTupleOp):
    """y_i = a[.., i, ..] for every i along an axis, which vanishes; da = the dy_i stacked."""

    repeatable = True
    reads_inputs = reads_result = False
    tensors_only = True

    def __init__(self, axis: int) -> None:
        self.axis = as_index("split", "axis", axis)

    def compute(self, a: Any) -> tuple[Any, ...]:
        axis = axes_of("split", self.axis, a.ndim)[0]
        front = (slice(None),) * axis
        return tuple([a[(*front, i, ...)] for i in range(a.shape[axis])])

    def gradient(self, out_grad: TensorTuple, node: Any) -> Tensor:
        a = node.inputs[0]
        # Counted from the front: -1 means the same axis only while the number of axes stays.
        return Stack(axes_of("split", self.axis, a.ndim)[0])(out_grad)


def split(a: Tensor, axis: int) -> TensorTuple:
    """Return the slices of `a` along `axis` without that axis: the inverse of `stack`.

    Raises `AxisError` for an axis that does not exist.
    """
    return Split(axis)(a)


class Flip(ArrayOp):
    """y = a with the order along axes reversed; da = dy reversed along the same axes."""

    reads_inputs = reads_result = False

    def __init__(self, axes: Any = None) -> None:
        self.axes = as_axes("flip", axes)

    def compute(self, a: Any) -> Any:
        return numpy.flip(a, axes_of("flip", self.axes, a.ndim))

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return flip(out_grad, self.axes)


def flip(a: Tensor, axes: Any = None) -> Tensor:
    """Return `a` with the order along `axes` reversed: None for all, an int, or a tuple.

    Raises `AxisError` for an axis that does not exist, `ValueError` for one given twice.
    """
    return Flip(axes)(a)


def _spaced(shape: tuple[int, ...], axes: tuple[int, ...], step: int) -> tuple[slice, ...]:
    return tuple([slice(None, None, step if i in axes else 1) for i in range(len(shape))])


def _check_dilation(where: str, dilation: Any) -> int:
    count = as_index(where, "dilation", dilation)
    if count < 0:
        raise ValueError(complaint(where, "dilation", "0 or more", count))
    return count


class Dilate(ArrayOp):
    """y = a with `dilation` zeros after every entry along axes; da = the entries of dy there."""

    reads_inputs = reads_result = False

    def __init__(self, axes: Any, dilation: int) -> None:
        self.axes = as_axes("dilate", axes)
        self.dilation = _check_dilation("dilate", dilation)

    def compute(self, a: Any) -> Any:
        axes, step = axes_of("dilate", self.axes, a.ndim), self.dilation + 1
        shape = tuple([n * step if i in axes else n for i, n in enumerate(a.shape)])
        out = array_namespace(a).zeros(shape, dtype=a.dtype)
        out[_spaced(a.shape, axes, step)] = a
        return out

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return undilate(out_grad, self.axes, self.dilation)


def dilate(a: Tensor, axes: Any, dilation: int) -> Tensor:
    """Return `a` with zeros after every entry, the last too: length n becomes n (dilation + 1).

    Axes: None for all, an int, or a tuple. Raises `AxisError` for an axis that does not exist,
    `ValueError` for a negative dilation.
    """
    return Dilate(axes, dilation)(a)


class UnDilate(ArrayOp):
    """y = every (dilation + 1)-th entry of a along axes; da = dy there and 0 between."""

    reads_inputs = reads_result = False

    def __init__(self, axes: Any, dilation: int) -> None:
        self.axes = as_axes("undilate", axes)
        self.dilation = _check_dilation("undilate", dilation)

    def compute(self, a: Any) -> Any:
        axes = axes_of("undilate", self.axes, a.ndim)
        return a[_spaced(a.shape, axes, self.dilation + 1)]

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        shape = node.inputs[0].shape
        spread = dilate(out_grad, self.axes, self.dilation)
        # A length that is no multiple of dilation + 1 had fewer entries after its last one.
        return spread[tuple([slice(n) for n in shape])]


def undilate(a: Tensor, axes: Any, dilation: int) -> Tensor:
    """Return every (dilation + 1)-th entry along `axes`, from the first: undoes `dilate`.

    Raises as `dilate` does.
    """
    return UnDilate(axes, dilation)(a)
