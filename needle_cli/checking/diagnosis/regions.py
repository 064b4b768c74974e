"""Where a gradient is wrong: in a region of the inputs, for a layout, for a parameter.

Each is reported only if it separates wrong from right without an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from needle_cli.causes import Cause
from needle_cli.checking.diagnosis.jacobian import CLOSE, Probe, wrong_probes
from needle_cli.checking.model import Array

NOT_CONTIGUOUS = "inputs are not contiguous"


def only_where(probes: Sequence[Probe], k: int) -> Sequence[Cause]:
    """Find the regions that contain all wrong entries and no right ones."""
    wrong = wrong_probes(probes, k)
    if all(p.wrong(k).all() for p in wrong) and len(wrong) == len(probes):
        return []
    found = []
    for word, region in REGIONS.items():
        masks = [region(p, k) & _alive(p, k) for p in probes]
        if all(_fits(p, k, mask) for p, mask in zip(probes, masks, strict=True)):
            found.append(Cause("only where", values={"where": word}))
    return found


def _fits(probe: Probe, k: int, mask: Array) -> bool:
    """Return True if the mask is that of the wrong entries, tiny entries left aside."""
    size = np.maximum(np.abs(probe.right[k]), np.abs(probe.analytic[k]))
    visible = probe.wrong(k) | (size > CLOSE * np.max(size, initial=0.0))
    return bool((probe.wrong(k) == mask)[visible].all())


def only_for_views(probes: Sequence[Probe], k: int) -> Sequence[Cause]:
    """Recognise a gradient that is wrong only for inputs that are views."""
    views = [not all(a.flags.c_contiguous for a in p.subject.leaves) for p in probes]
    wrong = [bool(p.wrong(k).any()) for p in probes]
    fits = all(v for v, w in zip(views, wrong, strict=True) if w) and any(wrong)
    return [Cause("only where", values={"where": NOT_CONTIGUOUS})] if fits else []


def only_for_some(probes: Sequence[Probe], k: int) -> Sequence[Cause]:
    """Find what is true of all wrong probes and of no right one: of a parameter, of a shape."""
    wrong = [bool(p.wrong(k).any()) for p in probes]
    if wrong.count(True) < 2 or wrong.count(False) < 2:
        return []
    facts = [dict(_facts(p, k)) for p in probes]
    common = [word for word in facts[0] if all(word in fact for fact in facts)]
    return [
        Cause("only where", values={"where": word})
        for word in common
        if [fact[word] for fact in facts] == wrong
    ]


def _facts(probe: Probe, k: int) -> Iterator[tuple[str, bool]]:
    """Yield statements about a case's parameters and a leaf's shape, and whether they hold."""
    for name, value in probe.subject.case.params.items():
        if isinstance(value, bool):
            yield f"{name} is {not value}", False
            yield f"{name} is {value}", True
        elif isinstance(value, int | float):
            yield f"{name} is not 0", value != 0
            yield f"{name} is negative", value < 0
            yield f"{name} is above 1", value > 1
        yield f"{name} is None", value is None
        whole = isinstance(value, tuple | list) and all(isinstance(n, int) for n in value)
        axes = list(value) if whole else []
        yield (
            f"{name} stands for several axes",
            len(axes) > 1 or (value is None and probe.right[k].ndim > 1),
        )
        yield f"{name} has negative members", any(n < 0 for n in axes)
        yield f"{name} is not in ascending order", axes != sorted(axes)
    shape = probe.right[k].shape
    yield "the last axis has an odd length", bool(shape) and shape[-1] % 2 == 1
    yield "the last axis has an even length", bool(shape) and shape[-1] % 2 == 0
    yield "an axis has length 1", 1 in shape
    yield "there are three axes or more", len(shape) > 2
    yield "there is more than one axis", len(shape) > 1


def _alive(probe: Probe, k: int) -> Array:
    """Return the mask of entries where the right or the analytic gradient is not zero."""
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
