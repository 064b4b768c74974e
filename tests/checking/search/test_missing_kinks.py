"""Kinks that a spec does not declare: the lines that are offered make the operator pass."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from needle import Tensor, TensorOp
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.model import Plan, Status
from needle_cli.checking.search.judging import judge
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.running import worker_tasks
from needle_cli.specs import load_spec
from needle_cli.specs.entries import kink_text
from tests.campaign import swept
from tests.helpers import SAMPLES


def spec_of(name):
    module = worker_tasks._module(str(SAMPLES / "kinky.py"))
    path = SAMPLES / "kinky.specs" / f"{name}.toml"
    return module, path, load_spec(path, family="kinky", module=module).claims


def rows_of(function, claims, checks=NAMES):
    op = operator_under_test(function, claims, name=f"kinky/{claims.function}")
    return judge(op, claims, Plan(checks, examples=30, shrink=False))


@cache
def rows_without(name, checks=NAMES):
    """Return the rows of an operator whose spec declares no kink."""
    module, _, claims = spec_of(name)
    return tuple(rows_of(getattr(module, name), replace(claims, kinks=()), checks))


def offered(rows):
    """Return the kinks that the rows of a run offer."""
    return {kink for row in rows for f in row.failures for kink in f.undeclared}


SLOPES = ("gradient", "second_order")

EXPECTED = {
    "relu_zero": ['of = "x"', "value = 0.0", "convention = 0.0", '"convex"'],
    "relu_half": ["convention = 0.5"],
    "relu_one": ["convention = 1.0"],
    "greater_half": ['kind = "equal"', 'of = ["a", "b"]', "convention = 0.5"],
    "largest_even": ['kind = "tie"', 'along = "axis"', 'convention = "even"', '"convex"'],
    "largest_first": ['convention = "first"'],
    "median_first": ['kind = "tie"', 'curvature = "none"'],
}


@pytest.mark.parametrize("name", swept(EXPECTED, ["relu_half"]))
def test_the_offered_lines_say_what_the_operator_does(name):
    (kink,) = offered(rows_without(name))
    for part in EXPECTED[name]:
        assert part in kink_text(kink)


@pytest.mark.parametrize(
    "name", swept(["relu_half", "largest_even", "greater_half", "clip_closed"], ["relu_half"])
)
def test_a_spec_with_the_offered_lines_passes(name, tmp_path):
    module, path, _ = spec_of(name)
    kinks = offered(rows_without(name))
    text = path.read_text(encoding="utf-8").split("[[kink]]")[0]
    mended = tmp_path / f"{name}.toml"
    mended.write_text("\n\n".join([text, *map(kink_text, kinks)]), encoding="utf-8")
    claims = load_spec(mended, family="kinky", module=module).claims
    rows = rows_of(getattr(module, name), claims)
    assert {row.status for row in rows} <= {Status.PASS, Status.NOT_APPLICABLE}
    assert not offered(rows)


@pytest.mark.campaign
def test_two_kinks_by_parameter_are_both_offered():
    kinks = offered(rows_without("clip_closed", SLOPES))
    assert {kink.value: kink.curvature for kink in kinks} == {"low": "convex", "high": "concave"}


def test_an_undeclared_kink_is_a_finding_even_where_the_gradient_is_right():
    module, _, claims = spec_of("relu_one")
    rows = rows_of(module.relu_one, replace(claims, kinks=()), ("gradient",))
    assert [row.status for row in rows] == [Status.NO_DERIVATIVE]
    assert "declares no kink" in rows[0].failures[0].finding.message


def test_no_convention_is_offered_for_a_gradient_that_is_wrong_there():
    rows = rows_without("relu_seven", SLOPES)
    assert Status.FAIL in {row.status for row in rows}
    assert {kink.convention for kink in offered(rows)} == {None}


class Wave(TensorOp):
    """y = |x - round(x)|, a triangle wave: kinks at every whole number and between them."""

    def compute(self, x):
        return np.abs(x - np.round(x))

    def gradient(self, out_grad, node):
        x = node.inputs[0].numpy()
        slope = np.sign(x - np.round(x))
        return out_grad * Tensor(slope.astype(out_grad.dtype), requires_grad=False)


def test_kinks_at_every_whole_number_are_one_kink():
    _, _, claims = spec_of("relu_zero")
    wave = replace(claims, kinks=(), class_name="Wave", reference=lambda x: abs(x - np.round(x)))
    (kink,) = offered(rows_of(lambda x: Wave()(x), wave, SLOPES))
    assert (kink.kind, kink.curvature) == ("integer", "convex")
