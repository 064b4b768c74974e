"""Sums, products, quotients and powers, of tensors and of a tensor and a number."""
# ruff: noqa: D102
# (the docstring of an operator's class says what its compute and gradient do)

from typing import Any

import numpy

from needle.ops._broadcast import elementwise, sum_to
from needle.ops._support import ArrayOp, as_number, cast_like, zeros_like
from needle.ops.exponential import log
from needle.tensor import Tensor

__all__ = [
    "AddScalar",
    "DivScalar",
    "EWiseAdd",
    "EWiseDiv",
    "EWiseMul",
    "EWisePow",
    "MulScalar",
    "Negate",
    "PowerScalar",
    "add",
    "add_scalar",
    "divide",
    "divide_scalar",
    "mul_scalar",
    "multiply",
    "negate",
    "power",
    "power_scalar",
]


class EWiseAdd(ArrayOp):
    """y = a + b; da = dy, db = dy, each summed to its operand's shape."""

    reads_inputs = reads_result = False

    def compute(self, a: Any, b: Any) -> Any:
        return elementwise("add", numpy.add, a, b)

    def gradient(self, out_grad: Tensor, node: Any) -> tuple[Tensor, Tensor]:
        a, b = node.inputs
        return sum_to(out_grad, a), sum_to(out_grad, b)


def add(a: Tensor, b: Tensor) -> Tensor:
    """Return a + b, broadcast.

    Shapes broadcast as in NumPy (`ValueError` otherwise); the dtype is NumPy's for the two.
    """
    return EWiseAdd()(a, b)


class AddScalar(ArrayOp):
    """y = a + c; da = dy."""

    reads_inputs = reads_result = False

    def __init__(self, scalar: Any) -> None:
        self.scalar = as_number("add_scalar", scalar)

    def compute(self, a: Any) -> Any:
        if a.dtype.kind == "u" and isinstance(self.scalar, int) and self.scalar < 0:
            return a - -self.scalar  # the negative number itself has no unsigned form
        return a + self.scalar

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return cast_like(out_grad, node.inputs[0])


def add_scalar(a: Tensor, scalar: Any) -> Tensor:
    """Return a + scalar, of a's shape.

    A number never widens a floating dtype. Raises `TypeError` if `scalar` is no real number,
    `ValueError` if it does not fit an integer dtype.
    """
    return AddScalar(scalar)(a)


class EWiseMul(ArrayOp):
    """y = a b; da = b dy, db = a dy, each summed to its operand's shape."""

    reads_inputs = "others"
    reads_result = False

    def compute(self, a: Any, b: Any) -> Any:
        return elementwise("multiply", numpy.multiply, a, b)

    def gradient(self, out_grad: Tensor, node: Any) -> tuple[Tensor, Tensor]:
        a, b = node.inputs
        return sum_to(out_grad * b, a), sum_to(out_grad * a, b)


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Return a * b entry by entry, broadcast.

    Shapes broadcast as in NumPy (`ValueError` otherwise); the dtype is NumPy's for the two.
    """
    return EWiseMul()(a, b)


class MulScalar(ArrayOp):
    """y = c a; da = c dy."""

    reads_inputs = reads_result = False

    def __init__(self, scalar: Any) -> None:
        self.scalar = as_number("mul_scalar", scalar)

    def compute(self, a: Any) -> Any:
        return a * self.scalar

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return cast_like(out_grad * self.scalar, node.inputs[0])


def mul_scalar(a: Tensor, scalar: Any) -> Tensor:
    """Return scalar * a, of a's shape.

    A number never widens a floating dtype. Raises `TypeError` if `scalar` is no real number,
    `ValueError` if it does not fit an integer dtype.
    """
    return MulScalar(scalar)(a)


class EWiseDiv(ArrayOp):
    """y = a / b; da = dy / b, db = -(dy / b) y, each summed to its operand's shape."""

    closed_over_integers = False

    def compute(self, a: Any, b: Any) -> Any:
        return elementwise("divide", numpy.true_divide, a, b)

    def gradient(self, out_grad: Tensor, node: Any) -> tuple[Tensor, Tensor]:
        a, b = node.inputs
        share = out_grad / b
        # y again instead of a / b**2, whose square over- or underflows long before the quotient
        return sum_to(share, a), sum_to(-(share * node), b)


def divide(a: Tensor, b: Tensor) -> Tensor:
    """Return a / b entry by entry, broadcast; integers give float64.

    Shapes broadcast as in NumPy (`ValueError` otherwise). Division by zero gives inf or NaN.
    """
    return EWiseDiv()(a, b)


class DivScalar(ArrayOp):
    """y = a / c; da = dy / c."""

    reads_inputs = reads_result = False
    closed_over_integers = False

    def __init__(self, scalar: Any) -> None:
        self.scalar = as_number("divide_scalar", scalar)

    def compute(self, a: Any) -> Any:
        return a / self.scalar

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return cast_like(out_grad / self.scalar, node.inputs[0])


def divide_scalar(a: Tensor, scalar: Any) -> Tensor:
    """Return a / scalar, of a's shape; integers give float64.

    Raises `TypeError` if `scalar` is no real number. Division by zero gives inf or NaN.
    """
    return DivScalar(scalar)(a)


class Negate(ArrayOp):
    """y = -a; da = -dy."""

    reads_inputs = reads_result = False

    def compute(self, a: Any) -> Any:
        if a.dtype.kind == "b":
            raise TypeError("negate: a must be a number, got bool")
        return -a

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return -out_grad


def negate(a: Tensor) -> Tensor:
    """Return -a, of a's shape and dtype; raises `TypeError` for bool."""
    return Negate()(a)


class EWisePow(ArrayOp):
    """y = a^b; da = b a^(b-1) dy, db = ln(a) y dy, each summed to its operand's shape.

    At a = 0 and b >= 0 the derivative in b is 0 (the limit for b > 0, a convention at b = 0);
    at a = 0 and b = 0 the derivative in a is 0, for a^0 is constant.
    """

    closed_over_integers = False

    def compute(self, a: Any, b: Any) -> Any:
        if a.dtype.kind in "iub" and b.dtype.kind == "i" and bool((b < 0).any()):
            raise ValueError(
                "power: an integer base needs exponents of 0 or more, got a negative "
                "one; use a floating dtype"
            )
        return elementwise("power", numpy.power, a, b)

    def gradient(self, out_grad: Tensor, node: Any) -> tuple[Tensor | None, Tensor | None]:
        a, b = node.inputs
        # Only what is required: the logarithm of a negative base is NaN, and most exponents are
        # constants.
        return (
            self._in_base(out_grad, a, b) if a.requires_grad else None,
            self._in_exponent(out_grad, a, b, node) if b.requires_grad else None,
        )

    def _in_base(self, out_grad: Tensor, a: Any, b: Any) -> Tensor:
        corner = _ZeroBase(with_positive_exponents=False)(a, b)
        # 0^-1 would be inf where the factor b = 0 asks for nothing: make the exponent 0 there.
        return sum_to(out_grad * b * power(a, b - 1 + corner), a)

    def _in_exponent(self, out_grad: Tensor, a: Any, b: Any, node: Any) -> Tensor:
        corner = _ZeroBase(with_positive_exponents=True)(a, b)
        return sum_to(out_grad * node * log(a + corner), b)


class _ZeroBase(ArrayOp):
    """y = 1 where a = 0 and b = 0 (or b >= 0), 0 elsewhere, in a's dtype; it has no slope."""

    differentiable = False

    def __init__(self, with_positive_exponents: bool) -> None:
        self.with_positive_exponents = with_positive_exponents

    def compute(self, a: Any, b: Any) -> Any:
        at_corner = b >= 0 if self.with_positive_exponents else b == 0
        return ((a == 0) & at_corner).astype(a.dtype)


def power(a: Tensor, b: Tensor) -> Tensor:
    """Return a ** b entry by entry, broadcast.

    Shapes broadcast as in NumPy. A negative base with a fractional exponent gives NaN, and so
    does the derivative in the exponent at any negative base. Raises `ValueError` for shapes that
    do not broadcast and for integers to negative integer powers.
    """
    return EWisePow()(a, b)


class PowerScalar(ArrayOp):
    """y = a^c; da = c a^(c-1) dy."""

    reads_result = False

    def __init__(self, scalar: Any) -> None:
        self.scalar = as_number("power_scalar", scalar)

    def compute(self, a: Any) -> Any:
        if a.dtype.kind in "iub" and isinstance(self.scalar, int) and self.scalar < 0:
            raise ValueError(
                "power_scalar: an integer base needs an exponent of 0 or more, got "
                f"{self.scalar}; use a floating dtype or a float exponent"
            )
        if self.scalar == 2 and a.dtype.kind == "f":
            return numpy.square(a)
        return numpy.power(a, self.scalar)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        a = node.inputs[0]
        if self.scalar == 0:
            return zeros_like(a)  # not 0 * a^-1, which is NaN at 0
        if self.scalar == 1:
            return cast_like(out_grad, a)
        return cast_like(out_grad * power_scalar(a, self.scalar - 1) * self.scalar, a)


def power_scalar(a: Tensor, scalar: Any) -> Tensor:
    """Return a ** scalar, of a's shape.

    A number never widens a floating dtype. Raises `TypeError` if `scalar` is no real number,
    `ValueError` for integers to a negative integer power.
    """
    return PowerScalar(scalar)(a)
