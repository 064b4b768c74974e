"""What an operator has changed in modules that are not its own: NumPy, the engine, the judge."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

from needle_cli.engines.registry import OWN

WATCHED = ("builtins", "numpy", OWN, "needle_cli")
"""Packages in which an operator may change nothing: everybody else computes with them."""

MISSING = object()


class Owner(NamedTuple):
    """A module or a class, its attributes as they were, and the identities of these."""

    name: str
    owner: Any
    before: dict[str, Any]
    identities: tuple[int, ...]


class Snapshot:
    """The attributes of the watched modules and of their classes, as they are now."""

    def __init__(self) -> None:
        # The attributes themselves are held, so that no other object can get their identities.
        self._owners = [
            Owner(name, owner, dict(vars(owner)), _identities(owner)) for name, owner in _owners()
        ]

    def changed(self) -> list[str]:
        """Return the names of attributes that are other objects now, or new, or gone.

        A submodule that is imported becomes an attribute of its package, which is no change; nor is
        what Python itself keeps in `__names__`, such as annotations.
        """
        return sorted(
            f"{name}.{key}"
            for name, owner, before, identities in self._owners
            if _identities(owner) != identities
            for key in before.keys() | vars(owner).keys()
            if _is_change(key, before.get(key, MISSING), vars(owner).get(key, MISSING))
        )


def _identities(owner: Any) -> tuple[int, ...]:
    return tuple(map(id, vars(owner).values()))


def _is_change(key: str, old: object, new: object) -> bool:
    if old is MISSING:
        pythons_own = key.startswith("__") and (not callable(new) or key.startswith("__annotate"))
        return not pythons_own and not isinstance(new, ModuleType)
    return new is not old


def _owners() -> Iterator[tuple[str, Any]]:
    """Yield the watched modules and the classes that they define, each with its name."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in WATCHED and isinstance(module, ModuleType):
            yield name, module
            for key, value in list(vars(module).items()):
                if isinstance(value, type) and value.__module__ == name:
                    yield f"{name}.{key}", value
