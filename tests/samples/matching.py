"""The solution that given shapes come from: the inverse of what the generators do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from needle_cli.checking.shapes import Shape, Solution, System


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """Return the shape that shapes broadcast to; raises `ValueError` if they do not."""
    rank = max((len(shape) for shape in shapes), default=0)
    result = []
    for axis in range(-rank, 0):
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        if len(sizes) > 1:
            raise ValueError(f"shapes {list(shapes)} do not broadcast together")
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


def match(system: System, shapes: Mapping[str, Shape]) -> Solution | None:
    """Return the solution that given shapes come from, or None where there is none."""
    for absent in _subsets(system.optional):
        solution = Solution(absent=absent)
        if all(_match_one(system, name, shape, solution) for name, shape in shapes.items()):
            try:
                broadcast(list(solution.batches.values()))
            except ValueError:
                continue
            if system.shapes(solution) == {n: tuple(s) for n, s in shapes.items()}:
                return solution
    return None


def _match_one(system: System, name: str, shape: Shape, solution: Solution) -> bool:
    """Read one shape against its pattern, adding to the solution."""
    parts = [
        part
        for part in system.patterns[name].parts
        if not (part.kind == "optional" and part.name in solution.absent)
    ]
    spare = len(shape) - sum(part.kind not in ("batch", "group") for part in parts)
    if spare < 0:
        return False
    left = list(shape)
    for part in parts:
        if part.kind in ("batch", "group"):
            taken, left = tuple(left[:spare]), left[spare:]
            spare = 0
            known = solution.batches if part.kind == "batch" else solution.groups
            key = name if part.kind == "batch" else part.name
            if known.setdefault(key, taken) != taken:
                return False
            continue
        if not left:
            return False
        size = left.pop(0)
        if part.kind == "fixed":
            if size != part.size:
                return False
        elif solution.dims.setdefault(part.name, size) != size:
            return False
    return not left


def _subsets(names: Sequence[str]) -> Iterator[frozenset[str]]:
    """Yield every set of names, the empty one first."""
    for mask in range(2 ** len(names)):
        yield frozenset(name for i, name in enumerate(names) if mask >> i & 1)


def rank(system: System, name: str, group: int, batch: int) -> int:
    """Return the rank of an input for given ranks of the groups and of the batch."""
    ranks = {"group": group, "batch": batch}
    return sum(ranks.get(part.kind, 1) for part in system.patterns[name].parts)
