"""Accept a right gradient from the fewest evaluations: three forward, one to three backward.

One central difference along one direction serves every cotangent, and nothing is allocated that is
not needed. A glance only ever accepts: whatever it does not accept is asked again, with care, by
the checks themselves, which also find the words. Calls are ordered so that a gradient which
remembers another call is seen in the same numbers: the first is asked between the two points of the
difference, the others after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from needle_cli.checking.model import (
    Array,
    Case,
    Evaluation,
    Garbage,
    Gradient,
    OperatorError,
    OpUnderTest,
)
from needle_cli.checking.numerics.acceptance import DECISIVE, LEVELS, hidden_part
from needle_cli.checking.numerics.differences import EPS, SMALLEST
from needle_cli.checking.numerics.probes import opposed, power_of_two, random_cotangent, rms, signed
from needle_cli.checking.numerics.steps import FAST_STEP
from needle_cli.checking.numerics.tolerance import AGREEMENT, norm
from needle_cli.checking.point import FLOAT64, vector_of

CHEAP_UP_TO = 4096
"""Entries up to which two more cotangents are asked for."""

KEPT = 1 << 18
"""Random numbers kept between calls; more are drawn anew for every call."""

NOISY = EPS * 2.0**24
"""Share of an output whose change is too close to rounding to be weighed up."""

COARSE = 2.0**8
"""Multiple of the step for a hidden part that the usual step does not show."""


class Probes:
    """The random numbers of one seed: directions on a coarse grid, cotangents with all digits.

    They are drawn once and used by every call, which is what makes a small check cheap. The numbers
    at a place do not depend on how many were asked for before.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._direction = self._cotangent = np.empty(0)

    def direction(self, size: int) -> Array:
        """Return `size` random signs times magnitudes 0.5 to 1.5 on a grid of 1/128."""
        if size > self._direction.size:
            drawn = signed(self._rng(0), (self._room(size),))
            if drawn.size > KEPT:
                return drawn[:size]
            self._direction = drawn
        return self._direction[:size]

    def cotangent(self, size: int) -> Array:
        """Return `size` random signs times magnitudes 0.5 to 1.5."""
        if size > self._cotangent.size:
            drawn = random_cotangent(self._rng(1), self._room(size))
            if drawn.size > KEPT:
                return drawn[:size]
            self._cotangent = drawn
        return self._cotangent[:size]

    def _rng(self, purpose: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([self._seed, purpose]))

    @staticmethod
    def _room(size: int) -> int:
        return size if size > KEPT else max(1024, 1 << (size - 1).bit_length())


@lru_cache(maxsize=4)
def probes_of(seed: int) -> Probes:
    """Return the random numbers of a seed."""
    return Probes(seed)


class Glance:
    """One case under one look. `seen` keeps the gradients that were asked for, by cotangent."""

    def __init__(self, op: OpUnderTest, case: Case) -> None:
        self.op = op
        self.given = case.leaves()
        # The operator gets copies: what it does to them must not reach those who ask after us.
        self.leaves = [leaf.copy(order="K") for leaf in self.given]
        self.case = case.with_leaves(self.leaves)
        owners = case.leaf_owners()
        self.judged = [
            i
            for i, leaf in enumerate(self.leaves)
            if leaf.dtype.kind == "f" and owners[i] in case.judged
        ]
        self.size = sum([leaf.size for leaf in self.leaves])
        self.seen: list[tuple[Array, list[Array]]] = []

    def accepts(self) -> bool:
        """Tell whether the gradients agree with one central difference beyond doubt.

        True means: the right number of gradients in the right form, shape and dtype; two
        cotangents' projections equal to the difference's within its rounding; additive in the
        cotangent; inputs, cotangent and output left alone. The caller silences NumPy's warnings.
        """
        try:
            return self.possible() and self.passes()
        except (OperatorError, Garbage):
            return False

    def repeats(self) -> bool:
        """Tell whether the gradients that were seen come again for the same cotangents.

        What a glance did not accept was in doubt for a reason, and the reason must not go unseen
        because the operator behaves at the second look. Last things first: an operator that errs
        every third time must not be asked in step.
        """
        try:
            for cotangent, gradients in reversed(self.seen):
                evaluation = self.op.evaluate(self.case)
                again = evaluation.gradient(split(cotangent, evaluation.outputs))
                for i, g in zip(self.judged, gradients, strict=True):
                    value = again[i].value
                    if value is None or value.shape != g.shape or not same_bytes(value, g):
                        return False
        except (OperatorError, Garbage):
            return False
        return True

    def possible(self) -> bool:
        """Tell whether a glance is enough for this kind of case: float64, something to judge."""
        if not self.judged or self.case.cotangent is not None:
            return False
        return all(self.leaves[i].dtype == FLOAT64 and self.leaves[i].size for i in self.judged)

    def passes(self) -> bool:
        """Make the evaluations and compare."""
        moves = self._moves()
        plus = self._beside(moves, 1.0)
        evaluation = self.op.evaluate(self.case)
        outputs = evaluation.outputs
        at = vector_of(outputs)
        if not at.size or at.size != plus.size or any(out.dtype != FLOAT64 for out in outputs):
            return False
        cheap = self.size <= CHEAP_UP_TO
        drawn = probes_of(self.case.seed).cotangent(at.size * (2 if cheap else 1))
        v = drawn[: at.size]
        first = self._gradients(evaluation, outputs, v)
        if first is None:
            return False
        minus = self._beside(moves, -1.0)
        if minus.size != at.size or not same_bytes(at, vector_of(outputs)):
            return False
        slope = plus - minus
        slope *= 0.5
        size, floor = norm(slope), 4 * (EPS * norm(at) + SMALLEST)
        if not (1e-270 < size < 1e270 and floor <= DECISIVE * size):
            return False
        allowed = AGREEMENT * size + floor
        pairs = [(allowed, v, first)]
        if cheap:
            w = opposed(drawn[at.size :], v) * weights(slope, at)
            second = self._gradients(evaluation, outputs, w)
            both = self._gradients(evaluation, outputs, v + w)
            if second is None or both is None or not adds_up(both, first, second):
                return False
            rounding = 4 * (EPS * norm(w * at) + SMALLEST)
            pairs.append((AGREEMENT * norm(w * slope) + rounding, w, second))
        for bound, cotangent, gradients in pairs:
            if not agrees(moves, slope, bound, cotangent, gradients):
                return False
        if not self._hidden_agree(moves, size, at, v, first):
            return False
        return all(same_bytes(a, b) for a, b in zip(self.given, self.leaves, strict=True))

    def _moves(self) -> list[Array]:
        """Return the difference of the two points, halved: a step times a random direction."""
        total = sum([self.leaves[i].size for i in self.judged])
        drawn = probes_of(self.case.seed).direction(total)
        moves = []
        start = 0
        for i in self.judged:
            leaf = self.leaves[i]
            stop = start + leaf.size
            move = drawn[start:stop] * (FAST_STEP * power_of_two(rms(leaf)))
            moves.append(move.reshape(leaf.shape))
            start = stop
        return moves

    def _beside(self, moves: Sequence[Array], sign: float) -> Array:
        """Return the outputs beside the point, in arrays of their own."""
        leaves = list(self.leaves)
        for i, move in zip(self.judged, moves, strict=True):
            leaves[i] = leaves[i] + move if sign > 0 else leaves[i] - move
        return vector_of(self.op.evaluate(self.case.with_leaves(leaves)).outputs)

    def _gradients(
        self, evaluation: Evaluation, outputs: Sequence[Array], v: Array
    ) -> list[Array] | None:
        """Return the gradients for one cotangent; None if their form or the cotangent is hurt."""
        parts = split(v, outputs)
        raw = evaluation.gradient(parts)
        if not self._well_formed(raw):
            return None
        start = 0
        for part in parts:
            if not same_bytes(part.reshape(-1), v[start : start + part.size]):
                return None
            start += part.size
        found: list[Array] = [raw[i].value for i in self.judged]  # type: ignore[misc]
        self.seen.append((v, found))
        return found

    def _well_formed(self, raw: Sequence[Gradient]) -> bool:
        """Tell whether every judged leaf got an array like itself, and nothing else got one."""
        leaves, kind = self.leaves, self.op.gradient_kind
        if len(raw) != len(leaves):
            return False
        given = [i for i, gradient in enumerate(raw) if gradient.value is not None]
        if given != self.judged:
            return False
        for i in given:
            value = raw[i].value
            assert value is not None
            if raw[i].kind != kind or value.shape != leaves[i].shape:
                return False
            if value.dtype != leaves[i].dtype:
                return False
        return True

    def _hidden_agree(
        self,
        moves: Sequence[Array],
        size: float,
        at: Array,
        cotangent: Array,
        gradients: Sequence[Array],
    ) -> bool:
        """Compare the parts of a direction whose slope is lost beside the rest, if there are any.

        `size` is the norm of the slope. What neither step shows is let go: nothing cheap can tell.
        """
        for _ in range(LEVELS):
            hidden = hidden_part(moves, gradients, size)
            if hidden is None:
                return True
            for factor in (1.0, COARSE):
                wide = [factor * move for move in hidden]
                slope = (self._beside(wide, 1.0) - self._beside(wide, -1.0)) * (0.5 / factor)
                size = norm(slope)
                floor = 4 * (EPS * norm(at[slope != 0]) + SMALLEST) / factor
                # The coarse step has a truncation error; it is there for zeros and signs.
                if floor <= 1e-2 * size:
                    allowed = (AGREEMENT if factor == 1.0 else 1e-2) * size + floor
                    if not agrees(hidden, slope, allowed, cotangent, gradients):
                        return False
                    break
            moves = hidden
        return True


def weights(slope: Array, at: Array) -> Array:
    """Return factors that give every output a like share of a projection, the largest being 64.

    A small output's wrong gradient is lost beside large ones otherwise. What is small because it is
    rounding is not made larger.
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


def agrees(
    moves: Sequence[Array],
    slope: Array,
    allowed: float,
    cotangent: Array,
    gradients: Sequence[Array],
) -> bool:
    """Tell whether the gradients' projection is that of the difference."""
    analytic = 0.0
    for g, move in zip(gradients, moves, strict=True):
        analytic += dot(g, move)
    return abs(dot(cotangent, slope) - analytic) <= allowed


def dot(a: Array, b: Array) -> float:
    """Return the sum of products of two arrays of one shape."""
    return float(np.dot(a.reshape(-1), b.reshape(-1)))


def split(vector: Array, outputs: Sequence[Array]) -> list[Array]:
    """Return copies of the parts of a cotangent vector, one per output leaf."""
    if len(outputs) == 1:
        return [vector.reshape(outputs[0].shape).copy()]
    parts: list[Array] = []
    start = 0
    for out in outputs:
        stop = start + out.size
        parts.append(vector[start:stop].reshape(out.shape).copy())
        start = stop
    return parts


def same_bytes(one: Array, other: Array) -> bool:
    """Tell whether two arrays of one shape hold the same bits; NaN equals itself here."""
    if one.size <= 1024 or one.dtype.itemsize != 8:
        return one.tobytes() == other.tobytes()
    if not (one.flags.c_contiguous and other.flags.c_contiguous):
        return one.tobytes() == other.tobytes()
    return bool((one.view(np.int64) == other.view(np.int64)).all())


def adds_up(both: Sequence[Array], first: Sequence[Array], second: Sequence[Array]) -> bool:
    """Tell whether `vjp(v + w)` is `vjp(v) + vjp(w)` to a few units of the gradients' own size."""
    for total, a, b in zip(both, first, second, strict=True):
        error = total - a
        error -= b
        if not norm(error) <= 16 * EPS * (norm(a) + norm(b)):
            return False
    return True
