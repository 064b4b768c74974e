"""Patterns of a wrong gradient, compared with the right one.

A probe is one case with its whole numeric Jacobian. A pattern is reported only if it predicts the
analytic gradient of every wrong input at every probe.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from needle_cli.causes import Cause
from needle_cli.checking.diagnosis.jacobian import (
    CLOSE,
    Pattern,
    Probe,
    alike,
    probe_of,
    wrong_probes,
)
from needle_cli.checking.diagnosis.regions import only_for_some, only_for_views, only_where
from needle_cli.checking.model import Array, Garbage, OperatorError
from needle_cli.checking.point import Subject, is_floating


def describe(failing: Sequence[Probe], probes: Sequence[Probe]) -> Cause | None:
    """Return the pattern that fits all probes, or None.

    Args:
        failing: The probes at which something is wrong.
        probes: All of them.
    """
    if not failing:
        return None
    count = min(len(p.analytic) for p in probes)
    wrong = [k for k in range(count) if any(p.wrong(k).any() for p in failing)]
    if not wrong:
        return None
    subject = failing[0].subject
    names = list(dict.fromkeys(subject.names[subject.judged[k]] for k in wrong))
    every = {subject.names[subject.judged[k]] for k in range(count)}
    inputs = () if set(names) >= every else tuple(names)
    for pattern in PATTERNS:
        first, *rest = [pattern(probes, k) for k in wrong]
        common = [cause for cause in first if all(cause in other for other in rest)]
        if common:
            return replace(common[0], inputs=inputs)
    return Cause("only input", inputs=inputs) if inputs else None


def _zeros(probes: Sequence[Probe], k: int) -> Sequence[Cause]:
    if any(p.analytic[k].any() for p in probes):
        return []
    return [Cause("form", "none for zero") if all(p.lacks(k) for p in probes) else Cause("zeros")]


def _not_a_number(probes: Sequence[Probe], k: int) -> Sequence[Cause]:
    bad = [~np.isfinite(p.analytic[k]) for p in probes]
    if not any(mask.any() for mask in bad):
        return []
    clean = all((p.wrong(k) == mask).all() for p, mask in zip(probes, bad, strict=True))
    return [Cause("nan", "entries")] if clean else []


def _stale(probes: Sequence[Probe], k: int) -> Sequence[Cause]:
    """Recognise a gradient that does not change with the inputs, though it should."""
    moves = False
    for probe in wrong_probes(probes, k):
        if not probe.analytic[k].any():
            return []  # a gradient of zero is another pattern
        for change in (_grown, _turned, _ordinary):
            subject = probe.subject
            leaves = [change(a) if is_floating(a) else a for a in subject.leaves]
            try:
                there = probe_of(
                    Subject(subject.op, subject.case.with_leaves(leaves)), probe.cotangent
                )
            except (OperatorError, Garbage):
                return []
            if there is None and change is _ordinary:
                continue  # outside the domain
            if there is None or not np.array_equal(there.analytic[k], probe.analytic[k]):
                return []
            moves = moves or not alike(there.right[k], probe.right[k])
    return [Cause("stale state", "inputs")] if moves else []


def _grown(array: Array) -> Array:
    return np.asarray(array * array.dtype.type(1.25))


def _ordinary(array: Array) -> Array:
    """Return numbers of ordinary size: for very large inputs a constant slope may be right."""
    return np.linspace(0.4, 0.8, array.size).reshape(array.shape).astype(array.dtype)


def _turned(array: Array) -> Array:
    return np.flip(array).copy()


def _predicted(cause: Cause, predict: Callable[[Probe, int], Iterator[Array]]) -> Pattern:
    """Return the pattern of a prediction with variants: one of them has to fit at every probe."""

    def pattern(probes: Sequence[Probe], k: int) -> Sequence[Cause]:
        fits: set[int] | None = None
        for probe in probes:
            here = {n for n, a in enumerate(predict(probe, k)) if alike(probe.analytic[k], a)}
            fits = here if fits is None else fits & here
        return [cause] if fits else []

    return pattern


def _ignored(probe: Probe, k: int) -> Iterator[Array]:
    yield probe.pulled(k, np.ones_like(probe.cotangent))


def _returned(probe: Probe, k: int) -> Iterator[Array]:
    v, shape = probe.output(), probe.right[k].shape
    yield v if v is not None and v.shape == shape else np.full(shape, np.nan)
    yield (
        probe.cotangent.reshape(shape)
        if probe.cotangent.size == probe.right[k].size
        else np.full(shape, np.nan)
    )


def _permuted(array: Array) -> Iterator[Array]:
    """Yield the array with permuted axes, the last two exchanged first.

    Yields five arrays always, so that a variant has the same number at every probe. Where a
    permutation changes the shape, the array itself takes its place.
    """
    ways = list(itertools.islice(itertools.permutations(range(array.ndim)), 1, 6))
    for axes in [*ways, *[tuple(range(array.ndim))] * (5 - len(ways))]:
        turned = array.transpose(axes)
        yield turned if turned.shape == array.shape else array


def _transposed(probe: Probe, k: int) -> Iterator[Array]:
    yield from _permuted(probe.right[k])


def _spread(probes: Sequence[Probe], k: int) -> Sequence[Cause]:
    """Recognise a transposed gradient of a reduction: it was broadcast along the wrong axis."""

    def is_spread(probe: Probe) -> bool:
        v, right = probe.output(), probe.right[k]
        axes = [a for a, n in enumerate(right.shape) if n > 1]
        ends = [np.take(right, [0], a) for a in axes]
        constant = any(alike(np.broadcast_to(e, right.shape), right) for e in ends)
        return v is not None and v.ndim < right.ndim and constant

    turned = all(is_spread(p) for p in wrong_probes(probes, k))
    return _predicted(Cause("wrong axis"), _transposed)(probes, k) if turned else []


def _untransposed(probe: Probe, k: int) -> Iterator[Array]:
    """Yield the gradient with another input transposed: dy b instead of dy b^T."""
    subject = probe.subject
    for other in range(len(probe.right)):
        leaf = subject.leaves[subject.judged[other]]
        if other == k or leaf.ndim < 2 or leaf.shape[-1] != leaf.shape[-2]:
            yield _nothing(probe, k)
            continue
        leaves = list(subject.leaves)
        leaves[subject.judged[other]] = leaf.swapaxes(-1, -2).copy()
        try:
            there = probe_of(Subject(subject.op, subject.case.with_leaves(leaves)), probe.cotangent)
        except (OperatorError, Garbage):
            there = None
        yield _nothing(probe, k) if there is None else there.right[k]


def _wrong_axis(probe: Probe, k: int) -> Iterator[Array]:
    v = probe.output()
    for turned in _permuted(v) if v is not None else ():
        yield probe.pulled(k, turned.reshape(-1))


def _reversed(array: Array) -> Iterator[Array]:
    yield np.flip(array)
    for axis in range(min(array.ndim, 3)):
        yield np.flip(array, axis)
    for axis in range(1, min(array.ndim, 3) + 1):
        yield np.flip(array, -axis)


def _flipped(probe: Probe, k: int) -> Iterator[Array]:
    yield from itertools.islice(
        itertools.chain(_reversed(probe.right[k]), itertools.repeat(_nothing(probe, k))), 7
    )
    v = probe.output()
    for turned in _reversed(v) if v is not None else ():
        yield probe.pulled(k, turned.reshape(-1))


def _backwards(probe: Probe, k: int) -> Iterator[Array]:
    """Yield the gradient of a running sum in the wrong direction: flipped before and after."""
    v = probe.output()
    for n, turned in enumerate(_reversed(v)) if v is not None else ():
        pulled = probe.pulled(k, turned.reshape(-1))
        back = next(itertools.islice(_reversed(pulled), n, None), None)
        yield _nothing(probe, k) if back is None else back


def _nothing(probe: Probe, k: int) -> Array:
    return np.full(probe.right[k].shape, np.nan)


def _swapped(probe: Probe, k: int) -> Iterator[Array]:
    for other in range(len(probe.right)):
        same = other != k and probe.right[other].shape == probe.right[k].shape
        both = same and alike(probe.analytic[other], probe.right[k])
        yield probe.right[other] if both else _nothing(probe, k) if same else probe.right[k]


def _of_another(probe: Probe, k: int) -> Iterator[Array]:
    for other in range(len(probe.right)):
        same = other != k and probe.right[other].shape == probe.right[k].shape
        yield probe.right[other] if same else _nothing(probe, k)


def _overwritten(probe: Probe, k: int) -> Iterator[Array]:
    """Yield the gradient with only the last, then only the first contribution to every entry."""
    parts = probe.cotangent[:, None] * probe.jacobian[k]
    parts = np.where(np.abs(probe.jacobian[k]) > 1e-6, parts, 0.0)
    several = np.count_nonzero(parts, axis=0) > 1
    for order in (parts, parts[::-1]):
        kept = probe.right[k].reshape(-1)
        for part in order:
            kept = np.where(several & (part != 0), part, kept)
        yield kept.reshape(probe.right[k].shape)


def _times(factor: Callable[[Probe, int], Iterator[Array]]) -> Callable[..., Iterator[Array]]:
    def predict(probe: Probe, k: int) -> Iterator[Array]:
        for array in factor(probe, k):
            try:
                with np.errstate(all="ignore"):
                    found = probe.right[k] * array
            except ValueError:
                found = _nothing(probe, k)
            fits = found.shape == probe.right[k].shape
            yield found if fits else _nothing(probe, k)

    return predict


def _powers(array: Array) -> Iterator[Array]:
    with np.errstate(all="ignore"):
        yield from (array, 1 / array, array**2, array**-2)


def _own_input(probe: Probe, k: int) -> Iterator[Array]:
    yield from _powers(probe.leaf(k))


def _other_input(probe: Probe, k: int) -> Iterator[Array]:
    for other in range(len(probe.right)):
        if other != k:
            yield from _powers(probe.leaf(other))


def _cotangent(probe: Probe, k: int) -> Iterator[Array]:
    v = probe.output()
    if v is not None:
        yield from _powers(v)


def _ratio(probes: Sequence[Probe], k: int) -> Sequence[Cause]:
    """Recognise one factor for all probes, or a factor that is a size or a parameter at each."""
    nonzero = [p for p in probes if p.right[k].any() or p.analytic[k].any()]
    factors = []
    for probe in nonzero:
        a, r = probe.analytic[k].reshape(-1), probe.right[k].reshape(-1)
        big = np.abs(r) > 1e-3 * np.max(np.abs(r), initial=0.0)
        if not big.any():
            return []
        factor = float(np.median(a[big] / r[big]))
        if not np.isfinite(factor) or not alike(a, factor * r):
            return []
        factors.append(factor)
    if shown(factors[0]) != "1" and np.ptp(factors) <= CLOSE * abs(factors[0]):
        if len(nonzero) == 1 and nonzero[0].right[k].size < 2:
            return []
        exact = [Cause("ratio", "number", {"factor": shown(factors[0])})]
    else:
        exact = []
    return exact + [
        Cause("ratio", "size", {"factor": word})
        for word, values in _sizes(nonzero, k)
        if all(abs(f - value) <= CLOSE * abs(f) for f, value in zip(factors, values, strict=True))
    ]


def _sizes(probes: Sequence[Probe], k: int) -> Iterator[tuple[str, list[float]]]:
    """Yield a description of a factor and its value at every probe."""
    leaf = [float(p.right[k].size) for p in probes]
    out = [float(p.cotangent.size) for p in probes]
    per = [a / b if a >= b else b / a for a, b in zip(leaf, out, strict=True)]
    sizes = {"the size of the input": leaf, "the size of the output": out}
    sizes["the number of entries summed or spread"] = per
    for axis in (-1, -2, 0):
        if all(p.right[k].ndim > max(axis, -axis - 1) for p in probes):
            lengths = [float(p.right[k].shape[axis]) for p in probes]
            sizes[f"the length of axis {axis}"] = lengths
    for name in probes[0].subject.case.params:
        values = [p.subject.case.params.get(name) for p in probes]
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            sizes[f"the parameter {name}"] = [float(v) for v in values]  # type: ignore[arg-type]
    for word, numbers in sizes.items():
        with np.errstate(all="ignore"):
            yield word, numbers
            yield f"1 / {word.removeprefix('the ')}", [1 / n if n else np.inf for n in numbers]
            yield f"1 - {word.removeprefix('the ')}", [1 - n for n in numbers]
            yield (
                f"n / (n - 1), n being {word}",
                [n / (n - 1) if n != 1 else 1.0 for n in numbers],
            )
            yield f"(n - 1) / n, n being {word}", [(n - 1) / n if n else np.inf for n in numbers]


def shown(ratio: float) -> str:
    """Return the ratio as text, as a fraction if it is one with a denominator up to 64."""
    near = Fraction(ratio).limit_denominator(64)
    if abs(float(near) - ratio) <= CLOSE * abs(ratio) and near.denominator > 1:
        return f"{near.numerator}/{near.denominator}"
    return f"{ratio:.6g}"


PATTERNS: tuple[Pattern, ...] = (
    _zeros,
    _predicted(Cause("cotangent ignored"), _ignored),
    _ratio,
    _predicted(Cause("cotangent returned"), _returned),
    _not_a_number,
    _spread,
    _predicted(Cause("transposed"), _transposed),
    _predicted(Cause("wrong axis"), _wrong_axis),
    _predicted(Cause("transposed", "other"), _untransposed),
    _predicted(Cause("flipped"), _flipped),
    _predicted(Cause("operands swapped"), _swapped),
    _predicted(Cause("only input", "another"), _of_another),
    _predicted(Cause("duplicates"), _overwritten),
    _predicted(Cause("times input", "own"), _times(_own_input)),
    _predicted(Cause("times input", "other"), _times(_other_input)),
    _predicted(Cause("not linear", "squared"), _times(_cotangent)),
    _stale,
    only_where,
    only_for_views,
    only_for_some,
    _predicted(Cause("flipped", "running"), _backwards),
)
"""The patterns in the order in which they are tried, the simplest first."""
