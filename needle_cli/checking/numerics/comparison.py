"""After a disagreement: all windows of a line, then the kinks, then the gradient's own scatter.

A gradient is refused only if two windows that share no step agree that it is wrong, the point is
not a kink, and the rounding of the gradient itself does not explain it. What disagrees and is not
explained is never passed because of another line: it is a finding or a doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from needle_cli.checking.model import Array, Verdict
from needle_cli.checking.numerics.acceptance import (
    HEADROOM,
    CentralDifference,
    Comparison,
    ExtrapolatedDifference,
)
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.nonfinite import nonfinite_gradient
from needle_cli.checking.numerics.nonsmooth import examine
from needle_cli.checking.numerics.probes import WIDE, Tangent, entry_direction, projected
from needle_cli.checking.numerics.scatter import analytic_noise, repeats
from needle_cli.checking.numerics.tolerance import (
    AGREEMENT,
    INCONCLUSIVE,
    norm,
    summation_rounding,
)
from needle_cli.checking.numerics.windows import WIDTH, Sample, half_octaves, read
from needle_cli.checking.point import Subject, inner

FLAT = 1e-6
"""At a stationary point, a slope below this share of the slope over a large step counts as zero.

Tuned on the corpora of tests/checking/library.
"""

ROUGH = 1e-5
"""A scatter of the gradient that the rounding of a well-behaved formula does not reach.

It is a share of `|v| |y|` per step of the size of `x`; tuned on the corpora of
tests/checking/library.
"""

NEARLY_INFINITE = 1e290
"""With larger outputs, steps and slopes may overflow, since the largest number is near 1e308."""

FEW = half_octaves(3, 13)
"""The steps that settle most comparisons: 22 to each side."""

ALL = half_octaves(-1, 47)
"""The steps of a full comparison, from twice the size of the inputs to their rounding."""

FARTHER = (half_octaves(-12, -2), half_octaves(-24, -13), half_octaves(-40, -25))
"""Larger steps for inputs whose own size moves the output by no more than its rounding."""


def compare(
    line: Line,
    cotangent: Array,
    gradients: Sequence[Array],
    *,
    rng: np.random.Generator,
    tangent: Tangent | None = None,
    factor: float = 1.0,
) -> Comparison:
    """Compare `<v, J u>` with `<J^T v, u>`; gradients are those for the cotangent `v`."""
    with np.errstate(all="ignore"):
        for difference in (CentralDifference, ExtrapolatedDifference):
            accepted = difference(line).accept(cotangent, gradients, HEADROOM)
            if accepted is not None:
                return accepted
        return compare_in_full(
            line.subject, line, cotangent, gradients, rng=rng, tangent=tangent, factor=factor
        )


def compare_in_full(
    subject: Subject,
    line: Line,
    cotangent: Array,
    gradients: Sequence[Array],
    *,
    rng: np.random.Generator,
    tangent: Tangent | None = None,
    factor: float = 1.0,
) -> Comparison:
    """Compare after a disagreement: more steps, another direction, then the kinks."""
    roomy = np.abs(subject.vector) < NEARLY_INFINITE
    if not roomy.all():
        cotangent = np.where(roomy, cotangent, 0.0)
        if not cotangent.any():
            return _undecided(Verdict.CANNOT_TELL, "the output is not finite here, or nearly so")
        gradients = subject.gradients(cotangent)
    broken = [~np.isfinite(g) for g in gradients]
    note = ""
    if any(mask.any() for mask in broken):
        if roomy.all():
            verdict, note = nonfinite_gradient(subject, cotangent, gradients, tangent)
            if verdict is Verdict.FAIL:
                return Comparison(verdict, float("nan"), float("nan"), 0.0, note)
        gradients = [np.where(mask, 0.0, g) for g, mask in zip(gradients, broken, strict=True)]
        held = [np.where(mask, 0.0, u) for mask, u in zip(broken, line.direction, strict=True)]
        line = Line(subject, projected(subject, held, tangent))
        if not any(u.any() for u in line.direction):
            return _undecided(Verdict.NO_DERIVATIVE, note or "no entry has a finite gradient")
    outcome = _along(subject, line, cotangent, gradients, factor, rng, tangent)
    if outcome.verdict in (Verdict.CANNOT_TELL, Verdict.NO_DERIVATIVE):
        # A line that moves every entry by its own size may show what the given one does not. Only
        # where sizes are very unlike can it explain what disagreed along the given line.
        own = entry_direction(subject, rng)
        sizes = np.concatenate([np.abs(u).reshape(-1) for u in own])
        unlike = float(sizes.max()) > WIDE * float(sizes.min())
        own = [np.where(mask, 0.0, u) for mask, u in zip(broken, own, strict=True)]
        second = Line(subject, projected(subject, own, tangent))
        found = _along(subject, second, cotangent, gradients, factor, rng, tangent)
        if found.verdict is Verdict.FAIL or unlike or not outcome.disagrees:
            outcome = found
    if note and outcome.verdict is Verdict.PASS:
        return _undecided(Verdict.NO_DERIVATIVE, note)
    return outcome


def _undecided(verdict: Verdict, note: str) -> Comparison:
    return Comparison(verdict, float("nan"), float("nan"), float("nan"), note)


def of_the_moving(
    line: Line, cotangent: Array, gradients: Sequence[Array]
) -> tuple[Array, Sequence[Array]]:
    """Return cotangent and gradients of only those outputs that move along a line.

    The rounding of the other outputs would hide the slopes of a few moving ones. They are left out
    on both sides, since an output that does not change may hide its slope. An output moves if it
    differs at any point evaluated so far.
    """
    moving = line.moving()
    return _of_some(line, moving, cotangent, gradients) if moving.any() else (cotangent, gradients)


def _of_some(
    line: Line, outputs: Array, cotangent: Array, gradients: Sequence[Array]
) -> tuple[Array, Sequence[Array]]:
    """Return cotangent and gradients of the masked outputs only."""
    if not (cotangent[~outputs] != 0).any():
        return cotangent, gradients
    masked = np.where(outputs, cotangent, 0.0)
    found = line.subject.gradients(masked)
    return masked, [np.where(np.isfinite(g), g, 0.0) for g in found]


def _along(
    subject: Subject,
    line: Line,
    cotangent: Array,
    gradients: Sequence[Array],
    factor: float,
    rng: np.random.Generator,
    tangent: Tangent | None,
) -> Comparison:
    """Compare along one line."""
    judge = Judge(line, cotangent, gradients, factor)
    outcome = judge.quick()
    if outcome is not None:
        return outcome
    outcome = judge.full()
    if outcome.verdict is Verdict.PASS:
        return outcome
    point = examine(subject, line, cotangent, rng, tangent)
    # Where the windows show neither a slope nor a kink, one-sided slopes show less.
    unseen = point.verdict is Verdict.FAIL and outcome.verdict is not Verdict.FAIL
    if point.verdict is not None and not (unseen and not judge.bent):
        return Comparison(
            point.verdict, point.analytic, point.numeric, point.allowed, point.note,
            disagrees=outcome.disagrees,
        )  # fmt: skip
    if outcome.verdict is not Verdict.FAIL:
        return outcome
    if not repeats(subject, cotangent, gradients):
        return replace(outcome, note="two equal calls of gradient give different numbers")
    return _scattered(subject, line, judge, outcome, rng)


class Judge:
    """The comparisons of one gradient with the samples of one line."""

    def __init__(
        self, line: Line, cotangent: Array, gradients: Sequence[Array], factor: float = 1.0
    ) -> None:
        self.line, self.cotangent, self.gradients = line, cotangent, gradients
        self.factor = factor
        self.bent = False

    def quick(self) -> Comparison | None:
        """Return a passing comparison if a few steps show one that is beyond doubt."""
        if FEW[-1] < 16 * self.line.resolution:
            return None
        outcome = self._compare(read(self.line, FEW))
        return outcome if outcome.verdict is Verdict.PASS and outcome.sharp else None

    def soon(self) -> Comparison:
        """Compare with a few steps, and with all of them if those do not decide."""
        if FEW[-1] >= 16 * self.line.resolution:
            outcome = self._compare(read(self.line, FEW))
            if outcome.verdict is not Verdict.CANNOT_TELL:
                return outcome
        return self.full()

    def full(self) -> Comparison:
        """Compare with all steps, and with larger ones as long as those show too little."""
        steps = [t for t in ALL if t >= 16 * self.line.resolution]
        if len(steps) < WIDTH:
            return _undecided(Verdict.CANNOT_TELL, "the inputs have no room for a step")
        sample = read(self.line, steps)
        outcome = self._compare(sample)
        used = self.cotangent != 0
        for larger in FARTHER:
            passed = outcome.verdict is Verdict.PASS
            doubted = outcome.disagrees and not sample.rough[used].any()
            if sample.moved[used].any() if passed else doubted:
                break
            # Much larger steps would leave nothing of the point itself.
            steps = [t for t in larger if t * self.line.subject.rounding <= 2.0**-10] + steps
            sample = read(self.line, steps)
            found = self._compare(sample, farther=True)
            if not outcome.disagrees or found.verdict is Verdict.PASS:
                outcome = found
        return outcome

    def _compare(self, sample: Sample, farther: bool = False) -> Comparison:
        line, best = self.line, sample.best
        known = np.isfinite(best.error)
        used = (self.cotangent != 0) & known
        if not used.any():
            return _undecided(Verdict.CANNOT_TELL, "the outputs are not finite beside this point")
        cotangent, gradients = _of_some(line, known, self.cotangent, self.gradients)
        v = cotangent[used]
        self.bent |= bool(sample.bent[used].any()) or not known.all()
        analytic = inner(gradients, line.direction)
        # An operator that gets float32 need not give more digits than that.
        eps = max(line.subject.rounding, line.subject.widened)
        rounding = summation_rounding(gradients, line.direction, eps)

        def numeric(slope: Array, error: Array) -> tuple[float, float]:
            scale = norm(v * slope[used])
            # The errors of a few outputs may all point the same way, those of many do not.
            errors = np.abs(v * error[used])
            allowed = min(float(errors.sum()), 3 * norm(errors)) + AGREEMENT * scale + rounding
            return float(np.dot(v, slope[used])), self.factor * allowed

        found, allowed = numeric(best.slope, best.error)
        scale = norm(v * best.slope[used])
        distance = abs(found - analytic)
        outcome = Comparison(Verdict.CANNOT_TELL, analytic, found, allowed, "", scale)
        partial = bool((self.cotangent[~known] != 0).any())
        if distance <= allowed:
            decided = allowed <= INCONCLUSIVE * max(scale, abs(analytic))
            decided = decided or (not farther and allowed <= FLAT * norm(v * sample.steepest[used]))
            decided = decided or found == analytic == 0.0
            if decided and not partial:
                return replace(outcome, verdict=Verdict.PASS)
            note = "rounding hides the slope at every step"
            return replace(
                outcome,
                note="some outputs are not finite beside this point" if partial else note,
            )
        outcome = replace(
            outcome, disagrees=True, note="no two windows of steps agree on the slope"
        )
        other, margin = numeric(best.other, best.other_error)
        certain = allowed <= INCONCLUSIVE * max(scale, distance)
        agreed = abs(other - analytic) > margin and abs(other - found) <= allowed + margin
        # Where rounding may look like fine structure, either may be true.
        apart = np.abs(best.slope - sample.smooth.slope) + sample.smooth.error
        _, slack = numeric(best.slope, np.where(sample.doubtful, apart, best.error))
        if distance <= slack:
            note = "the output moves differently over small steps than over large ones"
            return replace(outcome, note=note)
        return replace(outcome, verdict=Verdict.FAIL, note="") if certain and agreed else outcome


def _scattered(
    subject: Subject, line: Line, judge: Judge, outcome: Comparison, rng: np.random.Generator
) -> Comparison:
    """Return the failure, unless the rounding of the gradient itself explains it."""
    scatter = analytic_noise(subject, line, judge.cotangent, rng)
    allowed = outcome.allowed + 8 * scatter
    if abs(outcome.numeric - outcome.analytic) > allowed:
        return outcome
    # A rough gradient is not right: only the rounding of its inputs may make it scatter.
    natural = max(outcome.scale, norm(judge.cotangent * subject.vector))
    decided = allowed <= INCONCLUSIVE * max(abs(outcome.numeric), abs(outcome.analytic))
    rough = scatter > ROUGH * natural
    verdict = Verdict.PASS if decided and not rough else Verdict.CANNOT_TELL
    note = "the gradient itself is rough here" if rough else "rounding of the gradient"
    return replace(outcome, verdict=verdict, allowed=allowed, note=note)
