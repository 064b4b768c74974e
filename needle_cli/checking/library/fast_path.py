"""Accept a right gradient from few evaluations: four forward, and two or three backward.

One central difference along one direction is compared with the gradient at the given point, and
nothing is allocated without need. The fast path only accepts: what it does not accept is asked
again, with care, by the checks themselves, which also write the messages.

The first call of all is made at another point, and with few entries asked again at the end. So a
gradient that remembers its first call is wrong at the given point, and one that remembers its
latest call is wrong at the other.

The arrays are on the host or on a device. Arrays of a device stay there, and what is compared comes
to the host in one transfer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from needle_cli.checking.abilities import is_resident
from needle_cli.checking.checks.contract import well_formed
from needle_cli.checking.library.arrays import (
    CHEAP_UP_TO,
    FIRST,
    HOST,
    SECOND,
    STEPS,
    Arrays,
    DeviceArrays,
    as_given,
    on_host,
    with_gaps,
)
from needle_cli.checking.model import Array, Case, Evaluation, Garbage, OperatorError, OpUnderTest
from needle_cli.checking.numerics.hidden import LEVELS, hidden_part, hides, visible_share
from needle_cli.checking.numerics.line import EPS, SMALLEST
from needle_cli.checking.numerics.probes import Tangent, unlike_sizes
from needle_cli.checking.numerics.tolerance import AGREEMENT
from needle_cli.checking.point import FLOAT64, elsewhere, is_floating, vector_of

DECISIVE = 2.0**-25
"""Most rounding of the difference, as a share of the slope, with which it is accepted. Tuned, see
benchmarks."""

FARTHEST = 2.0**-20
"""Cotangents differ by at most this factor: a gradient adds them up, and rounds the largest."""

NOISY = EPS * 2.0**24
"""Relative change of an output below which it gets no larger weight; tuned."""

SIMILAR = 2.0**8
"""Slopes of outputs within this ratio need no weights; tuned."""

LONGER = (1.0, 2.0**8)
"""Multiples of the step for a hidden part. What none of them shows is left to the checks."""

FACTOR = -(2.0**-7)
"""The multiple of the first cotangent that is asked last. Chosen: exact, and small enough for a
gradient that drops small cotangents; the second cotangent is large enough for one that clips."""

UNITS = 16 * EPS
"""Largest relative difference of equal gradients that rounding explains. Chosen."""

NARROW = np.dtype(np.float32)


def fast_path(op: OpUnderTest, case: Case, tangent: Tangent | None = None) -> FastPath:
    """Return the fast path of a case, on its device if it has many entries there.

    With few entries more is asked than a device can compute quickly, so they come to the host.
    """
    if not is_resident(op):
        return FastPath(op, case, tangent=tangent)
    if case.size() > CHEAP_UP_TO:
        return FastPath(op, case, DeviceArrays(op.device))
    return FastPath(*on_host(op, case), tangent=tangent)


class FastPath:
    """One case on the fast path.

    `asked` keeps every call of the gradient: its point, cotangent and gradients. On a device, a
    float32 case is judged in float64, at the same numbers; `narrow` is then the given case,
    otherwise None.
    """

    def __init__(
        self, op: OpUnderTest, case: Case, arrays: Arrays = HOST, tangent: Tangent | None = None
    ) -> None:
        self.op, self.arrays, self.tangent = op, arrays, tangent
        self.given = case.leaves()
        self.narrow: Case | None = None
        if arrays.away and _floats(self.given) == {NARROW}:
            self.narrow = case
            self.given = [a.astype(FLOAT64) if is_floating(a) else a for a in self.given]
        # The operator gets copies: what it does to them must not affect the later checks.
        copied = (lambda a: a.copy(order="K")) if arrays.away else as_given
        self.leaves = [copied(leaf) for leaf in self.given]
        self.case = case.with_leaves(self.leaves)
        self.judged, size = [], 0
        for i, owner in enumerate(case.leaf_owners()):
            leaf = self.leaves[i]
            size += leaf.size
            if is_floating(leaf) and owner in case.judged:
                self.judged.append(i)
        self.few = size <= CHEAP_UP_TO and not arrays.away
        self.visible = visible_share(size)
        self.asked: list[tuple[Case, Array, list[Array]]] = []
        self.moves: list[Array] = []
        self._differ: list[Any] = []  # per array: whether, or in how many entries, it changed

    def accepts(self) -> bool:
        """Whether the gradients clearly agree with one central difference.

        True means: the number, form, shape and dtype of the gradients are right; their projection
        equals that of the difference within its rounding; inputs, cotangent and output are
        unchanged; and, with few entries, the first call repeated with a multiple of its cotangent,
        which has gaps in memory, gives that multiple. The caller silences NumPy's warnings.
        """
        if not self._applies():
            return False
        for beside in elsewhere(self.case, self.judged):
            try:
                if self._agrees(beside):
                    return self.narrow is None or self._rounded_alike(self.narrow)
            except (OperatorError, Garbage):
                pass
            if self.asked and (self.arrays.away or _finite(self.asked[0][2])):
                break
            self.asked.clear()
        return False

    def _applies(self) -> bool:
        """Whether the case can be judged here: it is float64 and has something to judge."""
        if not self.judged or self.case.cotangent is not None:
            return False
        if self.arrays.away and _floats(self.given) != {FLOAT64}:
            return False
        judged = [self.leaves[i] for i in self.judged]
        if not all(leaf.dtype == FLOAT64 and leaf.size for leaf in judged):
            return False
        return self.arrays.away or not unlike_sizes(judged)

    def _agrees(self, beside: Case) -> bool:
        """Make the evaluations, the first at another point, and compare.

        A number in `doubts` that is above 0 or NaN means that something does not agree.
        """
        arrays, case, norm = self.arrays, self.case, self.arrays.norm
        there = self.op.evaluate(beside)
        size = 0
        for out in there.outputs:
            size += out.size
            if out.dtype != FLOAT64:
                return False
        v = arrays.random(case.seed, size, FIRST)
        if not self._ask(beside, there, v):
            return False
        self.moves = moves = self._moves()
        plus = self._beside(moves, 1.0)
        evaluation = self.op.evaluate(case)
        outputs = evaluation.outputs
        at = vector_of(outputs)
        minus = self._beside(moves, -1.0)
        if not plus.size == at.size == minus.size == v.size or not v.size:
            return False
        slope = plus - minus
        w = arrays.random(case.seed, v.size, SECOND)
        w = weighted(w, slope, at) if self.few else w
        if not self._ask(case, evaluation, w):
            return False
        projected = w * slope
        scale, rounding = norm(projected), 4 * (EPS * norm(w * at) + SMALLEST)
        # On the host a third backward call of many entries costs as much as all else.
        if self.few or arrays.away:
            if not self._ask(beside, there, FACTOR * v, gaps=self.few):
                return False
            (*_, first), _, (*_, again) = self.asked
            doubts = [
                arrays.excess(b, FACTOR * a, UNITS) for a, b in zip(first, again, strict=True)
            ]
        else:
            doubts = []
        here = self.asked[1][2]
        products = [g * u for g, u in zip(here, moves, strict=True)]
        error = abs(0.5 * arrays.names.dot(w, slope) - sum([p.sum() for p in products]))
        doubts += [
            rounding - 0.5 * DECISIVE * scale,
            error - (0.5 * AGREEMENT * scale + rounding),
            *self._differ,
        ]
        for a, b in zip(split(at, outputs), outputs, strict=True):
            doubts.append(arrays.differ(a, b))
        for a, b in zip(self.given, self.leaves, strict=True):
            doubts.append(arrays.differ(a, b))
        hidden = hides(products, moves, scale * self.visible, arrays.names)
        scale, hidden, *doubts = arrays.numbers([scale, hidden, *doubts])
        for doubt in doubts:
            if not doubt <= 0:
                return False
        if not 1e-270 < scale < 1e270:  # the squares of its parts leave the range of float64
            return False
        return not hidden or self._hidden_agree(moves, w, scale, at)

    def _rounded_alike(self, narrow: Case) -> bool:
        """Whether the float32 case gives the accepted gradients up to rounding."""
        arrays, v = self.arrays, self.asked[0][1]
        evaluation, wide = self.op.evaluate(narrow), self.op.evaluate(self.case)
        outputs = evaluation.outputs
        if any(out.dtype != NARROW for out in outputs):
            return False
        rounded = v.astype(NARROW)
        if not self._ask(self.case, wide, rounded.astype(FLOAT64)):
            return False
        raw = evaluation.gradient(split(rounded, outputs))
        if not well_formed(raw, narrow.leaves(), self.judged, self.op.gradient_kind):
            return False
        eps = float(np.finfo(NARROW).eps)
        outside = []
        for i, b in zip(self.judged, self.asked[-1][2], strict=True):
            value: Any = raw[i].value
            off = abs(value.astype(FLOAT64) - b)
            allowed = 8 * eps * (abs(b) + arrays.norm(b) / math.sqrt(b.size))
            outside.append(arrays.names.count_nonzero(~(off <= allowed)))
        return not any(arrays.numbers(outside))

    def _moves(self) -> list[Array]:
        """Return the difference of the two points, halved: a step times a random direction."""
        moves = []
        owners = self.case.leaf_owners() if self.tangent is not None else []
        for k, i in enumerate(self.judged):
            leaf = self.leaves[i]
            steps = self.arrays.random(self.case.seed, leaf.size, STEPS + k)
            move = (steps * self.arrays.scale(leaf)).reshape(leaf.shape)
            moves.append(move if self.tangent is None else self.tangent(owners[i], move))
        return moves

    def _beside(self, moves: Sequence[Array], sign: float) -> Array:
        """Return the outputs at a moved point, in new arrays."""
        leaves = self.leaves.copy()
        for i, move in zip(self.judged, moves, strict=True):
            leaves[i] = leaves[i] + move if sign > 0 else leaves[i] - move
        return vector_of(self.op.evaluate(self.case.with_leaves(leaves)).outputs)

    def _ask(
        self, case: Case, evaluation: Evaluation, cotangent: Array, gaps: bool = False
    ) -> bool:
        """Compute the gradients for one cotangent and keep them; False if their form is wrong."""
        parts = split(cotangent, evaluation.outputs)
        handed = [with_gaps(part) if gaps else part.copy() for part in parts]
        raw = evaluation.gradient(handed)
        judged, arrays = self.judged, self.arrays
        if not well_formed(raw, self.leaves, judged, self.op.gradient_kind):
            return False
        for a, b in zip(parts, handed):  # noqa: B905 - as many by construction
            self._differ.append(arrays.differ(a, b))
        self.asked.append((case, cotangent, [raw[i].value for i in judged]))  # type: ignore[misc]
        return True

    def _hidden_agree(
        self, moves: Sequence[Array], cotangent: Array, size: float, at: Array
    ) -> bool:
        """Compare the parts of a direction whose slope is hidden by the rest.

        `size` is the norm of the slope of both steps, output by output.
        """
        names, norm, here = self.arrays.names, self.arrays.norm, self.asked[1][2]
        for _ in range(LEVELS):
            products = [g * u for g, u in zip(here, moves, strict=True)]
            moves = hidden_part(products, moves, size * self.visible, names)
            products = [g * u for g, u in zip(here, moves, strict=True)]
            for factor in LONGER:
                wide = [factor * u for u in moves]
                plus, minus = self._beside(wide, 1.0), self._beside(wide, -1.0)
                if not plus.size == minus.size == at.size:
                    return False
                slope = (plus - minus) * (1 / factor)
                projected = cotangent * slope
                extent = norm(projected)
                moving = names.where(slope != 0, cotangent * at, 0.0)
                size, floor, error, hidden = self.arrays.numbers(
                    [
                        extent,
                        4 * (EPS * norm(moving) + SMALLEST) / factor,
                        abs(0.5 * projected.sum() - sum([p.sum() for p in products])),
                        hides(products, moves, extent * self.visible, names),
                    ]
                )
                # A longer step has a truncation error; it only finds zeros and wrong signs.
                if size > 0.0 and floor <= 1e-2 * size:
                    if not error <= (AGREEMENT if factor == 1.0 else 1e-2) * size + floor:
                        return False
                    break
            else:
                return False
            if not hidden:
                return True
        return False


def _finite(gradients: Sequence[Array]) -> bool:
    return math.isfinite(sum([HOST.norm(g) for g in gradients]))


def _floats(leaves: Sequence[Array]) -> set[Any]:
    """Return the floating dtypes among arrays."""
    return {leaf.dtype for leaf in leaves if is_floating(leaf)}


def weighted(cotangent: Array, slope: Array, at: Array) -> Array:
    """Return a cotangent with factors that give all outputs a similar share of a projection.

    Without them large outputs hide a small output's wrong gradient. An output that is small because
    it is rounding gets no larger factor.
    """
    size = np.abs(slope)
    if size.size <= 64:
        numbers = size.tolist()
        least, most = min(numbers), max(numbers)
    else:
        least, most = float(np.minimum.reduce(size)), float(np.maximum.reduce(size))
    if most <= SIMILAR * least or not least < math.inf:
        return cotangent
    size += NOISY * np.abs(at)
    known = np.isfinite(size)
    most = float(np.max(size, initial=0.0, where=known)) or 1.0
    size = np.maximum(np.where(known, size, most), FARTHEST * most + SMALLEST)
    least = float(np.minimum.reduce(size))
    return np.asarray(cotangent * (64.0 * least / size))


def split(vector: Array, outputs: Sequence[Array]) -> list[Array]:
    """Split a cotangent vector into its parts, one per output leaf, which share its memory."""
    if len(outputs) == 1:
        return [vector.reshape(outputs[0].shape)]
    parts: list[Array] = []
    start = 0
    for out in outputs:
        stop = start + out.size
        parts.append(vector[start:stop].reshape(out.shape))
        start = stop
    return parts
