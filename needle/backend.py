"""Devices: where arrays live and how they are made; the only file that knows CuPy."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import numpy

from needle import simulated
from needle.dtypes import check_dtype
from needle.errors import DeviceUnavailableError, complaint


class Device(ABC):
    """A place where arrays live; equal devices compare equal and hash alike."""

    @abstractmethod
    def enabled(self) -> bool:
        """Whether arrays can be made here, found by making one."""

    @abstractmethod
    def namespace(self) -> Any:
        """The module with NumPy's interface whose arrays live here."""

    @abstractmethod
    def scope(self) -> AbstractContextManager[Any]:
        """Context in which new arrays are made on this device."""

    @abstractmethod
    def from_host(self, array: numpy.ndarray) -> Any:
        """Copy a NumPy array to this device."""

    @abstractmethod
    def to_host(self, array: Any) -> numpy.ndarray:
        """Copy an array of this device to a NumPy array."""

    def array(self, data: Any, dtype: Any = None) -> Any:
        """Copy an array of any device, a nested list or a number to this device.

        The dtype is NumPy's for the data unless `dtype` is given. Raises `TypeError` for
        unsupported dtypes, `ValueError` for ragged lists.
        """
        if is_foreign_array(data):
            data = to_host(data)
        if isinstance(data, numpy.ma.MaskedArray):
            raise TypeError(complaint("array", "data", "a plain array", "a masked array"))
        try:
            host = numpy.array(data)
        except ValueError as problem:
            raise ValueError(f"array: cannot make an array of this data: {problem}") from None
        check_dtype(host.dtype, "array")
        if dtype is not None:
            host = host.astype(check_dtype(dtype, "array"), copy=False)
        return self.from_host(host)

    def zeros(self, *shape: int, dtype: Any = "float32") -> Any:
        """Array of zeros, shape `shape`."""
        return self.full(shape, 0, dtype=dtype)

    def ones(self, *shape: int, dtype: Any = "float32") -> Any:
        """Array of ones, shape `shape`."""
        return self.full(shape, 1, dtype=dtype)

    def full(self, shape: tuple[int, ...], fill_value: Any, dtype: Any = "float32") -> Any:
        """Array of `fill_value`, shape `shape`."""
        known = check_dtype(dtype, "full")
        try:
            with self.scope():
                return self.namespace().full(shape, fill_value, dtype=known)
        except OverflowError:
            raise ValueError(
                complaint("full", "fill_value", f"within {known}", fill_value)
            ) from None

    def empty(self, shape: tuple[int, ...], dtype: Any = "float32") -> Any:
        """Array of arbitrary values, shape `shape`."""
        known = check_dtype(dtype, "empty")
        with self.scope():
            return self.namespace().empty(shape, dtype=known)

    def rand(self, *shape: int, dtype: Any = "float64", rng: Any = None) -> Any:
        """Uniform values in [0, 1), drawn on the host so that every device gets the same ones.

        Draws from `numpy.random`'s global generator unless `rng`, a `numpy.random.Generator`,
        is given.
        """
        draw = numpy.random.random_sample(shape) if rng is None else rng.random(shape)
        return self.array(draw, dtype=dtype)

    def randn(self, *shape: int, dtype: Any = "float64", rng: Any = None) -> Any:
        """Standard normal values, drawn like those of `rand`."""
        if rng is None:
            return self.array(numpy.random.standard_normal(shape), dtype=dtype)
        return self.array(rng.standard_normal(shape), dtype=dtype)

    def one_hot(self, n: int, i: Any, dtype: Any = "float32") -> Any:
        """Rows of the identity: shape `(*i.shape, n)`, one in column `i`, zero elsewhere.

        Raises `IndexError` for an index outside [0, n), `TypeError` for one that is no integer.
        """
        index = numpy.asarray(to_host(i))
        if index.dtype.kind == "f" and bool(numpy.all(index == numpy.floor(index))):
            index = index.astype(numpy.int64)  # labels kept in float32, as in the course
        if index.size and index.dtype.kind not in "iu":
            raise TypeError(complaint("one_hot", "every index", "an integer", index.dtype))
        if index.size and not (int(index.min()) >= 0 and int(index.max()) < n):
            worst = int(index.min()) if int(index.min()) < 0 else int(index.max())
            raise IndexError(complaint("one_hot", "every index", f"in [0, {n})", worst))
        rows = numpy.eye(n, dtype=check_dtype(dtype, "one_hot"))
        return self.from_host(rows[index.astype(numpy.intp)])


class CPUDevice(Device):
    """The host's memory, through NumPy."""

    def enabled(self) -> bool:
        """Whether arrays can be made here: always."""
        return True

    def namespace(self) -> Any:
        """The module `numpy`."""
        return numpy

    def scope(self) -> AbstractContextManager[Any]:
        """Context without effect."""
        return nullcontext()

    def from_host(self, array: numpy.ndarray) -> Any:
        """Return the array itself: it is here already."""
        return array

    def to_host(self, array: Any) -> numpy.ndarray:
        """Return the array itself."""
        return numpy.asarray(array)

    def __repr__(self) -> str:
        return "cpu()"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CPUDevice)

    def __hash__(self) -> int:
        return hash("cpu")


@cache
def _usable_cupy(index: int) -> Any:
    """Import CuPy and allocate once: importing alone succeeds on a machine without a GPU.

    Only success is remembered, so a GPU that turns up later is found.
    """
    try:
        import cupy
    except ImportError as problem:
        raise DeviceUnavailableError(
            f"cuda({index}): CuPy is not installed ({problem}); "
            "install the package cupy-cuda12x or cupy-cuda13x, whichever fits the driver"
        ) from problem
    try:
        with cupy.cuda.Device(index):
            cupy.empty(1)
    except Exception as problem:
        # CuPy's own runtime errors share no base class that exists without CUDA.
        raise DeviceUnavailableError(
            f"cuda({index}): CuPy is installed, but this GPU cannot be used ({problem}); "
            "check that it exists (nvidia-smi) and that CuPy's CUDA version fits the driver"
        ) from problem
    return cupy


class CUDADevice(Device):
    """The memory of one NVIDIA GPU, through CuPy, which is imported when first needed."""

    def __init__(self, index: int = 0) -> None:
        if not isinstance(index, int) or isinstance(index, bool):
            raise TypeError(complaint("cuda", "i", "an integer", repr(index)))
        if index < 0:
            raise ValueError(complaint("cuda", "i", "0 or more", index))
        self.index = index

    def enabled(self) -> bool:
        """Whether an array can be made here, found by making one."""
        try:
            _usable_cupy(self.index)
        except DeviceUnavailableError:
            return False
        return True

    def namespace(self) -> Any:
        """The module `cupy`; raises `DeviceUnavailableError` if it or the GPU is missing."""
        return _usable_cupy(self.index)

    def scope(self) -> AbstractContextManager[Any]:
        """Context in which this GPU is CuPy's current device."""
        context: AbstractContextManager[Any] = _usable_cupy(self.index).cuda.Device(self.index)
        return context

    def from_host(self, array: numpy.ndarray) -> Any:
        """Copy a NumPy array to this GPU."""
        cupy = _usable_cupy(self.index)
        with self.scope():
            return cupy.asarray(array)

    def to_host(self, array: Any) -> numpy.ndarray:
        """Copy an array of this GPU to a NumPy array, after all that computes it is done."""
        host: numpy.ndarray = array.get()
        return host

    def __repr__(self) -> str:
        return f"cuda({self.index})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CUDADevice) and other.index == self.index

    def __hash__(self) -> int:
        return hash(("cuda", self.index))


class SimulatedDevice(Device):
    """A simulated GPU in the host's memory: its arrays refuse what CuPy's refuse."""

    def enabled(self) -> bool:
        """Whether arrays can be made here: always."""
        return True

    def namespace(self) -> Any:
        """NumPy's functions, without those that CuPy lacks."""
        return simulated.namespace

    def scope(self) -> AbstractContextManager[Any]:
        """Context without effect."""
        return nullcontext()

    def from_host(self, array: numpy.ndarray) -> Any:
        """Copy a NumPy array to this device."""
        return simulated.SimulatedArray(numpy.array(array))

    def to_host(self, array: Any) -> numpy.ndarray:
        """Copy an array of this device to a NumPy array."""
        host: numpy.ndarray = array.get()
        return host

    def __repr__(self) -> str:
        return "sim()"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SimulatedDevice)

    def __hash__(self) -> int:
        return hash("sim")


_CPU = CPUDevice()
_SIM = SimulatedDevice()


def cpu() -> Device:
    """The host."""
    return _CPU


def cuda(i: int = 0) -> Device:
    """GPU number `i`; ask `enabled()` whether it can be used. Nothing is imported yet."""
    return CUDADevice(i)


def sim(i: int = 0) -> Device:
    """The simulated GPU; there is one, whatever `i` says."""
    return _SIM


def default_device() -> Device:
    """The device of data that names none: the host."""
    return _CPU


def as_device(where: str, device: Any) -> Device:
    """Return `device`, or the default one for None; raises `TypeError` for anything else."""
    if device is None:
        return _CPU
    if not isinstance(device, Device):
        raise TypeError(complaint(where, "device", "a Device such as cpu()", repr(device)))
    return device


def all_devices() -> list[Device]:
    """The host and every GPU that can be used now."""
    found: list[Device] = [_CPU]
    while (gpu := CUDADevice(len(found) - 1)).enabled():
        found.append(gpu)
    return found


def _foreign_device(value: Any) -> Device | None:
    """The device of an array that is not NumPy's, None for anything else; imports no CuPy."""
    cupy: Any = sys.modules.get("cupy")
    if cupy is not None and isinstance(value, getattr(cupy, "ndarray", ())):
        array: Any = value
        return CUDADevice(int(array.device.id))
    return _SIM if isinstance(value, simulated.SimulatedArray) else None


def is_foreign_array(value: Any) -> bool:
    """Whether `value` is an array of another device than the host."""
    return type(value) is not numpy.ndarray and _foreign_device(value) is not None


def is_array(value: Any) -> bool:
    """Whether `value` is an array of a known device."""
    return isinstance(value, numpy.ndarray) or is_foreign_array(value)


def array_namespace(array: Any) -> Any:
    """The module whose functions make arrays beside `array`: `numpy`, or its device's."""
    return device_of(array).namespace()


def device_of(array: Any) -> Device:
    """The device on which `array` lives, read from the array itself."""
    return _CPU if type(array) is numpy.ndarray else _foreign_device(array) or _CPU


def to_host(value: Any) -> Any:
    """Copy an array of another device to a NumPy array; anything else comes back as it is."""
    device = None if type(value) is numpy.ndarray else _foreign_device(value)
    return value if device is None else device.to_host(value)


def shared_device(where: str, arrays: Iterable[Any]) -> Device:
    """The one device of all `arrays` (tuples are looked into).

    Raises `ValueError`, naming `where` and both devices, if they differ.
    """
    found: Device | None = None
    for array in arrays:
        if type(array) is numpy.ndarray:
            here: Device = _CPU
        elif isinstance(array, tuple):
            if not array:
                continue
            here = shared_device(where, array)
        else:
            here = device_of(array)
        if found is not None and found != here:
            raise ValueError(
                f"{where}: inputs live on {found} and {here}; move one with .to(device)"
            )
        found = here
    return _CPU if found is None else found
