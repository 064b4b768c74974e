"""What a check is. The differences between checks are stated by the checks, and nowhere else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from needle_cli.checking.checks.context import Question
from needle_cli.checking.claims import Claims
from needle_cli.checking.model import Answer, Case, Element, OpUnderTest, Plan, Status, Structure

NUMBERS = ("generic", "integer", "kink", "extreme")
"""The kinds of numbers that a structure can be filled with, in the order they are tried in."""


class Check(ABC):
    """One question about an operator.

    A new one is a class, its line in `registry`, and its page in `needle_cli.explanations`.
    """

    name: ClassVar[str]
    """What `--select` and the reports call it."""

    numbers: ClassVar[str] = "generic"
    """The kind of numbers of its own cases; a failing case is made smaller among those."""

    most: ClassVar[int | None] = None
    """How many cases are enough; None asks at all of them."""

    required: ClassVar[bool] = False
    """Whether the other checks are not asked of a case at which this one has a finding."""

    needs_gradient: ClassVar[bool] = False
    """Whether it has nothing to ask of an operator without a differentiable input."""

    ability: ClassVar[str] = ""
    """The ability that the operator has to have; see `OpUnderTest.abilities`."""

    judges_value: ClassVar[bool] = False
    """Whether it judges what `compute` returns; the others judge gradients."""

    proves: ClassVar[bool] = False
    """Whether the likely cause was held against each of its failing cases."""

    @abstractmethod
    def ask(self, question: Question) -> Answer:
        """Ask the check of one case.

        Raises `OperatorError` or `Garbage` where the operator raises or returns something strange.
        """

    def why_not(self, op: OpUnderTest, claims: Claims, plan: Plan) -> str:
        """Say why there is nothing to ask of an operator; "" where there may be."""
        inputs = claims.inputs.values()
        if self.needs_gradient and not any(c.differentiable and c.dtype == "float" for c in inputs):
            return "the spec has no differentiable input"
        if self.ability and self.ability not in op.abilities:
            return "the operator is not a function of tensors"
        return ""

    def wants(
        self, op: OpUnderTest, claims: Claims, structure: Structure, turn: int
    ) -> tuple[str, ...]:
        """Return the kinds of numbers at which it is asked of the structure number `turn`."""
        return (self.numbers,)

    def own_cases(self, claims: Claims, dtype: str) -> Iterable[Case]:
        """Return cases that a spec writes down for this check alone; they are asked first."""
        return ()

    def conclude(
        self, claims: Claims, examples: int, met: frozenset[int]
    ) -> tuple[Status, str] | None:
        """Return status and reason that follow from all cases together, None where nothing does.

        Args:
            claims: What the spec says.
            examples: How many cases the check was asked of.
            met: The numbers of the declared kinks that showed themselves.
        """
        return None

    def entries(self, question: Question) -> list[Element] | None:
        """Return the entries of a case where only a projection was compared, None without them."""
        return None
