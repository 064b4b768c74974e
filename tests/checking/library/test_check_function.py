"""check_function and gradient_check, on the engine's tensors."""

from __future__ import annotations

import numpy as np
import pytest

import needle
from needle import Tensor, ops
from needle_cli import gradient_check
from needle_cli.checking import check_function
from tests.samples.planted import _cut, operator, planted_tanh, right_tanh, tanh

RNG = np.random.default_rng(0)
A, B = Tensor(RNG.normal(size=(3, 4))), Tensor(RNG.normal(size=(4, 2)))
wrong_tanh = planted_tanh(lambda self, g, n: 2 * right_tanh(g, n))


def test_operators_and_compositions_pass():
    assert check_function(ops.matmul, [A, B]).passed
    assert check_function(ops.power_scalar, [A], {"scalar": 3}, thorough=True).passed
    assert check_function(lambda a, b: ops.tanh(a @ b).sum(), [A, B], thorough=True).passed
    assert check_function(lambda xs: ops.stack(xs, 1), [[A, A + 1]]).passed


def test_wrong_ones_do_not():
    assert check_function(wrong_tanh, [A]).verdict == "fail"
    assert check_function(lambda a: wrong_tanh(a) + a, [A]).verdict == "fail"


def test_a_cut_graph_is_found_when_asked_for():
    cut = planted_tanh(_cut)
    assert check_function(cut, [A]).passed
    report = check_function(cut, [A], checks=["second_order"])
    assert {f.check for f in report.findings} == {"second_order"}


def difference_of_relus(a):
    return ops.relu(a) - ops.relu(-a)


def test_a_composition_at_a_kink_is_not_accused_and_beside_it_is_judged():
    at_zero = Tensor(np.array([0.0, 1.0, -1.0]))
    report = check_function(difference_of_relus, [at_zero])
    assert report.verdict == "no_derivative"
    assert "composition" in str(report)
    assert check_function(difference_of_relus, [A]).passed
    assert check_function(lambda a: difference_of_relus(wrong_tanh(a)), [A]).verdict == "fail"


def test_an_operator_at_a_kink_is_accused():
    def seven(self, g, n):
        x = n.inputs[0].numpy()
        return g * Tensor(np.where(x == 0, 7.0, x > 0))

    relu = operator(lambda self, a: np.maximum(a, 0), seven)
    assert check_function(relu, [Tensor(np.array([0.0, 1.0, -1.0]))]).verdict == "fail"


def test_arguments_that_no_engine_knows():
    with pytest.raises(TypeError, match="check_pair"):
        check_function(np.tanh, [np.ones(3)])


@pytest.mark.parametrize("backward", [False, True])
def test_gradient_check_returns_the_gradients_for_ones(backward):
    of_a, of_b = gradient_check(needle.matmul, A, B, backward=backward)
    assert np.allclose(of_a, np.ones((3, 2)) @ B.numpy().T)
    assert np.allclose(of_b, A.numpy().T @ np.ones((3, 2)))


def test_gradient_check_raises_a_readable_assertion():
    with pytest.raises(AssertionError, match="exactly 2 ×"):
        gradient_check(wrong_tanh, A)


def test_gradient_check_takes_parameters_and_sequences():
    assert [g.shape for g in gradient_check(needle.summation, A, axes=(0,))] == [(3, 4)]
    assert [g.shape for g in gradient_check(needle.stack, [A, A], axis=0)] == [(3, 4), (3, 4)]
    with pytest.raises(ValueError, match="tol"):
        gradient_check(needle.summation, A, tol=0)


def test_tol_is_a_cap_on_what_rounding_may_explain():
    def noisy(self, a):
        return np.tanh(a).astype("f4").astype("f8")

    rough = operator(noisy, lambda self, g, n: right_tanh(g, n) * (1 + 1e-5))
    assert tanh(None, 0.0) == 0.0
    with pytest.raises(AssertionError):
        gradient_check(rough, A, tol=1e-9)
