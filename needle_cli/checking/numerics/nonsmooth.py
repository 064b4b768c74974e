"""Decide whether a disagreement along a line is a fault, a kink, or a missing slope.

A kinked output that is convex or concave is judged by the interval test; if the measured slopes
show neither, it is not judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from needle_cli.checking.model import Array, Garbage, OperatorError, Verdict
from needle_cli.checking.numerics.additivity import not_additive
from needle_cli.checking.numerics.directional import DirectionalDerivatives
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.one_sided import RELATIVE_FLOOR, OneSidedSlopes, one_sided_slopes
from needle_cli.checking.numerics.probes import Tangent
from needle_cli.checking.numerics.tolerance import CONFIDENCE, norm
from needle_cli.checking.point import Subject, inner

MOST_COMPONENTS = 12
"""How many kinked components are judged at one point; tuned, see benchmarks."""

AT_A_KINK = "at a kink, between the one-sided slopes"
"""The note of a gradient that passes at a point without a derivative."""


@dataclass(frozen=True)
class NonsmoothPoint:
    """The result of one-sided slopes at a point.

    `verdict` is None if the point looks smooth, which decides nothing. `unsettled` means that some
    slopes did not converge and confirm little.
    """

    verdict: Verdict | None
    analytic: float = float("nan")
    numeric: float = float("nan")
    allowed: float = float("nan")
    note: str = ""
    finite_slope: float | None = None
    unsettled: bool = False


def examine(
    subject: Subject,
    line: Line,
    cotangent: Array,
    rng: np.random.Generator,
    tangent: Tangent | None,
    *,
    slopes: bool = False,
) -> NonsmoothPoint:
    """Decide what a disagreement along `line` is: a fault, a kink, or no slope at all.

    With `slopes` only the projected slope is wanted (`finite_slope`), and no gradient is computed.
    """
    used = cotangent != 0
    with np.errstate(all="ignore"):
        measured = one_sided_slopes(line)
        smooth, kinked, lost = (mask & used for mask in measured.kinds)
        slope, error = measured.slope()
        if slopes:
            # A zero cotangent times an infinite slope is NaN, so all outputs count.
            if measured.kinds[2].any():
                return NonsmoothPoint(None)
            present = smooth | kinked
            return NonsmoothPoint(
                None, finite_slope=float(np.dot(cotangent[present], slope[present]))
            )
        if not kinked.any() and not lost.any():
            kinked = not_additive(subject, line, measured, rng) & used
            if not kinked.any():
                allowed = CONFIDENCE * norm(cotangent[used] * error[used])
                allowed += RELATIVE_FLOOR * norm(cotangent[used] * slope[used])
                numeric = float(np.dot(cotangent[used], slope[used]))
                unsettled = bool((used & ~measured.settled()).any())
                return NonsmoothPoint(None, numeric=numeric, allowed=allowed, unsettled=unsettled)
            smooth = smooth & ~kinked
        return _judge_parts(
            subject, line, cotangent, (smooth, kinked, lost), measured, rng, tangent
        )


def _judge_parts(
    subject: Subject,
    line: Line,
    cotangent: Array,
    masks: tuple[Array, Array, Array],
    measured: OneSidedSlopes,
    rng: np.random.Generator,
    tangent: Tangent | None,
) -> NonsmoothPoint:
    """Judge the smooth components together and every kinked one alone."""
    smooth, kinked, lost = masks
    slope, error = measured.slope()
    doubt = ""
    if smooth.any():
        part = np.where(smooth, cotangent, 0.0)
        try:
            gradients = subject.gradients(part)
        except (OperatorError, Garbage):
            return NonsmoothPoint(
                Verdict.CANNOT_TELL, note="the gradient raises for part of a cotangent"
            )
        direction = [
            np.where(np.isfinite(g), u, 0.0) for g, u in zip(gradients, line.direction, strict=True)
        ]
        whole = all(np.isfinite(g).all() for g in gradients)
        analytic = inner([np.where(np.isfinite(g), g, 0.0) for g in gradients], direction)
        weights = part[smooth]
        numeric = float(np.dot(weights, slope[smooth]))
        scale = norm(weights * slope[smooth])
        allowed = CONFIDENCE * norm(weights * error[smooth]) + RELATIVE_FLOOR * scale
        if whole and abs(analytic - numeric) > allowed:
            tangled = not_additive(subject, line, measured, rng) & smooth
            if tangled.any():
                return _judge_parts(
                    subject,
                    line,
                    cotangent,
                    (smooth & ~tangled, kinked | tangled, lost),
                    measured,
                    rng,
                    tangent,
                )
            if allowed > 0.1 * max(scale, abs(analytic)):
                doubt = "rounding hides the slope beside a kink"
            else:
                return NonsmoothPoint(Verdict.FAIL, analytic, numeric, allowed, "beside a kink")
    if kinked.any():
        judged = _judge_kinks(subject, np.flatnonzero(kinked)[:MOST_COMPONENTS], rng, tangent)
        if judged.verdict is not Verdict.PASS:
            return judged
    if lost.any():
        return NonsmoothPoint(Verdict.NO_DERIVATIVE, note="the slope is not finite here")
    if doubt:
        return NonsmoothPoint(Verdict.CANNOT_TELL, note=doubt)
    return NonsmoothPoint(Verdict.PASS, 0.0, 0.0, 0.0, AT_A_KINK)


def _judge_kinks(
    subject: Subject, components: Array, rng: np.random.Generator, tangent: Tangent | None
) -> NonsmoothPoint:
    """Apply the interval test to each component, with a one-hot cotangent, in every direction."""
    directional = DirectionalDerivatives(subject, rng, tangent, outputs=components)
    convex, concave = directional.curvature
    unjudged = ""
    for k, j in enumerate(components):
        gradients = subject.gradients_of(int(j))
        if not all(np.isfinite(g).all() for g in gradients):
            whole = np.isfinite(subject.vector).all()
            if whole and not any(s.kinds[2].any() for s in directional.measured):
                note = "the gradient is not finite at a kink with finite slopes on both sides"
                return NonsmoothPoint(Verdict.FAIL, float("nan"), float("nan"), 0.0, note)
            unjudged = "the slope is not finite here"
            continue
        if not (convex[k] or concave[k]):
            unjudged = "a kink that is neither convex nor concave"
            continue
        found = directional.outside(k, gradients)
        if found is not None:
            note = f"outside the one-sided slopes [{found.low:.6g}, {found.high:.6g}] at a kink"
            return NonsmoothPoint(Verdict.FAIL, found.analytic, found.nearest, found.allowed, note)
    if unjudged:
        return NonsmoothPoint(Verdict.NO_DERIVATIVE, note=unjudged)
    return NonsmoothPoint(Verdict.PASS)
