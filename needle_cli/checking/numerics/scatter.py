"""How a gradient scatters when it is computed again, or at inputs moved by a rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.model import Array, Garbage, OperatorError
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.tolerance import MOVES
from needle_cli.checking.point import Subject, inner


def repeats(subject: Subject, cotangent: Array, gradients: Sequence[Array]) -> bool:
    """Whether the gradient gives the same numbers again at the same point."""
    evaluation = subject.op.evaluate(subject.case)
    again = subject.settle(evaluation.gradient(subject.cotangents(cotangent)))
    return all(
        np.array_equal(np.where(np.isfinite(a), a, 0.0), np.where(np.isfinite(g), g, 0.0))
        for a, g in zip(again, gradients, strict=True)
    )


def analytic_noise(
    subject: Subject, line: Line, cotangent: Array, rng: np.random.Generator
) -> float:
    """Return how the analytic projection scatters when inputs move by a unit in the last place.

    An ill-conditioned gradient formula may be right but less accurate than the difference; then its
    own scatter is large. Only the moved points are compared with each other, so that a gradient
    that is wrong only at this point has no larger scatter than a right one. The moves are not
    larger, because that would excuse a gradient that is computed in float32.
    """
    seen: list[float] = []
    for _ in range(MOVES):
        seen.append(_projection(subject, line, cotangent, subject.nudged(rng)))
    finite = [value for value in seen if np.isfinite(value)]
    return max(finite) - min(finite) if len(finite) > 1 else 0.0


def _projection(subject: Subject, line: Line, cotangent: Array, leaves: Sequence[Array]) -> float:
    """Return the analytic projection at other leaves; NaN if the operator raises."""
    try:
        evaluation = subject.op.evaluate(subject.case.with_leaves(leaves))
        moved = subject.settle(evaluation.gradient(subject.cotangents(cotangent)))
    except (OperatorError, Garbage):
        return float("nan")
    return inner(moved, line.direction)
