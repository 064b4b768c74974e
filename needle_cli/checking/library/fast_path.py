"""Accept a right gradient from the fewest evaluations: three forward, one to three backward.

One central difference along one direction is used for every cotangent, and nothing is allocated
without need. The fast path only accepts: what it does not accept is asked again, with care, by the
checks themselves, which also write the messages. The order of the calls reveals a gradient that
remembers another call, without further evaluations: the first gradient is computed between the two
points of the difference, the others after them.

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
from needle_cli.checking.library.arrays import CHEAP_UP_TO, HOST, Arrays, DeviceArrays, on_host
from needle_cli.checking.model import Array, Case, Evaluation, Garbage, OperatorError, OpUnderTest
from needle_cli.checking.numerics.acceptance import DECISIVE, LEVELS, hidden_part, hides
from needle_cli.checking.numerics.differences import EPS, SMALLEST
from needle_cli.checking.numerics.probes import opposed
from needle_cli.checking.numerics.steps import FAST_STEP
from needle_cli.checking.numerics.tolerance import AGREEMENT
from needle_cli.checking.point import FLOAT64, vector_of

NOISY = EPS * 2.0**24
"""Relative change of an output below which it gets no larger weight; tuned."""

COARSE = 2.0**8
"""Factor of the step for a hidden part that the usual step does not show; tuned."""

NARROW = np.dtype(np.float32)


def fast_path(op: OpUnderTest, case: Case) -> FastPath:
    """Return the fast path of a case, on its device if it has many entries there.

    With few entries more is asked than a device can compute quickly, so they come to the host.
    """
    if is_resident(op) and case.size() > CHEAP_UP_TO:
        return FastPath(op, case, DeviceArrays(op.device))
    return FastPath(*on_host(op, case))


class FastPath:
    """One case on the fast path.

    `asked` keeps every cotangent with its gradients. On a device, a float32 case is judged in
    float64, at the same numbers; `narrow` is then the given case, otherwise None.
    """

    def __init__(self, op: OpUnderTest, case: Case, arrays: Arrays = HOST) -> None:
        self.op, self.arrays = op, arrays
        self.given = case.leaves()
        self.narrow: Case | None = None
        if arrays.away and _floats(self.given) == {NARROW}:
            self.narrow = case
            self.given = [a.astype(FLOAT64) if a.dtype.kind == "f" else a for a in self.given]
        # The operator gets copies: what it does to them must not affect the later checks.
        self.leaves = [leaf.copy(order="K") for leaf in self.given]
        self.case = case.with_leaves(self.leaves)
        owners = case.leaf_owners()
        self.judged = [
            i
            for i, leaf in enumerate(self.leaves)
            if leaf.dtype.kind == "f" and owners[i] in case.judged
        ]
        self.few = not arrays.away and sum([leaf.size for leaf in self.leaves]) <= CHEAP_UP_TO
        self.asked: list[tuple[Array, list[Array]]] = []
        self._differ: list[Any] = []  # per array: whether, or in how many entries, it changed

    def accepts(self) -> bool:
        """Whether the gradients clearly agree with one central difference.

        True means: the number, form, shape and dtype of the gradients are right; their projections
        equal those of the difference within its rounding; with few entries, they are additive in
        the cotangent; inputs, cotangent and output are unchanged. The caller silences NumPy's
        warnings.
        """
        try:
            if not (self._applies() and self._agrees()):
                return False
            return self.narrow is None or self._rounded_alike(self.narrow)
        except (OperatorError, Garbage):
            return False

    def repeats(self) -> bool:
        """Whether the same cotangents give the same gradients again.

        If a gradient was not accepted there was a reason, which must not get lost because the
        operator is right the second time. The order is reversed, so that an operator that is wrong
        every third time does not get the same question each time it is wrong.
        """
        changed = []
        try:
            for cotangent, gradients in reversed(self.asked):
                evaluation = self.op.evaluate(self.case)
                again = evaluation.gradient(split(cotangent, evaluation.outputs))
                for i, g in zip(self.judged, gradients, strict=True):
                    value = again[i].value
                    if value is None or value.shape != g.shape:
                        return False
                    changed.append(self.arrays.differ(value, g))
        except (OperatorError, Garbage):
            return False
        return not changed or not any(self.arrays.numbers(changed))

    def _applies(self) -> bool:
        """Whether the case can be judged here: it is float64 and has something to judge."""
        if not self.judged or self.case.cotangent is not None:
            return False
        if self.arrays.away and _floats(self.given) != {FLOAT64}:
            return False
        return all(self.leaves[i].dtype == FLOAT64 and self.leaves[i].size for i in self.judged)

    def _agrees(self) -> bool:
        """Make the evaluations and compare.

        A number in `doubts` that is above 0 or NaN means that something does not agree.
        """
        arrays = self.arrays
        moves = self._moves()
        plus = self._beside(moves, 1.0)
        evaluation = self.op.evaluate(self.case)
        outputs = evaluation.outputs
        at = vector_of(outputs)
        if not at.size or at.size != plus.size or any(out.dtype != FLOAT64 for out in outputs):
            return False
        drawn = arrays.cotangent(self.case.seed, at.size * (2 if self.few else 1))
        v = drawn[: at.size]
        if not self._ask(evaluation, v):
            return False
        minus = self._beside(moves, -1.0)
        if minus.size != at.size:
            return False
        slope = plus - minus
        slope *= 0.5
        size, rounding = arrays.norm(slope), arrays.norm(at)
        doubts: list[Any] = [
            4 * (EPS * rounding + SMALLEST) - DECISIVE * size,
            self._excess(moves, slope, 0, size, rounding),
        ]
        if self.few:
            w = opposed(drawn[at.size :], v) * weights(slope, at)
            if not (self._ask(evaluation, w) and self._ask(evaluation, v + w)):
                return False
            doubts += self._doubts_of_others(moves, slope, at)
        doubts += self._differ
        doubts.append(arrays.differ(at, vector_of(outputs)))
        doubts += [arrays.differ(a, b) for a, b in zip(self.given, self.leaves, strict=True)]
        hidden = hides(moves, self.asked[0][1], size, arrays.names)
        size, hidden, *doubts = arrays.numbers([size, hidden, *doubts])
        for doubt in doubts:
            if not doubt <= 0:
                return False
        if not 1e-270 < size < 1e270:  # the squares of its parts leave the range of float64
            return False
        return not hidden or self._hidden_agree(moves, size, at)

    def _doubts_of_others(self, moves: Sequence[Array], slope: Array, at: Array) -> list[Any]:
        """Compare the projection for the second cotangent, and the gradient for the sum of both."""
        norm = self.arrays.norm
        (_, first), (w, second), (_, both) = self.asked
        excess = self._excess(moves, slope, 1, norm(w * slope), norm(w * at))
        return [excess, *sums_differ(both, first, second, self.arrays)]

    def _rounded_alike(self, narrow: Case) -> bool:
        """Whether the float32 case gives the accepted gradients up to rounding."""
        arrays, (v, _) = self.arrays, self.asked[0]
        evaluation, wide = self.op.evaluate(narrow), self.op.evaluate(self.case)
        outputs = evaluation.outputs
        if any(out.dtype != NARROW for out in outputs):
            return False
        rounded = v.astype(NARROW)
        if not self._ask(wide, rounded.astype(FLOAT64)):
            return False
        raw = evaluation.gradient(split(rounded, outputs))
        if not well_formed(raw, narrow.leaves(), self.judged, self.op.gradient_kind):
            return False
        eps = float(np.finfo(NARROW).eps)
        outside = []
        for i, b in zip(self.judged, self.asked[-1][1], strict=True):
            value: Any = raw[i].value
            off = abs(value.astype(FLOAT64) - b)
            allowed = 8 * eps * (abs(b) + arrays.norm(b) / math.sqrt(b.size))
            outside.append(arrays.names.count_nonzero(~(off <= allowed)))
        return not any(arrays.numbers(outside))

    def _moves(self) -> list[Array]:
        """Return the difference of the two points, halved: a step times a random direction."""
        leaves = [self.leaves[i] for i in self.judged]
        drawn = self.arrays.directions(self.case.seed, [leaf.size for leaf in leaves])
        return [
            (u * (FAST_STEP * self.arrays.scale(leaf))).reshape(leaf.shape)
            for u, leaf in zip(drawn, leaves, strict=True)
        ]

    def _beside(self, moves: Sequence[Array], sign: float) -> Array:
        """Return the outputs at a moved point, in new arrays."""
        leaves = list(self.leaves)
        for i, move in zip(self.judged, moves, strict=True):
            leaves[i] = leaves[i] + move if sign > 0 else leaves[i] - move
        return vector_of(self.op.evaluate(self.case.with_leaves(leaves)).outputs)

    def _ask(self, evaluation: Evaluation, cotangent: Array) -> bool:
        """Compute the gradients for one cotangent and keep them; False if their form is wrong."""
        parts = split(cotangent, evaluation.outputs)
        raw = evaluation.gradient(parts)
        if not well_formed(raw, self.leaves, self.judged, self.op.gradient_kind):
            return False
        self._differ.append(self.arrays.differ(cotangent, vector_of(parts)))
        found: list[Array] = [raw[i].value for i in self.judged]  # type: ignore[misc]
        self.asked.append((cotangent, found))
        return True

    def _excess(
        self, moves: Sequence[Array], slope: Array, asked: int, size: Any, rounding: Any
    ) -> Any:
        """Return the error of a projection minus what rounding allows: 0 or less if it agrees.

        `size` and `rounding` are the norms of the changes and of the values that are added up.
        """
        allowed = AGREEMENT * size + 4 * (EPS * rounding + SMALLEST)
        return self._error(moves, slope, asked) - allowed

    def _error(self, moves: Sequence[Array], slope: Array, asked: int) -> Any:
        """Return the difference between the gradients' projection and the numeric one."""
        cotangent, gradients = self.asked[asked]
        dot, analytic = self.arrays.names.dot, 0.0
        for g, move in zip(gradients, moves, strict=True):
            analytic = analytic + dot(g.reshape(-1), move.reshape(-1))
        return abs(dot(cotangent, slope) - analytic)

    def _hidden_agree(self, moves: Sequence[Array], size: float, at: Array) -> bool:
        """Compare the parts of a direction whose slope is hidden by the rest.

        `size` is the norm of the slope. What neither step shows is not compared, because no cheap
        test can decide it.
        """
        names, norm = self.arrays.names, self.arrays.norm
        for _ in range(LEVELS):
            moves = hidden_part(moves, self.asked[0][1], size, names)
            for factor in (1.0, COARSE):
                wide = [factor * u for u in moves]
                plus, minus = self._beside(wide, 1.0), self._beside(wide, -1.0)
                if not plus.size == minus.size == at.size:
                    return False
                slope = (plus - minus) * (0.5 / factor)
                extent = norm(slope)
                size, floor, error, hidden = self.arrays.numbers(
                    [
                        extent,
                        4 * (EPS * norm(names.where(slope != 0, at, 0.0)) + SMALLEST) / factor,
                        self._error(moves, slope, 0),
                        hides(moves, self.asked[0][1], extent, names),
                    ]
                )
                # The coarse step has a truncation error; it only finds zeros and wrong signs.
                if floor <= 1e-2 * size:
                    if not error <= (AGREEMENT if factor == 1.0 else 1e-2) * size + floor:
                        return False
                    break
            if not hidden:
                return True
        return True


def _floats(leaves: Sequence[Array]) -> set[Any]:
    """Return the floating dtypes among arrays."""
    return {leaf.dtype for leaf in leaves if leaf.dtype.kind == "f"}


def weights(slope: Array, at: Array) -> Array:
    """Return factors of at most 64 that give all outputs a similar share of a projection.

    Without them large outputs hide a small output's wrong gradient. An output that is small because
    it is rounding gets no larger factor.
    """
    size = np.abs(at)
    size *= NOISY
    size += np.abs(slope)
    least = float(np.minimum.reduce(size))
    if not 0.0 < least < np.inf:
        known = np.isfinite(size)
        size = np.where(known, size, size[known].max(initial=1.0))
        size += 2.0**-60 * float(np.maximum.reduce(size)) + SMALLEST
        least = float(np.minimum.reduce(size))
    return np.asarray(64.0 * least / size)


def split(vector: Array, outputs: Sequence[Array]) -> list[Array]:
    """Split a cotangent vector into copies of its parts, one per output leaf."""
    if len(outputs) == 1:
        return [vector.reshape(outputs[0].shape).copy()]
    parts: list[Array] = []
    start = 0
    for out in outputs:
        stop = start + out.size
        parts.append(vector[start:stop].reshape(out.shape).copy())
        start = stop
    return parts


def sums_differ(
    both: Sequence[Array], first: Sequence[Array], second: Sequence[Array], arrays: Arrays = HOST
) -> list[Any]:
    """Return per gradient 0 if `vjp(v + w)` equals `vjp(v) + vjp(w)`, else 1.

    A difference of a few units of rounding of the gradients' own size is allowed.
    """
    norm = arrays.norm
    return [
        1 - (norm(total - a - b) <= 16 * EPS * (norm(a) + norm(b)))
        for total, a, b in zip(both, first, second, strict=True)
    ]
