"""Run one check at one case of one operator, as search, shrinking and diagnosis all do."""

from __future__ import annotations

from needle_cli.checking.checks.context import Question, failed
from needle_cli.checking.checks.registry import CHECKS
from needle_cli.checking.claims import INTEGERS, Claims, SpecFunctionFailed, whole_floats
from needle_cli.checking.domains.registry import tangent_of
from needle_cli.checking.model import Answer, Case, Code, Garbage, OperatorError, OpUnderTest, Plan


class Inquiry:
    """Runs checks at cases of one operator, and turns its exceptions into answers."""

    def __init__(self, op: OpUnderTest, claims: Claims | None, plan: Plan) -> None:
        self.op = op
        self.stated = claims
        self.plan = plan

    @property
    def claims(self) -> Claims:
        """What the spec says; only cases given to the library have none."""
        assert self.stated is not None, "no spec"
        return self.stated

    def question(self, case: Case) -> Question:
        """Return the question for a case, with the plan's device, dtype and order."""
        return Question(
            self.op,
            case,
            self.stated,
            device=self.plan.device,
            dtype=self.plan.dtype,
            order=self.plan.order,
            tangent=None if self.stated is None else tangent_of(self.stated, case),
        )

    def ask(self, check: str, case: Case, question: Question | None = None) -> Answer:
        """Run one check at one case; a function of the spec that fails there is a finding too."""
        try:
            return self.answer(check, case, question)
        except SpecFunctionFailed as error:
            call = f"; the call was {error.call}" if error.call else ""
            text = f"not the operator but {error.name}, which the spec names, {error}{call}"
            return failed(check, Code.REFERENCE, text, error=True)

    def answer(self, check: str, case: Case, question: Question | None = None) -> Answer:
        """Run one check at one case; raises `SpecFunctionFailed`."""
        try:
            return CHECKS[check].ask(question or self.question(case))
        except Garbage as error:
            return failed(check, error.code, str(error), error=True)
        except OperatorError as error:
            text = f"{error}{self._hint(error)}"
            return failed(check, error.code, text, error=True, traceback=error.traceback)

    def _hint(self, error: OperatorError) -> str:
        """Return what an operator that wants integers may be missing; "" if there is nothing."""
        whole = [] if self.stated is None else whole_floats(self.stated)
        if not whole or not isinstance(error.original, IndexError | TypeError):
            return ""
        return f"; {whole[0]} holds whole floats: {INTEGERS} in the spec makes them integers"
