"""Accept a right gradient of large arrays where they live: on a device, which is slow to ask.

The same question as a glance's, of arrays that stay where they are. What is compared is added up on
the device and comes home in one transfer per look. A look only ever accepts; whatever it does not
accept is brought home and asked with care.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeGuard

import numpy as np

from needle_cli.checking.library.fast_path import CHEAP_UP_TO, COARSE, probes_of
from needle_cli.checking.model import Case, Evaluation, Garbage, OperatorError, OpUnderTest
from needle_cli.checking.numerics.acceptance import DECISIVE, HIDDEN, LEVELS
from needle_cli.checking.numerics.differences import EPS, SMALLEST
from needle_cli.checking.numerics.steps import FAST_STEP
from needle_cli.checking.numerics.tolerance import AGREEMENT
from needle_cli.checking.point import FLOAT64

Away = Any
"""An array of a device: NumPy's interface, numbers elsewhere."""

TABLE = 1 << 18
"""Random numbers that are sent to the device; more are their products with random row factors."""

NARROW = np.dtype(np.float32)


class Room(Protocol):
    """A device: its arrays' functions, and the ways there and back."""

    def __hash__(self) -> int:
        """Equal devices hash alike."""

    def namespace(self) -> Any:
        """The module whose functions make arrays there."""

    def array(self, data: Any, dtype: Any = None) -> Away:
        """Copy a host array there."""

    def to_host(self, array: Away) -> Any:
        """Copy an array from there."""


class ResidentOperator(OpUnderTest, Protocol):
    """An operator whose cases, outputs and gradients are arrays of a device."""

    @property
    def room(self) -> Room:
        """The device."""


def suits(op: OpUnderTest, case: Case) -> TypeGuard[ResidentOperator]:
    """Tell whether a case lives on a device and is large; of few entries a glance asks more."""
    return getattr(op, "room", None) is not None and case.size() > CHEAP_UP_TO


def accepts(op: ResidentOperator, case: Case) -> bool:
    """Tell whether a gradient agrees with one central difference beyond doubt, on its device.

    Float64 inputs are judged as they are. Float32 ones are judged in float64, at the same numbers,
    and the float32 gradient has to be that one but rounded. The caller silences NumPy's warnings.
    """
    floats = {leaf.dtype for leaf in case.leaves() if leaf.dtype.kind == "f"}
    if case.cotangent is not None or floats not in ({FLOAT64}, {NARROW}):
        return False
    try:
        if floats == {FLOAT64}:
            return _Look(op, case).passes()
        wide = _Look(op, case.with_leaves([_as_float64(leaf) for leaf in case.leaves()]))
        return wide.passes() and wide.rounded_alike(case)
    except (OperatorError, Garbage):
        return False


def _as_float64(leaf: Away) -> Away:
    return leaf.astype(FLOAT64) if leaf.dtype.kind == "f" else leaf


class _Look:
    """One case on its device. `gradients` are those for the cotangent `v`, once asked for."""

    def __init__(self, op: ResidentOperator, case: Case) -> None:
        self.op, self.room = op, op.room
        self.names = op.room.namespace()
        self.given = case.leaves()
        self.leaves = [leaf.copy() for leaf in self.given]
        self.case = case.with_leaves(self.leaves)
        owners = case.leaf_owners()
        self.judged = [
            i
            for i, leaf in enumerate(self.leaves)
            if leaf.dtype.kind == "f" and owners[i] in case.judged and leaf.size
        ]
        self.v: Away = None
        self.gradients: list[Away] = []

    def passes(self) -> bool:
        """Make the evaluations and compare, as a glance does, one transfer after the last."""
        if not self.judged:
            return False
        moves = self._moves()
        plus = self._beside(moves, 1.0)
        evaluation = self.op.evaluate(self.case)
        outputs = evaluation.outputs
        if any(out.dtype != FLOAT64 for out in outputs):
            return False
        at = self._vector(outputs)
        if not at.size or at.size != plus.size:
            return False
        self.v = self._random(at.size, 0)
        parts = self._split(self.v, outputs)
        found = self._gradients(evaluation, parts)
        if found is None:
            return False
        self.gradients = found
        slope = (plus - self._beside(moves, -1.0)) * 0.5
        changed = [
            *zip(self.given, self.leaves, strict=True),
            (at, self._vector(outputs)),
            (self.v, self._vector(parts)),
        ]
        lost = self._lost(moves, slope)
        size, floor, error, hidden, *hurt = self._numbers(
            [
                self._norm(slope),
                4 * EPS * self._norm(at),
                self._error(moves, slope),
                sum(self.names.count_nonzero(part) for part in lost),
                *(self._differ(a, b) for a, b in changed),
            ]
        )
        floor += 4 * SMALLEST
        sound = 1e-270 < size < 1e270 and floor <= DECISIVE * size and not any(hurt)
        if not sound or not abs(error) <= AGREEMENT * size + floor:
            return False
        return not hidden or self._hidden_agree(moves, lost, at)

    def rounded_alike(self, narrow: Case) -> bool:
        """Tell whether a float32 case gives these gradients, rounded."""
        evaluation = self.op.evaluate(narrow)
        outputs = evaluation.outputs
        if any(out.dtype != NARROW for out in outputs):
            return False
        rounded = self.v.astype(NARROW)
        wide = self.op.evaluate(self.case)
        better = self._gradients(wide, self._split(rounded.astype(FLOAT64), wide.outputs))
        raw = evaluation.gradient(self._split(rounded, outputs))
        if better is None or not self._well_formed(raw, NARROW):
            return False
        eps = float(np.finfo(NARROW).eps)
        outside = []
        for i, b in zip(self.judged, better, strict=True):
            value: Away = raw[i].value
            off = self.names.abs(value.astype(FLOAT64) - b)
            size = self._norm(b) / math.sqrt(b.size)
            allowed = 8 * eps * (self.names.abs(b) + size)
            outside.append(self.names.count_nonzero(~(off <= allowed)))
        return not any(self._numbers(outside))

    def _moves(self) -> list[Away]:
        """Return the difference of the two points, halved: a step times a random direction."""
        moves = []
        for k, leaf in enumerate(self.leaves[i] for i in self.judged):
            drawn = self._random(leaf.size, 1 + k)
            drawn *= FAST_STEP * self._power_of_two(self._norm(leaf) / math.sqrt(leaf.size))
            moves.append(drawn.reshape(leaf.shape))
        return moves

    def _power_of_two(self, scale: Away) -> Away:
        """Return the power of two nearest to a positive scale; 1 for zero or a non-finite one."""
        usual = (scale > 1e-140) & (scale < 1e140)
        power = self.names.rint(self.names.log2(self.names.where(usual, scale, 1.0)))
        return self.names.exp2(power)

    def _random(self, size: int, purpose: int) -> Away:
        """Return random signs times magnitudes, made on the device from a table."""
        table, factors = _tables(self.op.room, self.case.seed, purpose)
        if size <= TABLE:
            return table[:size].copy()
        rows = -(-size // TABLE)
        if rows > factors.size:
            factors = self.room.array(_signs(self.case.seed, purpose, rows))
        return (factors[:rows, None] * table[None, :]).reshape(-1)[:size]

    def _beside(self, moves: Sequence[Away], sign: float) -> Away:
        leaves = list(self.leaves)
        for i, move in zip(self.judged, moves, strict=True):
            leaves[i] = leaves[i] + move if sign > 0 else leaves[i] - move
        return self._vector(self.op.evaluate(self.case.with_leaves(leaves)).outputs)

    def _gradients(self, evaluation: Evaluation, parts: Sequence[Away]) -> list[Away] | None:
        raw = evaluation.gradient(parts)
        return [raw[i].value for i in self.judged] if self._well_formed(raw, FLOAT64) else None

    def _well_formed(self, raw: Sequence[Any], dtype: Any) -> bool:
        """Tell whether every judged leaf got an array like itself, and nothing else got one."""
        if len(raw) != len(self.leaves):
            return False
        if [i for i, gradient in enumerate(raw) if gradient.value is not None] != self.judged:
            return False
        return all(
            raw[i].kind == self.op.gradient_kind
            and raw[i].value.shape == self.leaves[i].shape
            and raw[i].value.dtype == dtype
            for i in self.judged
        )

    def _lost(self, moves: Sequence[Away], slope: Away) -> list[Away]:
        """Return which entries' slopes are lost beside the rest; a whole leaf counts too."""
        total = sum(move.size for move in moves)
        limit = self._norm(slope) * (HIDDEN / math.sqrt(total))
        parts = []
        for g, u in zip(self.gradients, moves, strict=True):
            share = self.names.abs(g * u)
            lost = share < limit
            parts.append(lost & ((share > 0) | self.names.all(lost)) & (u != 0))
        return parts

    def _hidden_agree(self, moves: Sequence[Away], lost: Sequence[Away], at: Away) -> bool:
        """Compare the lost parts of a direction by themselves, as a glance does."""
        for _ in range(LEVELS):
            moves = [self.names.where(part, u, 0.0) for part, u in zip(lost, moves, strict=True)]
            for factor in (1.0, COARSE):
                wide = [factor * u for u in moves]
                slope = (self._beside(wide, 1.0) - self._beside(wide, -1.0)) * (0.5 / factor)
                lost = self._lost(moves, slope)
                size, floor, error, hidden = self._numbers(
                    [
                        self._norm(slope),
                        4 * EPS / factor * self._norm(self.names.where(slope != 0, at, 0.0)),
                        self._error(moves, slope),
                        sum(self.names.count_nonzero(part) for part in lost),
                    ]
                )
                floor += 4 * SMALLEST / factor
                if floor <= 1e-2 * size:
                    allowed = (AGREEMENT if factor == 1.0 else 1e-2) * size + floor
                    if not abs(error) <= allowed:
                        return False
                    break
            if not hidden:
                return True
        return True

    def _error(self, moves: Sequence[Away], slope: Away) -> Away:
        """Return how far the gradients' projection is from the difference's."""
        error = self._dot(self.v, slope)
        for g, u in zip(self.gradients, moves, strict=True):
            error = error - self._dot(g, u)
        return error

    def _dot(self, a: Away, b: Away) -> Away:
        return self.names.dot(a.reshape(-1), b.reshape(-1))

    def _norm(self, a: Away) -> Away:
        return self.names.sqrt(self._dot(a, a))

    def _differ(self, a: Away, b: Away) -> Away:
        """Return how many entries differ; NaN equals itself here."""
        return self.names.count_nonzero((a != b) & ((a == a) | (b == b)))

    def _vector(self, outputs: Sequence[Away]) -> Away:
        """Return outputs as one vector of its own memory."""
        return self.names.concatenate([out.reshape(-1) for out in outputs])

    def _split(self, vector: Away, outputs: Sequence[Away]) -> list[Away]:
        parts, start = [], 0
        for out in outputs:
            parts.append(vector[start : start + out.size].reshape(out.shape).copy())
            start += out.size
        return parts

    def _numbers(self, values: Sequence[Away]) -> list[float]:
        """Bring 0-d arrays home together: the one place that waits for the device."""
        joined = self.names.stack([self.names.asarray(x).astype(FLOAT64) for x in values])
        return [float(x) for x in self.room.to_host(joined)]


@lru_cache(maxsize=16)
def _tables(room: Room, seed: int, purpose: int) -> tuple[Away, Away]:
    """Return random numbers on a device, and the factors of their first rows."""
    drawn = probes_of(seed + purpose)
    table = drawn.direction(TABLE) if purpose else drawn.cotangent(TABLE)
    return room.array(table.copy()), room.array(_signs(seed, purpose, 64))


def _signs(seed: int, purpose: int, count: int) -> np.ndarray:
    """Return random signs times magnitudes of full precision, the first ones the same for all."""
    rng = np.random.Generator(np.random.PCG64([seed, purpose, 7]))
    drawn = rng.random(max(count, 64)) * 2 - 1
    drawn += np.copysign(0.5, drawn)
    return drawn[:count]
