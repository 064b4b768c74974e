"""Circular and hyperbolic functions."""
# ruff: noqa: D102
# (the docstring of an operator's class says what its compute and gradient do)

from typing import Any

import numpy

from needle.ops._support import ArrayOp
from needle.tensor import Tensor

__all__ = ["Tanh", "tanh"]


class Tanh(ArrayOp):
    """y = tanh a; da = sech(a)^2 dy."""

    reads_result = False
    made_again = True
    closed_over_integers = False

    def compute(self, a: Any) -> Any:
        return numpy.tanh(a)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        # 1 - y^2 has no correct digit left for |a| > 19, where sech^2 is 1e-16 but not 0.
        return out_grad * _SechSquared()(node.inputs[0])


class _SechSquared(ArrayOp):
    """y = sech(a)^2 = 4 e / (1 + e)^2 with e = exp(-2 |a|); da = -2 tanh(a) y dy."""

    closed_over_integers = False

    def compute(self, a: Any) -> Any:
        e = numpy.exp(-2 * numpy.abs(a))
        return 4 * e / numpy.square(1 + e)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        y: Tensor = node
        return out_grad * (y * tanh(node.inputs[0]) * -2)


def tanh(a: Tensor) -> Tensor:
    """Return the hyperbolic tangent of every entry."""
    return Tanh()(a)
