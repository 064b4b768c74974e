"""The curve of a report: differences are right between two cliffs, a wrong gradient is far off."""

import pytest

from needle import ops
from needle_cli.checking.faults.operator import FaultyOperator
from needle_cli.checking.model import Plan
from needle_cli.checking.search.error_curve import error_curve
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.specs import load_spec
from tests.helpers import SPECS


def ours(name):
    claims = load_spec(SPECS / f"{name}.toml").claims
    return operator_under_test(getattr(ops, claims.function), claims, name=name), claims


@pytest.mark.parametrize("name", ["exponential/exp", "linalg/matmul", "activation/relu"])
def test_a_right_gradient_lies_below_what_any_step_reaches(name):
    op, claims = ours(name)
    curve = error_curve(op, claims, Plan(("gradient",)))
    assert curve.known <= 1e-8 and curve.gradient <= 2 * curve.known
    assert curve.gradient <= 2 * min(curve.errors)
    assert curve.errors[-1] > 1e3 * min(curve.errors)  # rounding at the finest step


def test_curvature_makes_coarse_steps_wrong():
    curve = error_curve(*ours("exponential/exp"), Plan(("gradient",)))
    assert curve.errors[0] > 1e-3
    best = curve.errors.index(min(curve.errors))
    assert 0 < best < len(curve.errors) - 1
    assert curve.steps[best] / 64 < curve.step < curve.steps[best] * 64


def test_a_wrong_gradient_lies_above():
    op, claims = ours("exponential/exp")
    curve = error_curve(FaultyOperator(op, claims, "sign"), claims, Plan(("gradient",)))
    assert curve.gradient == pytest.approx(2.0)
    assert min(curve.errors) < 1e-9
