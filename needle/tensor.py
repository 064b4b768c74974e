"""What a user holds: `Tensor` and `TensorTuple`, and the operators whose results they are."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy

from needle.backend import Device, as_device, device_of, is_array, is_foreign_array, to_host
from needle.backward import compute_gradient_of_variables
from needle.dtypes import check_dtype, is_supported
from needle.errors import complaint
from needle.graph import Op, Value


class _Operators:
    """The functions of `needle.ops` by name: what `+` and the methods of tensors call.

    Those functions import this file, so they cannot be imported here: `needle.ops` puts them in.
    """

    def hand_over(self, **functions: Callable[..., Any]) -> None:
        """Make functions callable as attributes."""
        vars(self).update(functions)

    if TYPE_CHECKING:
        make_tuple: Callable[..., "TensorTuple"]
        members_of: Callable[..., "tuple[Tensor, ...]"]

        def __getattr__(self, name: str) -> Callable[..., "Tensor"]: ...


ops = _Operators()

_NUMBERS = (bool, int, float, numpy.bool_, numpy.integer, numpy.floating)


class Tensor(Value):
    """An array on a device, with the history that `backward` follows.

    Arithmetic with numbers keeps the dtype; between tensors it broadcasts and promotes as NumPy
    does. Arrays in an expression are constants.
    """

    __slots__ = ()
    __array_ufunc__ = None  # makes `ndarray + tensor` ask the tensor
    __array_priority__ = 1000

    def __init__(
        self,
        array: Any,
        *,
        device: Device | None = None,
        dtype: Any = None,
        requires_grad: bool = True,
    ) -> None:
        """Make a leaf from an array, nested list or number (copied) or a tensor (shared).

        Keeps NumPy's dtype for what is given unless `dtype` says otherwise. A bool tensor never
        requires a gradient: there is no derivative in a truth value. Raises `TypeError` for
        dtypes other than float16, float32, float64, integers and bool.
        """
        if isinstance(array, Tensor):
            data = _converted(array.realize_cached_data(), device, dtype)
        elif isinstance(array, Value):
            raise TypeError(complaint("Tensor", "array", "one array", type(array).__name__))
        else:
            if device is None and is_foreign_array(array):
                device = device_of(array)
            data = as_device("Tensor", device).array(array, dtype)
        wanted = bool(requires_grad) and data.dtype.kind != "b"
        self._init(None, (), cached_data=data, requires_grad=wanted)

    @classmethod
    def _stored(cls, name: str, result: Any) -> Any:
        return _as_stored_array(name, result)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        data = self._data
        return self._facts()[0] if data is None else data.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        """NumPy dtype of the entries."""
        data = self._data
        return self._facts()[1] if data is None else data.dtype

    @property
    def device(self) -> Device:
        """Where the data lives."""
        return self._facts()[2]  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    def detach(self) -> "Tensor":
        """Return a constant that shares the data, without history."""
        return Tensor.make_const(self)

    @property
    def data(self) -> "Tensor":
        """The same storage without history; assigning replaces the storage by another tensor's.

        The dtype must be the same (`TypeError` otherwise). `backward` refuses graphs that were
        built before, because their gradients would be those of the new data.
        """
        return self.detach()

    @data.setter
    def data(self, value: "Tensor") -> None:
        if not isinstance(value, Tensor):
            raise TypeError(complaint("data", "the new data", "a Tensor", type(value).__name__))
        if value.dtype != self.dtype:
            raise TypeError(complaint("data", "the new dtype", f"{self.dtype}", value.dtype))
        self._check_like("data", "the new data", value)
        self.cached_data = value.realize_cached_data()

    def backward(self, out_grad: "Tensor | None" = None, create_graph: bool | None = None) -> None:
        """Fill `.grad` of every tensor that this one depends on and that requires a gradient.

        `out_grad` is the cotangent of this tensor, of its shape; ones by default. Gradients of an
        earlier call are overwritten. They can be differentiated again; `create_graph` says when
        their history is made, see `needle.autograd.compute_gradient_of_variables`. Raises
        `ValueError` if no tensor asks for a gradient or the shape or device differs, `TypeError`
        if the path leads through an operator that has no integer gradient.
        """
        node = self._as_node()
        node.expand()
        if not node.requires_grad:
            raise ValueError("backward: this tensor depends on none that requires a gradient")
        if out_grad is None:
            ones = self.device.ones(*self.shape, dtype=self.dtype)
            out_grad = Tensor.make_const(ones)
        compute_gradient_of_variables(self, out_grad, create_graph)

    def cast_to(self, facts: Any) -> "Tensor":
        """Return this tensor in the dtype of `facts`, see `needle.node.facts_of`."""
        return self if self.dtype == facts[1] else ops.cast(self, facts[1])

    def to(self, device: Device) -> "Tensor":
        """Return this tensor on `device`; the gradient comes back to where this one lives."""
        if device is None:
            raise TypeError(complaint("to", "device", "a Device such as cpu()", None))
        return ops.to_device(self, as_device("to", device))

    def numpy(self) -> numpy.ndarray:
        """Return a copy of the data as a NumPy array on the host."""
        return numpy.array(to_host(self.realize_cached_data()))

    def item(self) -> float | int | bool:
        """Return the single entry as a Python number; raises `ValueError` if there are more."""
        if self.size != 1:
            raise ValueError(complaint("item", "the tensor", "of size 1", f"shape {self.shape}"))
        return to_host(self.realize_cached_data()).item()  # type: ignore[no-any-return]

    def __array__(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError(
            "a Tensor is not converted silently, its history would be lost: call .numpy()"
        )

    def __repr__(self) -> str:
        text = numpy.array2string(self.numpy(), separator=", ", prefix="needle.Tensor(")
        gradient = ", requires_grad=True" if self.requires_grad else ""
        return f"needle.Tensor({text}, dtype={self.dtype}, device={self.device!r}{gradient})"

    def __str__(self) -> str:
        return str(self.numpy())

    def __getitem__(self, index: Any) -> "Tensor":
        return ops.getitem(self, index)

    def __iter__(self) -> Iterator["Tensor"]:
        if self.ndim == 0:
            raise TypeError("a 0-d Tensor cannot be iterated over")
        return iter([self[i] for i in range(self.shape[0])])

    def _constant(self, array: Any) -> "Tensor":
        return Tensor.make_const(array if is_foreign_array(array) else numpy.array(array))

    def _apply(
        self,
        with_number: Callable[..., "Tensor"],
        with_tensor: Callable[..., "Tensor"],
        other: Any,
    ) -> "Tensor":
        """Return what a Python operator gives for this tensor and a number, array or tensor."""
        if isinstance(other, _NUMBERS):
            return with_number(self, other)
        if is_array(other):
            other = self._constant(other)
        return with_tensor(self, other) if isinstance(other, Tensor) else NotImplemented

    def _as_left_operand(self, other: Any) -> "Tensor | None":
        if isinstance(other, _NUMBERS):
            return ops.scalar_beside(self, other)
        return self._constant(other) if is_array(other) else None

    def __add__(self, other: Any) -> "Tensor":
        return self._apply(ops.add_scalar, ops.add, other)

    __radd__ = __add__

    def __mul__(self, other: Any) -> "Tensor":
        return self._apply(ops.mul_scalar, ops.multiply, other)

    __rmul__ = __mul__

    def __neg__(self) -> "Tensor":
        return ops.negate(self)

    def __sub__(self, other: Any) -> "Tensor":
        return self._apply(ops.subtract_scalar, ops.subtract, other)

    def __rsub__(self, other: Any) -> "Tensor":
        if isinstance(other, _NUMBERS):
            return ops.subtract_from(other, self)
        return self._constant(other) - self if is_array(other) else NotImplemented

    def __truediv__(self, other: Any) -> "Tensor":
        return self._apply(ops.divide_scalar, ops.divide, other)

    def __rtruediv__(self, other: Any) -> "Tensor":
        left = self._as_left_operand(other)
        return NotImplemented if left is None else ops.divide(left, self)

    def __pow__(self, other: Any) -> "Tensor":
        return self._apply(ops.power_scalar, ops.power, other)

    def __rpow__(self, other: Any) -> "Tensor":
        left = self._as_left_operand(other)
        return NotImplemented if left is None else ops.power(left, self)

    def __matmul__(self, other: Any) -> "Tensor":
        if is_array(other):
            other = self._constant(other)
        return ops.matmul(self, other) if isinstance(other, Tensor) else NotImplemented

    def __rmatmul__(self, other: Any) -> "Tensor":
        return ops.matmul(self._constant(other), self) if is_array(other) else NotImplemented

    def matmul(self, other: "Tensor") -> "Tensor":
        """Matrix product, see `needle.ops.matmul`."""
        return ops.matmul(self, other)

    def sum(self, axes: Any = None, keepdims: bool = False) -> "Tensor":
        """Sum over `axes`, see `needle.ops.summation`."""
        return ops.summation(self, axes, keepdims)

    def broadcast_to(self, shape: Any) -> "Tensor":
        """Repeat along new axes and axes of length 1, see `needle.ops.broadcast_to`."""
        return ops.broadcast_to(self, shape)

    def reshape(self, shape: Any) -> "Tensor":
        """The same entries in another shape, see `needle.ops.reshape`."""
        return ops.reshape(self, shape)

    def transpose(self, axes: Any = None) -> "Tensor":
        """Swap two axes, the last two by default, see `needle.ops.transpose`."""
        return ops.transpose(self, axes)


def _as_stored_array(name: str, result: Any) -> Any:
    """Return the array that `compute` of the operator `name` gave, or raise `TypeError`."""
    if isinstance(result, (numpy.generic, bool, int, float, complex)):
        result = numpy.asarray(result)  # NumPy reduces to scalars, not to 0-d arrays
    if not is_array(result):
        raise TypeError(complaint(name, "the result", "an array", type(result).__name__))
    if not is_supported(result.dtype):
        check_dtype(result.dtype, name)
    return result if is_foreign_array(result) else numpy.asarray(result)


def zeros(shape: tuple[int, ...], dtype: Any, device: Device) -> Tensor:
    """Return a constant of zeros."""
    return Tensor.make_const(device.zeros(*shape, dtype=dtype))


def _converted(array: Any, device: Device | None, dtype: Any) -> Any:
    """Return the array itself where device and dtype are as asked, else a converted copy."""
    here = device_of(array)
    there = here if device is None else as_device("Tensor", device)
    if here == there and (dtype is None or check_dtype(dtype, "Tensor") == array.dtype):
        return array
    return there.array(array, dtype)


class TensorTuple(Value):
    """Several tensors as one node: `len`, indexing, iteration and elementwise `+`."""

    __slots__ = ()

    @classmethod
    def _stored(cls, name: str, result: Any) -> Any:
        if not isinstance(result, (tuple, list)):
            raise TypeError(
                complaint(name, "the result", "a tuple of arrays", type(result).__name__)
            )
        return tuple([_as_stored_array(name, member) for member in result])

    def __len__(self) -> int:
        return len(self._facts())

    def __getitem__(self, index: int) -> Tensor:
        return ops.tuple_get_item(self, index)

    def __iter__(self) -> Iterator[Tensor]:
        return iter([self[i] for i in range(len(self))])

    def tuple(self) -> tuple[Tensor, ...]:
        """The members as a Python tuple."""
        return tuple(iter(self))

    def __add__(self, other: Any) -> "TensorTuple":
        if not isinstance(other, TensorTuple):
            return NotImplemented
        if len(self) != len(other):
            raise ValueError(
                complaint("TensorTuple +", "the other tuple", f"of length {len(self)}", len(other))
            )
        return ops.make_tuple(*[a + b for a, b in zip(self, other, strict=True)])

    def members(self) -> Sequence[Tensor]:
        """The members: where this tuple was made from tensors, those tensors."""
        return ops.members_of(self)

    @classmethod
    def from_members(cls, members: list[Any], facts: list[Any]) -> "TensorTuple":
        """Return a tuple of members; zeros with shape, dtype and device of `facts` for None."""
        return ops.make_tuple(
            *[
                zeros(*of) if member is None else member
                for member, of in zip(members, facts, strict=True)
            ]
        )

    def cast_to(self, facts: Any) -> "TensorTuple":
        """Return the members in the dtypes of `facts`."""
        members = zip(self.members(), facts, strict=True)
        return ops.make_tuple(*[member.cast_to(of) for member, of in members])

    def detach(self) -> "TensorTuple":
        """Return a constant that shares the data, without history."""
        return TensorTuple.make_const(self)

    def __repr__(self) -> str:
        return f"needle.TensorTuple{tuple(iter(self))!r}"


Tensor._kind = Tensor
TensorTuple._kind = TensorTuple


class _CheckedOp(Op):
    """An operator that checks what it is called with."""

    tensors_only: ClassVar[bool] = False
    """Whether a `TensorTuple` among the inputs is refused at the call."""

    def _check_inputs(self, args: tuple[Any, ...]) -> None:
        wanted: type[Value] = Tensor if self.tensors_only else Value
        for position, given in enumerate(args):
            if not isinstance(given, wanted):
                raise TypeError(
                    complaint(
                        type(self).__name__,
                        f"input {position}",
                        f"a {wanted.__name__}",
                        f"{type(given).__name__}",
                    )
                )


class TensorOp(_CheckedOp):
    """An operator whose result is one tensor."""

    def __call__(self, *args: Any) -> Tensor:
        """Build a `Tensor` node; raises `TypeError` for inputs that are no values."""
        self._check_inputs(args)
        return Tensor.make_from_op(self, args)


class TensorTupleOp(_CheckedOp):
    """An operator whose result is a tuple of tensors."""

    def __call__(self, *args: Any) -> TensorTuple:
        """Build a `TensorTuple` node; raises `TypeError` for inputs that are no values."""
        self._check_inputs(args)
        return TensorTuple.make_from_op(self, args)
