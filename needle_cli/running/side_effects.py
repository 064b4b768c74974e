"""What an operator has changed in modules that are not its own: NumPy, the engine, the judge."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from operator import attrgetter, is_not
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from needle_cli.engines.registry import OWN

WATCHED = ("builtins", "numpy", OWN, "needle_cli")
"""Packages in which an operator may change nothing: everybody else computes with them."""

ONCE = ("sys", "builtins", "numpy", "needle_cli")
"""Modules that are the same ones all the time. A course's folder brings an engine of its own."""

JUDGES = (OWN, "needle_cli")
"""Packages of which the functions are looked into as well: NumPy has thousands of them."""

PARTS = ("__code__", "__defaults__", "__kwdefaults__")
"""What a function is made of, and what can be replaced within it."""

MISSING = object()


class Owner(NamedTuple):
    """A module or a class, its attributes as they were, and the identities of these."""

    name: str
    owner: Any
    before: dict[str, Any]
    identities: tuple[int, ...]


class Snapshot:
    """The watched modules, their attributes and their functions' parts as they are now."""

    def __init__(self) -> None:
        self._modules = {name: sys.modules.get(name) for name in ONCE}
        # The attributes themselves are held, so that no other object can get their identities.
        self._owners = [
            Owner(name, owner, dict(vars(owner)), _identities(owner)) for name, owner in _owners()
        ]
        self._functions = {
            function: f"{name}.{key}"
            for name, _, attributes, _ in self._owners
            if name.partition(".")[0] in JUDGES
            for key, value in attributes.items()
            for function in _functions(value)
            if function.__module__ == name or isinstance(value, type)
        }
        self._parts = {part: list(map(attrgetter(part), self._functions)) for part in PARTS}

    def changed(self) -> list[str]:
        """Return the names of what is another object now, or new, or gone.

        A submodule that is imported becomes an attribute of its package, which is no change; nor is
        what Python itself keeps in `__names__`, such as annotations.
        """
        modules = {
            f"sys.modules[{name!r}]"
            for name, module in self._modules.items()
            if sys.modules.get(name) is not module
        }
        attributes = {
            f"{name}.{key}"
            for name, owner, before, identities in self._owners
            if _identities(owner) != identities
            for key in before.keys() | vars(owner).keys()
            if _is_change(key, before.get(key, MISSING), vars(owner).get(key, MISSING))
        }
        functions = {
            f"{name}.{part}"
            for part, before in self._parts.items()
            if any(map(is_not, before, map(attrgetter(part), self._functions)))
            for (function, name), old in zip(self._functions.items(), before, strict=True)
            if getattr(function, part) is not old
        }
        return sorted(modules | attributes | functions)


def _identities(owner: Any) -> tuple[int, ...]:
    return tuple(map(id, vars(owner).values()))


def _functions(value: Any) -> Iterator[FunctionType]:
    """Yield the function that an attribute is, or those that it is made of."""
    for part in (value, *(getattr(value, name, None) for name in ("__func__", "fget", "func"))):
        if isinstance(part, FunctionType):
            yield part


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
