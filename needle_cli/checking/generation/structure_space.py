"""The space of an operator's structures: consistent shapes, parameters and list lengths."""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from needle_cli.checking.choosing import Chooser
from needle_cli.checking.claims import Claims, InputClaim, ParamClaim
from needle_cli.checking.domains.registry import domain_of, family
from needle_cli.checking.generation.requirements import Table, tables
from needle_cli.checking.parameters import registry as params
from needle_cli.checking.parameters.base import Context
from needle_cli.checking.shapes import (
    BATCH,
    Shape,
    Solution,
    System,
    first_shape,
    parse,
    rank_for,
)

MOST_RANK = 4
"""The largest rank of a group or of the batch that is drawn, unless a parameter needs more."""

Shapes = dict[str, Shape | tuple[Shape, ...]]


class LaneSpace:
    """The structures of one lane.

    Args:
        claims: what the operator claims.
        lane: the lane's name, "" for the main one.
    """

    def __init__(self, claims: Claims, lane: str) -> None:
        self.claims = claims
        self.lane = lane
        every = claims.inputs_of(lane)
        self.inputs: dict[str, InputClaim] = {n: every[n] for n in claims.args if n in every}
        self.domains = {name: domain_of(claim.domain) for name, claim in self.inputs.items()}
        given = claims.params_of(lane)
        self.params: dict[str, ParamClaim] = {n: given[n] for n in claims.args if n in given}
        patterns = {name: parse(claim.shape) for name, claim in self.inputs.items()}
        self.system = System(patterns, claims.dims)

    @cached_property
    def tables(self) -> list[Table]:
        """The assignments that satisfy `require`."""
        return tables(self.claims.require, self.ranges)

    @cached_property
    def ranges(self) -> dict[str, Sequence[int]]:
        """The values of the names that `require` may use: dimensions and integer parameters."""
        ranges: dict[str, Sequence[int]] = {}
        for name in self.system.dims:
            bound = self.system.bound(name)
            ranges[name] = range(bound.min, bound.max + 1)
        for name, claim in self.params.items():
            values = params.kind_of(claim).integers(claim)
            if values is not None:
                ranges[name] = values
        return ranges

    @cached_property
    def ranks(self) -> tuple[int, int]:
        """The least and largest rank of groups and the batch, as parameters and domains need it."""
        least = 0
        for name, claim in self.inputs.items():
            pattern = self.system.patterns[name]
            if not (pattern.has_batch or pattern.names("group")):
                continue
            fixed = sum(part.kind in ("dim", "fixed") for part in pattern.parts)
            least = max(least, self._needed(name, claim) - fixed)
        return least, max(MOST_RANK, least)

    def _needed(self, name: str, claim: InputClaim) -> int:
        """Return the smallest rank of an input that its parameters and domain allow."""
        needed = [0]
        for param in self.params.values():
            if param.fields.get("of") == name:
                needed.append(params.kind_of(param).least_rank(param))
        needed.append(self.domains[name].least_rank)
        if claim.spread is not None:
            needed.append(rank_for(claim.spread.axis))
        needed += [domain.needs_rank(name) for domain in self.domains.values()]
        return max(needed)

    def given(self, chooser: Chooser) -> dict[str, int]:
        """Draw values for the names that `require` ties together."""
        found: dict[str, int] = {}
        for table in self.tables:
            found.update(table.assignment(chooser.integer(0, len(table.rows) - 1)))
        return found

    def solution(self, chooser: Chooser, given: Mapping[str, int]) -> Solution:
        """Draw the dimensions that are not given."""
        return self.system.draw(chooser, given, self.ranks)

    def lengths(self, chooser: Chooser) -> dict[str, int]:
        """Draw the number of members of every list and tuple."""
        return {
            name: chooser.integer(*claim.members)
            for name, claim in self.inputs.items()
            if claim.members is not None
        }

    def shapes(self, solution: Solution, lengths: Mapping[str, int]) -> Shapes:
        """Return the shapes of a solution, one per member for lists."""
        found: Shapes = {}
        for name, shape in self.system.shapes(solution).items():
            found[name] = (shape,) * lengths[name] if name in lengths else shape
        return found

    def context(self, shapes: Mapping[str, Any], exact: bool = False) -> Context:
        """Return what parameters may depend on."""
        return Context({n: first_shape(s) for n, s in shapes.items()}, {}, exact)

    def parameters(
        self,
        chooser: Chooser,
        shapes: Mapping[str, Any],
        given: Mapping[str, int],
        exact: bool = False,
        first: Mapping[str, Sequence[str]] | None = None,
    ) -> dict[str, Any]:
        """Draw the parameters for shapes; `first` are corner cases to prefer for some of them."""
        context = self.context(shapes, exact)
        for name, claim in self.params.items():
            if name in given:
                value: Any = given[name]
            else:
                value = params.draw(claim, context, chooser, (first or {}).get(name, ()))
            context.params[name] = value
        return context.params

    def feasible(self, shapes: Mapping[str, Any]) -> bool:
        """Return True if values exist: an index needs positions, enough ones without repeats."""
        return all(
            domain.feasible(math.prod(first_shape(shapes[name])), domain.length(shapes))
            for name, domain in self.domains.items()
        )

    def floating(self) -> list[str]:
        """Return the floating inputs that are differentiable in this lane."""
        return [n for n, c in self.inputs.items() if family(c) == "float" and c.differentiable]

    @property
    def has_free_rank(self) -> bool:
        """Whether some input has a group or a batch part."""
        return any(p.has_batch or p.names("group") for p in self.system.patterns.values())

    def allows_empty(self) -> bool:
        """Return True if the dimensions of a group or the batch may be zero."""
        names = [*self.system.groups, *([BATCH] if self.system.batched else [])]
        return any(
            name not in self.claims.dims or self.claims.dims[name].min == 0 for name in names
        )


class Space:
    """All lanes of an operator."""

    def __init__(self, claims: Claims) -> None:
        self.names = ("", *(lane.name for lane in claims.lanes))
        self._lanes = {name: LaneSpace(claims, name) for name in self.names}

    def lane(self, name: str) -> LaneSpace:
        """Return one lane's structures."""
        return self._lanes[name]


_SPACES: dict[int, tuple[weakref.ref[Claims], Space]] = {}


def space_of(claims: Claims) -> Space:
    """Return the space of claims, cached for as long as the claims live."""
    key = id(claims)
    known = _SPACES.get(key)
    if known is not None and known[0]() is claims:
        return known[1]
    space = Space(_unreferenced(claims))
    _SPACES[key] = (weakref.ref(claims, lambda _: _SPACES.pop(key, None)), space)
    return space


def _unreferenced(claims: Claims) -> Claims:
    """Return an equal copy, so that the cached space does not keep its key alive."""
    return replace(claims)
