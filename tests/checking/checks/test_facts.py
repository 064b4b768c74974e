"""Statements of a spec are believed only as long as they hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from needle_cli.checking.checks import exact, facts, linearity
from needle_cli.checking.checks.context import Question
from needle_cli.checking.claims import Claims, InputClaim
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Case


def question(forward, vjp, inputs, **stated):
    claims = Claims(
        op="test:op",
        reference=forward,
        args=tuple(inputs),
        inputs={name: InputClaim(name, "(...)") for name in inputs},
        **stated,
    )
    judged = frozenset(name for name, a in inputs.items() if a.dtype.kind == "f")
    return Question(Pair(forward, vjp), Case(inputs, judged=judged), claims)


A, B = np.arange(1.0, 7.0).reshape(2, 3), np.array([3.0, 4.0, 5.0])


@pytest.mark.parametrize(
    ("forward", "holds"),
    [(lambda a, b: a * b, True), (lambda a, b: a * b + b.sum(), False), (np.add, True)],
)
def test_elementwise_is_tested(forward, holds):
    asked = question(forward, None, {"a": A, "b": B}, elementwise=True)
    answer = facts.elementwise(asked)
    assert answer.asked
    assert bool(answer.findings) is not holds


def careful(v, cond, a, b):
    return None, np.where(cond, v, 0.0), np.where(cond, 0.0, v)


@np.errstate(all="ignore")
def leaky(v, cond, a, b):
    return None, v * cond + 0 * a, v * ~cond


@pytest.mark.parametrize(("vjp", "holds"), [(careful, True), (leaky, False)])
def test_nan_may_not_leak_from_the_branch_not_taken(vjp, holds):
    cond = np.array([[True, False, True], [False, False, True]])
    inputs = {"cond": cond, "a": A, "b": 2 * A}
    answer = facts.no_nan_leak(question(np.where, vjp, inputs, no_nan_leak=("a", "b")))
    assert answer.asked
    assert bool(answer.findings) is not holds


def product(v, cond, a, b):
    return None, v * cond, v * ~cond


@pytest.mark.parametrize(("vjp", "holds"), [(careful, True), (product, False)])
@np.errstate(all="ignore")
def test_an_infinite_output_gradient_may_not_leak_into_the_branch_not_taken(vjp, holds):
    cond = np.array([[True, False, True], [False, False, True]])
    asked = question(np.where, vjp, {"cond": cond, "a": A, "b": 2 * A}, no_nan_leak=("a", "b"))
    answer = facts.no_nan_leak(asked)
    assert bool(answer.findings) is not holds


OUTER = np.outer([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("matrix", "holds"),
    [
        (OUTER, True),
        (np.tril(OUTER) + np.tril(OUTER, -1), False),
        (OUTER + 1e-6 * np.tri(3), False),
    ],
)
def test_a_gradient_that_is_said_to_be_symmetric_has_to_be(matrix, holds):
    inputs = {"a": OUTER + np.eye(3)}
    asked = question(lambda a: (a * OUTER).sum(), lambda v, a: (v * matrix,), inputs,
                     symmetric_gradient=("a",))  # fmt: skip
    answer = facts.of_gradients(asked)
    assert answer.asked and bool(answer.findings) is not holds


def largest(x):
    return x.max(-1), x.argmax(-1)


@pytest.mark.parametrize("added", [0.0, 1.0])
def test_the_output_gradient_of_an_index_reaches_no_gradient(added):
    def vjp(v, x):
        chosen = x == x.max(-1, keepdims=True)
        return (chosen * v[0][..., None] + added * v[1][..., None],)

    answer = linearity.Linearity().ask(question(largest, vjp, {"x": np.array([[1.0, 3.0, 2.0]])}))
    said = [finding.message for finding in answer.findings]
    assert said == (
        ["the output gradient of an output of int64 reaches the gradient of x"] * int(added)
    )


def test_nothing_is_asked_where_nothing_is_stated():
    assert not facts.elementwise(question(np.add, None, {"a": A, "b": B})).asked
    assert not facts.no_nan_leak(question(np.add, None, {"a": A, "b": B})).asked
    asked = question(np.add, lambda v, a, b: (v, v.sum(0)), {"a": A, "b": B})
    assert not facts.symmetric_gradient(asked).asked


THIRD = (lambda a: a.sum() / 3, lambda v, a: (np.broadcast_to(v / 3, a.shape).copy(),))


@pytest.mark.parametrize(
    ("forward", "vjp", "holds"),
    [
        (*THIRD, True),  # linear, though it rounds
        (THIRD[0], lambda v, a: (1.001 * THIRD[1](v, a)[0],), False),
        (lambda a: a.sum() * 2, lambda v, a: (np.full(a.shape, 2 * v),), True),
        (lambda a: a.sum() * 2, lambda v, a: (np.full(a.shape, 2 * v * (1 + 1e-13)),), False),
        (lambda a: (a * a).sum(), lambda v, a: (2 * v * a,), False),
        (lambda a: (a**3).sum() / 3, lambda v, a: (v * a * a,), False),
    ],
)
def test_linear_means_linear_and_not_without_rounding(forward, vjp, holds):
    asked = question(lambda a: np.asarray(forward(a)), vjp, {"a": A}, linear_in=("a",))
    asked = Question(asked.op, replace(asked.case, tags=frozenset({"exact"})), asked.claims)
    answer = exact.Exact().ask(asked)
    assert answer.asked
    assert bool(answer.findings) is not holds


@pytest.mark.parametrize(
    ("vjp", "holds"),
    [
        (lambda v, a: (2 * a * v,), True),
        (lambda v, a: (2 * a * np.where(v == 0, 1, v),), False),
        (lambda v, a: (2 * a * v * (np.count_nonzero(v) > 2),), False),
    ],
)
def test_an_output_gradient_may_be_zero_in_places(vjp, holds):
    answer = linearity.Linearity().ask(question(np.square, vjp, {"a": A}))
    assert bool(answer.findings) is not holds
