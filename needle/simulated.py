"""The simulated GPU: arrays in the host's memory that refuse what CuPy's refuse.

So a machine without a GPU finds what would fail, or silently copy, on one. The differences are
those that CuPy documents ("Differences between CuPy and NumPy" in its user guide): no implicit
conversion to NumPy, no mixing with host arrays, reductions give 0-d arrays, integer arrays of
indices wrap around, of several values for one place any may win, and some functions are missing.
"""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy

__all__ = ["SimulatedArray", "namespace", "wrapped"]

MISSING = frozenset(
    {"block", "einsum_path", "frompyfunc", "geomspace", "histogram_bin_edges", "insert", "isnat",
     "matvec", "nanpercentile", "nanquantile", "nested_iters", "polyder", "polydiv", "polyint",
     "spacing", "unstack", "vecdot", "vecmat",
     "linalg.diagonal", "linalg.matrix_norm", "linalg.multi_dot", "linalg.outer", "linalg.svdvals",
     "linalg.tensordot", "linalg.trace", "linalg.vecdot", "linalg.vector_norm"}
)  # fmt: skip
"""Functions of NumPy 2.4 that CuPy 14.2 does not have, found by comparing the two packages."""

METHODS = frozenset(
    {"all", "any", "argmax", "argmin", "argpartition", "argsort", "astype", "choose", "clip",
     "compress", "conj", "conjugate", "copy", "cumprod", "cumsum", "diagonal", "dot", "fill",
     "flatten", "max", "mean", "min", "nonzero", "partition", "prod", "put", "ravel", "repeat",
     "reshape", "round", "searchsorted", "sort", "squeeze", "std", "sum", "swapaxes", "take",
     "trace", "transpose", "var", "view"}
)  # fmt: skip

FACTS = frozenset({"dtype", "flags", "itemsize", "nbytes", "ndim", "shape", "size", "strides"})
"""Attributes that the host knows without reading an entry."""

VIEWS = frozenset({"T", "mT", "real"})
"""Attributes that are arrays of the device."""

UFUNC_METHODS = {
    "reduce": frozenset({"add", "multiply"}),
    "accumulate": frozenset({"add", "multiply"}),
    "reduceat": frozenset({"add"}),
    "at": frozenset({"add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or",
                     "bitwise_xor"}),
}  # fmt: skip
"""The ufuncs for which CuPy 14.2 has a method; of the others it says that it is not supported."""

KEYWORDS = ("where", "initial")
"""Arguments of ufuncs and reductions that CuPy 14.2 does not take."""

UPLOADS = frozenset({"array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray"})
"""Functions that copy what they are given to the device, host arrays too."""

TRUTHS = frozenset({"allclose", "array_equal", "array_equiv"})
"""Functions whose answer stays on the device as a 0-d array."""


class SimulatedArray(numpy.lib.mixins.NDArrayOperatorsMixin):
    """An array of the simulated device; `get` copies it to the host, nothing else does."""

    __slots__ = ("__weakref__", "_host")

    def __init__(self, host: numpy.ndarray) -> None:
        self._host = host

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise _no_copy("NumPy was asked to make an array of it")

    def __bool__(self) -> bool:
        raise _no_copy("bool() of it, as in `if` and `while`")

    def __float__(self) -> float:
        raise _no_copy("float() of it")

    def __int__(self) -> int:
        raise _no_copy("int() of it")

    def __complex__(self) -> complex:
        raise _no_copy("complex() of it")

    def __index__(self) -> int:
        raise _no_copy("it was used as an index or a length of Python's")

    def __contains__(self, value: object) -> bool:
        raise _no_copy("`in` looks through it")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = ufunc.__name__
        if getattr(numpy, name, None) is not ufunc or name in MISSING:
            raise _no_function(name)
        if name not in UFUNC_METHODS.get(method, frozenset({name})):
            raise _no_function(f"{name}.{method}")
        if method == "at":  # its second argument is an index
            target, index, *values = inputs
            inputs = (target, *values)
        given = [_operand(name, value) for value in inputs]
        if method == "at":
            given.insert(1, _wrapping(index, given[0].shape))
        return wrapped(getattr(ufunc, method)(*given, **_unwrapped(name, kwargs)))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        home = func.__module__.removeprefix("numpy").removeprefix(".")
        name = f"{home}.{func.__name__}" if home else func.__name__
        if name in MISSING:
            raise _no_function(name)
        found = func(*_unwrapped(name, args), **_unwrapped(name, kwargs))
        return wrapped(numpy.asarray(found)) if name in TRUTHS else wrapped(found)

    def __getattr__(self, name: str) -> Any:
        if name in FACTS:
            return getattr(self._host, name)
        if name in VIEWS:
            return wrapped(getattr(self._host, name))
        if name not in METHODS:
            raise AttributeError(f"an array of the simulated device has no attribute {name!r}")

        def method(*args: Any, **kwargs: Any) -> Any:
            return wrapped(getattr(self._host, name)(*_unwrapped(name, args),
                                                     **_unwrapped(name, kwargs)))  # fmt: skip

        return method

    def __getitem__(self, index: Any) -> Any:
        return wrapped(self._host[_wrapping(index, self._host.shape)])

    def __setitem__(self, index: Any, value: Any) -> None:
        index = _wrapping(index, self._host.shape)
        new = _operand("assignment", value)
        parts = index if isinstance(index, tuple) else (index,)
        if not any(isinstance(part, numpy.ndarray) and part.dtype.kind in "iu" for part in parts):
            self._host[index] = new  # no place is named twice
            return
        places = numpy.arange(self._host.size).reshape(self._host.shape)[index]
        if numpy.unique(places).size == places.size:
            self._host[index] = new
        else:
            # Any of the values may win: here the first one does, in NumPy it is the last.
            spread = numpy.broadcast_to(new, places.shape)
            self._host.flat[places.ravel()[::-1]] = spread.ravel()[::-1]

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Iterator[Any]:
        if self._host.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self._host)))

    def __copy__(self) -> "SimulatedArray":
        return SimulatedArray(self._host.copy())

    def __deepcopy__(self, memo: Any) -> "SimulatedArray":
        return SimulatedArray(self._host.copy())

    def __repr__(self) -> str:
        return f"simulated {self._host!r}"

    def get(self) -> numpy.ndarray:
        """Copy to the host."""
        return self._host.copy()

    def set(self, array: numpy.ndarray) -> None:
        """Copy a host array of the same shape and dtype into this one."""
        self._host[...] = array

    def item(self, *args: Any) -> Any:
        """Copy one entry to the host, as a Python number."""
        return self._host.item(*args)

    def tolist(self) -> Any:
        """Copy to the host, as nested lists."""
        return self._host.tolist()


def wrapped(value: Any) -> Any:
    """Return arrays and NumPy scalars as arrays of the device, anything else as it is."""
    if isinstance(value, numpy.ndarray):
        return SimulatedArray(value)
    if isinstance(value, numpy.generic):
        return SimulatedArray(numpy.asarray(value))
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make(map(wrapped, value))
    if type(value) in (tuple, list):
        return type(value)(wrapped(item) for item in value)
    return value


def _operand(where: str, value: Any) -> Any:
    """Return the host array of an operand; raises `TypeError` for what a GPU cannot take."""
    if isinstance(value, SimulatedArray):
        return value._host
    if isinstance(value, (bool, int, float, complex, numpy.generic)):
        return value
    raise _refusal(
        "host_operand",
        f"{where}: one operand lives on the device and another is a {type(value).__name__} on the "
        "host; make constants with the array's own namespace, or with numpy.zeros_like and the "
        "like",
    )


def _unwrapped(where: str, value: Any) -> Any:
    """Return arguments with the device's arrays opened; raises `TypeError` for host arrays."""
    if isinstance(value, SimulatedArray):
        return value._host
    if isinstance(value, numpy.ndarray):
        return _operand(where, value)
    if type(value) in (tuple, list):
        return type(value)(_unwrapped(where, item) for item in value)
    if type(value) is dict:
        _refuse_keywords(where, value)
        return {key: _unwrapped(where, item) for key, item in value.items()}
    return value


def _refuse_keywords(where: str, given: dict[str, Any]) -> None:
    for name in KEYWORDS:
        if name in given and given[name] is not numpy._NoValue and given[name] is not True:
            raise _refusal("no_argument_on_device", f"{where}: CuPy takes no argument {name!r}")


def _wrapping(index: Any, shape: tuple[int, ...]) -> Any:
    """Return an index for the host, arrays of positions wrapped around their axis as CuPy does."""
    parts = list(index) if isinstance(index, tuple) else [index]
    parts = [p._host if isinstance(p, SimulatedArray) else p for p in parts]
    parts = [
        numpy.asarray(p, dtype=None if p else int) if isinstance(p, list) else p for p in parts
    ]
    used = [_axes_used(part) for part in parts]
    axis = 0
    for place, (part, count) in enumerate(zip(parts, used, strict=True)):
        if part is Ellipsis:
            axis += len(shape) - sum(used)
        picks = isinstance(part, numpy.ndarray) and part.dtype.kind in "iu" and part.ndim
        if picks and axis < len(shape) and shape[axis]:
            parts[place] = part % shape[axis]
        axis += count
    return tuple(parts) if isinstance(index, tuple) else parts[0]


def _axes_used(part: Any) -> int:
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    mask = isinstance(part, numpy.ndarray) and part.dtype.kind == "b"
    return part.ndim if mask else 1


def _refusal(fault: str, text: str) -> TypeError:
    """Return an error that states in `device_fault`, for a checker, what the device refuses."""
    error = TypeError(text)
    error.device_fault = fault  # type: ignore[attr-defined]
    return error


def _no_copy(why: str) -> TypeError:
    return _refusal(
        "host_copy",
        f"a device array would be copied to the host ({why}); compute with arrays only, and choose "
        "with numpy.where instead of `if`",
    )


def _no_function(name: str) -> TypeError:
    return _refusal("no_function_on_device", f"CuPy has no function {name}: write it with others")


class _Namespace:
    """NumPy's functions for arrays of the device, without those that CuPy lacks."""

    def __init__(self, module: ModuleType, prefix: str = "") -> None:
        self._module = module
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        full = self._prefix + name
        if full in MISSING or not hasattr(self._module, name):
            raise AttributeError(f"CuPy has no {full}")
        value = getattr(self._module, name)
        if value is numpy.ndarray:
            return SimulatedArray
        if isinstance(value, ModuleType):
            return _Namespace(value, f"{full}.")
        if isinstance(value, numpy.ufunc):
            return value  # dispatches to the array
        if isinstance(value, type) or not callable(value):
            return value
        return _on_device(full, value)


def _on_device(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that makes, or takes and returns, arrays of the device."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if name in UPLOADS:
            args = tuple(a if isinstance(a, numpy.ndarray) else _unwrapped(name, a) for a in args)
            made = function(*args, **kwargs)
            mine = args and isinstance(args[0], numpy.ndarray)
            return SimulatedArray(numpy.array(made) if mine else made)
        return wrapped(function(*_unwrapped(name, args), **_unwrapped(name, kwargs)))

    return call


namespace = _Namespace(numpy)
"""What stands for the module `cupy`."""
