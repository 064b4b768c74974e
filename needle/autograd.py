"""What operator files written for the course import; nothing is defined here but two variables."""

import sys
from types import ModuleType

import numpy

from needle import modes
from needle.backward import compute_gradient_of_variables, find_topo_sort
from needle.graph import Op, Value, count_live_values
from needle.modes import is_lazy, lazy_mode, no_grad
from needle.tensor import Tensor, TensorOp, TensorTuple, TensorTupleOp

NDArray = numpy.ndarray
array_api = numpy

LAZY_MODE: bool
"""Assign True to defer every computation until data, shape or print is asked for."""

TENSOR_COUNTER: int
"""The number of live values."""


class _Door(ModuleType):
    """This module: an assignment to `LAZY_MODE` here has to reach the modes."""

    @property
    def LAZY_MODE(self) -> bool:
        return modes.LAZY_MODE

    @LAZY_MODE.setter
    def LAZY_MODE(self, deferred: bool) -> None:
        modes.LAZY_MODE = deferred

    @property
    def TENSOR_COUNTER(self) -> int:
        return count_live_values()


sys.modules[__name__].__class__ = _Door

__all__ = [
    "LAZY_MODE",
    "TENSOR_COUNTER",
    "NDArray",
    "Op",
    "Tensor",
    "TensorOp",
    "TensorTuple",
    "TensorTupleOp",
    "Value",
    "array_api",
    "compute_gradient_of_variables",
    "find_topo_sort",
    "is_lazy",
    "lazy_mode",
    "no_grad",
]
