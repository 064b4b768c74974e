"""The deterministic corner structures of an operator, which run before any random example."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from needle_cli.checking.claims import Claims
from needle_cli.checking.domains.registry import domain_of, family
from needle_cli.checking.generation.exact import reference_outputs
from needle_cli.checking.generation.layouts import LAYOUTS, possible
from needle_cli.checking.generation.realise import realise, specials
from needle_cli.checking.generation.shape_plans import LONG, Plan, Planner
from needle_cli.checking.generation.structure_space import LaneSpace, space_of
from needle_cli.checking.model import GeneratorError, Structure
from needle_cli.checking.parameters.registry import kind_of
from needle_cli.checking.shapes import first_shape

SCALES = (8.0, 1e3, 1e-4)
MOST_OUTPUTS = 16
"""Most outputs of an operator for which a long axis is tried. Chosen."""

MOST = 60
"""Most corners of an operator; of more, the last ones of each kind are dropped. Chosen."""


def corner_structures(claims: Claims, values: str = "generic") -> list[Structure]:
    """Return the corner structures of an operator, labelled, in a fixed order.

    Args:
        claims: what the operator claims.
        values: "integer" draws parameters for which nothing rounds.

    Raises:
        GeneratorError: if the spec allows no structure at all.
    """
    found: dict[str, Structure] = {}
    space = space_of(claims)
    for name in space.names:
        for structure in _of_lane(claims, space.lane(name), values):
            found.setdefault(_key(structure), structure)
    accepted = [s for s in found.values() if _sensible(claims, s)]
    if not accepted:
        raise GeneratorError(f"{claims.op}: the spec leaves no structure; see its dims and require")
    return _thinned(accepted)


def _key(structure: Structure) -> str:
    """Return a key for equal structures: everything but label and seed."""
    return repr(replace(structure, label="", seed=0))


def _of_lane(claims: Claims, space: LaneSpace, values: str) -> Iterator[Structure]:
    """Yield the corners of one lane; a lane other than the main one gets fewer."""
    maker = _Maker(claims, space, values)
    plans = list(maker.planner.every())
    if space.lane:
        plans = [p for p in plans if p.label in ("unequal dims", "square", "size-1 dims", "rank 1")]
    for plan in plans:
        yield maker.structure(plan)
    yield from maker.parameters()
    yield from maker.specials()
    if space.lane:
        return
    yield from maker.layouts()
    yield from maker.lengths()
    for plan in maker.planner.vast():
        yield maker.structure(plan)


class _Maker:
    """Makes structures of one lane from plans."""

    def __init__(self, claims: Claims, space: LaneSpace, values: str) -> None:
        self.claims = claims
        self.space = space
        self.values = values
        self.planner = Planner(space)
        self._turn = 0

    def structure(
        self,
        plan: Plan,
        label: str = "",
        first: Mapping[str, list[str]] | None = None,
        lengths: Mapping[str, int] | None = None,
    ) -> Structure:
        """Return the structure of a plan; parameters cycle through their corner cases."""
        label = label or plan.label
        chooser = self.planner.chooser(label)
        counts = dict(lengths or {})
        for name, claim in self.space.inputs.items():
            if claim.members is not None:
                counts.setdefault(name, min(max(2, claim.members[0]), claim.members[1]))
        shapes = self.space.shapes(plan.solution, counts)
        wanted = {**self._next_keys(), **(first or {})}
        exact = self.values == "integer"
        drawn = self.space.parameters(chooser, shapes, plan.given, exact, wanted)
        shown = f"{self.space.lane}: {label}" if self.space.lane else label
        return Structure(
            shapes=shapes,
            params=drawn,
            lane=self.space.lane,
            layouts=dict.fromkeys(shapes, "C"),
            values=self.values,
            seed=zlib.crc32(f"{self.claims.op} {shown}".encode()),
            label=shown,
        )

    def _next_keys(self) -> dict[str, list[str]]:
        """Return the next corner cases of every parameter, so that plain plans vary too."""
        wanted = {}
        for i, (name, claim) in enumerate(self.space.params.items()):
            keys = kind_of(claim).keys(claim)
            start = (self._turn // (1 if i == 0 else 2)) % len(keys)
            wanted[name] = [*keys[start:], *keys[:start]]
        self._turn += 1
        return wanted

    def parameters(self) -> Iterator[Structure]:
        """Yield every corner case of every parameter."""
        yield from self._remainders()
        plans = [p for p in self.planner.every() if not p.label.startswith(("zero", "large"))]
        tied = {name for table in self.space.tables for name in table.names}
        for plan in self.planner.tied_parameters():
            yield self.structure(plan)
        for name, claim in self.space.params.items():
            if name in tied:
                continue
            for key in kind_of(claim).keys(claim):
                found = self._reaching(plans, name, key)
                if found is not None:
                    yield found

    def _remainders(self) -> Iterator[Structure]:
        for plan in self.planner.remainders():
            yield self.structure(plan, first=_pinned(self.space, plan.given))

    def _reaching(self, plans: list[Plan], name: str, key: str) -> Structure | None:
        """Return a structure in which a parameter is a given corner case, if one exists."""
        claim = self.space.params[name]
        for plan in plans:
            structure = self.structure(plan, f"{name}: {key}", {name: [key]})
            context = self.space.context(structure.shapes)
            if key in kind_of(claim).classify(structure.params[name], claim, context):
                return structure
        return None

    def layouts(self) -> Iterator[Structure]:
        """Yield every memory layout, applied to all inputs that can have it."""
        base = self.structure(self.planner.typical())
        for layout in LAYOUTS[1:]:
            chosen = {
                name: layout
                if layout in possible(claim, self.claims.kinks, first_shape(base.shapes[name]))
                else "C"
                for name, claim in self.space.inputs.items()
            }
            if layout in chosen.values():
                yield replace(base, layouts=chosen, label=layout)

    def specials(self) -> Iterator[Structure]:
        """Yield the special values and the scales that the domains allow."""
        base = self.structure(self.planner.typical())
        if self.values == "integer":
            return
        plans = [self.planner.typical()]
        for word in specials(self.claims, self.space.lane):
            yield replace(base, special=word, label=word)
            # Formulas have special cases at round numbers: a^c at a = 0 for c = 0, 1, 2.
            for name, claim in self.space.params.items() if word in ("zeros", "units") else ():
                for key in kind_of(claim).keys(claim) if kind_of(claim).number else ():
                    found = self._reaching(plans, name, key)
                    if found is not None:
                        label = f"{word}, {name}: {key}"
                        yield replace(found, special=word, label=label)
        for scale in scales(self.claims, self.space.lane):
            yield replace(base, scale=scale, label=f"scaled by {scale:g}")

    def lengths(self) -> Iterator[Structure]:
        """Yield the shortest and the longest list."""
        for name, claim in self.space.inputs.items():
            if claim.members is None:
                continue
            for label, count in zip(("shortest", "longest"), claim.members, strict=True):
                plan = self.planner.typical()
                yield self.structure(plan, f"{label} {name}", lengths={name: count})


def _pinned(space: LaneSpace, given: Mapping[str, int]) -> dict[str, list[str]]:
    """Return the corner cases that give parameters the given values."""
    return {name: [str(given[name])] for name in space.params if name in given}


def scales(claims: Claims, lane: str) -> tuple[float, ...]:
    """Return the scales of a lane's inputs at which the reference is still informative.

    Outputs must be finite, and most of them must change with the inputs. A saturated sigmoid or an
    overflowing exponential is left to the check of extremes.
    """
    space = space_of(claims).lane(lane)
    floats = [c for c in space.inputs.values() if family(c) == "float" and c.values is None]
    if not any(domain_of(claim.domain).scalable for claim in floats):
        return ()
    planner = Planner(space)
    plain = _Maker(claims, space, "generic").structure(planner.typical())
    return tuple(s for s in SCALES if informative(claims, replace(plain, scale=s)))


def informative(claims: Claims, structure: Structure) -> bool:
    """Return True if outputs are finite, change with the inputs, and no kink is near."""
    case = realise(claims, structure)
    if "near kink" in case.tags:
        return False
    here = reference_outputs(claims, case)
    moved = case.with_leaves(
        [a * (1 + 2.0**-10) if a.dtype.kind == "f" else a for a in case.leaves()]
    )
    there = reference_outputs(claims, moved)
    if here is None or there is None:
        return False
    for a, b in zip(here, there, strict=True):
        if a.dtype.kind != "f" or a.size == 0:
            continue
        if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
            return False
        with np.errstate(all="ignore"):
            share = np.abs(b - a) / np.abs(a)
        if np.mean(share > 1e-7) < 0.5:
            return False
    return True


def _sensible(claims: Claims, structure: Structure) -> bool:
    """Return False for empty arrays that the reference rejects, and for too many outputs.

    If the reference raises for a corner that is not empty, the corner is kept, so that the error
    is reported. Long axes are dropped if each of their entries becomes an output of its own.
    """
    shapes = [first_shape(shape) for shape in structure.shapes.values()]
    empty = any(0 in shape for shape in shapes)
    if not empty and not any(LONG in shape for shape in shapes):
        return True
    try:
        case = realise(claims, structure)
    except GeneratorError:
        return not empty
    outputs = reference_outputs(claims, case)
    return bool(outputs) if empty else outputs is None or len(outputs) <= MOST_OUTPUTS


def _thinned(structures: list[Structure]) -> list[Structure]:
    """Return at most `MOST` structures by dropping the last one of the most frequent kind."""
    kept = list(structures)
    while len(kept) > MOST:
        runs: dict[str, list[int]] = {}
        for i, structure in enumerate(kept):
            runs.setdefault(_group(structure), []).append(i)
        longest = max(runs.values(), key=len)
        if len(longest) < 2:
            break
        del kept[longest[-1]]
    return kept


def _group(structure: Structure) -> str:
    """Return the kind of corner a structure is."""
    return structure.lane + "/" + structure.label.partition(":")[0].partition(",")[0]
