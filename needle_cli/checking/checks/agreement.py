"""Whether a gradient in a narrow dtype equals a better one at the same numbers, up to rounding.

What is asked: is the narrow result explained by the rounding of the same computation in that dtype?
Bounds are tried from the cheapest to the most expensive, and each only adds to the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from needle_cli.checking.checks.context import generator, merge, passed, worst_entry
from needle_cli.checking.model import (
    Answer,
    Array,
    Code,
    Finding,
    Garbage,
    Gradient,
    OperatorError,
    Verdict,
)
from needle_cli.checking.numerics.beside import Neighbours, gradients_at, reach
from needle_cli.checking.numerics.probes import rms
from needle_cli.checking.numerics.rounding import amplified_rounding, natural_rounding
from needle_cli.checking.numerics.tolerance import magnitude
from needle_cli.checking.point import Subject, is_floating, limits, widen

ROUNDINGS = 8
"""Allowed multiple of the rounding of an entry and of its array; tuned."""

SCATTER = 16
"""Allowed multiple of the standard deviation of amplified rounding; tuned."""

UNDERFLOWS = 64
"""Allowed multiple of the smallest number of the dtype: intermediate results may vanish. Chosen."""

MOVED = 8
"""Allowed multiple of the change when inputs move by one rounding; tuned."""

VANISHED = 2.0**-40
"""Share of `|v| |y| / |x|` below which an entry counts as what is left of terms that cancel.

`1 - tanh(18)^2` is a few units in the last place of 1, and float64 does not show its rounding.
"""

BLURRED = 1 / 32
"""If rounding explains this share of a gradient, an intermediate result is so small, or so large,
that its power may leave the narrow dtype's range; tuned on rows of equal numbers."""

MOST_OUTPUTS = 12
"""Most outputs that are judged one by one at ties and kinks. Chosen."""

MOST_PLACES = 24
"""Most entries that are judged one by one at ties and kinks. Chosen."""

RANDOM = 4
"""Random directions at ties and kinks. Chosen."""

BEYOND = "in {} a right formula may leave the range here; compared at numbers near 1 instead"

COMFORTABLE = 0.25
"""Share of the exponents of a dtype in which a fourth power, or its reciprocal, has room."""


@dataclass(frozen=True)
class Words:
    """The check, the code and the sentence of a finding."""

    check: str = "precision"
    code: Code = Code.ROUNDING
    text: str = ""


def agree(
    low: Subject,
    wide: Subject,
    cotangent: Array,
    factor: float = 1.0,
    words: Words | None = None,
    raw: Sequence[Gradient] | None = None,
) -> Answer:
    """Compare gradients with better ones at the same numbers: those in float64, or the host's.

    Args:
        low: The operator in the narrow dtype.
        wide: The same in float64, or on the host.
        cotangent: The cotangent as a vector.
        factor: Multiplies the bound.
        words: The check, the code and the sentence of a finding.
        raw: The gradients in the narrow dtype for the cotangent `in_range`, if they are known.
    """
    dtype = low.leaves[low.judged[0]].dtype
    words = words or Words(text=f"the {dtype} gradient is not the float64 one rounded")
    used = in_range(low, wide, cotangent)
    got = low.gradients(used) if raw is None else low.settle(raw)
    answer = _Agreement(low, wide, factor, words).judge(got, used)
    inside = bool(_inside(low, wide).all())
    if inside and (not answer.findings or _comfortable(low)):
        return answer
    # A right formula may square an input, or divide by it twice. A fault shows near 1 as well.
    again = _near_one(low, wide, cotangent, factor, words)
    if again is not None and again.findings:
        return answer if answer.findings else again
    return replace(passed(), notes=(BEYOND.format(dtype),))


def _near_one(
    low: Subject, wide: Subject, cotangent: Array, factor: float, words: Words
) -> Answer | None:
    """Compare at numbers near 1 instead; None if that cannot be computed."""
    near = low.case.with_leaves([_tamed(a) if is_floating(a) else a for a in low.leaves])
    widened = wide.leaves[wide.judged[0]].dtype == np.float64
    low = Subject(low.op, near)
    wide = Subject(wide.op, widen(near) if widened else near, wide.widened)
    try:
        used = in_range(low, wide, cotangent)
        return _Agreement(low, wide, factor, words).judge(low.gradients(used), used)
    except (OperatorError, Garbage):
        return None


def in_range(low: Subject, wide: Subject, cotangent: Array) -> Array:
    """Return the cotangent, rounded, with zeros for outputs that leave the narrow dtype's range."""
    return np.asarray(np.where(_inside(low, wide), low.rounded(cotangent), 0.0))


def _inside(low: Subject, wide: Subject) -> Array:
    """Return the mask of the outputs that the narrow dtype can represent with all its digits."""
    infos = [limits(out.dtype) for out in low.evaluation.outputs if is_floating(out)]
    sizes = [out.size for out in low.evaluation.outputs if is_floating(out)]
    least = np.repeat([float(info.smallest_normal) for info in infos], sizes)
    most = np.repeat([float(info.max) / 8 for info in infos], sizes)
    size = np.abs(wide.vector)
    kept = np.isfinite(low.vector) & ((size == 0) | (size >= least) & (size <= most))
    return np.asarray(kept)


def _comfortable(subject: Subject) -> bool:
    """Return True if inputs are of a size at which no usual formula leaves the dtype's range.

    float16 has no such size: its largest number is 256 squared.
    """
    for leaf in subject.leaves:
        if is_floating(leaf):
            info = limits(leaf.dtype)
            size = np.abs(leaf[leaf != 0].astype(np.float64))
            far = 2.0 ** (COMFORTABLE * float(info.maxexp))
            usual = not size.size or 1 / far < size.min() <= size.max() < far
            if info.maxexp <= 16 or not usual:
                return False
    return True


def _tamed(leaf: Array) -> Array:
    """Return numbers between 1/2 and 2 with the order, the signs, the ties and the zeros of a leaf.

    Numbers above 1 stay above it, those below stay below: as powers `|x|^c`.
    """
    size = np.abs(leaf.astype(np.float64))
    logs = np.log2(np.where(size > 0, size, 1.0))
    above, below = (max(1.0, float((side * logs).max(initial=0.0))) for side in (1, -1))
    shrunk = np.copysign(np.exp2(logs / np.where(logs > 0, above, below)), leaf)
    return np.asarray(np.where(size > 0, shrunk, leaf), dtype=leaf.dtype)


@dataclass(frozen=True)
class _Compared:
    """The answer of one comparison, which entries are off and which jump, and the bounds."""

    answer: Answer
    off: list[Array]
    jumps: list[Array]
    allowed: list[Array]

    @property
    def only_at_kinks(self) -> bool:
        """Whether entries are off, but only such as jump beside the point."""
        smooth = [off & ~jump for off, jump in zip(self.off, self.jumps, strict=True)]
        return any(off.any() for off in self.off) and not any(mask.any() for mask in smooth)


class _Agreement:
    """One operator in two dtypes at one point."""

    def __init__(self, low: Subject, wide: Subject, factor: float, words: Words) -> None:
        self.low, self.wide, self.factor, self.words = low, wide, factor, words
        self.infos = [limits(low.leaves[i].dtype) for i in low.judged]

    @cached_property
    def neighbours(self) -> Neighbours:
        """The operator at inputs moved by a narrow rounding."""
        moves = reach(self.wide, self.low.leaves)
        return Neighbours(self.wide, moves, self._rng("beside"))

    def _rng(self, purpose: str) -> np.random.Generator:
        return generator(purpose, self.wide.case.seed)

    def judge(self, got: Sequence[Array], cotangent: Array) -> Answer:
        """Compare all entries; where they differ at kinks, compare with the gradients beside."""
        high = self.wide.gradients(cotangent)
        whole = self._compare(got, high, cotangent)
        return self._at_kinks(whole, cotangent) if whole.only_at_kinks else whole.answer

    def _compare(self, got: Sequence[Array], high: Sequence[Array], cotangent: Array) -> _Compared:
        """Return the answer within the smallest bound that is needed."""
        names = self.low.judged_names
        for bounds, jumps in self._bounds(high, cotangent):  # noqa: B007
            allowed = [self.factor * bound for bound in bounds]
            kept = [
                self._comparable(*entry)
                for entry in zip(self.infos, got, high, allowed, strict=True)
            ]
            answer = worst_entry(
                self.words.check, self.words.code, names, got, high, allowed, self.words.text, kept
            )
            if not answer.findings:
                break
        off = [
            k & ~(np.abs(a - b) <= bound)
            for k, a, b, bound in zip(kept, got, high, allowed, strict=True)
        ]
        return _Compared(answer, off, jumps, allowed)

    def _bounds(
        self, high: Sequence[Array], cotangent: Array
    ) -> Iterator[tuple[list[Array], list[Array]]]:
        """Yield bounds, each at least as large as the one before, with masks of what jumps."""
        nowhere = [np.zeros(b.shape, dtype=bool) for b in high]
        natural = natural_rounding(self.wide, cotangent)
        size = float(np.abs(cotangent).max(initial=0.0))
        allowed, eps = [], self.low.eps
        leaves = [self.wide.leaves[i] for i in self.wide.judged]
        # In attention `dq = (dp - sum p dp) k` may vanish, with terms as large as both factors.
        others = max([1.0, *(rms(leaf.astype(np.float64)) for leaf in leaves)])
        for info, b, gain, leaf in zip(self.infos, high, natural, leaves, strict=True):
            finite = magnitude(b)
            whole = rms(finite)
            # float32 units may flush what is below the normal numbers to zero.
            tiny = float(info.smallest_subnormal if info.maxexp <= 16 else info.smallest_normal)
            own = gain / max(1.0, rms(leaf.astype(np.float64))) if info.bits == 16 else 0.0
            terms = np.where(finite <= VANISHED * others * gain, others * gain, own)
            floor = UNDERFLOWS * tiny * max(1.0, size, whole)
            allowed.append(ROUNDINGS * eps * (finite + whole + terms) + floor)
        yield allowed, nowhere
        for scatter in amplified_rounding(self.wide, cotangent, self._rng("rounding")):
            scattered = [
                bound + SCATTER * eps * s for bound, s in zip(allowed, scatter, strict=True)
            ]
            yield scattered, nowhere
        moved, jumps = self.neighbours.changes(cotangent, high, scattered)
        allowed = [bound + MOVED * move for bound, move in zip(scattered, moved, strict=True)]
        yield allowed, jumps

    @staticmethod
    def _comparable(info: np.finfo[Any], a: Array, b: Array, bound: Array) -> Array:
        """Return the mask of the entries whose result stays inside the narrow dtype's range."""
        size = magnitude(b)
        blurred = bound > BLURRED * np.maximum(size, rms(size))
        return np.isfinite(b) & (size <= float(info.max) / 8) & (np.isfinite(a) | ~blurred)

    def _at_kinks(self, whole: _Compared, cotangent: Array) -> Answer:
        """Judge single outputs where the gradient jumps: it lies between those on all sides.

        The valid gradients at a kink are the convex hull of those beside it (Clarke, 1983, theorem
        2.5.1), which is compared along coordinates, sums and random signs.
        """
        places = [(k, int(j)) for k, mask in enumerate(whole.off) for j in np.flatnonzero(mask)]
        places = places[:MOST_PLACES]
        directions = self._directions(places, whole.off)
        sides = [self.neighbours.moved(d, s) for d in directions for s in (1.0, -1.0)]
        there = [*self.neighbours.far, *self.neighbours.near, *sides]
        outputs = self._outputs(directions, cotangent)
        answers = []
        for j in outputs:
            alone = np.zeros(cotangent.shape)
            alone[j] = cotangent[j]
            answers.append(self._output(alone, directions, places, there))
        return merge(answers) if answers else whole.answer

    def _directions(
        self, places: Sequence[tuple[int, int]], off: Sequence[Array]
    ) -> list[list[Array]]:
        """Return moves of a rounding along coordinates, sums of them, and random signs."""
        rng = self._rng("directions")
        steps = []
        for i, info in zip(self.wide.judged, self.infos, strict=True):
            leaf = np.abs(self.wide.leaves[i].astype(np.float64))
            steps.append(4 * float(info.eps) * (float(leaf.max(initial=0.0)) or 1.0))
        zeros = [np.zeros(mask.shape) for mask in off]
        found: list[list[Array]] = []
        for k, j in places:
            unit = [zero.copy() for zero in zeros]
            unit[k].reshape(-1)[j] = steps[k]
            found.append(unit)
        masks = [mask.astype(np.float64) for mask in off]
        found.append([step * mask for step, mask in zip(steps, masks, strict=True)])
        found.append([np.full(mask.shape, step) for step, mask in zip(steps, masks, strict=True)])
        for _ in range(RANDOM):
            signs = [rng.choice((-1.0, 1.0), mask.shape) for mask in masks]
            found.append([s * step for s, step in zip(signs, steps, strict=True)])
        return found

    def _outputs(self, directions: Sequence[Sequence[Array]], cotangent: Array) -> Array:
        """Return the outputs that change most along the directions, of those with a cotangent."""
        change = np.zeros(cotangent.shape)
        for direction in directions:
            there = self.neighbours.moved(direction, 1.0)
            values = there.vector
            if values.shape == change.shape:
                change = np.maximum(change, magnitude(values - self.wide.vector))
        used = np.flatnonzero((cotangent != 0) & (change > 0))
        return used[np.argsort(-change[used], kind="stable")][:MOST_OUTPUTS]

    def _output(
        self,
        cotangent: Array,
        directions: Sequence[Sequence[Array]],
        places: Sequence[tuple[int, int]],
        there: Sequence[Subject],
    ) -> Answer:
        """Judge the gradient of one output alone."""
        got, high = self.low.gradients(cotangent), self.wide.gradients(cotangent)
        whole = self._compare(got, high, cotangent)
        if not whole.only_at_kinks:
            return whole.answer
        beside = gradients_at(there, cotangent)
        beside = [g for g in beside if all(np.isfinite(part).all() for part in g)]
        for number, direction in enumerate(directions):
            seen = [_inner(g, direction) for g in (*beside, high)]
            margin = _inner(whole.allowed, [np.abs(u) for u in direction])
            value, below, above = _inner(got, direction), min(seen), max(seen)
            if below - margin <= value <= above + margin:
                continue
            return self._outside(value, below, above, margin, direction,
                                 places[number] if number < len(places) else None)  # fmt: skip
        return passed()

    def _outside(
        self, value: float, below: float, above: float, margin: float,
        direction: Sequence[Array], place: tuple[int, int] | None,
    ) -> Answer:  # fmt: skip
        """Return the finding for a projection outside those of the gradients on all sides."""
        unit = max(float(np.abs(u).max(initial=0.0)) for u in direction)
        value, below, above, margin = (x / unit for x in (value, below, above, margin))
        dtype = self.low.leaves[self.low.judged[0]].dtype
        span = f"[{below:.6g}, {above:.6g}]"
        name, index = self.low.judged_names[0], None
        text = f"the {dtype} gradient is {value:.6g} at a kink, the slopes beside it are {span}"
        if place is None:
            text = (
                f"along a direction of several entries the {dtype} gradient gives {value:.6g} at "
                f"a kink, the slopes beside it are {span}"
            )
        else:
            name = self.low.judged_names[place[0]]
            shape = self.low.leaves[self.low.judged[place[0]]].shape
            index = tuple(int(n) for n in np.unravel_index(place[1], shape))
        nearest = below if value < below else above
        finding = Finding(
            self.words.check, Code.OUTSIDE_SLOPES, name, index, value, nearest, margin, message=text
        )
        share = abs(value - nearest) / margin if margin else np.inf
        return Answer(Verdict.FAIL, (finding,), share, (name, index), {Verdict.FAIL: 1})


def _inner(gradients: Sequence[Array], direction: Sequence[Array]) -> float:
    return sum(float(np.sum(g * u)) for g, u in zip(gradients, direction, strict=True))
