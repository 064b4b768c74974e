"""The engines that `check_function` knows: registered from above, found by their tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from needle_cli.checking.model import Case, OpUnderTest

Make: TypeAlias = "Callable[[Callable[..., Any], Sequence[Any]], tuple[OpUnderTest, Case]]"

_engines: dict[str, tuple[Callable[[object], bool], Make]] = {}


def register_engine(name: str, matches: Callable[[object], bool], make: Make) -> None:
    """Register an engine with `check_function`.

    Args:
        name: The engine's name; registering it again replaces it.
        matches: Whether an argument is a tensor of this engine.
        make: Builds `(operator under test, case)` from `(f, inputs)`.
    """
    _engines[name] = (matches, make)


def engine_for(inputs: Sequence[Any]) -> Make:
    """Return the function that builds an operator, of the engine whose tensors are in the inputs.

    Raises:
        TypeError: No engine knows the inputs.
    """
    for value in inputs:
        members = value if isinstance(value, tuple | list) else (value,)
        for matches, make in _engines.values():
            if any(matches(member) for member in members):
                return make
    kinds = ", ".join(sorted({type(value).__name__ for value in inputs})) or "nothing"
    known = ", ".join(_engines) or "none"
    raise TypeError(
        f"no engine knows these inputs ({kinds}); registered: {known}. "
        "For plain arrays use check_pair."
    )
