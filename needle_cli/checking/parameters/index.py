"""The parameter kind `index`: what may stand between the brackets of `x[...]`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from needle_cli.checking.choosing import Chooser, chance, choose
from needle_cli.checking.claims import ParamClaim
from needle_cli.checking.parameters.base import IMPOSSIBLE, Context, Kind
from needle_cli.checking.shapes import Shape

_PLAIN = (
    "slice", "int", "negative int", "open slice", "stepped slice", "reversed slice", "ellipsis",
    "new axis", "bare",
)  # fmt: skip
_ARRAYS = ("array", "repeated rows", "negative in array", "two arrays", "arrays apart", "2-d array")


class IndexKind(Kind):
    """An index of `of`: integers, slices, `...`, None, integer arrays (lists, until realised).

    `arrays` allows integer arrays; `duplicates = "force"` makes every array repeat a row.
    """

    fields = ("of", "arrays", "duplicates")
    ranks: ClassVar[Mapping[str, int]] = {"two arrays": 2, "arrays apart": 3}

    def least_rank(self, claim: ParamClaim) -> int:
        """One axis: an index into a scalar tests little."""
        return 1

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        if not self.flag(claim, "arrays", False):
            return _PLAIN
        repeats = claim.fields.get("duplicates") != "forbid"
        return _PLAIN + tuple(k for k in _ARRAYS if repeats or k != "repeated rows")

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        shape = ctx.shape(claim)
        if key == "ellipsis":
            last = choose(chooser, (slice(None), -1)) if shape and shape[-1] else slice(None)
            return (Ellipsis, last) if shape else (Ellipsis,)
        if key == "new axis":
            return (None, Ellipsis) if chance(chooser, 2) or not shape else (slice(None), None)
        need = {"two arrays": 2, "arrays apart": 3}.get(key, 1)
        if len(shape) < need or (0 in shape[:need] and key not in _PLAIN):
            return IMPOSSIBLE
        if key in _ARRAYS:
            return _with_arrays(key, shape, claim, chooser)
        axis = 0 if key == "bare" else chooser.integer(0, len(shape) - 1)
        item = _ITEMS[key](shape[axis], chooser)
        if item is IMPOSSIBLE or key == "bare":
            return item
        return (*(slice(None) for _ in range(axis)), item)

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        if not isinstance(value, tuple):
            return frozenset({"bare"}) | _named((value,))
        return _named(value)


def _named(items: tuple[Any, ...]) -> frozenset[str]:
    """Return the names of the corner cases among the items of an index."""
    found = set()
    for item in items:
        if item is None:
            found.add("new axis")
        elif item is Ellipsis:
            found.add("ellipsis")
        elif isinstance(item, slice):
            found |= _slice_names(item)
        elif isinstance(item, list):
            found |= _array_names(item)
        else:
            found.add("negative int" if item < 0 else "int")
    places = [i for i, item in enumerate(items) if isinstance(item, list)]
    if len(places) > 1:
        found.add("arrays apart" if places[-1] - places[0] >= len(places) else "two arrays")
    return frozenset(found)


def _slice_names(item: slice) -> set[str]:
    """Return the corner cases of one slice; a plain colon has none."""
    if item == slice(None):
        return set()
    found = {"slice"}
    if item.start is None or item.stop is None:
        found.add("open slice")
    if item.step is not None and item.step > 1:
        found.add("stepped slice")
    if item.step is not None and item.step < 0:
        found.add("reversed slice")
    return found


def _array_names(item: list[Any]) -> set[str]:
    """Return the corner cases of one integer array."""
    nested = bool(item) and isinstance(item[0], list)
    flat = [n for row in item for n in row] if nested else item
    found = {"array"} | ({"2-d array"} if nested else set())
    if len(set(flat)) < len(flat):
        found.add("repeated rows")
    if any(n < 0 for n in flat):
        found.add("negative in array")
    return found


def _slice(size: int, chooser: Chooser) -> Any:
    start = chooser.integer(0, max(size - 1, 0))
    return slice(start, chooser.integer(min(start + 1, size), size))


def _open(size: int, chooser: Chooser) -> Any:
    cut = chooser.integer(0, max(size - 1, 0))
    return slice(cut, None) if chance(chooser, 2) else slice(None, cut - size or None)


def _stepped(size: int, chooser: Chooser) -> Any:
    return slice(chooser.integer(0, 1), None, chooser.integer(2, 3))


def _reversed(size: int, chooser: Chooser) -> Any:
    return slice(None, None, choose(chooser, (-1, -2)))


def _integer(size: int, chooser: Chooser) -> Any:
    return chooser.integer(0, size - 1) if size else IMPOSSIBLE


def _negative(size: int, chooser: Chooser) -> Any:
    return chooser.integer(-size, -1) if size else IMPOSSIBLE


def _bare(size: int, chooser: Chooser) -> Any:
    form = choose(chooser, (_slice, _integer, _negative))
    return form(size, chooser)


_ITEMS: Mapping[str, Callable[[int, Chooser], Any]] = {
    "slice": _slice,
    "int": _integer,
    "negative int": _negative,
    "open slice": _open,
    "stepped slice": _stepped,
    "reversed slice": _reversed,
    "bare": _bare,
}


def _rows(size: int, count: int, claim: ParamClaim, chooser: Chooser) -> list[int]:
    """Return `count` positions along an axis, repeated as the claim says."""
    duplicates = claim.fields.get("duplicates", "allow")
    if duplicates == "forbid":
        count = min(count, size)
        start = chooser.integer(0, size - 1)
        return [(start + i) % size for i in range(count)]
    found = [chooser.integer(0, size - 1) for _ in range(count)]
    if duplicates == "force" and count > 1:
        found[-1] = found[0]
    return found


def _with_arrays(key: str, shape: Shape, claim: ParamClaim, chooser: Chooser) -> Any:
    """Return an index with one or two integer arrays."""
    count = chooser.integer(2, 4)
    first = _rows(shape[0], count, claim, chooser)
    if key == "repeated rows":
        first[-1] = first[0]
    if key == "negative in array":
        first[0] -= shape[0]
        if claim.fields.get("duplicates") == "force":
            first[-1] = first[0]
    if key == "2-d array":
        return ([first, first[::-1]],)
    if key not in ("two arrays", "arrays apart"):
        axis = chooser.integer(0, len(shape) - 1)
        same = shape[axis] == shape[0]
        return (*(slice(None) for _ in range(axis)), first) if same else (first,)
    axis = 1 if key == "two arrays" else 2
    second = _rows(shape[axis], len(first), claim, chooser)
    while len(second) < len(first):
        first.pop()
    middle = () if key == "two arrays" else (choose(chooser, (slice(None), slice(0, 1))),)
    return (first, *middle, second)
