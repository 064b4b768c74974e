"""The base of the kinds of parameters: corner cases, their context, the answer "impossible"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from needle_cli.checking.choosing import Chooser
from needle_cli.checking.claims import ParamClaim
from needle_cli.checking.model import GeneratorError
from needle_cli.checking.shapes import Shape


class _Impossible:
    """The answer of `build` if the shapes do not allow a corner case."""

    def __repr__(self) -> str:
        return "IMPOSSIBLE"


IMPOSSIBLE = _Impossible()


@dataclass
class Context:
    """What a parameter may depend on: shapes (a list's is its first member's), earlier params."""

    shapes: Mapping[str, Shape]
    params: dict[str, Any] = field(default_factory=dict)
    exact: bool = False

    def shape(self, claim: ParamClaim) -> Shape:
        """Return the shape of the input that a parameter refers to."""
        of = str(claim.fields.get("of", ""))
        if of not in self.shapes:
            known = ", ".join(self.shapes) or "none"
            raise GeneratorError(
                f"parameter {claim.name}: of = {of!r} is not an input (inputs: {known})"
            )
        return self.shapes[of]


def frozen(value: Any) -> Any:
    """Return a value with tuples in place of lists, as operators expect parameters."""
    return tuple(frozen(item) for item in value) if isinstance(value, list | tuple) else value


class Kind:
    """One kind of parameter."""

    fields: ClassVar[tuple[str, ...]] = ()
    """The fields that a spec may give beside `kind`."""

    number: ClassVar[bool] = False
    """Whether it is a number in a formula."""

    names_axes: ClassVar[bool] = False
    """Whether it names the axes along which an operator works."""

    ranks: ClassVar[Mapping[str, int]] = {}
    """The corner cases that need a rank of their own."""

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        """Return the corner cases that must be reached, the simplest first."""
        raise NotImplementedError

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        """Return a value that is the corner case `key`, or `IMPOSSIBLE` for these shapes."""
        raise NotImplementedError

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        """Return the names of all corner cases that a value is."""
        raise NotImplementedError

    def integers(self, claim: ParamClaim) -> Sequence[int] | None:
        """Return all values if they are integers, so that `require` may name them; else None."""
        return None

    def least_rank(self, claim: ParamClaim) -> int:
        """Return the smallest rank of the input for which a value exists."""
        return 0

    def rank_for(self, key: str, claim: ParamClaim) -> int:
        """Return the smallest rank of the input for which the corner case `key` exists.

        This is stated and not found by trying `build`, so that a strategy that wrongly fails to
        build a case is noticed.
        """
        return max(self.least_rank(claim), self.ranks.get(key, 0))

    def flag(self, claim: ParamClaim, name: str, default: bool) -> bool:
        """Return a boolean field."""
        return bool(claim.fields.get(name, default))
