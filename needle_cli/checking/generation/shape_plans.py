"""Deterministic plans of shapes: square, size-1, broadcast in every way, 0-d, empty, large."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from needle_cli.checking.choosing import SeededChooser
from needle_cli.checking.generation.structure_space import LaneSpace
from needle_cli.checking.model import GeneratorError
from needle_cli.checking.shapes import BATCH, Shape, Solution

LARGE = 1024
"""In the large plans one array has more entries than this. Chosen."""

WIDE = 34
"""The least length of all free dimensions in the plan "wide": more than a tile of 32. Chosen."""

LONG = 259
"""The length of a long axis: larger than common block sizes (256), and no multiple of them."""


@dataclass(frozen=True)
class Plan:
    """A labelled solution of the shapes, with the values of the names tied by `require`."""

    label: str
    solution: Solution
    given: Mapping[str, int]


class Planner:
    """Makes the plans of one lane."""

    def __init__(self, space: LaneSpace) -> None:
        self.space = space
        self.system = space.system
        self.low, self.high = space.ranks

    def typical(self) -> Plan:
        """Return a plan with all dimensions different and above one, as far as bounds allow."""
        extents = self._short((2, 3, 4), (2, 6))
        return self._plan("unequal dims", self._wanted(lambda i: 3 + i), extents)

    def every(self) -> Iterator[Plan]:
        """Yield the plans of ordinary size that this lane's patterns allow, the simplest first."""
        yield self.typical()
        yield self._plan("square", self._wanted(lambda i: 3), self._short((3, 3), (3,)))
        yield self._plan("size-1 dims", self._wanted(lambda i: 1), (1, 1))
        if self.space.has_free_rank:
            yield from self._ranks()
        yield from self._optional()
        if len(self.system.batched) > 1:
            yield from self._broadcasts()
        yield from self._empty()

    def vast(self) -> Iterator[Plan]:
        """Yield the plans with many entries: they run last, since small cases are clearer."""
        yield from self._large()
        yield from self._long()

    def _short(self, alone: Shape, beside_dims: Shape) -> Shape:
        """Return the extents of groups and batch: shorter ones if there are named dimensions."""
        return beside_dims if self.system.dims else alone

    def _wanted(self, rule: Callable[[int], int]) -> dict[str, int]:
        """Return a size for every named dimension, by its position.

        Dimensions without declared bounds take the rule's size. For the others it wraps around at
        the upper bound, so that they stay unequal and avoid 1 unless the rule says 1.
        """
        wanted = {}
        for i, name in enumerate(self.system.dims):
            size = rule(i)
            if name in self.space.claims.dims:
                bound = self.system.bound(name)
                if size > bound.max:
                    first = min(max(bound.min, 2), bound.max)
                    size = first + (size - first) % (bound.max - first + 1)
                size = max(size, bound.min)
            wanted[name] = size
        return wanted

    def _plan(
        self,
        label: str,
        wanted: dict[str, int],
        extents: Shape,
        absent: frozenset[str] = frozenset(),
    ) -> Plan:
        """Return a plan near the wanted sizes; groups and batch get the extents.

        If no values exist for these (too few positions for an index), smaller ones are tried.
        """
        dims, given = self.nearest(wanted)
        for tried in map(self._fit, (extents, (2,), (1,), (1, 1), ())):
            groups = {n: self._bounded(n, tried) for n in self.system.groups}
            batches = dict.fromkeys(self.system.batched, self._bounded(BATCH, tried))
            plan = Plan(label, Solution(dims, groups, batches, absent), given)
            if self.space.feasible(self.system.shapes(plan.solution)):
                return plan
        raise GeneratorError(
            f"{self.space.claims.op}: no shape leaves an index enough positions; see its dims"
        )

    def nearest(self, wanted: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
        """Return dimensions and tied parameters that satisfy `require` nearest the wanted ones."""
        dims = {name: wanted.get(name, 1) for name in self.system.dims}
        given: dict[str, int] = {}
        for table in self.space.tables:
            targets = [wanted.get(name) for name in table.names]
            row = min(table.rows, key=lambda row: _distance(row, targets))
            given.update(zip(table.names, row, strict=True))
        dims.update({name: n for name, n in given.items() if name in dims})
        return dims, given

    def _fit(self, extents: Shape) -> Shape:
        """Return the extents with at least the rank that parameters need."""
        while len(extents) < self.low:
            extents = (*extents, 2 + len(extents) if max(extents, default=2) > 1 else 1)
        return extents

    def _bounded(self, name: str, extents: Shape) -> Shape:
        """Return extents within the bounds of a group or of the batch."""
        if name not in self.space.claims.dims:
            return extents
        bound = self.system.bound(name)
        return tuple(min(max(n, bound.min), bound.max) for n in extents)

    def _ranks(self) -> Iterator[Plan]:
        """Yield every rank of groups and batch, and sizes 1 at either end."""
        sizes = self._wanted(lambda i: 2 + i)
        for rank, label in enumerate(("no batch", "rank 1", "rank 2", "rank 3")):
            if rank >= self.low and not (rank == 2 and self.low > 2):
                name = "0-d" if rank == 0 and not self.system.dims else label
                yield self._plan(name, sizes, (4, 2, 3)[:rank])
        yield self._plan("size 1 first", sizes, (1, 3))
        yield self._plan("size 1 last", sizes, (3, 1))
        yield self._plan("size 1 inside", sizes, (2, 1, 3))

    def _optional(self) -> Iterator[Plan]:
        """Yield plans without each optional dimension, and without any."""
        sizes = self._wanted(lambda i: 2 + i)
        names = self.system.optional
        for name in names:
            yield self._plan(f"no {name}", sizes, (), frozenset({name}))
            yield self._plan(f"no {name}, batch", sizes, (2, 3), frozenset({name}))
        if len(names) > 1:
            yield self._plan("no " + ", no ".join(names), sizes, (), frozenset(names))

    def _broadcasts(self) -> Iterator[Plan]:
        """Yield leading, interior and mutual broadcasting of every operand."""
        base = self.typical()
        every = self.system.batched
        full = self._bounded(BATCH, self._short((2, 3, 4), (2, 6)))
        if len(full) < 2 or 1 in full:
            return
        for name in every:
            forms = {
                "missing": () if not self.low else full[-self.low :],
                "leading axis missing": full[1:],
                "size 1 first": (1, *full[1:]),
                "size 1 last": (*full[:-1], 1),
                "all ones": (1,) * len(full),
            }
            if len(full) > 2:
                forms["size 1 inside"] = (full[0], 1, *full[2:])
            for label, shape in forms.items():
                if len(shape) >= self.low:
                    batches = {n: shape if n == name else full for n in every}
                    yield self._batched(f"broadcast {name}: {label}", base, batches)
        crossed = [(full[0], *(1,) * (len(full) - 1)), (1, *full[1:])]
        yield self._batched(
            "broadcast both ways", base, {n: crossed[i % 2] for i, n in enumerate(every)}
        )
        if self.low <= len(full) - 1:
            shapes = [(*full[:-1], 1), full[1:]]
            yield self._batched(
                "broadcast with unequal ranks",
                base,
                {n: shapes[i % 2] for i, n in enumerate(every)},
            )

    def _batched(self, label: str, base: Plan, batches: dict[str, Shape]) -> Plan:
        """Return the base plan with other batch parts."""
        solution = base.solution.copy()
        solution.batches = batches
        return Plan(label, solution, base.given)

    def _empty(self) -> Iterator[Plan]:
        """Yield arrays without entries if the spec allows a length of zero."""
        sizes = self._wanted(lambda i: 2 + i)
        if self.space.allows_empty() and self.space.has_free_rank:
            for extents in ((0,), (2, 0), (0, 3)):
                if len(extents) >= self.low:
                    yield self._plan("zero-size", sizes, extents)
        for name in self.system.dims:
            if name in self.space.claims.dims and self.system.bound(name).min == 0:
                yield self._plan(f"zero-size {name}", {**sizes, name: 0}, (2,))

    def _large(self) -> Iterator[Plan]:
        """Yield plans in which each differentiable input in turn has more than `LARGE` entries."""
        done: set[str] = set()
        for name in self.space.floating():
            if name in done:
                continue
            plan = self._enlarged(name)
            sizes = {n: math.prod(s) for n, s in self.system.shapes(plan.solution).items()}
            done |= {n for n, size in sizes.items() if size > LARGE}
            if self.space.feasible(self.system.shapes(plan.solution)):
                yield plan if sizes[name] > LARGE else replace(plan, label=f"largest {name}")

    def _enlarged(self, name: str) -> Plan:
        """Return a plan that makes one input large by all its free dimensions."""
        pattern = self.system.patterns[name]
        extents: Shape = (33, 32) if not pattern.names("dim") else (7, 6)
        wanted = self._wanted(lambda i: 3 + i)
        for dim in (*pattern.names("dim"), *pattern.names("optional")):
            free = dim not in self.space.claims.dims and not any(
                dim in table.names for table in self.space.tables
            )
            wanted[dim] = self._free_size(name) if free else self.system.bound(dim).max
        plan = self._plan("large", wanted, extents)
        dims = {n: wanted[n] if n not in plan.given else v for n, v in plan.solution.dims.items()}
        solution = plan.solution.copy()
        solution.dims = dims
        return Plan(f"large {name}", solution, plan.given)

    def _long(self) -> Iterator[Plan]:
        """Yield plans in which one free axis in turn is long."""
        plans = []
        sizes = self._wanted(lambda i: 2 + i)
        if self.space.has_free_rank:
            for label, extents in (("long axis last", (2, LONG)), ("long axis first", (LONG, 2))):
                plans.append(self._plan(label, sizes, extents))
        free = [name for name in self.system.dims if not self.system.bound(name).bounded]
        for name in free:
            plans.append(self._plan(f"long {name}", {**sizes, name: LONG}, ()))
        if free:  # more than one tile of 32 in every direction
            wide = {name: WIDE + i for i, name in enumerate(free)}
            plans.append(self._plan("wide", {**sizes, **wide}, ()))
        for plan in plans:
            counts = [math.prod(shape) for shape in self.system.shapes(plan.solution).values()]
            if max(counts) <= 4 * LARGE:  # a square matrix with a long axis would be too large
                yield plan

    def _free_size(self, name: str) -> int:
        """Return the size of a free dimension that makes an input large enough."""
        pattern = self.system.patterns[name]
        free = len([n for n in pattern.names("dim") if n not in self.space.claims.dims]) or 1
        batch = 42 if pattern.has_batch or pattern.names("group") else 1
        return max(5, math.ceil(float((1.1 * LARGE / batch) ** (1.0 / free))))

    def remainders(self) -> Iterator[Plan]:
        """Yield every remainder of bounded dimensions modulo each integer parameter above 1."""
        names = [n for n in self.system.dims if n in self.space.claims.dims]
        tied = {name for table in self.space.tables for name in table.names}
        names = [n for n in names if n in tied and self.system.bound(n).max > 2]
        for param, claim in self.space.params.items():
            if claim.kind != "int" or not names:
                continue
            low, high = int(claim.fields.get("min", 0)), int(claim.fields.get("max", 3))
            for value in range(max(low, 2), high + 1) if low > 0 else ():
                for rest in range(value):
                    wanted = self._wanted(lambda i, turn=rest: 1 + (i + turn) % 3)  # type: ignore[misc]
                    for i, name in enumerate(self._longest(names)):
                        wanted[name] = self.system.bound(name).max - (rest + i) % value
                    dims, given = self.nearest({**wanted, param: value})
                    given = {**given, param: value}
                    base = self.typical().solution.copy()
                    base.dims = dims
                    yield Plan(f"{param} {value}, remainder {rest}", base, given)

    def _longest(self, names: list[str]) -> list[str]:
        """Return the dimensions with the largest upper bound: the image, not the kernel."""
        most = max(self.system.bound(n).max for n in names)
        return [n for n in names if self.system.bound(n).max == most]

    def tied_parameters(self) -> Iterator[Plan]:
        """Yield every value of every tied parameter with small dimensions."""
        for table in self.space.tables:
            for name in table.names:
                if name not in self.space.params:
                    continue
                place = table.names.index(name)
                values = sorted({row[place] for row in table.rows})
                for value in values:
                    yield self._tied(
                        f"{name} = {value}", name, value, self._wanted(lambda i: 2 + i % 3)
                    )
                # The largest value with the smallest dimensions: padding larger than a kernel of
                # one entry, for example.
                yield self._tied(f"{name} around 1", name, values[-1], self._wanted(lambda i: 1))

    def _tied(self, label: str, name: str, value: int, wanted: dict[str, int]) -> Plan:
        """Return a plan in which a tied parameter has a value."""
        base = self.typical().solution.copy()
        base.dims, given = self.nearest({**wanted, name: value})
        return Plan(label, base, given)

    def chooser(self, label: str) -> SeededChooser:
        """Return a chooser seeded by the operator, the lane and a label."""
        return SeededChooser(f"{self.space.claims.op}/{self.space.lane}/{label}")


def _distance(row: tuple[int, ...], targets: list[int | None]) -> tuple[int, tuple[int, ...]]:
    """Return how far a row is from the wanted values; ties go to the smaller row."""
    off = sum(
        (10 if isinstance(t, int) else 0) * abs(n - t) if t is not None else abs(n)
        for n, t in zip(row, targets, strict=True)
    )
    return off, row
