"""Picking entries by index."""
# ruff: noqa: D102
# (the docstring of an operator's class says what its compute and gradient do)

from typing import Any

import numpy

from needle.backend import array_namespace, is_array, to_host
from needle.errors import complaint
from needle.ops._support import ArrayOp, wide
from needle.tensor import Tensor

__all__ = ["GetItem", "getitem"]


class GetItem(ArrayOp):
    """y = a[index]; da = dy added at index into zeros, so that a repeated entry adds up."""

    reads_inputs = reads_result = False

    def __init__(self, index: Any) -> None:
        self.index = _frozen(index)

    def compute(self, a: Any) -> Any:
        _check_bounds(self.index, a.shape)
        try:
            return a[_beside(a, self.index)]
        except IndexError as problem:
            raise IndexError(f"getitem: {problem}") from None

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return _AddAt(self.index, node.inputs[0].shape)(out_grad)


class _AddAt(ArrayOp):
    """y = zeros of `shape` with v added at index; dv = dy[index]."""

    reads_inputs = reads_result = False

    def __init__(self, index: Any, shape: tuple[int, ...]) -> None:
        self.index = index
        self.shape = shape

    def compute(self, v: Any) -> Any:
        xp = array_namespace(v)
        index, terms = _beside(v, self.index), wide(v)
        out = xp.zeros(self.shape, dtype=terms.dtype)
        if _may_repeat(self.index):
            xp.add.at(out, index, terms)
        else:
            out[index] = terms
        return out.astype(v.dtype, copy=False)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return GetItem(self.index)(out_grad)


def _frozen(index: Any) -> Any:
    """Return a copy of the index that later changes outside do not reach, on the host."""
    if isinstance(index, tuple):
        return tuple([_frozen(part) for part in index])
    if isinstance(index, Tensor):
        return index.numpy()
    if isinstance(index, list):
        return numpy.array(index, dtype=None if index else numpy.intp)
    return numpy.array(to_host(index)) if is_array(index) else index


def _beside(array: Any, index: Any) -> Any:
    """Return the index with its arrays on the device of `array`."""
    if isinstance(index, tuple):
        return tuple([_beside(array, part) for part in index])
    if isinstance(index, numpy.ndarray):
        return array_namespace(array).asarray(index)
    return index


def _check_bounds(index: Any, shape: tuple[int, ...]) -> None:
    """Raise `IndexError` for an array of positions that leaves its axis.

    NumPy would too, but GPU libraries wrap around instead.
    """
    parts = index if isinstance(index, tuple) else (index,)
    used = [_axes_used(part) for part in parts]
    axis = 0
    for part, count in zip(parts, used, strict=True):
        if part is Ellipsis:
            axis += len(shape) - sum(used)
        if _picks(part) and part.size and axis < len(shape):
            n = shape[axis]
            if part.min() < -n or part.max() >= n:
                raise IndexError(
                    complaint(
                        "getitem",
                        f"positions along axis {axis}",
                        f"in [{-n}, {n})",
                        f"{part.min()} to {part.max()}",
                    )
                )
        axis += count


def _axes_used(part: Any) -> int:
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    if isinstance(part, numpy.ndarray) and part.dtype.kind == "b":
        return part.ndim
    return 1


def _picks(part: Any) -> bool:
    return isinstance(part, numpy.ndarray) and part.dtype.kind in "iu"


def _may_repeat(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(_picks(part) for part in parts)


def getitem(a: Tensor, index: Any) -> Tensor:
    """Return `a[index]` as NumPy indexes: integers, slices, ellipsis, None, arrays, masks.

    Tensors, arrays and lists of integers or bool pick entries, the same one repeatedly if asked.
    Raises `IndexError` for entries that do not exist and for indices of another kind.
    """
    return GetItem(index)(a)
