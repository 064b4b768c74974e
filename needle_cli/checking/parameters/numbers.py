"""Parameters that are plain values: integers, floats, booleans, choices, hooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from needle_cli.checking.choosing import Chooser, choose
from needle_cli.checking.claims import ParamClaim, called
from needle_cli.checking.model import GeneratorError
from needle_cli.checking.parameters.base import IMPOSSIBLE, Context, Kind, frozen

EXACT_NUMBERS = (1.0, 2.0, -1.0, -2.0, 3.0, 0.5, 4.0)
"""Values of float parameters in the exact lane: their products with small integers are exact."""


def is_exact(value: Any) -> bool:
    """Whether arithmetic with a parameter and small integers is exact."""
    if isinstance(value, float):
        return (value * 4).is_integer() and abs(value) <= 64
    if isinstance(value, tuple | list):
        return all(is_exact(item) for item in value)
    return True


class IntKind(Kind):
    """An integer within `min` and `max`, or one of `values`."""

    fields = ("min", "max", "values")
    number: ClassVar[bool] = True

    def integers(self, claim: ParamClaim) -> Sequence[int]:
        """Every value."""
        return self.options(claim)

    def options(self, claim: ParamClaim) -> Sequence[int]:
        """Return every value."""
        if "values" in claim.fields:
            return [int(v) for v in claim.fields["values"]]
        low = int(claim.fields.get("min", 0))
        high = int(claim.fields.get("max", max(low, 0) + 3))
        return range(low, high + 1)

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        options = self.options(claim)
        if len(options) <= 6:
            return tuple(str(v) for v in options)
        return ("smallest", "inside", "largest")

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        options = self.options(claim)
        if key == "smallest":
            return options[0]
        if key == "largest":
            return options[-1]
        return choose(chooser, options[1:-1]) if key == "inside" else int(key)

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        options = self.options(claim)
        if len(options) <= 6:
            return frozenset({str(value)})
        return frozenset(
            {"smallest" if value == options[0] else "largest" if value == options[-1] else "inside"}
        )


class FloatKind(Kind):
    """A float within `min` and `max`, or one of `values`; zero only if the claim allows it."""

    fields = ("min", "max", "values")
    number: ClassVar[bool] = True

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        if "values" in claim.fields:
            return tuple(repr(float(v)) for v in claim.fields["values"])
        low, high = self.ends(claim)
        signs = [name for name, ok in (("positive", high > 0), ("negative", low < 0)) if ok]
        whole = ["whole"] if self._whole(claim) else []
        zero = ["zero"] if "min" in claim.fields and low <= 0 <= high else []
        return (*signs, *whole, "fraction", *zero)

    def ends(self, claim: ParamClaim) -> tuple[float, float]:
        """Return the range; -3 to 3 by default."""
        low = float(claim.fields.get("min", min(-3.0, float(claim.fields.get("max", 3.0)) - 3.0)))
        return low, float(claim.fields.get("max", max(3.0, low + 3.0)))

    def _whole(self, claim: ParamClaim) -> list[float]:
        low, high = self.ends(claim)
        options = (2.0, 3.0, 1.0, -1.0, -2.0, *(float(v) for v in range(4, 9)))
        return [v for v in options if low <= v <= high]

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        if "values" in claim.fields:
            return IMPOSSIBLE if ctx.exact and not is_exact(float(key)) else float(key)
        low, high = self.ends(claim)
        options = [v for v in EXACT_NUMBERS if low <= v <= high]
        if not ctx.exact or not options:
            steps = chooser.integer(0, 20)
            span = high - low
            options = [low + span * (steps + 0.37) / 21.37, low + span * (20.63 - steps) / 21.0]
            options += self._whole(claim)
        if key == "zero":
            return 0.0
        fitting = [v for v in options if key in self.classify(v, claim, ctx)]
        return choose(chooser, fitting) if fitting else IMPOSSIBLE

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        if "values" in claim.fields:
            return frozenset({repr(float(value))})
        if value == 0:
            return frozenset({"zero"})
        sign = "positive" if value > 0 else "negative"
        return frozenset({sign, "whole" if float(value).is_integer() else "fraction"})


class ChoiceKind(Kind):
    """One of the listed `values`."""

    fields: ClassVar[tuple[str, ...]] = ("values",)
    number: ClassVar[bool] = True

    def integers(self, claim: ParamClaim) -> Sequence[int] | None:
        """Return all values if they are integers, else None."""
        values = self.options(claim)
        return values if all(type(value) is int for value in values) else None

    def options(self, claim: ParamClaim) -> list[Any]:
        """Return the values of the claim."""
        return [frozen(value) for value in claim.fields["values"]]

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        return tuple(repr(value) for value in self.options(claim))

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        value = next(value for value in self.options(claim) if repr(value) == key)
        return IMPOSSIBLE if ctx.exact and not is_exact(value) else value

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        return frozenset({repr(frozen(value))})


class BoolKind(ChoiceKind):
    """True and False."""

    fields = ()
    number: ClassVar[bool] = False

    def options(self, claim: ParamClaim) -> list[Any]:
        """Return both."""
        return [False, True]


class HookKind(Kind):
    """A named Python function `(rng, shapes, params) -> value`, drawn from a chosen seed."""

    def keys(self, claim: ParamClaim) -> tuple[str, ...]:
        return tuple(getattr(claim.hook, "corners", ("drawn",)))

    def build(self, key: str, claim: ParamClaim, ctx: Context, chooser: Chooser) -> Any:
        if claim.hook is None:
            raise GeneratorError(
                f"parameter {claim.name}: kind is a hook, but there is no function"
            )
        rng = np.random.Generator(np.random.PCG64(chooser.integer(0, 2**32 - 1)))
        if hasattr(claim.hook, "corners"):
            return called(claim.hook, rng, ctx.shapes, ctx.params, corner=key)
        return called(claim.hook, rng, ctx.shapes, ctx.params)

    def classify(self, value: Any, claim: ParamClaim, ctx: Context) -> frozenset[str]:
        told = getattr(claim.hook, "classify", None)
        return frozenset(told(value, ctx.shapes)) if callable(told) else frozenset({"drawn"})
