"""An operator at one case: its outputs as one vector, its gradients leaf by leaf."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from needle_cli.checking.abilities import is_on_device
from needle_cli.checking.model import (
    Array,
    Case,
    Evaluation,
    Garbage,
    Gradient,
    OperatorError,
    OpUnderTest,
)

FLOAT64 = np.dtype(np.float64)


BFLOAT16 = "bfloat16"
"""The floating dtype of `ml_dtypes`, which NumPy does not count among its own."""


def is_floating(array: Array) -> bool:
    """Return True if an array holds real floating numbers."""
    return bool(array.dtype.kind == "f" or array.dtype.name == BFLOAT16)


def limits(dtype: Any) -> np.finfo[Any]:
    """Return the rounding and the range of a floating dtype."""
    if np.dtype(dtype).name != BFLOAT16:
        return np.finfo(dtype)
    # Whoever has such an array has loaded the package.
    found: np.finfo[Any] = sys.modules["ml_dtypes"].finfo(dtype)
    return found


def widen(case: Case) -> Case:
    """Return the case with every floating leaf in float64 (longdouble is left alone)."""
    leaves = case.leaves()
    if all(not is_floating(a) or a.dtype.itemsize >= 8 for a in leaves):
        return case
    return case.with_leaves(
        [a.astype(np.float64) if is_floating(a) and a.dtype.itemsize < 8 else a for a in leaves]
    )


def narrow(case: Case, dtype: str) -> Case:
    """Return the case with every floating leaf rounded to `dtype`."""
    return case.with_leaves([a.astype(dtype) if is_floating(a) else a for a in case.leaves()])


class Subject:
    """An operator, a case and the evaluation at it, shared by several checks.

    `judged` are the positions of the leaves whose gradient is compared. Outputs that are not
    floating (an `argmax`) are ignored: their cotangents are zeros. `widened` is the rounding of the
    narrower dtype in which the case was given, 0 if the case was not widened.
    """

    def __init__(self, op: OpUnderTest, case: Case, widened: float = 0.0) -> None:
        self.op = op
        self.case = case
        self.widened = widened
        self.leaves = case.leaves()
        self.judged = [
            i
            for i, (leaf, owner) in enumerate(zip(self.leaves, case.leaf_owners(), strict=True))
            if is_floating(leaf) and owner in case.judged
        ]
        self._evaluation: Evaluation | None = None
        self._vector: Array | None = None

    @property
    def names(self) -> list[str]:
        """The name of every leaf."""
        return self.case.leaf_names()

    @property
    def judged_names(self) -> list[str]:
        """The name of every judged leaf."""
        names = self.names
        return [names[i] for i in self.judged]

    @property
    def evaluation(self) -> Evaluation:
        """The evaluation at the case itself, computed on first use."""
        if self._evaluation is None:
            self._evaluation = self.op.evaluate(self.case)
        return self._evaluation

    @property
    def vector(self) -> Array:
        """The floating outputs at the case as one float64 vector (a copy)."""
        if self._vector is None:
            self._vector = vector_of(self.evaluation.outputs)
        return self._vector

    def values(self, leaves: Sequence[Array]) -> Array:
        """Return the outputs at other leaves as a vector.

        It is of NaN if the operator raises, or returns another number of entries than here.
        """
        try:
            return self._or_nan(self.op.evaluate(self.case.with_leaves(leaves)).outputs)
        except (OperatorError, Garbage):
            return self._or_nan(None)

    def values_at(self, points: Sequence[Sequence[Array]]) -> list[Array]:
        """Return `values` at many points; a device computes all of them at once."""
        if not is_on_device(self.op) or len(points) < 2:
            return [self.values(leaves) for leaves in points]
        found = self.op.outputs_together([self.case.with_leaves(leaves) for leaves in points])
        return [self._or_nan(outputs) for outputs in found]

    def _or_nan(self, outputs: Sequence[Array] | None) -> Array:
        """Return outputs as a vector, of NaN if there are none or they do not fit those here."""
        vector = None if outputs is None else vector_of(outputs)
        if vector is None or vector.shape != self.vector.shape:
            return np.full(self.vector.shape, np.nan)
        return vector

    def nudged(self, rng: np.random.Generator) -> list[Array]:
        """Return the leaves with every judged entry moved by one or two units in the last place.

        Neighbouring entries and operands alternate, so that equal entries become different.
        """
        leaves = list(self.leaves)
        for number, i in enumerate(self.judged):
            shape = leaves[i].shape
            toward = np.where(rng.integers(0, 2, size=shape) == 0, -np.inf, np.inf)
            toward = toward.astype(leaves[i].dtype)
            near = np.nextafter(leaves[i], toward)
            twice = (np.arange(leaves[i].size).reshape(shape) + number) % 2 == 1
            leaves[i] = np.where(twice, np.nextafter(near, toward), near)
        return leaves

    def cotangents(self, vector: Array, copy: bool = True) -> list[Array]:
        """Split a vector into one cotangent per output leaf, in the leaf's shape and dtype.

        They are copies, since an operator may write into them; without `copy` they may share the
        vector's memory.
        """
        outputs = self.evaluation.outputs
        if len(outputs) == 1 and is_floating(outputs[0]):
            shape, dtype = outputs[0].shape, outputs[0].dtype
            return [vector.reshape(shape).astype(dtype, copy=copy)]
        parts: list[Array] = []
        start = 0
        for out in outputs:
            if not is_floating(out):
                parts.append(np.zeros(out.shape))
                continue
            piece = vector[start : start + out.size].reshape(out.shape)
            parts.append(piece.astype(out.dtype, copy=copy))
            start += out.size
        return parts

    @property
    def eps(self) -> float:
        """The coarsest rounding among the judged leaves and the outputs."""
        arrays = [self.leaves[i] for i in self.judged]
        arrays += [out for out in self.evaluation.outputs if is_floating(out)]
        return max((float(limits(a.dtype).eps) for a in arrays), default=2.0**-52)

    @cached_property
    def rounding(self) -> float:
        """The relative rounding of the operator's results: that of float64.

        If narrow inputs were widened, it is that of the outputs: an operator that supports only
        float32 computes in float32 for any input.
        """
        outputs = self.evaluation.outputs if self.widened else ()
        kinds = [out.dtype for out in outputs if is_floating(out)]
        return max([2.0**-52, *(float(limits(kind).eps) for kind in kinds)])

    def rounded(self, vector: Array) -> Array:
        """Return the cotangent vector rounded to the output's dtype."""
        pairs = zip(self.cotangents(vector), self.evaluation.outputs, strict=True)
        parts = [c.reshape(-1) for c, out in pairs if is_floating(out)]
        return vector_of(parts) if parts else vector

    def gradients(self, vector: Array) -> list[Array]:
        """Return the gradient of every judged leaf, in float64, for a cotangent vector.

        Raises `Garbage` for a gradient whose shape is not its input's, since it cannot be compared;
        the contract check reports that finding.
        """
        return self.settle(self.evaluation.gradient(self.cotangents(vector)))

    def gradients_of(self, output: int) -> list[Array]:
        """Return the gradients of one component of the output alone."""
        one_hot = np.zeros(self.vector.shape)
        one_hot[output] = 1.0
        return self.gradients(one_hot)

    def settle(self, raw: Sequence[Gradient]) -> list[Array]:
        """Convert the result of `gradient` to one float64 array per judged leaf."""
        settled: list[Array] = []
        for i in self.judged:
            leaf, value = self.leaves[i], raw[i].value
            if value is None:
                settled.append(np.zeros(leaf.shape))
            elif value.shape != leaf.shape:
                raise Garbage(
                    f"the gradient of {self.names[i]} has shape {value.shape}, "
                    f"{self.names[i]} has shape {leaf.shape}"
                )
            else:
                settled.append(np.asarray(value, dtype=np.float64))
        return settled


def vector_of(outputs: Sequence[Array]) -> Array:
    """Return the floating outputs as one fresh float64 vector (longdouble stays)."""
    if len(outputs) == 1 and outputs[0].dtype is FLOAT64:
        return outputs[0].flatten()
    parts = [out.reshape(-1) for out in outputs if is_floating(out)]
    if not parts:
        return np.zeros(0)
    if len(parts) == 1:
        part = parts[0]
        return part.astype(np.float64 if part.dtype.itemsize < 8 else part.dtype)
    joined: Array = np.concatenate(parts)
    return joined.astype(np.float64) if joined.dtype.itemsize < 8 else joined


def elsewhere(case: Case, judged: Sequence[int]) -> Iterator[Case]:
    """Yield the case at other points of the same shapes, most likely inside the domain.

    The first has the numbers of each judged leaf in reverse order, so that masks and orders change
    too, and moved towards 1/3, which stays inside most intervals; in the second they stay in order
    and become larger.
    """
    leaves = case.leaves()
    for i in judged:
        leaf = leaves[i]
        leaves[i] = leaf.reshape(-1)[::-1].reshape(leaf.shape) * 0.8125 + 0.0625
    yield case.with_leaves(leaves)
    leaves = case.leaves()
    for i in judged:
        leaves[i] = leaves[i] * 1.0625
    yield case.with_leaves(leaves)


def inner(left: Sequence[Array], right: Sequence[Array]) -> float:
    """Return the sum of products over all leaves."""
    total = 0.0
    for a, b in zip(left, right, strict=True):
        total += float(np.dot(a.reshape(-1), b.reshape(-1)))
    return total
