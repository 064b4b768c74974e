"""The interface of a check. Each check states here how it differs from the others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from needle_cli.checking.checks.context import Question
from needle_cli.checking.claims import Claims
from needle_cli.checking.model import Answer, Case, Element, OpUnderTest, Plan, Status, Structure

NUMBERS = ("generic", "integer", "kink", "extreme")
"""The kinds of numbers that a structure can be filled with, in the order of trial."""


class Check(ABC):
    """One question about an operator.

    To add one, write a class, its line in `registry` and its page in `needle_cli.explanations`.
    """

    name: ClassVar[str]
    """Its name in `--select` and in reports."""

    numbers: ClassVar[str] = "generic"
    """The kind of numbers of its cases, and of the smaller cases that are tried after a failure."""

    most: ClassVar[int | None] = None
    """The number of cases after which it stops; None for all of them."""

    required: ClassVar[bool] = False
    """Whether the later checks are skipped at a case at which this one has a finding."""

    needs_gradient: ClassVar[bool] = False
    """Whether it applies only to operators with a differentiable input."""

    ability: ClassVar[str] = ""
    """The ability that it needs of the operator, "" for none; see `OpUnderTest.abilities`."""

    judges_value: ClassVar[bool] = False
    """Whether it judges what `compute` returns; the others judge gradients."""

    proves: ClassVar[bool] = False
    """Whether the likely cause has been compared with every failing case of this check."""

    @abstractmethod
    def ask(self, question: Question) -> Answer:
        """Run the check at one case.

        Raises `OperatorError` if the operator raises, and `Garbage` if it returns no valid result.
        """

    def why_not(self, op: OpUnderTest, claims: Claims, plan: Plan) -> str:
        """Return why the check does not apply to an operator, or "" if it may apply."""
        inputs = claims.inputs.values()
        if self.needs_gradient and not any(c.differentiable and c.dtype == "float" for c in inputs):
            return "the spec has no differentiable input"
        if self.ability and self.ability not in op.abilities:
            return "the operator is not a function of tensors"
        return ""

    def wants(
        self, op: OpUnderTest, claims: Claims, structure: Structure, turn: int
    ) -> tuple[str, ...]:
        """Return the kinds of numbers at which it runs for the `turn`-th structure."""
        return (self.numbers,)

    def own_cases(self, claims: Claims, dtype: str) -> Iterable[Case]:
        """Return the cases that the spec states for this check alone; they run first."""
        return ()

    def conclude(
        self, claims: Claims, examples: int, met: frozenset[int]
    ) -> tuple[Status, str] | None:
        """Return the status and reason that follow from all cases together, or None.

        Args:
            claims: What the spec says.
            examples: The number of cases at which the check ran.
            met: The numbers of the declared kinks that were observed.
        """
        return None

    def entries(self, question: Question) -> list[Element] | None:
        """Return the table of single entries if the check compares projections, or None."""
        return None
