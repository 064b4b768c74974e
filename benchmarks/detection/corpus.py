"""What a case of the corpus is, and where cases are found."""

from __future__ import annotations

import importlib
import pkgutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Pair = tuple[Callable[..., Any], Callable[..., Any], list[Any]]
"""Forward function, vjp and inputs, as `check_pair` takes them."""


@dataclass(frozen=True)
class Case:
    """One pair with the wanted answer.

    Args:
        name: `category/function`.
        right: Whether the gradient is right.
        why: For a wrong one, the mistake; for a right one, what is tricky.
        make: `make(rng)` returns a fresh pair.
        at: Flat entries of the first input that the proof has to look at, if it is large.
        proof: How the answer is known where differences in many digits cannot show it.
    """

    name: str
    right: bool
    why: str
    make: Callable[[np.random.Generator], Pair]
    at: tuple[int, ...] = ()
    proof: str = ""

    def pair(self) -> Pair:
        """Return a fresh pair; its inputs are the same every time."""
        return self.make(np.random.default_rng(zlib.crc32(self.name.encode())))


def right(why: str, **others: Any) -> Callable[[Any], Any]:
    """Mark a function of a generator as the maker of a right pair."""
    return _marked(True, why, others)


def wrong(why: str, **others: Any) -> Callable[[Any], Any]:
    """Mark a function of a generator as the maker of a wrong pair."""
    return _marked(False, why, others)


def _marked(is_right: bool, why: str, others: dict[str, Any]) -> Callable[[Any], Any]:
    def mark(make: Any) -> Any:
        name = f"{make.__module__.rpartition('.')[2]}/{make.__name__}"
        make.case = Case(name, is_right, why, make, **others)
        return make

    return mark


def cases_of(package: str) -> list[Case]:
    """Return the cases of all modules of a package, in the order of names; none if it is absent."""
    try:
        found = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        return []
    modules = [
        importlib.import_module(f"{package}.{module.name}")
        for module in pkgutil.iter_modules(found.__path__)
    ]
    makers = [value for module in modules for value in vars(module).values()]
    return sorted((m.case for m in makers if hasattr(m, "case")), key=lambda case: case.name)
