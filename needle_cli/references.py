"""Forward references that NumPy and SciPy do not have by name.

Each takes arrays and returns an array (or a tuple of them) of the same floating dtype, from float16
to longdouble, so that a forward value can be compared with one of wider dtype. They are written to
be obviously right, with loops where loops are clearer, and share no code with any engine.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Axes: TypeAlias = int | tuple[int, ...] | None


def add_scalar(a: Array, scalar: float) -> Array:
    """Return a + scalar in the dtype of a."""
    return _like(a, a + scalar)


def mul_scalar(a: Array, scalar: float) -> Array:
    """Return a * scalar in the dtype of a."""
    return _like(a, a * scalar)


def divide_scalar(a: Array, scalar: float) -> Array:
    """Return a / scalar in the dtype of a."""
    return _like(a, a / scalar)


def power_scalar(a: Array, scalar: float) -> Array:
    """Return a ** scalar in the dtype of a; an integer exponent keeps the sign of the base."""
    return _like(a, np.float_power(_wide(a), scalar))


def relu(a: Array) -> Array:
    """Return the positive part of a; NaN stays NaN."""
    return np.where(a < 0, np.zeros_like(a), a)


def logsumexp(a: Array, axes: Axes = None, keepdims: bool = False) -> Array:
    """Return log sum exp(a) over axes, shifted by the maximum so that nothing overflows.

    A slice of only -inf has the value -inf; a slice that contains +inf has the value +inf.
    """
    axis = _axes(a, axes)
    if not axis:
        return np.array(a)
    top = np.max(a, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(top), top, np.zeros_like(top))
    last = tuple(range(-len(axis), 0))
    rows = np.moveaxis(a - shift, axis, last)
    rows = rows.reshape(*rows.shape[: a.ndim - len(axis)], -1)
    logs = _log_sum_exp_of_rows(rows).reshape(shift.shape) + shift
    return _like(a, logs if keepdims else np.squeeze(logs, axis=axis))


def _log_sum_exp_of_rows(rows: Array) -> Array:
    """Return log sum exp along the last axis, exact to rounding if the largest entry is 0.

    The exponential of that entry, 1, is left out of the sum: beside it small terms would lose their
    digits.
    """
    ordered = np.sort(rows, axis=-1)
    with np.errstate(divide="ignore", over="ignore"):
        plain: Array = np.asarray(np.log(np.sum(np.exp(ordered), axis=-1)))
        if not rows.shape[-1]:
            return plain
        beside = np.log1p(np.sum(np.exp(ordered[..., :-1]), axis=-1))
    chosen: Array = np.where(ordered[..., -1] == 0, beside, plain)
    return chosen


def logsoftmax(a: Array) -> Array:
    """Return a - log sum exp(a) along the last axis; the exponentials sum to 1 there."""
    shifted = a - np.max(a, axis=-1, keepdims=True, initial=-np.inf)
    return _like(a, shifted - _log_sum_exp_of_rows(shifted)[..., None])


def getitem(a: Array, index: Any) -> Array:
    """Return a[index] as NumPy indexes."""
    return np.array(a[index])


def transpose(a: Array, axes: tuple[int, int] | None = None) -> Array:
    """Return a with two axes swapped, the last two by default."""
    first, second = (-1, -2) if axes is None else axes
    return np.swapaxes(a, first, second)


def reshape(a: Array, shape: Sequence[int] | int) -> Array:
    """Return the entries of a, in C order, in another shape."""
    return a.reshape(shape)


def split(a: Array, axis: int) -> tuple[Array, ...]:
    """Return the slices along an axis, without that axis: the inverse of stack."""
    return tuple(np.take(a, i, axis=axis) for i in range(a.shape[axis]))


def flip(a: Array, axes: Axes = None) -> Array:
    """Return a in reversed order along axes."""
    backwards = slice(None, None, -1)
    turned = _axes(a, axes)
    return a[tuple(backwards if i in turned else slice(None) for i in range(np.ndim(a)))]


def dilate(a: Array, axes: Axes, dilation: int) -> Array:
    """Return a with `dilation` zeros after each entry along axes, the last one included."""
    for axis in _axes(a, axes):
        blank = np.zeros_like(a)
        a = np.stack([a, *[blank] * dilation], axis=axis + 1)
        merged = (*a.shape[:axis], a.shape[axis] * a.shape[axis + 1], *a.shape[axis + 2 :])
        a = a.reshape(merged)
    return a


def undilate(a: Array, axes: Axes, dilation: int) -> Array:
    """Return every (dilation + 1)-th entry along axes: the inverse of dilate."""
    for axis in _axes(a, axes):
        a = np.take(a, range(0, a.shape[axis], dilation + 1), axis=axis)
    return a


def conv2d_nhwc(a: Array, b: Array, stride: int = 1, padding: int = 0) -> Array:
    """Return the correlation of images a (N, H, W, C) with a kernel b (K, K, C, D).

    out[n, y, x, d] = sum_{i, j, c} padded[n, y s + i, x s + j, c] b[i, j, c, d], by loops over the
    output's rows and columns; zeros surround the image.
    """
    edge = (padding, padding)
    padded = np.pad(a, ((0, 0), edge, edge, (0, 0)))
    rows = (padded.shape[1] - b.shape[0]) // stride + 1
    columns = (padded.shape[2] - b.shape[1]) // stride + 1
    out = np.zeros((a.shape[0], rows, columns, b.shape[3]), np.result_type(a, b))
    for y, x in itertools.product(range(rows), range(columns)):
        top, left = y * stride, x * stride
        window = padded[:, top : top + b.shape[0], left : left + b.shape[1], :, None]
        out[:, y, x, :] = np.sum(window * b, axis=(1, 2, 3))
    return out


def make_tuple(args: Sequence[Array]) -> tuple[Array, ...]:
    """Return the arrays as a tuple."""
    return tuple(args)


def tuple_get_item(value: Sequence[Array], index: int) -> Array:
    """Return one member of a tuple."""
    return value[index]


def fused_add_scalars(x: Array, c0: float, c1: float) -> tuple[Array, Array]:
    """Return (x + c0, x + c1)."""
    return add_scalar(x, c0), add_scalar(x, c1)


def _axes(a: Array, axes: Axes) -> tuple[int, ...]:
    """Return axes as sorted, non-negative numbers; None means all of them."""
    rank = np.ndim(a)
    if axes is None:
        return tuple(range(rank))
    several = axes if isinstance(axes, Sequence) else (axes,)
    if any(not -rank <= axis < rank for axis in several):
        raise ValueError(f"axes {axes} of an array of rank {rank}")
    return tuple(sorted(axis % rank for axis in several))


def _like(a: Array, value: Any) -> Array:
    """Return a result in the dtype of the input it came from."""
    result: Array = np.asarray(value, dtype=np.asarray(a).dtype)
    return result


def _wide(a: Array) -> Array:
    """Return half and single precision as double, so that their powers are rounded once."""
    return a if np.asarray(a).dtype.itemsize > 8 else np.asarray(a, dtype=np.float64)
