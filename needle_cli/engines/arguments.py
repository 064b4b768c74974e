"""How a function takes its arguments: in which order, by which names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Signature:
    """The arguments of a function.

    Args:
        function: a function with or without a signature that Python knows.
        order: the names of its arguments in call order, as far as a spec states them.
    """

    def __init__(self, function: Callable[..., Any], order: Sequence[str] = ()) -> None:
        self._order = order
        self._keywords, self._rest = _argument_names(function)

    def bind(
        self, inputs: Mapping[str, Any], params: Mapping[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Order the arguments: by position up to the last input, later parameters by name.

        A list in the place of `*rest` is passed as separate arguments.
        """
        given = {**inputs, **params}
        order = [name for name in self._order if name in given]
        order += [name for name in given if name not in order]
        last = max((i for i, name in enumerate(order) if name in inputs), default=-1)
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        for i, name in enumerate(order):
            if self._rest is not None and i >= self._rest and isinstance(given[name], list):
                positional.extend(given[name])
            elif i <= last or (not keywords and name not in self._keywords):
                positional.append(given[name])
            else:
                keywords[name] = given[name]
        return positional, keywords


def _argument_names(function: Callable[..., Any]) -> tuple[frozenset[str], int | None]:
    """Return the names of arguments, and the position of `*rest`, if any."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return frozenset(), None
    by_name = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    kinds = [parameter.kind for parameter in parameters]
    variadic = inspect.Parameter.VAR_POSITIONAL
    rest = kinds.index(variadic) if variadic in kinds else None
    return frozenset(p.name for p in parameters if p.kind in by_name), rest
