"""Parameters that name axes: one axis, several, a pair, a permutation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from needle_cli.checking.choosing import Chooser, chance, choose, permuted, subset
from needle_cli.checking.claims import ParamClaim
from needle_cli.checking.parameters.base import IMPOSSIBLE, Context, Kind


def _signed(axis: int, rank: int, chooser: Chooser) -> int:
    """Return an axis counted from the front, or sometimes from the back."""
    return axis - rank if chance(chooser, 3) else axis


class AxisKind(Kind):
    """One axis of `of`; `extra` adds positions (for `stack`), `optional` allows None."""

    fields = ("of", "extra", "optional")
    names_axes: ClassVar[bool] = True
    ranks: ClassVar[Mapping[str, int]] = {"first": 1, "last": 2, "middle": 3, "negative": 1}

    def rank_for(self, key: str, claim: ParamClaim) -> int:
        """An extra position counts as an axis."""
        return max(0, super().rank_for(key, claim) - int(claim.fields.get("extra", 0)))

    def least_rank(self, claim: ParamClaim) -> int:
        """One axis, unless None or an extra position is allowed."""
        if self.flag(claim, "optional", False):
            return 0
        return max(0, 1 - int(claim.fields.get("extra", 0)))

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        none = ("None",) if self.flag(claim, "optional", False) else ()
        return ("first", "last", "middle", "negative", *none)

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        if key == "None":
            return None
        rank = len(ctx.shape(claim)) + int(claim.fields.get("extra", 0))
        if rank == 0 or (key == "last" and rank < 2) or (key == "middle" and rank < 3):
            return IMPOSSIBLE
        if key == "negative":
            return chooser.integer(-rank, -1)
        if key == "middle":
            return chooser.integer(1, rank - 2)
        return 0 if key == "first" else rank - 1

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        if value is None:
            return frozenset({"None"})
        rank = len(ctx.shape(claim)) + int(claim.fields.get("extra", 0))
        if value < 0:
            return frozenset({"negative"})
        if value == 0:
            return frozenset({"first"})
        return frozenset({"last" if value == rank - 1 else "middle"})


class AxesKind(Kind):
    """Axes of `of`: None, an integer, a tuple in any order, the empty tuple, all.

    `optional`, `int` and `empty` (true by default) say whether None, a bare integer and the empty
    tuple are accepted.
    """

    fields = ("of", "optional", "int", "empty")
    names_axes: ClassVar[bool] = True
    ranks: ClassVar[Mapping[str, int]] = {
        "one": 1, "negative": 1, "all": 1, "int": 1, "negative int": 1, "tuple": 2, "unsorted": 2,
    }  # fmt: skip

    def least_rank(self, claim: ParamClaim) -> int:
        """Any rank if None or the empty tuple is accepted."""
        either = self.flag(claim, "optional", True) or self.flag(claim, "empty", True)
        return 0 if either else 1

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        keys = ["one", "negative", "tuple", "all", "unsorted"]
        if self.flag(claim, "optional", True):
            keys.insert(0, "None")
        if self.flag(claim, "int", True):
            keys += ["int", "negative int"]
        return (*keys, "empty") if self.flag(claim, "empty", True) else tuple(keys)

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        rank = len(ctx.shape(claim))
        if key in ("None", "empty"):
            return None if key == "None" else ()
        if rank == 0 or (rank < 2 and key in ("tuple", "unsorted")):
            return IMPOSSIBLE
        if key == "int":
            return chooser.integer(0, rank - 1)
        if key == "negative int":
            return chooser.integer(-rank, -1)
        if key == "one":
            return (_signed(chooser.integer(0, rank - 1), rank, chooser),)
        if key == "all":
            return tuple(range(rank))
        if key == "negative":
            axes = subset(chooser, range(rank), least=1)
            return tuple(axis - rank for axis in axes)
        axes = sorted(subset(chooser, range(rank), least=2))
        if key == "unsorted":
            axes.reverse()
            return tuple(_signed(axis, rank, chooser) for axis in axes)
        return tuple(axes)

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        if value is None:
            return frozenset({"None"})
        if isinstance(value, int):
            return frozenset({"negative int" if value < 0 else "int"})
        if not value:
            return frozenset({"empty"})
        rank = len(ctx.shape(claim))
        places = [axis % rank for axis in value]
        found = {"one"} if len(value) == 1 else {"tuple"}
        if min(value) < 0:
            found.add("negative")
        if len(value) == rank:
            found.add("all")
        if places != sorted(places):
            found.add("unsorted")
        return frozenset(found)


class AxisPairKind(Kind):
    """Two different axes of `of`; `optional` allows None."""

    fields = ("of", "optional")
    ranks: ClassVar[Mapping[str, int]] = {"apart": 3}

    def least_rank(self, claim: ParamClaim) -> int:
        """Two axes, even for None: the default pair must exist."""
        return 2

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        none = ("None",) if self.flag(claim, "optional", False) else ()
        return (*none, "ascending", "descending", "negative", "mixed signs", "apart")

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        rank = len(ctx.shape(claim))
        if key == "None":
            return None
        if rank < 2 or (key == "apart" and rank < 3):
            return IMPOSSIBLE
        first, second = sorted(subset(chooser, range(rank), least=rank)[:2])
        if key == "apart":
            first = chooser.integer(0, rank - 3)
            second = chooser.integer(first + 2, rank - 1)
        if key == "descending":
            return (second, first)
        if key == "negative":
            return (first - rank, second - rank)
        return (first, second - rank) if key == "mixed signs" else (first, second)

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        if value is None:
            return frozenset({"None"})
        rank = len(ctx.shape(claim))
        first, second = (axis % rank for axis in value)
        found = {"ascending" if first < second else "descending"}
        signs = {axis < 0 for axis in value}
        if signs == {True}:
            found.add("negative")
        if len(signs) == 2:
            found.add("mixed signs")
        if abs(first - second) > 1:
            found.add("apart")
        return frozenset(found)


class PermutationKind(Kind):
    """A permutation of the axes of `of`; `optional` allows None."""

    fields = ("of", "optional")
    ranks: ClassVar[Mapping[str, int]] = {"reversed": 2, "cycle": 3, "negative": 1}

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        none = ("None",) if self.flag(claim, "optional", False) else ()
        return (*none, "identity", "reversed", "cycle", "negative")

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        rank = len(ctx.shape(claim))
        if key == "None":
            return None
        axes = tuple(range(rank))
        if key == "identity":
            return axes
        if rank < (3 if key == "cycle" else 1 if key == "negative" else 2):
            return IMPOSSIBLE
        if key == "reversed":
            return axes[::-1]
        if key == "cycle":
            turn = choose(chooser, (1, rank - 1))
            return axes[turn:] + axes[:turn]
        return tuple(axis - rank for axis in permuted(chooser, axes))

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        if value is None:
            return frozenset({"None"})
        rank = len(ctx.shape(claim))
        places = [axis % rank for axis in value]
        found = set()
        if places == list(range(rank)):
            found.add("identity")
        elif places == list(range(rank))[::-1]:
            found.add("reversed")
        if any(places[places[i]] != i for i in range(rank)):
            found.add("cycle")
        if any(axis < 0 for axis in value):
            found.add("negative")
        return frozenset(found)
