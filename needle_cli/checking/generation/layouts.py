"""Memory layouts of inputs: the same values in every layout that NumPy supports."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from needle_cli.checking.claims import InputClaim, Kink
from needle_cli.checking.domains.registry import domain_of
from needle_cli.checking.kinks.registry import kink_of
from needle_cli.checking.model import Array
from needle_cli.checking.point import is_floating
from needle_cli.checking.shapes import Shape

LAYOUTS = ("C", "F", "transposed", "sliced", "reversed", "broadcast")


def repeatable_axis(claim: InputClaim, kinks: tuple[Kink, ...], shape: Shape) -> int | None:
    """Return the first axis along which entries may repeat (stride 0), or None.

    Repeated entries are not allowed where they would be ties, leave a domain such as `distinct`, or
    make a row constant that needs a spread.
    """
    if any(kink_of(kink).within for kink in kinks if claim.name in kink.of):
        return None
    free = domain_of(claim.domain).repeatable(len(shape))
    spread = claim.spread.axis % len(shape) if claim.spread is not None and shape else None
    for axis, n in enumerate(shape):
        if n > 1 and axis in free and axis != spread:
            return axis
    return None


def possible(claim: InputClaim, kinks: tuple[Kink, ...], shape: Shape) -> tuple[str, ...]:
    """Return the layouts in which an array of this shape differs from a contiguous one."""
    if 0 in shape:
        return ("C",)
    long = sum(n > 1 for n in shape)
    found = ["C"]
    if long > 1:
        found.append("F")
    if len(shape) > 1 and shape[-1] > 1 and shape[-2] > 1:
        found.append("transposed")
    if long:
        found += ["sliced", "reversed"]
    if repeatable_axis(claim, kinks, shape) is not None:
        found.append("broadcast")
    return tuple(found)


def arrange(array: Array, layout: str) -> Array:
    """Return a new array of equal values in a layout; "broadcast" repeats the first entries.

    The gaps of "sliced" hold NaN (or the largest integer, or True), which shows an operator that
    reads entries outside its input.
    """
    return _ARRANGE[layout](array)


def _contiguous(array: Array) -> Array:
    return np.array(array, order="C", copy=True)


def _fortran(array: Array) -> Array:
    return np.array(array, order="F", copy=True)


def _transposed(array: Array) -> Array:
    return _contiguous(array.swapaxes(-1, -2)).swapaxes(-1, -2)


def _sliced(array: Array) -> Array:
    fill: float = np.nan
    if not is_floating(array):
        fill = True if array.dtype.kind == "b" else np.iinfo(array.dtype).max
    axis = max(i for i, n in enumerate(array.shape) if n > 1)
    wide = list(array.shape)
    wide[axis] *= 2
    buffer = np.full(wide, fill, array.dtype)
    view = buffer[tuple([slice(None)] * axis + [slice(None, None, 2)])]
    view[...] = array
    return view


def _reversed(array: Array) -> Array:
    every = (slice(None, None, -1),) * array.ndim
    return _contiguous(array[every])[every]


def _broadcast(array: Array) -> Array:
    axis = next((i for i in range(array.ndim) if array.shape[i] > 1 and _repeats(array, i)), None)
    if axis is None:
        raise ValueError("broadcast layout: the entries repeat along no axis")
    return np.broadcast_to(_contiguous(array.take([0], axis=axis)), array.shape)


def _repeats(array: Array, axis: int) -> bool:
    return bool(np.all(array == array.take([0], axis=axis)))


_ARRANGE: Mapping[str, Callable[[Array], Array]] = {
    "C": _contiguous,
    "F": _fortran,
    "transposed": _transposed,
    "sliced": _sliced,
    "reversed": _reversed,
    "broadcast": _broadcast,
}
