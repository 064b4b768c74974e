"""A stand-in for CuPy that is as strict as CuPy: arrays of host and device never mix.

It keeps its numbers in NumPy arrays, refuses `numpy.ndarray` wherever CuPy does, and implements
NumPy's two dispatch protocols, so that operators run on a "GPU" where there is none.
"""

import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

CURRENT = [0]
PRESENT = [0, 1]


class ndarray:
    """Device array."""

    def __init__(self, host: Any, device: int | None = None) -> None:
        self._host = np.asarray(host)
        self._device = CURRENT[0] if device is None else device

    device = property(lambda self: types.SimpleNamespace(id=self._device))
    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    nbytes = property(lambda self: self._host.nbytes)
    strides = property(lambda self: self._host.strides)
    T = property(lambda self: ndarray(self._host.T))

    def get(self) -> np.ndarray:
        return self._host.copy()

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        return wrap(getattr(ufunc, method)(*unwrap(args), **unwrap(kwargs)))

    def __array_function__(self, func: Any, types_: Any, args: Any, kwargs: Any) -> Any:
        return wrap(func(*unwrap(args), **unwrap(kwargs)))

    def __getitem__(self, index: Any) -> Any:
        return wrap(self._host[unwrap(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._host[unwrap(index)] = unwrap(value)

    def __iadd__(self, other: Any) -> Any:
        self._host += unwrap(other)
        return self

    def __bool__(self) -> bool:
        return bool(self._host)

    def __len__(self) -> int:
        return len(self._host)


def _method(name: str) -> Any:
    def call(self: ndarray, *args: Any, **kwargs: Any) -> Any:
        return wrap(getattr(self._host, name)(*unwrap(args), **unwrap(kwargs)))

    return call


for _name in [
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "pow",
    "neg",
    "matmul",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "and",
    "or",
    "invert",
]:
    setattr(ndarray, f"__{_name}__", _method(f"__{_name}__"))
ndarray.__hash__ = None  # type: ignore[assignment]
for _name in ["reshape", "astype", "sum", "any", "all", "min", "max", "copy"]:
    setattr(ndarray, _name, _method(_name))


def unwrap(value: Any) -> Any:
    if isinstance(value, ndarray):
        if value._device != CURRENT[0]:
            raise RuntimeError("array of another device")
        return value._host
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, (tuple, list)):
        return type(value)([unwrap(v) for v in value])
    if isinstance(value, dict):
        return {k: unwrap(v) for k, v in value.items()}
    return value


def wrap(value: Any) -> Any:
    return ndarray(value) if isinstance(value, (np.ndarray, np.generic)) else value


@contextmanager
def use(device: int) -> Iterator[None]:
    if device not in PRESENT:
        raise RuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
    CURRENT.append(CURRENT[0])
    CURRENT[0] = device
    try:
        yield
    finally:
        CURRENT[0] = CURRENT.pop()


def _maker(function: Any) -> Any:
    return lambda *args, **kwargs: ndarray(function(*unwrap(args), **kwargs))


def module() -> types.ModuleType:
    """What `import cupy` gives."""
    cupy: Any = types.ModuleType("cupy")
    cupy.ndarray = ndarray
    cupy.cuda = types.SimpleNamespace(Device=use)
    for function in (np.full, np.empty, np.zeros):
        setattr(cupy, function.__name__, _maker(function))
    cupy.asarray = lambda a: a if isinstance(a, ndarray) else ndarray(np.array(a))
    cupy.pad = lambda a, widths: ndarray(np.pad(unwrap(a), widths))
    strided = np.lib.stride_tricks.as_strided
    cupy.lib = types.SimpleNamespace(
        stride_tricks=types.SimpleNamespace(
            as_strided=lambda a, **k: ndarray(strided(unwrap(a), **k))
        )
    )
    cupy.add = types.SimpleNamespace(at=lambda *a: np.add.at(*unwrap(a)))
    return cupy
