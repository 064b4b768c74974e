"""After a disagreement: more steps, another direction, then the one-sided slopes.

A gradient is refused only if two step sizes agree that it is wrong, the point is not a kink, and
neither the rounding of the outputs nor that of the gradient explains the disagreement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from needle_cli.checking.model import Array, Verdict
from needle_cli.checking.numerics.acceptance import (
    HEADROOM,
    CentralDifference,
    Comparison,
    ExtrapolatedDifference,
)
from needle_cli.checking.numerics.differences import (
    EPS,
    Estimate,
    Line,
    central_estimates,
    measured_noise,
)
from needle_cli.checking.numerics.nonfinite import nonfinite_gradient
from needle_cli.checking.numerics.nonsmooth import NonsmoothPoint, examine
from needle_cli.checking.numerics.probes import (
    WIDE,
    Tangent,
    entry_direction,
    projected,
)
from needle_cli.checking.numerics.scatter import analytic_noise, repeats
from needle_cli.checking.numerics.steps import FAST_STEP
from needle_cli.checking.numerics.tolerance import (
    AGREEMENT,
    CONFIDENCE,
    INCONCLUSIVE,
    norm,
    summation_rounding,
)
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
    lines = list(_lines(subject, line, broken, rng, tangent))
    outcome = _settle(subject, lines, cotangent, gradients, factor, rng, tangent)
    if note and outcome.verdict is Verdict.PASS:
        return _undecided(Verdict.NO_DERIVATIVE, note)
    return outcome


def _lines(
    subject: Subject,
    line: Line,
    broken: Sequence[Array],
    rng: np.random.Generator,
    tangent: Tangent | None,
) -> Iterator[Line]:
    """Yield the lines to compare along; the first one decides a pass.

    If entries are of similar size: the given line, then one scaled entry by entry. If their sizes
    differ by more than `WIDE`, a step for the large ones would jump over the structure near the
    small ones: then one line scaled entry by entry, and one for every group of similar sizes, so
    that the slopes of the large entries do not hide those of the small ones.
    """
    by_entry = entry_direction(subject, rng)
    by_entry = [np.where(mask, 0.0, u) for mask, u in zip(broken, by_entry, strict=True)]
    groups = _groups_of_size(by_entry)
    if len(groups) < 2:
        yield line
    yield Line(subject, projected(subject, by_entry, tangent))
    for group in groups if len(groups) > 1 else ():
        part = Line(subject, projected(subject, group, tangent))
        part.partial = True
        yield part


def _groups_of_size(direction: Sequence[Array]) -> list[list[Array]]:
    """Split a direction by the magnitude of its entries, if their range is wide."""
    sizes = np.concatenate([np.abs(u).reshape(-1) for u in direction])
    # Next to the smallest numbers there is no room for steps.
    sizes = np.unique(sizes[sizes > 2.0**-900])
    if sizes.size == 0 or sizes[-1] <= sizes[0] * WIDE:
        return []
    starts = [float(sizes[0])]
    for size in sizes:
        if size > starts[-1] * WIDE:
            starts.append(float(size))
    return [
        [np.where((np.abs(u) >= low) & (np.abs(u) < high), u, 0.0) for u in direction]
        for low, high in zip(starts, [*starts[1:], np.inf], strict=True)
    ]


def _settle(
    subject: Subject,
    lines: Sequence[Line],
    cotangent: Array,
    gradients: Sequence[Array],
    factor: float,
    rng: np.random.Generator,
    tangent: Tangent | None,
) -> Comparison:
    """Return the verdict of several lines: a confirmed failure of any, else the sharpest result."""
    outcomes: list[Comparison] = []
    whole = 0.0
    for line in lines:
        v, g = cotangent, gradients
        if line.partial:
            central_estimates(line, np.zeros(line.origin.shape))
            v, g = of_the_moving(line, cotangent, gradients)
        outcome = _at_several_steps(subject, line, v, g, factor)
        whole = max(whole, outcome.scale if outcome.scale > 0 else 0.0)
        if line.partial and abs(outcome.analytic - outcome.numeric) <= 16 * EPS * whole:
            continue  # less than the rounding of the other slopes
        if outcome.verdict is Verdict.FAIL:
            outcome = _confirm(subject, line, v, g, outcome, rng, tangent)
            if outcome.verdict is Verdict.FAIL:
                return outcome
        outcomes.append(outcome)
        if len(lines) == 2 and outcome.verdict is Verdict.PASS and outcome.sharp:
            break
    noted = [c for c in outcomes if c.verdict is Verdict.NO_DERIVATIVE]
    passing = [c for c in outcomes if c.verdict is Verdict.PASS]
    if noted or passing:
        return (noted or sorted(passing, key=lambda c: c.allowed / (c.scale or np.inf)))[0]
    return _explained(subject, lines[0], cotangent, outcomes[0], rng, tangent)


def of_the_moving(
    line: Line, cotangent: Array, gradients: Sequence[Array]
) -> tuple[Array, Sequence[Array]]:
    """Return cotangent and gradients of only those outputs that move along a line.

    The rounding of the other outputs would hide the slopes of a few moving ones. They are left out
    on both sides, since an output that does not change may hide its slope. An output moves if it
    differs at any point evaluated so far.
    """
    moving = line.moving()
    if moving.all() or not moving.any():
        return cotangent, gradients
    masked = np.where(moving, cotangent, 0.0)
    found = line.subject.gradients(masked)
    return masked, [np.where(np.isfinite(g), g, 0.0) for g in found]


def _undecided(verdict: Verdict, note: str) -> Comparison:
    return Comparison(verdict, float("nan"), float("nan"), float("nan"), note)


def projected_slope(estimate: Estimate, cotangent: Array) -> tuple[float, float]:
    """Return the projected slope and its projected error; NaN if a needed entry is missing."""
    used = cotangent != 0
    weights = cotangent[used]
    slope, error = estimate.slope[used], estimate.error[used]
    return float(np.dot(weights, slope)), norm(weights * error)


def _at_several_steps(
    subject: Subject, line: Line, cotangent: Array, gradients: Sequence[Array], factor: float
) -> Comparison:
    """Compare at every pair of steps; FAIL here means that two steps agree that it is wrong."""
    analytic = inner(gradients, line.direction)
    # An operator that gets float32 need not give more digits than that.
    eps = max(subject.rounding, subject.widened)
    rounding = summation_rounding(gradients, line.direction, eps)
    rows: list[tuple[float, float, Estimate]] = []
    noise = measured_noise(line)
    for estimate in central_estimates(line, noise):
        numeric, error = projected_slope(estimate, cotangent)
        if np.isfinite(numeric) and np.isfinite(error):
            rows.append((error, numeric, estimate))
    if not rows:
        beside = np.isfinite(line.slope(FAST_STEP)).all()
        why = "are too noisy for any step" if beside else "are not finite beside this point"
        return _undecided(Verdict.CANNOT_TELL, f"the outputs {why}")
    used = cotangent != 0
    sound = [row for row in rows if not _contradicted(rows, row[2], cotangent)]
    error, numeric, best = min(sound, key=lambda row: row[0])
    scale = norm(cotangent[used] * best.slope[used])
    allowed = factor * (CONFIDENCE * error + AGREEMENT * scale + rounding)
    distance = abs(numeric - analytic)
    if distance <= allowed:
        both_zero = numeric == 0.0 and analytic == 0.0
        # A full-scale move changes the output by less than its rounding: it is saturated.
        hidden = np.maximum(noise, subject.rounding * np.abs(line.origin))
        negligible = 4 * norm(cotangent[used] * hidden[used])
        flat = both_zero or (abs(analytic) <= negligible and abs(numeric) <= negligible)
        flat = flat or allowed <= FLAT * _coarse_slope(line, cotangent)
        decided = flat or allowed <= INCONCLUSIVE * max(scale, abs(analytic))
        verdict = Verdict.PASS if decided else Verdict.CANNOT_TELL
        note = "" if decided else "rounding hides the slope at every step"
        return Comparison(verdict, analytic, numeric, allowed, note, scale)
    agreeing = [
        row
        for row in rows
        if row[2] is not best
        and abs(row[1] - numeric) <= CONFIDENCE * (row[0] + error) + AGREEMENT * scale
        and abs(row[1] - analytic) > CONFIDENCE * row[0] + AGREEMENT * scale
    ]
    certain = CONFIDENCE * error <= INCONCLUSIVE * max(scale, distance)
    if agreeing and certain:
        return Comparison(Verdict.FAIL, analytic, numeric, allowed, "", scale)
    note = "no two steps agree on the slope"
    return Comparison(Verdict.CANNOT_TELL, analytic, numeric, allowed, note, scale)


def _coarse_slope(line: Line, cotangent: Array) -> float:
    """Return the size of the slope over a large step, to which a stationary slope is compared.

    It is the larger of the two one-sided difference quotients, output by output.
    """
    used = cotangent != 0
    found = [0.0]
    for step in (2.0**-4, -(2.0**-4)):
        moved = (line.at(step)[used] - line.origin[used]) / step
        size = norm(cotangent[used] * moved)
        found.append(size if np.isfinite(size) else 0.0)
    return max(found)


def _contradicted(
    rows: Sequence[tuple[float, float, Estimate]], best: Estimate, cotangent: Array
) -> bool:
    """Whether a finer step gives a different slope, by more than rounding.

    Coarse steps may agree with each other on a slope that the function has nowhere, for a fast
    oscillation or across a near singularity.
    """
    used = cotangent != 0
    slope, error = projected_slope(best, cotangent)
    for _, numeric, estimate in rows:
        if estimate.step < best.step:
            rounding = norm(cotangent[used] * estimate.rounding[used])
            margin = CONFIDENCE * (rounding + error) + AGREEMENT * abs(slope)
            if abs(numeric - slope) > margin:
                return True
    return False


def _confirm(
    subject: Subject,
    line: Line,
    cotangent: Array,
    gradients: Sequence[Array],
    outcome: Comparison,
    rng: np.random.Generator,
    tangent: Tangent | None,
) -> Comparison:
    """Confirm that a disagreement is not a kink, nor structure finer than the steps, nor rounding.

    Kinks come first: beside a kink, a right gradient jumps from one unit in the last place to the
    next, and that is not rounding.
    """
    doubt = replace(
        outcome,
        verdict=Verdict.CANNOT_TELL,
        note="the output moves differently over small steps than over large ones",
    )
    if _only_small_steps_disagree(line, cotangent, outcome):
        return doubt
    point = examine(subject, line, cotangent, rng, tangent)
    if point.verdict is not None:
        return _as_comparison(point)
    distance = abs(outcome.numeric - outcome.analytic)
    if _refuted_by_slopes(point, outcome) or (point.unsettled and point.allowed > 0.3 * distance):
        return doubt
    if not repeats(subject, cotangent, gradients):
        note = "two equal calls of gradient give different numbers"
        return replace(outcome, note=note)
    scatter = analytic_noise(subject, line, cotangent, rng)
    allowed = outcome.allowed + 8 * scatter
    if distance > allowed:
        return outcome
    # A rough gradient is not right: only the rounding of its inputs may make it scatter.
    natural = max(outcome.scale, norm(cotangent * subject.vector))
    decided = allowed <= INCONCLUSIVE * max(abs(outcome.numeric), abs(outcome.analytic))
    rough = scatter > ROUGH * natural
    verdict = Verdict.PASS if decided and not rough else Verdict.CANNOT_TELL
    note = "the gradient itself is rough here" if rough else "rounding of the gradient"
    return replace(outcome, verdict=verdict, allowed=allowed, note=note)


def _refuted_by_slopes(point: NonsmoothPoint, outcome: Comparison) -> bool:
    """Whether the one-sided slopes agree with the gradient and not with the central difference.

    Central steps all agree on a wrong slope if the function has structure finer than the smallest
    of them; one-sided slopes use steps down to 2^-60.
    """
    against_difference = abs(point.numeric - outcome.numeric) > point.allowed
    with_gradient = abs(point.numeric - outcome.analytic) <= point.allowed
    return against_difference and with_gradient


def _only_small_steps_disagree(line: Line, cotangent: Array, outcome: Comparison) -> bool:
    """Whether all large moves, to both sides, follow the gradient and only small ones do not.

    `(1 - cos(x)) / x^2` near 0 is a staircase over a parabola: its slope between two stairs is not
    the derivative. A kink nearby looks different: its two sides disagree.
    """
    used = cotangent != 0
    apart = 0.05 * abs(outcome.numeric - outcome.analytic)
    for step in (2.0**-4, -(2.0**-4), 2.0**-7, -(2.0**-7)):
        moved = (line.at(step)[used] - line.origin[used]) / step
        if not abs(float(np.dot(cotangent[used], moved)) - outcome.analytic) <= apart:
            return False
    return True


def _explained(
    subject: Subject,
    line: Line,
    cotangent: Array,
    outcome: Comparison,
    rng: np.random.Generator,
    tangent: Tangent | None,
) -> Comparison:
    """Let one-sided slopes decide if no comparison did."""
    point = examine(subject, line, cotangent, rng, tangent)
    if point.verdict is None:
        return outcome
    found = _as_comparison(point)
    if found.verdict is Verdict.FAIL and _only_small_steps_disagree(line, cotangent, found):
        return outcome
    return found


def _as_comparison(point: NonsmoothPoint) -> Comparison:
    assert point.verdict is not None
    return Comparison(point.verdict, point.analytic, point.numeric, point.allowed, point.note)
