"""parity: values and gradients on another device equal those on the host.

Bit for bit if every number is a small integer, otherwise within rounding, since a device may add
up in another order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.abilities import is_on_device
from needle_cli.checking.checks.agreement import Words, agree
from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import NOTHING, Question, failed, merge, worst_entry
from needle_cli.checking.checks.exact import Exact
from needle_cli.checking.checks.kink import KinkCheck
from needle_cli.checking.claims import Claims
from needle_cli.checking.model import Answer, Array, Code, OpUnderTest, Plan, Structure
from needle_cli.checking.numerics.probes import rms
from needle_cli.checking.numerics.tolerance import magnitude, moved_by_rounding
from needle_cli.checking.point import Subject, is_floating

CHECK = "parity"


class Parity(Check):
    """Whether another device gives the results of the host."""

    name = "parity"
    proves = True

    def why_not(self, op: OpUnderTest, claims: Claims, plan: Plan) -> str:
        """Return a reason if the host itself is judged."""
        here = "runs only if a device other than the host is judged"
        return "" if is_on_device(op) else here

    def wants(
        self, op: OpUnderTest, claims: Claims, structure: Structure, turn: int
    ) -> tuple[str, ...]:
        """Run at generic numbers, and at those that the exact and the kink check want."""
        if not is_on_device(op):
            return ()
        others = [check.wants(op, claims, structure, turn) for check in (Exact(), KinkCheck())]
        return (self.numbers, *(kind for kinds in others for kind in kinds))

    def ask(self, question: Question) -> Answer:
        """Compare outputs and gradients on a device with the host's, in the case's dtype."""
        if not is_on_device(question.op):
            return NOTHING
        there, here = question.subject, Subject(question.op.on_host, question.case)
        with np.errstate(all="ignore"):
            text = f"the value on {question.device} is not the host's"
            answers = [same_outputs(question, there, here, CHECK, Code.DEVICE, text)]
            if answers[0].findings or not there.judged or not there.vector.size:
                return answers[0]
            cotangent = there.rounded(question.cotangent)
            exact = "exact" in question.case.tags
            if exact:
                cotangent = np.round(8 * cotangent)
            got = there.gradients(cotangent)
            if exact:
                names = there.judged_names
                allowed = [np.zeros(g.shape) for g in got]
                text = f"the gradient on {question.device} is not the host's, to the bit"
                wanted = here.gradients(cotangent)
                answers.append(worst_entry(CHECK, Code.DEVICE, names, got, wanted, allowed, text))
            else:
                text = f"the gradient on {question.device} is not the host's"
                words = Words(CHECK, Code.DEVICE, text)
                answers.append(agree(there, here, cotangent, words=words))
            return merge(answers)


def same_outputs(
    question: Question, there: Subject, here: Subject, check: str, code: Code, text: str
) -> Answer:
    """Compare two evaluations at one case, entry by entry: exactly, or within rounding."""
    pairs = list(zip(there.evaluation.outputs, here.evaluation.outputs, strict=False))
    if len(there.evaluation.outputs) != len(here.evaluation.outputs):
        return failed(check, code, f"{text}: it has another number of outputs")
    got, wanted, allowed, names = [], [], [], []
    spread = _moved(question, here)
    for place, ((a, b), change) in enumerate(zip(pairs, spread, strict=True)):
        if a.dtype != b.dtype or a.shape != b.shape:
            kinds = f"{a.dtype} {a.shape} and not {b.dtype} {b.shape}"
            return failed(check, code, f"{text}: output {place} is {kinds}")
        alike = (a == b) | (np.isnan(a) & np.isnan(b)) if is_floating(a) else a == b
        size = magnitude(b)
        eps = float(np.finfo(b.dtype).eps) if is_floating(b) else 0.0
        bound = eps * (32 * size + 4 * rms(size)) + 16 * change
        got.append(np.where(alike, 0.0, a).astype(np.float64))
        wanted.append(np.where(alike, 0.0, b).astype(np.float64))
        allowed.append(np.zeros(b.shape) if "exact" in question.case.tags else bound)
        names.append("output" if len(pairs) == 1 else f"output {place}")
    return worst_entry(check, code, names, got, wanted, allowed, text)


def _moved(question: Question, here: Subject) -> list[Array]:
    """Return how far outputs move, on the host, when inputs move by one rounding."""
    base = [out.astype(np.float64) for out in here.evaluation.outputs]
    moves = [float(np.finfo(a.dtype).eps) if is_floating(a) else 0.0 for a in here.leaves]

    def outputs(moved: Sequence[Array]) -> list[Array]:
        leaves = [a.astype(b.dtype, copy=False) for a, b in zip(moved, here.leaves, strict=True)]
        found = here.op.evaluate(here.case.with_leaves(leaves)).outputs
        return [out.astype(np.float64) for out in found]

    return moved_by_rounding(outputs, here.leaves, moves, question.rng(CHECK), base)
