"""Copy arrays to another device in the same memory layout, and back after a call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from needle_cli.checking.model import Array


def placed(array: Array, place: Any) -> Any:
    """Copy a host array to a device, keeping reversed, transposed, spaced and repeated axes.

    Args:
        array: the host array.
        place: a device of the engine, with `array` and `namespace`.
    """
    if array.ndim == 0 or array.size == 0:
        return place.array(array)
    axes = range(array.ndim)
    steps = [s if n > 1 else 1 for s, n in zip(array.strides, array.shape, strict=True)]
    flips = tuple(slice(None, None, -1 if step < 0 else None) for step in steps)
    once = array[flips][tuple(slice(0, None if step else 1) for step in steps)]
    order = sorted(axes, key=lambda axis: -abs(once.strides[axis]))
    packed = once.transpose(order)
    names = place.namespace()
    copy = place.array(np.array(packed, order="C"))
    inner = max((i for i in axes if packed.shape[i] > 1), default=None)
    if inner is not None and packed.strides[inner] > packed.itemsize:
        every_other = (slice(None),) * inner + (slice(None, None, 2),)
        copy = names.repeat(copy, 2, axis=inner)[every_other]
    copy = names.transpose(copy, [order.index(axis) for axis in axes])
    if 0 in steps:
        copy = names.broadcast_to(copy, array.shape)
    return copy[flips]


def placed_together(cases: Sequence[Sequence[Array]], place: Any) -> list[list[Any]]:
    """Copy the arrays of many cases to a device, with one transfer per argument position.

    An array that all cases share is copied once and stays one array on the device.
    """
    columns = []
    for arrays in zip(*cases, strict=True):
        first = arrays[0]
        if all(array is first for array in arrays):
            columns.append([placed(first, place)] * len(cases))
        else:
            sent = place.array(np.stack(arrays))
            columns.append([sent[k] for k in range(len(cases))])
    return [list(row) for row in zip(*columns, strict=True)]


def on_host_together(rows: Sequence[Sequence[Any]], place: Any) -> list[tuple[Array, ...]]:
    """Return many tuples of arrays of equal shapes on the host, with one transfer per position."""
    columns = [on_host(place.namespace().stack(arrays)) for arrays in zip(*rows, strict=True)]
    return [tuple(np.asarray(column[k]) for column in columns) for k in range(len(rows))]


def on_host(data: Any) -> Any:
    """Return a copy of a device array on the host; anything else unchanged."""
    return data.get() if is_on_device(data) else data


def is_on_device(data: Any) -> bool:
    """Return True if something is an array on a device other than the host."""
    return not isinstance(data, np.ndarray) and hasattr(data, "get") and hasattr(data, "strides")


def mirror(pairs: Iterable[tuple[Any, Array]]) -> None:
    """Copy what a call did to device arrays back into the host arrays they were made from.

    A check that compares the bytes of a case before and after a call then sees mutation on any
    device. Read-only host arrays (repeated views) are skipped.
    """
    for data, host in pairs:
        now = on_host(data)
        same = not isinstance(now, np.ndarray) or now.shape != host.shape
        if same or not host.flags.writeable or now.tobytes() == host.tobytes():
            continue
        host[...] = now
