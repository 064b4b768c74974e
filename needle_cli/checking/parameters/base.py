"""What every kind of parameter is made of: a context, corner cases, the answer "impossible"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from needle_cli.checking.choosing import Chooser
from needle_cli.checking.claims import ParamClaim
from needle_cli.checking.model import GeneratorError
from needle_cli.checking.shapes import Shape


class _Impossible:
    """The answer of `build` when the shapes at hand do not allow a corner case."""

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
        """Return the shape of the input that a parameter speaks of."""
        of = str(claim.fields.get("of", ""))
        if of not in self.shapes:
            known = ", ".join(self.shapes) or "none"
            raise GeneratorError(
                f"parameter {claim.name}: of = {of!r} is no input (inputs: {known})"
            )
        return self.shapes[of]


def frozen(value: Any) -> Any:
    """Return a value with its lists as tuples, as parameters are written."""
    return tuple(frozen(item) for item in value) if isinstance(value, list | tuple) else value


class Kind:
    """One kind of parameter."""

    number: ClassVar[bool] = False
    """Whether it is a number in a formula."""

    names_axes: ClassVar[bool] = False
    """Whether it says along which axes an operator works."""

    ranks: ClassVar[Mapping[str, int]] = {}
    """The corner cases that need a rank of their own."""

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        """Return the corner cases that must be reached, the simplest first."""
        raise NotImplementedError

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        """Return a value that is the corner case `key`, or `IMPOSSIBLE` for these shapes."""
        raise NotImplementedError

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        """Return every corner case that a value is."""
        raise NotImplementedError

    def integers(self, claim: ParamClaim) -> Sequence[int] | None:
        """Return every value where all are integers, which `require` may name; else None."""
        return None

    def least_rank(self, claim: ParamClaim) -> int:
        """Return the smallest rank of the input that leaves any value at all."""
        return 0

    def rank_for(self, key: str, claim: ParamClaim) -> int:
        """Return the smallest rank of the input that leaves the corner case `key`.

        Written down and not found by trying `build`: a strategy that cannot build a case must be
        found out, not excused.
        """
        return max(self.least_rank(claim), self.ranks.get(key, 0))

    def flag(self, claim: ParamClaim, name: str, default: bool) -> bool:
        """Return a boolean field."""
        return bool(claim.fields.get(name, default))
