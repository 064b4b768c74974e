"""The outputs along a line through a point."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import numpy as np

from needle_cli.checking.model import Array
from needle_cli.checking.point import Subject

Values = Callable[[Sequence[Array]], Array]

EPS = float(np.finfo(np.float64).eps)
SMALLEST = float(np.finfo(np.float64).smallest_subnormal)
FAR = (1.0, 2.0**16, 2.0**40)
"""Steps that move inputs of the size of a rounding error by 1 and more, beside others."""

BUNDLE = 1 << 20
"""At most this many outputs are fetched together: 8 MiB of float64."""


class Line:
    """A function of arrays along `x + t u`: a vector of outputs for every number `t`.

    `direction` has one array per judged leaf, in that order; the other leaves do not move.
    """

    def __init__(self, subject: Subject, direction: Sequence[Array], values: Values | None = None):
        self.subject = subject
        self.direction = direction
        self._values = values or subject.values
        self.known: dict[float, Array] = {}
        self.origin = subject.vector if values is None else values(subject.leaves)

    @cached_property
    def resolution(self) -> float:
        """The largest `eps |x| / |u|` of the moved entries: the cost of rounding, times t.

        An infinite entry does not move at all.
        """
        worst = 0.0
        for i, u in zip(self.subject.judged, self.direction, strict=True):
            moved = (u != 0) & np.isfinite(self.subject.leaves[i])
            if moved.any():
                x = np.abs(self.subject.leaves[i][moved]).astype(np.float64)
                worst = max(worst, float(np.max(x / np.abs(u[moved]))))
        return self.subject.rounding * worst

    @cached_property
    def size(self) -> float:
        """The largest finite entry of the moved inputs, at least 1: the constants of a formula."""
        largest = 1.0
        for i, u in zip(self.subject.judged, self.direction, strict=True):
            x = np.abs(self.subject.leaves[i])
            largest = max(largest, float(np.max(x, initial=0.0, where=(u != 0) & np.isfinite(x))))
        return largest

    def leaves(self, t: float) -> list[Array]:
        """Return every leaf of the case; the judged ones are moved by `t` along the direction."""
        moved = list(self.subject.leaves)
        for i, u in zip(self.subject.judged, self.direction, strict=True):
            moved[i] = moved[i] + t * u
        return moved

    def at(self, t: float) -> Array:
        """Return the outputs at `x + t u`; evaluated once for every `t`."""
        if t not in self.known:
            self.known[t] = self._values(self.leaves(t))
        return self.known[t]

    def fetch(self, steps: Iterable[float]) -> None:
        """Evaluate at many steps ahead of their use, with one transfer from a device."""
        wanted = [t for t in dict.fromkeys(map(float, steps)) if t not in self.known]
        if self._values == self.subject.values and self.origin.size * len(wanted) <= BUNDLE:
            found = self.subject.values_at([self.leaves(t) for t in wanted])
            self.known.update(zip(wanted, found, strict=True))

    def slope(self, step: float) -> Array:
        """Return the central difference at one step."""
        self.fetch((step, -step))
        found: Array = (self.at(step) - self.at(-step)) * (0.5 / step)
        return found

    def constant(self) -> bool:
        """Whether the outputs are the same even far away, so that rounding hides no slope."""
        steps = [side * t for t in FAR for side in (1.0, -1.0)]
        self.fetch(steps)
        beside = [self.at(t) for t in steps]
        return all(((there == self.origin) | ~np.isfinite(there)).all() for there in beside)

    def moving(self) -> Array:
        """Return a mask of the outputs that differ from the origin's at any evaluated point."""
        moving = np.zeros(self.origin.shape, dtype=bool)
        for values in self.known.values():
            moving |= values != self.origin
        return moving
