"""Constants and random values.

Random values come from `numpy.random`'s global generator, so that `numpy.random.seed` repeats
them, unless `rng`, a `numpy.random.Generator`, is given. They are drawn on the host: every device
gets the same ones.
"""

from typing import Any

from needle.backend import Device, as_device, cpu
from needle.errors import complaint
from needle.ops._support import as_index

__all__ = [
    "constant",
    "one_hot",
    "ones",
    "ones_like",
    "rand",
    "randb",
    "randn",
    "zeros",
    "zeros_like",
]
from needle.tensor import Tensor


def _shape(where: str, shape: tuple[Any, ...]) -> tuple[int, ...]:
    lengths = tuple([as_index(where, "every length", n) for n in shape])
    if any(n < 0 for n in lengths):
        raise ValueError(complaint(where, "every length", "0 or more", lengths))
    return lengths


def rand(
    *shape: int,
    low: float = 0.0,
    high: float = 1.0,
    device: Device | None = None,
    dtype: Any = "float32",
    requires_grad: bool = False,
    rng: Any = None,
) -> Tensor:
    """Return values uniform in [low, high), of shape `shape`."""
    array = cpu().rand(*_shape("rand", shape), rng=rng) * (high - low) + low
    return Tensor(array, device=device, dtype=dtype, requires_grad=requires_grad)


def randn(
    *shape: int,
    mean: float = 0.0,
    std: float = 1.0,
    device: Device | None = None,
    dtype: Any = "float32",
    requires_grad: bool = False,
    rng: Any = None,
) -> Tensor:
    """Return normal values with mean `mean` and standard deviation `std`, of shape `shape`."""
    array = cpu().randn(*_shape("randn", shape), rng=rng) * std + mean
    return Tensor(array, device=device, dtype=dtype, requires_grad=requires_grad)


def constant(
    *shape: int,
    c: float = 1.0,
    device: Device | None = None,
    dtype: Any = "float32",
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor of shape `shape` whose entries are all `c`."""
    array = as_device("constant", device).full(_shape("constant", shape), c, dtype=dtype)
    return Tensor.make_const(array, requires_grad=requires_grad)


def ones(
    *shape: int,
    device: Device | None = None,
    dtype: Any = "float32",
    requires_grad: bool = False,
) -> Tensor:
    """Return ones of shape `shape`."""
    return constant(*shape, c=1, device=device, dtype=dtype, requires_grad=requires_grad)


def zeros(
    *shape: int,
    device: Device | None = None,
    dtype: Any = "float32",
    requires_grad: bool = False,
) -> Tensor:
    """Return zeros of shape `shape`."""
    return constant(*shape, c=0, device=device, dtype=dtype, requires_grad=requires_grad)


def randb(
    *shape: int,
    p: float = 0.5,
    device: Device | None = None,
    dtype: Any = "bool",
    requires_grad: bool = False,
    rng: Any = None,
) -> Tensor:
    """Return entries that are 1 with probability `p` and 0 otherwise, of shape `shape`."""
    array = cpu().rand(*_shape("randb", shape), rng=rng) <= p
    return Tensor(array, device=device, dtype=dtype, requires_grad=requires_grad)


def one_hot(
    n: int,
    i: Any,
    device: Device | None = None,
    dtype: Any = "float32",
    requires_grad: bool = False,
) -> Tensor:
    """Return shape `(*i.shape, n)`: one at the position that the integers `i` name, zero elsewhere.

    Raises `IndexError` for a position outside [0, n), `TypeError` for one that is no integer.
    """
    if isinstance(i, Tensor):
        device = device or i.device
        i = i.realize_cached_data()
    array = as_device("one_hot", device).one_hot(as_index("one_hot", "n", n), i, dtype=dtype)
    return Tensor.make_const(array, requires_grad=requires_grad)


def zeros_like(
    array: Tensor, *, device: Device | None = None, requires_grad: bool = False
) -> Tensor:
    """Return zeros with the shape, dtype and (unless given) device of `array`."""
    return zeros(
        *array.shape, dtype=array.dtype, device=device or array.device, requires_grad=requires_grad
    )


def ones_like(
    array: Tensor, *, device: Device | None = None, requires_grad: bool = False
) -> Tensor:
    """Return ones with the shape, dtype and (unless given) device of `array`."""
    return ones(
        *array.shape, dtype=array.dtype, device=device or array.device, requires_grad=requires_grad
    )
