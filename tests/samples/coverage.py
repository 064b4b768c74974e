"""Which corner cases a run must reach, and which a structure is: they count for the generators."""

from __future__ import annotations

from collections.abc import Iterator

from needle_cli.checking.claims import Claims, ParamClaim
from needle_cli.checking.generation.corners import scales
from needle_cli.checking.generation.realise import specials
from needle_cli.checking.generation.structure_space import LaneSpace, space_of
from needle_cli.checking.model import Array, Structure
from needle_cli.checking.parameters.registry import kind_of
from needle_cli.checking.shapes import Shape, first_shape
from tests.samples.matching import broadcast, match, rank


def corner_keys(claims: Claims) -> frozenset[str]:
    """Return the corner cases of every strategy in use, from the written lists."""
    space = space_of(claims)
    found: set[str] = set()
    for name in space.names:
        lane = space.lane(name)
        prefix = f"{name}: " if name else ""
        found |= {prefix + key for key in _parameter_keys(lane)}
        if name:
            found.add(f"lane: {name}")
    found |= set(_shape_keys(claims, space.lane("")))
    found |= {f"special: {word}" for word in specials(claims, "")}
    found |= {f"scale: {scale:g}" for scale in scales(claims, "")}
    return frozenset(found)


def _parameter_keys(lane: LaneSpace) -> Iterator[str]:
    """Yield the corner cases of the parameters; of those tied by `require` the listed values."""
    tied = {name: table for table in lane.tables for name in table.names}
    for name, claim in lane.params.items():
        if name in tied:
            place = tied[name].names.index(name)
            for value in sorted({row[place] for row in tied[name].rows}):
                yield f"{name}: {value}"
            continue
        for key in kind_of(claim).keys(claim):
            if kind_of(claim).rank_for(key, claim) <= _most_rank(lane, claim):
                yield f"{name}: {key}"


def _most_rank(lane: LaneSpace, claim: ParamClaim) -> int:
    """Return the largest rank of the input that a parameter speaks of: a matrix has two axes."""
    of = str(claim.fields.get("of", ""))
    high = lane.ranks[1]
    return rank(lane.system, of, high, high) if of in lane.inputs else high


def _shape_keys(claims: Claims, lane: LaneSpace) -> Iterator[str]:
    """Yield the corner cases of shapes, layouts and list lengths."""
    system = lane.system
    yield from ("layout: C", "layout: sliced", "layout: reversed")
    for name in system.optional:
        yield f"absent: {name}"
    if lane.has_free_rank:
        yield "size-1 dims"
        low, high = lane.ranks
        for rank in range(low, high + 1):
            yield f"rank of {'batch' if system.batched else 'group'}: {rank}"
    if len(system.batched) > 1:
        for name in system.batched:
            yield f"leading broadcast: {name}"
            yield f"interior broadcast: {name}"
    for name, claim in lane.inputs.items():
        if claim.members is not None:
            yield f"{name}: {claim.members[0]} members"
            yield f"{name}: {claim.members[1]} members"


def reached(claims: Claims, structure: Structure) -> frozenset[str]:
    """Return the corner cases that a structure is."""
    lane = space_of(claims).lane(structure.lane)
    prefix = f"{structure.lane}: " if structure.lane else ""
    found = {f"lane: {structure.lane}"} if structure.lane else set()
    context = lane.context(structure.shapes)
    tied = {name for table in lane.tables for name in table.names}
    for name, claim in lane.params.items():
        value = structure.params[name]
        keys = {str(value)} if name in tied else kind_of(claim).classify(value, claim, context)
        found |= {f"{prefix}{name}: {key}" for key in keys}
    if structure.special != "none":
        found.add(f"special: {structure.special}")
    if structure.scale != 1.0:
        found.add(f"scale: {structure.scale:g}")
    found |= {f"layout: {word}" for word in structure.layouts.values()}
    return frozenset(found | set(_shape_reached(lane, structure)))


def _shape_reached(lane: LaneSpace, structure: Structure) -> Iterator[str]:
    """Yield the corner cases of a structure's shapes."""
    shapes: dict[str, Shape] = {n: first_shape(s) for n, s in structure.shapes.items()}
    for name, claim in lane.inputs.items():
        if claim.members is not None:
            yield f"{name}: {len(structure.shapes[name])} members"
    if any(1 in shape for shape in shapes.values()):
        yield "size-1 dims"
    solution = match(lane.system, shapes)
    if solution is None:
        return
    for name in solution.absent:
        yield f"absent: {name}"
    for group in solution.groups.values():
        if not lane.system.batched:
            yield f"rank of group: {len(group)}"
    if not solution.batches:
        return
    result = broadcast(list(solution.batches.values()))
    yield f"rank of batch: {len(result)}"
    for name, batch in solution.batches.items():
        if len(batch) < len(result):
            yield f"leading broadcast: {name}"
        if any(a == 1 < b for a, b in zip(batch[::-1], result[::-1], strict=False)):
            yield f"interior broadcast: {name}"


def has_layout(array: Array, layout: str) -> bool:
    """Tell whether an array really lies in memory as the word says."""
    steps = [s for s, n in zip(array.strides, array.shape, strict=True) if n > 1]
    if layout == "C":
        return bool(array.flags.c_contiguous)
    if layout == "F":
        return bool(array.flags.f_contiguous and not array.flags.c_contiguous)
    if layout == "transposed":
        return not array.flags.c_contiguous and bool(array.swapaxes(-1, -2).flags.c_contiguous)
    if layout == "sliced":
        return not array.flags.c_contiguous and min(steps) > array.itemsize
    if layout == "reversed":
        return all(step < 0 for step in steps)
    return 0 in steps
