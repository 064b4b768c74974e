"""The dtypes that the engine computes with, and refusals of the others by name."""

from typing import Any

import numpy

_SUPPORTED = frozenset("?bBhHiIlLqQefd")
_ADVICE = "supported are float16, float32, float64, integers and bool"


def is_supported(dtype: Any) -> bool:
    """Whether arrays of this NumPy dtype may live in the graph."""
    return dtype.char in _SUPPORTED and bool(dtype.isnative)


def check_dtype(dtype: Any, where: str) -> numpy.dtype[Any]:
    """Return `dtype` as a NumPy dtype.

    Raises `TypeError`, naming `where` and the dtype, for complex, bfloat16, foreign byte order
    and everything else outside the supported set.
    """
    try:
        known: numpy.dtype[Any] = numpy.dtype(dtype)
    except TypeError:
        raise TypeError(f"{where}: dtype {dtype!r} is not supported; {_ADVICE}") from None
    if is_supported(known):
        return known
    if known.kind in "?biufc" and not known.isnative:
        raise TypeError(
            f"{where}: dtype {known.str!r} ({known.name}) has a foreign byte order; "
            "convert it first: array.astype(array.dtype.newbyteorder('='))"
        )
    raise TypeError(f"{where}: dtype {known.name} is not supported; {_ADVICE}")
