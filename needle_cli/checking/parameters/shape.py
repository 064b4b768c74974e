"""Parameters about shapes: target shapes, paddings, sections, repeats."""

from __future__ import annotations

import math
from typing import Any

from needle_cli.checking.choosing import Chooser, chance, permuted
from needle_cli.checking.claims import ParamClaim
from needle_cli.checking.parameters.base import IMPOSSIBLE, Context, Kind
from needle_cli.checking.shapes import Shape, rank_for


def _factored(size: int, chooser: Chooser) -> list[int]:
    """Return chosen factors whose product is `size`."""
    parts = []
    divisor = 2
    while size > 1:
        while size % divisor:
            divisor += 1
        parts.append(divisor)
        size //= divisor
    parts = permuted(chooser, parts)
    while len(parts) > 3 or (len(parts) > 1 and chance(chooser, 3)):
        parts[-2:] = [parts[-1] * parts[-2]]
    return parts


class ReshapeKind(Kind):
    """A shape with as many entries as `of` has; sometimes with one -1."""

    fields = ("of",)

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        return ("flat", "same", "inferred", "ones", "split", "scalar")

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        shape = ctx.shape(claim)
        size = math.prod(shape)
        if key == "scalar":
            return () if size == 1 else IMPOSSIBLE
        if key == "flat":
            return (size,)
        if key == "same":
            return shape
        if size == 0:
            return IMPOSSIBLE if key == "inferred" else (*shape, 1)
        parts = _factored(size, chooser)
        if key == "ones":
            parts.insert(chooser.integer(0, len(parts)), 1)
        if key == "split" and (len(parts) < 2 or tuple(parts) == shape):
            return IMPOSSIBLE
        if key == "inferred":
            parts = parts or [1]
            parts[chooser.integer(0, len(parts) - 1)] = -1
        return tuple(parts)

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        shape = ctx.shape(claim)
        found = set()
        if value == ():
            found.add("scalar")
        if value == shape:
            found.add("same")
        if -1 in value:
            found.add("inferred")
        if value == (math.prod(shape),):
            found.add("flat")
        if 1 in value:
            found.add("ones")
        if len(value) > 1 and value != shape and -1 not in value:
            found.add("split")
        return frozenset(found)


class BroadcastKind(Kind):
    """A shape that `of` broadcasts to."""

    fields = ("of",)

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        return ("same", "leading", "interior", "both", "leading one")

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        shape = ctx.shape(claim)
        if key == "same":
            return shape
        wide = self._widened(shape, chooser)
        if key in ("interior", "both") and wide == shape:
            return IMPOSSIBLE
        if key == "interior":
            return wide
        if key == "leading one":
            return (1, *shape)
        extra = tuple(chooser.integer(2, 4) for _ in range(chooser.integer(1, 2)))
        return (*extra, *(wide if key == "both" else shape))

    def _widened(self, shape: Shape, chooser: Chooser) -> Shape:
        return tuple(chooser.integer(2, 4) if n == 1 else n for n in shape)

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        shape = ctx.shape(claim)
        extra = len(value) - len(shape)
        wider = tuple(value[extra:]) != tuple(shape)
        found = set()
        if extra == 0:
            found.add("interior" if wider else "same")
        else:
            found.add("both" if wider else "leading")
            if 1 in value[:extra]:
                found.add("leading one")
        return frozenset(found)


class PadKind(Kind):
    """`(before, after)` for every axis of `of`, each at most `max` (2 by default)."""

    fields = ("of", "max")

    def least_rank(self, claim: ParamClaim) -> int:
        """One axis."""
        return 1

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        return ("none", "before only", "after only", "uneven", "every axis")

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        rank = len(ctx.shape(claim))
        most = int(claim.fields.get("max", 2))
        if rank == 0 or most < 1 or (key == "uneven" and most < 2):
            return IMPOSSIBLE if key != "none" else ((0, 0),) * rank
        if key == "none":
            return ((0, 0),) * rank
        if key == "every axis":
            return tuple((chooser.integer(1, most), chooser.integer(1, most)) for _ in range(rank))
        widths = [(0, 0)] * rank
        amount = chooser.integer(1, most)
        pair = {"before only": (amount, 0), "after only": (0, amount)}.get(key, (1, most))
        widths[chooser.integer(0, rank - 1)] = pair
        return tuple(widths)

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        used = [pair for pair in value if any(pair)]
        if not used:
            return frozenset({"none"})
        found = set()
        if all(after == 0 for _, after in used):
            found.add("before only")
        if all(before == 0 for before, _ in used):
            found.add("after only")
        if any(0 < before != after > 0 for before, after in used):
            found.add("uneven")
        if all(before and after for before, after in value):
            found.add("every axis")
        return frozenset(found)


class SectionsKind(Kind):
    """How to split an axis of `of`: into a number of equal parts, or before positions."""

    fields = ("of", "axis")

    def least_rank(self, claim: ParamClaim) -> int:
        """The axis must exist."""
        return rank_for(int(claim.fields.get("axis", 0)))

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        return ("one part", "single entries", "positions")

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        size = ctx.shape(claim)[int(claim.fields.get("axis", 0))]
        if key == "one part":
            return 1
        if key == "single entries":
            return size if size > 1 else IMPOSSIBLE
        if size < 2:
            return IMPOSSIBLE
        first = chooser.integer(1, size - 1)
        return (first,) if first + 1 >= size or chance(chooser, 2) else (first, size - 1)

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        if isinstance(value, tuple):
            return frozenset({"positions"})
        if value == 1:
            return frozenset({"one part"})
        size = ctx.shape(claim)[int(claim.fields.get("axis", 0))]
        return frozenset({"single entries"} if value == size else ())


class RepeatsKind(Kind):
    """Numbers of repeats: an integer; with `axis` also one per entry, without it one per axis."""

    fields = ("of", "axis", "max")

    def least_rank(self, claim: ParamClaim) -> int:
        """The axis must exist."""
        axis = int(claim.fields.get("axis", 0)) if "axis" in claim.fields else 0
        return axis + 1 if axis > 0 else max(1, -axis)

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        return ("once", "many", "tuple")

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        most = max(2, int(claim.fields.get("max", 3)))
        if key == "once":
            return 1
        if key == "many":
            return chooser.integer(2, most)
        shape = ctx.shape(claim)
        per_entry = "axis" in claim.fields
        count = shape[int(claim.fields["axis"])] if per_entry else len(shape)
        if count == 0:
            return IMPOSSIBLE
        low = 0 if per_entry and count > 1 else 1
        return tuple(chooser.integer(low, most) for _ in range(count))

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        if isinstance(value, tuple):
            return frozenset({"tuple"})
        return frozenset({"once" if value == 1 else "many"})
