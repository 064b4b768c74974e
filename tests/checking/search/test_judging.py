"""judge: every planted operator is refused by its check, every one of ours passes all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from needle import TensorOp, ops
from needle_cli.checking.checks import forward, precision
from needle_cli.checking.checks.context import Question
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.claims import Claims, InputClaim, Tolerance
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Case, Plan, Status
from needle_cli.checking.search.judging import ask_again, judge
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.specs import load_spec
from tests.campaign import swept
from tests.helpers import SPECS
from tests.samples.planted import Plant, plants

QUICK = Plan(NAMES, examples=15, shrink=False)
REFUSED = (Status.FAIL, Status.ERROR)
NAMED = [plant.name for plant in plants()]
IMITATED = sorted({plant.spec for plant in plants()})


@pytest.mark.parametrize("name", NAMED)
def test_a_planted_fault_is_refused_by_its_check(name):
    plant = next(p for p in plants() if p.name == name)
    # A check's cases do not depend on the other checks (below), so these alone are asked.
    rows = judge(*plant.judged(), replace(QUICK, checks=plant.refused_by))
    refusing = [row.check for row in rows if row.status in REFUSED]
    assert set(refusing) & set(plant.refused_by), {r.check: (r.status, r.reason) for r in rows}


@pytest.mark.parametrize("spec", swept(IMITATED, IMITATED[:2]))
def test_the_operator_that_a_plant_imitates_passes(spec):
    ours = Plant("ours", spec, getattr(ops, spec.partition("/")[2]), ())
    statuses = {row.check: row.status for row in judge(*ours.judged(), QUICK)}
    assert set(statuses.values()) <= {Status.PASS, Status.NOT_APPLICABLE}, statuses


def plant(name: str) -> Plant:
    return next(p for p in plants() if p.name == name)


def test_the_smallest_case_is_small_and_its_entries_are_compared():
    op, claims = plant("minus").judged()
    plan = Plan(("gradient",), examples=15)
    (row,) = judge(op, claims, plan)
    failure = row.failures[0]
    assert failure.smallest.case.size() == 1
    (element,) = failure.smallest.elements
    assert element.wrong and element.analytic == pytest.approx(-element.numeric)
    assert failure.typical is not None and failure.typical.case.size() >= 4
    assert "exactly -1 ×" in str(failure.finding.cause)


def test_a_recorded_case_is_found_again_and_found_mended():
    op, claims = plant("minus").judged()
    plan = Plan(("gradient",), examples=5)
    (row,) = judge(op, claims, plan)
    case = row.failures[0].smallest.case
    assert ask_again(op, claims, plan, "gradient", case) is not None
    mended, _ = Plant("ours", "trigonometric/tanh", ops.tanh, ()).judged()
    assert ask_again(mended, claims, plan, "gradient", case) is None


def stripped(rows):
    return [
        (r.id, r.status, r.examples, r.counts, r.worst, [str(f.finding) for f in r.failures])
        for r in rows
    ]


@pytest.mark.parametrize("name", swept(["minus", "duplicates overwritten"], ["minus"]))
def test_the_same_seed_gives_the_same_rows(name):
    one, two = (
        stripped(judge(*plant(name).judged(), Plan(NAMES, examples=10, seed=3))) for _ in range(2)
    )
    assert one == two


def test_another_seed_gives_other_cases():
    ours, claims = Plant("ours", "trigonometric/tanh", ops.tanh, ()).judged()
    one, other = (
        stripped(judge(ours, claims, Plan(NAMES, examples=10, seed=seed))) for seed in (3, 4)
    )
    assert one != other


def test_selecting_a_check_does_not_change_its_cases():
    alone = stripped(judge(*plant("minus").judged(), Plan(("gradient",), examples=10)))
    among = stripped(judge(*plant("minus").judged(), Plan(("gradient", "purity"), examples=10)))
    assert alone == among[:1]


def test_a_breadcrumb_is_left_before_every_question():
    seen = []
    judge(*plant("minus").judged(), QUICK, breadcrumb=lambda check, case: seen.append(check))
    assert set(seen) >= {"forward", "contract", "gradient"}


def test_not_applicable_names_the_line_of_the_spec():
    rows = {row.check: row for row in judge(*plant("minus").judged(), QUICK)}
    assert rows["exact"].status is Status.NOT_APPLICABLE
    assert "structure" in rows["exact"].reason


def constant_row_variance(unit):
    """Return the question about float32 of a variance whose gradient is `unit` times the right."""

    def vjp(v, x):
        return (unit * 2 * v[..., None] * (x - x.mean(-1, keepdims=True)) / x.shape[-1],)

    row = np.array([[-1.3678, -1.3678, -1.3678], [0.5, 1.0, 2.0]])
    claims = Claims(
        "tests:variance", np.var, ("x",), {"x": InputClaim("x", "(..., n)")},
        tolerances=(Tolerance(1e6, "a test", dtype="float32"),),
    )  # fmt: skip
    case = Case({"x": row}, judged=frozenset({"x"}), seed=5)
    return Question(Pair(lambda x: x.var(-1), vjp), case, claims)


def test_a_gradient_that_cancels_to_zero_may_keep_its_rounding():
    assert precision.Precision().ask(constant_row_variance(1.0)).verdict == "pass"


def test_a_factor_for_a_dtype_counts_in_the_check_that_asks_about_it():
    question = constant_row_variance(1.0)
    assert question.factor("precision", "float32") == 1e6
    assert question.factor("precision", "float16") == 1.0


def test_the_mean_of_nothing_agrees_with_the_reference():
    claims = Claims("tests:mean", np.mean, ("x",), {"x": InputClaim("x", "(n)")})
    case = Case({"x": np.zeros(0)}, judged=frozenset({"x"}))
    for compute, verdict in ((np.mean, "pass"), (lambda x: np.float64(0.0), "fail")):
        question = Question(Pair(compute, None), case, claims)
        assert forward.against_reference(question).verdict == verdict


def test_an_operator_that_fails_now_and_then_is_a_finding():
    """Looking for a smaller case of it meets answers that do not come again."""
    calls = []

    class Moody(TensorOp):
        def compute(self, a):
            return a * a

        def gradient(self, out_grad, node):
            calls.append(1)
            factor = 3.0 if len(calls) % 7 > 4 else 2.0
            return out_grad * node.inputs[0] * factor

    claims = replace(load_spec(SPECS / "exponential" / "exp.toml").claims, reference=np.square)
    for seed in range(2):
        op = operator_under_test(lambda a: Moody()(a), claims, name="moody")
        rows = judge(op, claims, Plan(("contract", "gradient"), examples=20, seed=seed))
        assert Status.FAIL in {row.status for row in rows}


def test_a_check_that_does_not_apply_is_not_left_out_because_another_failed():
    claims = load_spec(SPECS / "exponential" / "exp.toml").claims

    class NoGradient(TensorOp):
        def compute(self, a):
            return np.exp(a)

        def gradient(self, out_grad, node):
            return None

    op = operator_under_test(lambda a: NoGradient()(a), claims, name="none")
    rows = {row.check: row for row in judge(op, claims, Plan(NAMES, examples=3))}
    assert rows["contract"].status is Status.FAIL
    assert rows["parity"].status is rows["exact"].status is Status.NOT_APPLICABLE
    broken = operator_under_test(lambda a: a.missing, claims, name="broken")
    rows = {row.check: row for row in judge(broken, claims, Plan(NAMES, examples=3))}
    assert rows["gradient"].status is Status.ERROR
    assert rows["parity"].status is Status.NOT_APPLICABLE
