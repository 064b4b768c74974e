"""Find the wrong entries after a projection has failed.

Small inputs are compared entry by entry. In large ones the wrong entries are found by bisection: a
comparison along a direction that is zero outside a set of entries shows whether the set holds one.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from needle_cli.checking.model import Array, Element
from needle_cli.checking.numerics.acceptance import HEADROOM, CentralDifference
from needle_cli.checking.numerics.comparison import Judge
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.probes import Tangent, projected, signed, unit_direction
from needle_cli.checking.point import Subject

MOST_COMPARED = 64
"""With at most this many entries every one is compared: a table that can still be read."""

MOST_WRONG = 12
"""How many wrong entries are searched for in a larger input; tuned, see benchmarks."""


def elements(subject: Subject, cotangent: Array, tangent: Tangent | None = None) -> list[Element]:
    """Return analytic and numeric entries of every judged leaf; beyond 64, the worst first.

    Both are entries of `J^T v` for the cotangent `v`. In a constrained domain (symmetric, say) an
    entry stands for the direction that its unit vector is projected to.
    """
    with np.errstate(all="ignore"):
        gradients = subject.gradients(cotangent)
        if sum(g.size for g in gradients) <= MOST_COMPARED:
            places: Iterable[tuple[int, int]] = [
                (k, j) for k, g in enumerate(gradients) for j in range(g.size)
            ]
        else:
            places = _wrong_places(subject, cotangent, gradients)
        return [_element(subject, cotangent, gradients, k, j, tangent) for k, j in places]


def _element(
    subject: Subject,
    cotangent: Array,
    gradients: list[Array],
    position: int,
    flat: int,
    tangent: Tangent | None,
) -> Element:
    """Compare one entry: the derivative along its unit direction."""
    index = tuple(int(k) for k in np.unravel_index(flat, gradients[position].shape))
    direction = unit_direction(subject, position, index)
    step = float(direction[position][index])
    if tangent is not None:
        direction = projected(subject, direction, tangent)
    analytic, numeric, allowed = _along(subject, cotangent, gradients, direction)
    # An entry that cancels to zero has the rounding of its neighbours.
    finite = gradients[position][np.isfinite(gradients[position])]
    allowed += 8 * subject.rounding * float(np.max(np.abs(finite), initial=0.0)) * abs(step)
    wrong = not abs(analytic - numeric) <= allowed
    name = subject.names[subject.judged[position]]
    return Element(name, index, analytic / step, numeric / step, allowed / step, wrong)


def _along(
    subject: Subject, cotangent: Array, gradients: list[Array], direction: list[Array]
) -> tuple[float, float, float]:
    """Return the analytic and the numeric projection, and the bound of their difference."""
    line = Line(subject, direction)
    moved = [np.where(u != 0, g, 0.0) for g, u in zip(gradients, direction, strict=True)]
    accepted = CentralDifference(line).accept(cotangent, moved, HEADROOM)
    if accepted is not None:
        return accepted.analytic, accepted.numeric, accepted.allowed
    found = Judge(line, cotangent, moved).soon()
    return found.analytic, found.numeric, found.allowed


def _wrong_places(
    subject: Subject, cotangent: Array, gradients: list[Array]
) -> list[tuple[int, int]]:
    """Return places of wrong entries, found by bisection, and a few of their neighbours."""
    rng = np.random.Generator(np.random.PCG64(0))
    found: list[tuple[int, int]] = []
    for position, g in enumerate(gradients):
        stack = [np.arange(g.size)]
        visits = 0
        while stack and len(found) < MOST_WRONG and visits < 40 * MOST_WRONG:
            visits += 1
            block = stack.pop()
            if not _block_is_wrong(subject, cotangent, gradients, position, block, rng):
                continue
            if block.size == 1:
                found.append((position, int(block[0])))
                continue
            half = block.size // 2
            stack.extend([block[half:], block[:half]])
    others = [(k, int(rng.integers(g.size))) for k, g in enumerate(gradients) if g.size]
    return found + [place for place in others if place not in found]


def _block_is_wrong(
    subject: Subject,
    cotangent: Array,
    gradients: list[Array],
    position: int,
    block: Array,
    rng: np.random.Generator,
) -> bool:
    direction = [np.zeros(g.shape) for g in gradients]
    leaf = subject.leaves[subject.judged[position]].reshape(-1)[block].astype(np.float64)
    size = np.where(leaf == 0, 1.0, np.abs(leaf))
    direction[position].reshape(-1)[block] = signed(rng, block.shape) * np.exp2(
        np.round(np.log2(size))
    )
    analytic, numeric, allowed = _along(subject, cotangent, gradients, direction)
    return not abs(analytic - numeric) <= allowed
