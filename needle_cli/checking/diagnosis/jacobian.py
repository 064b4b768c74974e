"""A probe: one case with its gradient, its numeric Jacobian, and the right gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from needle_cli.causes import Cause
from needle_cli.checking.model import Array
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.probes import unit_direction
from needle_cli.checking.point import Subject

CLOSE = 1e-7
"""Relative error within which a predicted entry fits the analytic one. Chosen."""

LARGEST = 256
"""Most entries of the inputs, and of the outputs, of a probe: its whole Jacobian is computed."""

MOST_PROBES = 6
"""Most cases that are probed: each is differentiated along every entry. Chosen for the time."""

STEP = 2.0**-12


@dataclass(frozen=True)
class Probe:
    """A case with the analytic and the right gradient and the numeric Jacobian per judged leaf."""

    subject: Subject
    cotangent: Array
    analytic: list[Array]
    right: list[Array]
    jacobian: list[Array]

    def leaf(self, k: int) -> Array:
        """Return the judged leaf `k` in float64."""
        return self.subject.leaves[self.subject.judged[k]].astype(np.float64)

    def wrong(self, k: int) -> Array:
        """Return the mask of the wrong entries of a judged leaf's gradient."""
        return ~near(self.analytic[k], self.right[k])

    def is_wrong(self) -> bool:
        """Return True if any entry is wrong."""
        return any(self.wrong(k).any() for k in range(len(self.right)))

    def pulled(self, k: int, cotangent: Array) -> Array:
        """Return the right gradient for another cotangent."""
        return np.asarray((cotangent @ self.jacobian[k]).reshape(self.right[k].shape))

    def lacks(self, k: int) -> bool:
        """Return True if the operator returned None, which counts as zero, for a judged leaf."""
        given = self.subject.evaluation.gradient(self.subject.cotangents(self.cotangent))
        return given[self.subject.judged[k]].value is None

    def output(self) -> Array | None:
        """Return the cotangent in the shape of the output, or None if there are several outputs."""
        outputs = self.subject.evaluation.outputs
        return self.cotangent.reshape(outputs[0].shape) if len(outputs) == 1 else None


def probe_of(subject: Subject, cotangent: Array) -> Probe | None:
    """Return the probe at a case, or None if its Jacobian is not finite."""
    with np.errstate(all="ignore"):
        analytic = subject.gradients(cotangent)
        jacobian = [_jacobian(subject, k) for k in range(len(subject.judged))]
    if not all(np.isfinite(j).all() for j in jacobian):
        return None
    right = [(cotangent @ j).reshape(g.shape) for j, g in zip(jacobian, analytic, strict=True)]
    return Probe(subject, cotangent, analytic, right, jacobian)


def _jacobian(subject: Subject, position: int) -> Array:
    """Return d output / d leaf, one row per output, by extrapolated central differences."""
    shape = subject.leaves[subject.judged[position]].shape
    columns = []
    for index in np.ndindex(shape):
        line = Line(subject, unit_direction(subject, position, index))
        length = float(line.direction[position][index])
        columns.append((4 * line.slope(STEP / 2) - line.slope(STEP)) / (3 * length))
    return np.stack(columns, axis=1) if columns else np.zeros((subject.vector.size, 0))


def near(a: Array, b: Array) -> Array:
    """Return the mask of entries that are equal within the accuracy of finite differences."""
    size = float(np.max(np.abs(b), initial=0.0))
    with np.errstate(all="ignore"):
        return np.asarray(np.abs(a - b) <= CLOSE * np.abs(b) + 1e-9 * size)


def alike(a: Array, b: Array) -> bool:
    """Return True if two arrays have the same shape and all entries are near."""
    return a.shape == b.shape and bool(near(a, b).all())


def wrong_probes(probes: Sequence[Probe], k: int) -> list[Probe]:
    """Return the probes at which a leaf's gradient is wrong."""
    return [p for p in probes if p.wrong(k).any()]


Pattern = Callable[[Sequence[Probe], int], Sequence[Cause]]
"""Returns the causes that fit the wrong gradient of one input, the simplest first."""
