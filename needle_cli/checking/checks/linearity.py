"""linearity: a gradient is linear in its cotangent, exactly for powers of two."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import (
    NOTHING,
    Question,
    failed,
    merge,
    passed,
    worst_entry,
)
from needle_cli.checking.model import Answer, Array, Code, Garbage, OperatorError
from needle_cli.checking.numerics.probes import random_cotangent, rms
from needle_cli.checking.numerics.tolerance import magnitude, widen_spread
from needle_cli.checking.point import Subject, is_floating, limits

JITTERS = 6
"""Number of perturbed cotangents per cotangent, to measure how rounding scatters. Tuned."""

JITTER = 16
"""Largest perturbation in roundings: terms that cancel may not change for fewer. Tuned."""

SCALED = "vjp({factor:g} v) is not {factor:g} vjp(v): the gradient is not linear in the cotangent"
TWICE = "two equal calls of gradient give different bytes"
SUMMED = "vjp(v + w) is not vjp(v) + vjp(w): the gradient is not linear in the cotangent"


class Linearity(Check):
    """Whether the gradient is linear in the cotangent."""

    name = "linearity"
    proves = True
    needs_gradient = True

    def ask(self, question: Question) -> Answer:
        """Test homogeneity with powers of two exactly, and additivity within rounding.

        Additivity is tested in float64, at inputs of a narrow dtype with the rounding of that: a
        saturated float16 softmax rounds by more than any bound, and the check `precision` compares
        narrow gradients with those in float64.
        """
        subject = question.subject
        if not subject.judged or subject.vector.size == 0:
            return NOTHING
        v = subject.rounded(question.cotangent)
        of_v = subject.gradients(v)
        rng = question.rng("linearity")
        reach = {8: 2.0**12, 4: 2.0**6, 2: 2.0**2}[
            min(subject.leaves[i].itemsize for i in subject.judged)
        ]
        loose = question.varies
        answers = [of_no_index(subject, v, of_v, rng)]
        answers += [scaled(subject, v, of_v, c, rng, loose) for c in (-2.0, reach, 1 / reach)]
        if question.wide is not subject:
            subject, v, of_v = question.wide, question.cotangent, question.gradients
        w = subject.rounded(64 * random_cotangent(rng, v.size))
        of_w = subject.gradients(w)
        answers.append(added(subject, (v, of_v), (w, of_w), subject.gradients(v + w), rng, loose))
        # As after an index or a mask: many entries of the output gradient are exactly zero.
        mask = rng.integers(0, 2, size=v.size).astype(bool)
        parts = [np.where(keep, v, 0.0) for keep in (mask, ~mask)]
        of_parts = [(part, subject.gradients(part)) for part in parts]
        answers.append(added(subject, of_parts[0], of_parts[1], of_v, rng, loose))
        if rng.integers(3) == 0:
            # As after a sum: the output gradient is exactly one everywhere.
            share = rng.integers(1, 8, size=v.size) / 8.0
            of_shares = [(part, subject.gradients(part)) for part in (share, 1.0 - share)]
            ones = subject.gradients(np.ones(v.size))
            answers.append(added(subject, of_shares[0], of_shares[1], ones, rng, loose))
        return merge(answers)


def of_no_index(
    subject: Subject, v: Array, of_v: Sequence[Array], rng: np.random.Generator
) -> Answer:
    """Test that the cotangent of an output of integers or bools reaches no gradient."""
    outputs = subject.evaluation.outputs
    if all(is_floating(out) for out in outputs):
        return NOTHING
    cotangents = [
        c if is_floating(out) else rng.integers(1, 8, out.shape).astype(c.dtype)
        for c, out in zip(subject.cotangents(v), outputs, strict=True)
    ]
    got = subject.settle(subject.evaluation.gradient(cotangents))
    for name, a, b in zip(subject.judged_names, got, of_v, strict=True):
        if not np.array_equal(a, b, equal_nan=True):
            kinds = " and ".join(sorted({str(o.dtype) for o in outputs if not is_floating(o)}))
            text = f"the output gradient of an output of {kinds} reaches the gradient of {name}"
            return failed("linearity", Code.INDEX_COTANGENT, text, name=name)
    return passed()


def scaled(
    subject: Subject,
    v: Array,
    of_v: Sequence[Array],
    factor: float,
    rng: np.random.Generator,
    loose: bool = False,
) -> Answer:
    """Test that `vjp(c v)` equals `c vjp(v)` for a power of two `c`.

    Entries that overflow are skipped. Near the smallest numbers of the dtype terms may underflow
    and be multiplied by a large number afterwards, so some roundings are allowed there. In float16
    the change caused by inputs moved by one unit in the last place is also allowed. `loose` allows
    for sums in another order.
    """
    got = subject.gradients(factor * v)
    names, gain = subject.judged_names, largest_product(subject.leaves)
    held, wanted, allowed = [], [], []
    for i, a, g in zip(subject.judged, got, of_v, strict=True):
        info = limits(subject.leaves[i].dtype)
        tiny, low = float(info.smallest_subnormal), float(info.smallest_normal)
        b = factor * g
        small = np.abs(b) < low * 2.0 ** (info.nmant + 5)
        lost = ~np.isfinite(b) | ~np.isfinite(a) & (np.abs(b) > 0.1 * float(info.max))
        held.append(np.where(lost, 0.0, a))
        wanted.append(np.where(lost, 0.0, b))
        size = magnitude(b)
        floor = 8 * float(info.eps) * (size + rms(size))
        floor += 8 * max(v.size, g.size) * min(tiny * gain, low) * max(abs(factor), 1.0)
        allowed.append(np.where(small, floor, tiny / 2))
    if loose:
        finite = [magnitude(b) for b in wanted]
        natural = natural_sizes(subject, factor * v)
        for k, (size, gain) in enumerate(zip(finite, natural, strict=True)):
            allowed[k] = allowed[k] + 64 * subject.eps * (size + rms(size) + gain)
    half = any(subject.leaves[i].itemsize == 2 for i in subject.judged)
    if half and not quick_equal(held, wanted, allowed):
        moved = _beside(subject, factor * v, rng)
        for k, (a, b) in enumerate(zip(moved, wanted, strict=True)):
            allowed[k] = allowed[k] + 8 * magnitude(a - b)
    return worst_entry(
        "linearity", Code.NOT_LINEAR, names, held, wanted, allowed, SCALED.format(factor=factor)
    )


def added(
    subject: Subject,
    first: tuple[Array, Sequence[Array]],
    second: tuple[Array, Sequence[Array]],
    of_sum: Sequence[Array],
    rng: np.random.Generator,
    loose: bool = False,
) -> Answer:
    """Test that `vjp(v + w)` equals `vjp(v) + vjp(w)` within propagated rounding.

    The bound is a few roundings of each entry, of its array, and of the size that cancelled terms
    may have. An error beyond it is compared with the measured rounding, from cotangents moved by
    some units in the last place.
    """
    (v, of_v), (w, of_w) = first, second
    names = subject.judged_names
    with np.errstate(all="ignore"):
        wanted = [a + b for a, b in zip(of_v, of_w, strict=True)]
        finite = [np.isfinite(a) & np.isfinite(b) for a, b in zip(of_sum, wanted, strict=True)]
        got = [np.where(m, a, 0.0) for a, m in zip(of_sum, finite, strict=True)]
        wanted = [np.where(m, b, 0.0) for b, m in zip(wanted, finite, strict=True)]
        sizes = [
            np.where(m, np.abs(a) + np.abs(b), 0.0)
            for a, b, m in zip(of_v, of_w, finite, strict=True)
        ]
    eps = max(subject.eps, subject.widened)
    natural = _product_sizes(subject, np.abs(v) + np.abs(w))
    tiny = [float(limits(subject.leaves[i].dtype).smallest_subnormal) for i in subject.judged]
    allowed = [
        64 * (eps * (size + rms(size) + gain) + least)
        for size, gain, least in zip(sizes, natural, tiny, strict=True)
    ]
    if quick_equal(got, wanted, allowed):
        return worst_entry("linearity", Code.NOT_LINEAR, names, got, wanted, allowed, SUMMED)
    for cotangent, seen in () if loose else ((v + w, of_sum), (w, of_w), (v, of_v)):
        again = subject.gradients(cotangent)
        if any(a.tobytes() != b.tobytes() for a, b in zip(again, seen, strict=True)):
            return failed("purity", Code.NOT_REPEATABLE, TWICE)
    scatter = _rounding_of_vjp(subject, v, w, rng)
    allowed = [
        bound + 32 * spread + 4 * eps * own
        for bound, spread, own in zip(allowed, scatter, _own_sizes(subject, natural), strict=True)
    ]
    return worst_entry("linearity", Code.NOT_LINEAR, names, got, wanted, allowed, SUMMED)


def quick_equal(got: Sequence[Array], wanted: Sequence[Array], allowed: Sequence[Array]) -> bool:
    """Return True if every entry lies within its bound."""
    return all(
        bool(np.all(np.abs(a - b) <= bound))
        for a, b, bound in zip(got, wanted, allowed, strict=True)
    )


def largest_product(leaves: Sequence[Array]) -> float:
    """Return the largest product of entries above 1 of several inputs, one of each.

    A term that underflowed may have been multiplied by as much afterwards.
    """
    floats = [leaf for leaf in leaves if is_floating(leaf)]
    return math.prod(float(np.max(magnitude(leaf), initial=1.0)) for leaf in floats)


def natural_sizes(subject: Subject, cotangent: Array) -> list[float]:
    """Return, per judged leaf, the size `|v| |y| max(1, 1/|x|)` that a gradient's terms may have.

    Terms of that size can cancel inside a gradient (as in a saturated softmax, whose argument has
    no scale of its own). Their rounding remains, however small the result is.
    """
    outputs = rms(cotangent) * rms(np.where(np.isfinite(subject.vector), subject.vector, 0.0))
    return [
        outputs / min(rms(subject.leaves[i].astype(np.float64)) or 1.0, 1.0) for i in subject.judged
    ]


def _product_sizes(subject: Subject, cotangent: Array) -> list[float]:
    """Return, per judged leaf, the natural size times that of the largest other input above 1.

    The argument of a saturated function may be a product of inputs, as in attention: terms of the
    size of the other factor cancel.
    """
    sizes = [rms(subject.leaves[i].astype(np.float64)) for i in subject.judged]
    return [
        natural * max([1.0, *sizes[:k], *sizes[k + 1 :]])
        for k, natural in enumerate(natural_sizes(subject, cotangent))
    ]


def _own_sizes(subject: Subject, natural: Sequence[float]) -> list[Array]:
    """Return, per entry, the size that the gradient's terms may have for that entry's input.

    In `(v - y (v y)) / |x|` for a row of length one the terms nearly cancel. What remains is the
    rounding of `v / |x|`. It is the same for all nearby cotangents, so no scatter shows it.
    """
    found = []
    for i, gain in zip(subject.judged, natural, strict=True):
        x = np.abs(subject.leaves[i].astype(np.float64))
        size = rms(x) or 1.0
        found.append(gain * np.maximum(1.0, min(size, 1.0) / np.maximum(x, 2.0**-20 * size)))
    return found


def _rounding_of_vjp(subject: Subject, v: Array, w: Array, rng: np.random.Generator) -> list[Array]:
    """Return, per entry, how far gradients move when cotangent or inputs move by a few roundings.

    A gradient that casts its cotangent down hardly moves at all, so the cast is still found. Moved
    inputs show how much larger the intermediate terms are than the result.
    """
    spread = [np.zeros(subject.leaves[i].shape) for i in subject.judged]
    for cotangent in (v, w, v + w):
        shares = rng.uniform(-1.0, 1.0, size=(JITTERS, *cotangent.shape))
        moved = [cotangent * (1 + JITTER * subject.eps * share) for share in shares]
        seen: list[Sequence[Array]] = [subject.gradients(near) for near in moved]
        seen += [_beside(subject, near, rng) for near in moved[:2]]
        # Compare them with each other: an error at exactly this cotangent is no scatter.
        for other in seen[1:]:
            widen_spread(spread, other, seen[0])
    return spread


def _beside(subject: Subject, cotangent: Array, rng: np.random.Generator) -> Sequence[Array]:
    """Return the gradients at inputs moved by one unit in the last place; NaN if that raises."""
    try:
        moved = subject.case.with_leaves(subject.nudged(rng))
        return Subject(subject.op, moved).gradients(cotangent)
    except (OperatorError, Garbage):
        return [np.full(subject.leaves[i].shape, np.nan) for i in subject.judged]
