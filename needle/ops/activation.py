"""Activations of neural networks."""
# ruff: noqa: D102
# (the docstring of an operator's class says what its compute and gradient do)

from typing import Any

import numpy

from needle.ops._support import ArrayOp, zeros_like
from needle.tensor import Tensor

__all__ = ["ReLU", "relu"]


class ReLU(ArrayOp):
    """y = max(a, 0); da = dy where a > 0 and 0 elsewhere, at 0 too."""

    reads_inputs = False

    def compute(self, a: Any) -> Any:
        return numpy.maximum(a, 0)

    def gradient(self, out_grad: Tensor, node: Any) -> Tensor:
        return _WherePositive()(out_grad, node)  # y > 0 where a > 0, and y is kept anyway


class _WherePositive(ArrayOp):
    """y = v where a > 0 and 0 elsewhere; dv = dy there, da = 0.

    A choice and not a product with 0 or 1, which would turn an infinite cotangent into NaN.
    """

    reads_result = False

    def compute(self, v: Any, a: Any) -> Any:
        return numpy.where(a > 0, v, numpy.zeros_like(v))

    def gradient(self, out_grad: Tensor, node: Any) -> tuple[Tensor, Tensor]:
        a = node.inputs[1]
        return _WherePositive()(out_grad, a), zeros_like(a)


def relu(a: Tensor) -> Tensor:
    """Return max(a, 0) entry by entry, of a's shape and dtype; NaN stays NaN."""
    return ReLU()(a)
