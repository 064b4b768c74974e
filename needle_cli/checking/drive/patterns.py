"""What a wrong gradient looks like beside the right one: patterns that hold at every probe.

A probe is one failing case with its whole numeric Jacobian. A pattern is named only if it predicts
the analytic gradient of every wrong input at every probe, and differs from the right one there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from needle_cli.checking.model import Array, Garbage, OperatorError
from needle_cli.checking.numerics.differences import Line
from needle_cli.checking.numerics.probes import power_of_two, rms
from needle_cli.checking.subject import Subject

CLOSE = 1e-7
"""Relative distance, of the largest entry, within which a prediction fits."""

STEP = 2.0**-12


@dataclass(frozen=True)
class Probe:
    """A case with, per judged leaf, its gradient and what it should be; `jacobian` is numeric."""

    subject: Subject
    cotangent: Array
    analytic: list[Array]
    right: list[Array]
    jacobian: list[Array]

    def leaf(self, k: int) -> Array:
        """Return the judged leaf `k` in float64."""
        return self.subject.leaves[self.subject.judged[k]].astype(np.float64)

    def wrong(self, k: int) -> Array:
        """Tell which entries of a judged leaf's gradient are wrong."""
        return ~_near(self.analytic[k], self.right[k])

    def is_wrong(self) -> bool:
        """Tell whether any entry is wrong here."""
        return any(self.wrong(k).any() for k in range(len(self.right)))

    def pulled(self, k: int, cotangent: Array) -> Array:
        """Return the right gradient for another cotangent."""
        return np.asarray((cotangent @ self.jacobian[k]).reshape(self.right[k].shape))

    def output(self) -> Array | None:
        """Return the cotangent in the shape of the output, if that is a single array."""
        outputs = self.subject.evaluation.outputs
        return self.cotangent.reshape(outputs[0].shape) if len(outputs) == 1 else None


def probe_of(subject: Subject, cotangent: Array) -> Probe | None:
    """Return the probe at a case, None where its Jacobian is not finite."""
    with np.errstate(all="ignore"):
        analytic = subject.gradients(cotangent)
        jacobian = [_jacobian(subject, k) for k in range(len(subject.judged))]
    if not all(np.isfinite(j).all() for j in jacobian):
        return None
    right = [(cotangent @ j).reshape(g.shape) for j, g in zip(jacobian, analytic, strict=True)]
    return Probe(subject, cotangent, analytic, right, jacobian)


def _jacobian(subject: Subject, position: int) -> Array:
    """Return d output / d leaf, one row per output, by extrapolated central differences."""
    leaf = subject.leaves[subject.judged[position]]
    scale = power_of_two(rms(leaf))
    columns = []
    for flat in range(leaf.size):
        direction = [np.zeros(subject.leaves[i].shape) for i in subject.judged]
        direction[position].reshape(-1)[flat] = scale
        line = Line(subject, direction)
        columns.append((4 * line.slope(STEP / 2) - line.slope(STEP)) / (3 * scale))
    return np.stack(columns, axis=1) if columns else np.zeros((subject.vector.size, 0))


def _near(a: Array, b: Array) -> Array:
    """Tell entry by entry whether two arrays are equal as far as differences can say."""
    size = float(np.max(np.abs(b), initial=0.0))
    with np.errstate(all="ignore"):
        return np.asarray(np.abs(a - b) <= CLOSE * np.abs(b) + 1e-9 * size)


def _same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(_near(a, b).all())


def describe(telling: Sequence[Probe], probes: Sequence[Probe]) -> str:
    """Return the pattern that fits all probes in words, "" if none does.

    Args:
        telling: The probes at which something is wrong.
        probes: All of them.
    """
    if not telling:
        return ""
    count = min(len(p.analytic) for p in probes)
    wrong = [k for k in range(count) if any(p.wrong(k).any() for p in telling)]
    if not wrong:
        return ""
    subject = telling[0].subject
    names = list(dict.fromkeys(subject.names[subject.judged[k]] for k in wrong))
    every = {subject.names[subject.judged[k]] for k in range(count)}
    whose = "the gradient" if set(names) >= every else f"the gradient of {' and '.join(names)}"
    for pattern in PATTERNS:
        first, *rest = [pattern(probes, k) for k in wrong]
        common = [text for text in first if all(text in other for other in rest)]
        if common:
            return common[0].format(whose=whose)
    if not set(names) >= every:
        return f"only the gradient of {' and '.join(names)} is wrong"
    return ""


Pattern = Callable[[Sequence[Probe], int], Sequence[str]]
"""Returns what can be said of one wrong input's gradient, the simplest first."""


def _telling(probes: Sequence[Probe], k: int) -> list[Probe]:
    """Return the probes at which a leaf's gradient is wrong."""
    return [p for p in probes if p.wrong(k).any()]


def _zeros(probes: Sequence[Probe], k: int) -> Sequence[str]:
    return ["{whose} is zero"] if all(not p.analytic[k].any() for p in probes) else []


def _not_a_number(probes: Sequence[Probe], k: int) -> Sequence[str]:
    bad = [~np.isfinite(p.analytic[k]) for p in probes]
    if not any(mask.any() for mask in bad):
        return []
    clean = all((p.wrong(k) == mask).all() for p, mask in zip(probes, bad, strict=True))
    return ["{whose} has NaN or infinite entries, and is right elsewhere"] if clean else []


def _stale(probes: Sequence[Probe], k: int) -> Sequence[str]:
    """Name a gradient that stays what it was when the inputs move, though it should not."""
    moves = False
    for probe in _telling(probes, k):
        subject = probe.subject
        leaves = [a * a.dtype.type(1.25) if a.dtype.kind == "f" else a for a in subject.leaves]
        moved = Subject(subject.op, subject.case.with_leaves(leaves))
        try:
            there = probe_of(moved, probe.cotangent)
        except (OperatorError, Garbage):
            return []
        if there is None or not np.array_equal(there.analytic[k], probe.analytic[k]):
            return []
        moves = moves or not _same(there.right[k], probe.right[k])
    text = "stale state: {whose} does not follow its inputs, an earlier call is remembered"
    return [text] if moves else []


def _predicted(text: str, predict: Callable[[Probe, int], Iterator[Array]]) -> Pattern:
    """Return the pattern of a prediction that may have variants, one of which fits everywhere."""

    def pattern(probes: Sequence[Probe], k: int) -> Sequence[str]:
        fits: set[int] | None = None
        for probe in probes:
            here = {n for n, a in enumerate(predict(probe, k)) if _same(probe.analytic[k], a)}
            fits = here if fits is None else fits & here
        return [text] if fits else []

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
    """Yield an array with its axes exchanged, the last two first; as it is where that cannot be.

    Always five: a variant is the same at every probe.
    """
    ways = list(itertools.islice(itertools.permutations(range(array.ndim)), 1, 6))
    for axes in [*ways, *[tuple(range(array.ndim))] * (5 - len(ways))]:
        turned = array.transpose(axes)
        yield turned if turned.shape == array.shape else array


def _transposed(probe: Probe, k: int) -> Iterator[Array]:
    yield from _permuted(probe.right[k])


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


def _nothing(probe: Probe, k: int) -> Array:
    return np.full(probe.right[k].shape, np.nan)


def _swapped(probe: Probe, k: int) -> Iterator[Array]:
    for other in range(len(probe.right)):
        same = other != k and probe.right[other].shape == probe.right[k].shape
        both = same and _same(probe.analytic[other], probe.right[k])
        yield probe.right[other] if both else _nothing(probe, k) if same else probe.right[k]


def _of_another(probe: Probe, k: int) -> Iterator[Array]:
    for other in range(len(probe.right)):
        same = other != k and probe.right[other].shape == probe.right[k].shape
        yield probe.right[other] if same else _nothing(probe, k)


def _overwritten(probe: Probe, k: int) -> Iterator[Array]:
    """Yield the last, then the first contribution to every entry alone."""
    parts = probe.cotangent[:, None] * probe.jacobian[k]
    parts = np.where(np.abs(probe.jacobian[k]) > 1e-6, parts, 0.0)
    for order in (parts, parts[::-1]):
        kept = np.zeros(parts.shape[1])
        for part in order:
            kept = np.where(part != 0, part, kept)
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


def _output(probe: Probe, k: int) -> Iterator[Array]:
    outputs = probe.subject.evaluation.outputs
    if len(outputs) == 1:
        yield from _powers(outputs[0].astype(np.float64))


def _cotangent(probe: Probe, k: int) -> Iterator[Array]:
    v = probe.output()
    if v is not None:
        yield from _powers(v)


def _ratio(probes: Sequence[Probe], k: int) -> Sequence[str]:
    """Name one factor for all probes, or one that a size or a parameter gives at each."""
    told = [p for p in probes if p.right[k].any() or p.analytic[k].any()]
    factors = []
    for probe in told:
        a, r = probe.analytic[k].reshape(-1), probe.right[k].reshape(-1)
        big = np.abs(r) > 1e-3 * np.max(np.abs(r), initial=0.0)
        if not big.any():
            return []
        factor = float(np.median(a[big] / r[big]))
        if not np.isfinite(factor) or not _same(a, factor * r):
            return []
        factors.append(factor)
    if np.ptp(factors) <= CLOSE * abs(factors[0]):
        if len(told) == 1 and told[0].right[k].size < 2:
            return []
        return [f"{{whose}} is exactly {shown(factors[0])} \N{MULTIPLICATION SIGN} the numeric one"]
    return [
        f"{{whose}} is the numeric one times {word}"
        for word, values in _sizes(told, k)
        if all(abs(f - value) <= CLOSE * abs(f) for f, value in zip(factors, values, strict=True))
    ]


def _sizes(probes: Sequence[Probe], k: int) -> Iterator[tuple[str, list[float]]]:
    """Yield words and, per probe, the factor that they mean there."""
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
    """Write a ratio as a small fraction where it is one."""
    near = Fraction(ratio).limit_denominator(64)
    if abs(float(near) - ratio) <= CLOSE * abs(ratio) and near.denominator > 1:
        return f"{near.numerator}/{near.denominator}"
    return f"{ratio:.6g}"


def _only_where(probes: Sequence[Probe], k: int) -> Sequence[str]:
    """Name the region in which all wrong entries lie, and no right ones with them."""
    told = _telling(probes, k)
    if all(p.wrong(k).all() for p in told) and len(told) == len(probes):
        return []
    found = []
    for word, region in REGIONS.items():
        masks = [region(p, k) & _alive(p, k) for p in probes]
        if all((p.wrong(k) == mask).all() for p, mask in zip(probes, masks, strict=True)):
            found.append(f"{{whose}} is wrong only where {word}")
    return found


def _alive(probe: Probe, k: int) -> Array:
    """Tell where there is a slope at all, or an answer although there is none."""
    return np.asarray((probe.right[k] != 0) | (probe.analytic[k] != 0))


def _index(pick: Callable[[Array, int], Array], axis: int) -> Callable[[Probe, int], Array]:
    def region(probe: Probe, k: int) -> Array:
        shape = probe.right[k].shape
        if len(shape) <= max(axis, -axis - 1):
            return np.zeros(shape, dtype=bool)
        length = shape[axis]
        mask = pick(np.arange(length), length)
        wide = [1] * len(shape)
        wide[axis] = length
        return np.broadcast_to(mask.reshape(wide), shape)

    return region


REGIONS: dict[str, Callable[[Probe, int], Array]] = {
    "the input is negative": lambda p, k: p.leaf(k) < 0,
    "the input is positive": lambda p, k: p.leaf(k) > 0,
    "the input is beyond 1000": lambda p, k: np.abs(p.leaf(k)) > 1e3,
    "the input is 0": lambda p, k: p.leaf(k) == 0,
    "the input is beyond 1": lambda p, k: np.abs(p.leaf(k)) > 1,
    "the input is above 1": lambda p, k: p.leaf(k) > 1,
    "the input is below -1": lambda p, k: p.leaf(k) < -1,
    "the input is within 1": lambda p, k: np.abs(p.leaf(k)) < 1,
    "the input is largest": lambda p, k: p.leaf(k) == np.max(p.leaf(k), initial=-np.inf),
    "the index is last along axis 0": _index(lambda i, n: i == n - 1, 0),
    "the index is last along the last axis": _index(lambda i, n: i == n - 1, -1),
    "the index is first along axis 0": _index(lambda i, n: i == 0, 0),
    "the index is first along the last axis": _index(lambda i, n: i == 0, -1),
    "the index is odd along the last axis": _index(lambda i, n: i % 2 == 1, -1),
    "the index is even along the last axis": _index(lambda i, n: i % 2 == 0, -1),
}

PATTERNS: tuple[Pattern, ...] = (
    _zeros,
    _predicted("the output gradient is ignored in {whose}", _ignored),
    _ratio,
    _predicted("the output gradient is returned unchanged as {whose}", _returned),
    _not_a_number,
    _predicted("{whose} is transposed", _transposed),
    _predicted("{whose} is summed or spread along the wrong axis", _wrong_axis),
    _predicted("{whose} is in reversed order", _flipped),
    _predicted("the operands' gradients are swapped", _swapped),
    _predicted("{whose} is another input's", _of_another),
    _predicted("contributions to one entry overwrite each other", _overwritten),
    _predicted("{whose} is multiplied by the input, or by a power of it", _times(_own_input)),
    _predicted("{whose} is multiplied by another input", _times(_other_input)),
    _predicted("{whose} is multiplied by the output", _times(_output)),
    _predicted("{whose} is multiplied by the output gradient", _times(_cotangent)),
    _stale,
    _only_where,
)
"""The patterns in the order in which they are tried: the simplest first."""
