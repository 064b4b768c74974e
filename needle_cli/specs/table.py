"""Read the keys of one TOML table, with a helpful error for everything unexpected."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from needle_cli.problems import nearest
from needle_cli.specs.document import Document
from needle_cli.specs.errors import SpecError, listed, shown
from needle_cli.specs.lines import join

KINDS = {bool: "a boolean", int: "an integer", float: "a number", str: "a string"}


def kind_of(value: object) -> str:
    """Return the TOML kind of a value in words, "a string" or "an array"."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "an array"
    return KINDS.get(type(value), "a date or time")


@dataclass(frozen=True)
class Table:
    """One table of a document.

    `path` is its key path, empty for the document itself. `above` are the keys of the document, by
    which a misplaced key is distinguished from a misspelt one.
    """

    document: Document
    path: str
    data: Mapping[str, Any]
    above: Sequence[str] = ()

    def __contains__(self, key: str) -> bool:
        return key in self.data

    def error(self, key: str, message: str, expected: str = "", near: str = "") -> SpecError:
        """Return the error that points at a key of this table; "" points at the table itself."""
        return self.document.error(
            join(self.path, key) if key else self.path, message, expected, near
        )

    def wrong(self, key: str, expected: str, near: str = "") -> SpecError:
        """Return the error for a value of the wrong type or outside its vocabulary."""
        value = self.data[key]
        found = kind_of(value) if isinstance(value, Mapping | list) else shown(value)
        return self.error(key, f"`{join(self.path, key)}` is {found}", expected, near)

    def only(self, known: Sequence[str]) -> None:
        """Refuse the first unknown key and name the nearest known one."""
        for key in self.data:
            if key not in known:
                raise self._unknown(key, known)

    def _unknown(self, key: str, known: Sequence[str]) -> SpecError:
        """Return the error for an unknown key, or for a key in the wrong table."""
        if self.path and key in self.above:
            return self.error(
                key,
                f"`{key}` belongs to the whole spec, but stands under [{self.path}] and so "
                "became part of it (key order in TOML)",
                f"`{key}` above the first [table] and [[table]] of the file",
            )
        where = f" in `{self.path}`" if self.path else ""
        expected = listed(known) if known else "no key"
        return self.error(key, f"unknown key {shown(key)}{where}", expected, nearest(key, known))

    def need(self, key: str, what: str) -> None:
        """Refuse a table that lacks a key."""
        if key not in self.data:
            where = f"`{self.path}`" if self.path else "the spec"
            raise self.error("", f"{where} has no `{key}`", what)

    def text(self, key: str, default: str = "", *, what: str = "a string") -> str:
        """Return a string that is not blank."""
        if key not in self.data:
            return default
        value = self.data[key]
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, f"{what} (not empty)")
        return value

    def word(self, key: str, known: Collection[str], default: str = "") -> str:
        """Return one word of a closed vocabulary."""
        if key not in self.data:
            return default
        value = self.data[key]
        if not isinstance(value, str) or value not in known:
            raise self.wrong(
                key, listed(known), nearest(value, known) if isinstance(value, str) else ""
            )
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return a boolean."""
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def integer(self, key: str, default: int, *, low: int | None = None) -> int:
        """Return an integer of at least `low`; a boolean does not count."""
        value = self.data.get(key, default)
        wanted = "an integer" if low is None else f"an integer of at least {low}"
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(key, wanted)
        if abs(value) > 2**31 or (low is not None and value < low):
            raise self.wrong(key, wanted if abs(value) <= 2**31 else "an integer below 2**31")
        return value

    def number(self, key: str, default: float) -> float:
        """Return a finite number; a boolean does not count."""
        value = self.data.get(key, default)
        if not is_finite_number(value):
            raise self.wrong(key, "a finite number")
        return float(value)

    def strings(self, key: str, what: str = "an array of strings") -> tuple[str, ...]:
        """Return an array of distinct, non-empty strings."""
        value = self.data.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, what)
        for i, item in enumerate(value):
            if not isinstance(item, str) or not item.strip():
                raise self.error(
                    f"{key}[{i}]", f"`{join(self.path, key)}` holds {shown(item)}", what
                )
            if item in value[:i]:
                raise self.error(
                    f"{key}[{i}]",
                    f"`{join(self.path, key)}` names {shown(item)} twice",
                    "every entry once",
                )
        return tuple(value)

    def names(self, key: str, known: Sequence[str], what: str) -> tuple[str, ...]:
        """Return an array of names from `known`; a single name needs no array."""
        if isinstance(self.data.get(key), str):
            return (self.name(key, known, what),)
        names = self.strings(key, f"an array of {what}s: {listed(known)}")
        for i, name in enumerate(names):
            if name not in known:
                raise self.error(
                    f"{key}[{i}]",
                    f"there is no {what} {shown(name)}",
                    listed(known),
                    nearest(name, known),
                )
        return names

    def name(self, key: str, known: Sequence[str], what: str) -> str:
        """Return one name from `known`."""
        value = self.text(key, what=f"the name of an {what}" if what[0] in "aio" else what)
        if value not in known:
            raise self.error(
                key, f"there is no {what} {shown(value)}", listed(known), nearest(value, known)
            )
        return value

    def table(self, key: str) -> Table:
        """Return the table under a key; an empty one if the key is missing."""
        value = self.data.get(key, {})
        if not isinstance(value, Mapping):
            raise self.wrong(key, "a table")
        return replace(self, path=join(self.path, key), data=value)

    def tables(self, key: str) -> list[Table]:
        """Return the tables of an array of tables, `[[key]]`."""
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise self.wrong(key, f"an array of tables, written [[{join(self.path, key)}]]")
        path = join(self.path, key)
        return [replace(self, path=f"{path}[{i}]", data=item) for i, item in enumerate(value)]


def is_finite_number(value: object) -> bool:
    """Return True if a TOML value is a number other than NaN and the infinities."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the range of floats
        return False
