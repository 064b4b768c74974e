"""How strongly a gradient amplifies rounding, measured on the gradient itself in float64.

A narrow gradient differs from the exact one by the rounding of every intermediate result: of a
mean, of a difference, of a row sum. A black box does not show its intermediate results. But the
same code rounds the same results in float64, by 2^-52 instead of 2^-23, and there its effect can be
measured: at points so close together that the exact gradient is a polynomial along a line, what a
polynomial fit leaves is rounding. To first order, rounding in a narrow dtype is that times the
ratio of the two units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from needle_cli.checking.model import Array, Garbage, OperatorError
from needle_cli.checking.numerics.probes import random_cotangent, rms
from needle_cli.checking.numerics.tolerance import magnitude
from needle_cli.checking.point import Subject


class Fit(NamedTuple):
    """Gradients at `points` moves of `step`, twice `step`, ..., fitted in powers up to `degree`."""

    step: float
    points: int
    degree: int


USUAL = Fit(2.0**-22, 10, 2)
"""The exact gradient leaves (10 * 2^-22)^3 = 2^-56 of its scale, less than float64 rounds."""

FINE = Fit(2.0**-32, 10, 2)
"""For gradients that change within a thousandth of an input: sharp softmax, resonances."""

COARSE = (Fit(2.0**-13, 14, 4), Fit(2.0**-14, 14, 4))
"""For intermediate results that are nearly constant (`1 - tanh(x)^2`): smaller moves do not change
their rounding. A remainder of the exact gradient falls by 2^5 between the two; rounding does not.
"""

LEVEL = 4.0
"""Two estimates from nine points each differ by less than this factor, in 99 of 100 cases (F)."""


def amplified_rounding(
    subject: Subject, cotangent: Array, rng: np.random.Generator
) -> Iterator[list[Array]]:
    """Yield how gradients scatter by the rounding of intermediate results, in units of rounding.

    Each item has one array per judged leaf, the standard deviation of every entry divided by the
    subject's own rounding, and is at least as large as the one before. The later ones cost more and
    are needed less often. A gradient that cannot be computed beside the point has no scatter.

    Args:
        subject: The operator in float64.
        cotangent: The cotangent as a vector.
        rng: Draws lines and cotangents.
    """
    found = _remainder(subject, cotangent, rng, USUAL)
    yield found
    found = _larger(found, _remainder(subject, cotangent, rng, FINE))
    yield found
    state = rng.bit_generator.state  # the same line twice
    wide = _remainder(subject, cotangent, rng, COARSE[0])
    rng.bit_generator.state = state
    close = _remainder(subject, cotangent, rng, COARSE[1])
    level = [
        np.where(a <= LEVEL * b, np.minimum(a, b), 0.0) for a, b in zip(wide, close, strict=True)
    ]
    yield _larger(found, level)


def natural_rounding(subject: Subject, cotangent: Array) -> list[float]:
    """Return, per judged leaf, the size `|v| |y| max(1, 1/|x|)` that the terms may have."""
    outputs = rms(cotangent) * rms(magnitude(subject.vector))
    return [
        outputs / min(rms(subject.leaves[i].astype(np.float64)) or 1.0, 1.0) for i in subject.judged
    ]


def _larger(one: Sequence[Array], other: Sequence[Array]) -> list[Array]:
    return [np.maximum(a, b) for a, b in zip(one, other, strict=True)]


def _remainder(
    subject: Subject, cotangent: Array, rng: np.random.Generator, fit: Fit
) -> list[Array]:
    """Return what is left of gradients at points along a line after a fit, in units of rounding.

    All points lie on one side, so that ties and kinks at the point itself are left in the same
    direction. A gradient is linear in its cotangent, which therefore changes by all its size: two
    cotangents are mixed at random, and each part is fitted. All numbers have all their digits:
    round ones would be added without rounding.
    """
    directions = {}
    for i in subject.judged:
        leaf = subject.leaves[i].astype(np.float64)
        directions[i] = leaf * random_cotangent(rng, leaf.size).reshape(leaf.shape)
    other = cotangent * random_cotangent(rng, cotangent.size)
    shares = random_cotangent(rng, 2 * fit.points).reshape(2, fit.points)
    moves = np.arange(1.0, fit.points + 1)
    rows: list[list[Array]] = [[] for _ in subject.judged]
    for k, move in enumerate(moves):
        leaves = list(subject.leaves)
        for i in subject.judged:
            leaves[i] = leaves[i] + fit.step * move * directions[i]
        mixed = shares[0, k] * cotangent + shares[1, k] * other
        try:
            gradients = Subject(subject.op, subject.case.with_leaves(leaves)).gradients(mixed)
        except (OperatorError, Garbage):
            return [np.zeros(subject.leaves[i].shape) for i in subject.judged]
        for row, gradient in zip(rows, gradients, strict=True):
            row.append(gradient)
    centred = (moves - moves.mean()) / fit.points
    columns = [share * centred**power for share in shares for power in range(fit.degree + 1)]
    basis, _ = np.linalg.qr(np.stack(columns, axis=1))
    free = fit.points - basis.shape[1]
    found = []
    for row in rows:
        values = np.stack(row).reshape(fit.points, -1)
        left = values - basis @ (basis.T @ values)
        scatter = np.sqrt(np.sum(left * left, axis=0) / free) / subject.rounding
        found.append(np.where(np.isfinite(scatter), scatter, 0.0).reshape(row[0].shape))
    return found
