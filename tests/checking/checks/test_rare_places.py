"""Gradients that are wrong at few places: exactly equal inputs, output gradients of one, long axes.

Each has a twin that is right there and is judged by the same spec.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from needle import Tensor, TensorOp
from needle_cli.checking import check_pair
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.claims import Dim, InputClaim, Kink
from needle_cli.checking.generation.corners import corner_structures
from needle_cli.checking.model import Case, Plan, Status
from needle_cli.checking.numerics.extrapolation import one_sided_slope
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.point import Subject
from needle_cli.checking.search.judging import judge, structures_of
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.specs import load_spec
from tests.helpers import SPECS

EXP = load_spec(SPECS / "exponential" / "exp.toml").claims
ADD = load_spec(SPECS / "arithmetic" / "add.toml").claims
REFUSED = (Status.FAIL, Status.ERROR)


def rows_of(compute, gradient, claims, seed=1, checks=NAMES):
    """Judge an operator that is written with arrays; `gradient` takes cotangent and inputs."""

    class Made(TensorOp):
        def compute(self, *arrays):
            return np.asarray(compute(*arrays), dtype=arrays[0].dtype)

        def gradient(self, out_grad, node):
            arrays = [tensor.numpy() for tensor in node.inputs]
            found = gradient(out_grad.numpy(), *arrays)
            found = found if isinstance(found, tuple) else (found,)
            made = [
                Tensor(np.asarray(g, dtype=a.dtype), requires_grad=False)
                for g, a in zip(found, arrays, strict=True)
            ]
            return made[0] if len(made) == 1 else tuple(made)

    op = operator_under_test(lambda *tensors: Made()(*tensors), claims, name="made")
    plan = Plan(tuple(n for n in checks if n not in ("second_order", "graph")), 40, seed)
    return {row.check: row.status for row in judge(op, claims, replace(plan, shrink=False))}


def refused(*args, **kwargs):
    return {check for check, status in rows_of(*args, **kwargs).items() if status in REFUSED}


def normalised(x):
    return x / np.sqrt((x * x).sum(-1, keepdims=True) + 1e-12)


def of_normalised(v, x, wrong=False):
    size = np.sqrt((x * x).sum(-1, keepdims=True) + 1e-12)
    y = x / size
    if wrong:
        v = np.clip(v, -20, 20)
    return (v - y * (v * y).sum(-1, keepdims=True)) / size


@pytest.mark.parametrize("wrong", [False, True])
def test_rows_of_one_cancel_and_are_linear_all_the_same(wrong):
    claims = replace(EXP, reference=normalised, inputs={"a": InputClaim("a", "(..., n)")},
                     elementwise=False)  # fmt: skip
    checks = ("contract", "gradient", "linearity")
    for seed in (1, 6, 7):
        found = refused(normalised, lambda v, x: of_normalised(v, x, wrong), claims, seed, checks)
        assert found == ({"linearity"} if wrong else set())


@pytest.mark.parametrize("wrong", [False, True])
def test_an_output_gradient_of_ones_is_asked(wrong):
    def gradient(v, x):
        twice = 2 if wrong and v.size and (v == 1).all() else 1
        return v * np.exp(x) * twice

    found = refused(np.exp, gradient, EXP)
    assert found == ({"linearity"} if wrong else set())


MAXIMUM = replace(
    ADD, reference=np.maximum, structure=None,
    kinks=(Kink("equal", ("a", "b"), "convex", convention=0.5),),
)  # fmt: skip


def of_maximum(v, a, b, window):
    near = np.abs(a - b) <= window * np.maximum(np.abs(a), np.abs(b))
    share = np.where(near, 0.5, a > b)
    found = []
    for part, x in ((v * share, a), (v * (1 - share), b)):
        lead = part.ndim - x.ndim
        axes = tuple(range(lead)) + tuple(
            lead + i for i, n in enumerate(x.shape) if n == 1 and part.shape[lead + i] != 1
        )
        found.append(part.sum(axes, keepdims=True).reshape(x.shape))
    return tuple(found)


@pytest.mark.parametrize("window", [0.0, 1e-6])
def test_inputs_that_are_nearly_equal_are_not_equal(window):
    checks = ("contract", "gradient", "kink")
    found = refused(np.maximum, lambda v, a, b: of_maximum(v, a, b, window), MAXIMUM, 1, checks)
    assert found == ({"kink"} if window else set())


@pytest.mark.parametrize("half", [np.sqrt(0.5), 0.7])
def test_a_number_for_equal_inputs_alone_is_no_rounding(half):
    def vjp(v, a, b):
        size = np.hypot(a, b)
        return v * np.where(a == b, half, a / size), v * np.where(a == b, half, b / size)

    a = np.array([1.0, 2.0, 0.3, 5.0, 1.7])
    report = check_pair(np.hypot, vjp, [a, np.where(a > 1.5, a, 2 * a)])
    assert bool(report.findings) == (half == 0.7)
    assert report.verdict == ("fail" if half == 0.7 else "pass")


def test_moved_leaves_are_equal_no_more():
    a = np.array([1.0, 1.0, 2.0, 2.0])
    case = Case({"a": a, "b": a.copy()}, judged=frozenset("ab"))
    subject = Subject(operator_under_test(lambda a, b: a + b, ADD, name="add"), case)
    for seed in range(20):
        one, other = subject.nudged(np.random.default_rng(seed))
        assert not (one == other).any() and len(set(one)) == 4
        assert (np.abs(one - a) <= 2 * np.spacing(a)).all()


@pytest.mark.parametrize("dim", [Dim(2, 5, bounded=False), Dim(2, 5)])
def test_a_least_length_is_no_largest(dim):
    claims = replace(EXP, inputs={"a": InputClaim("a", "(n)")}, dims={"n": dim})
    plan = Plan(NAMES, examples=200, seed=0)
    drawn = {shape[0] for s in structures_of("made", claims, plan) for shape in s.shapes.values()}
    assert min(drawn) == 2
    assert (max(drawn) == 5) == dim.bounded
    if not dim.bounded:
        assert drawn >= {34, 259} and len(drawn & set(range(6, 18))) > 6


def test_a_dimension_without_max_is_read_as_such(tmp_path):
    text = (SPECS / "exponential" / "exp.toml").read_text()
    for words, bounded in (("min = 2", False), ("min = 2, max = 5", True)):
        file = tmp_path / "exponential" / "exp.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(re.sub(r'"\(\.\.\.\)"', f'"(..., n)"\ndims.n = {{ {words} }}', text))
        assert load_spec(file).claims.dims["n"].bounded is bounded


def test_both_axes_of_a_matrix_are_wide_once():
    claims = replace(EXP, inputs={"a": InputClaim("a", "(..., m, n)")})
    shapes = [shape for s in corner_structures(claims) for shape in s.shapes.values()]
    assert any(min(shape[-2:]) > 32 for shape in shapes if len(shape) > 1)


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_where_no_step_is_left_nothing_is_known_and_nothing_breaks(factor):
    x = np.random.default_rng(0).normal(size=50).astype(np.float16)
    report = check_pair(
        lambda x: x.sum(dtype=np.float32).astype(np.float16),
        lambda v, x: (np.full_like(x, v) * np.float16(factor),),
        [x],
    )
    assert not report.findings or factor != 1.0
    line = Line(
        Subject(
            operator_under_test(lambda a: a * a, EXP, name="square"),
            Case({"a": x.astype(float)}, judged=frozenset("a")),
        ),
        [np.ones(50)],
    )
    line.__dict__["resolution"] = 1.0  # the largest step moves x by less than its rounding
    slope = one_sided_slope(line, +1)
    assert not slope.settled.any() and np.isinf(slope.error).all()


def test_noise_hides_neither_a_right_gradient_nor_a_wrong_one():
    x = np.random.default_rng(0).normal(size=20) + 1e5

    def variance(x):
        return np.asarray((x * x).mean() - x.mean() ** 2)

    def gradient(factor):
        return lambda v, x: (factor * v * 2 * (x - x.mean()) / x.size,)

    for seed in range(5):
        assert check_pair(variance, gradient(1.0), [x], seed=seed).passed
        assert check_pair(variance, gradient(1.5), [x], seed=seed).findings
