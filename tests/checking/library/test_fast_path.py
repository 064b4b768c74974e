"""The fast path accepts what is right in every shape, and nothing that is wrong."""

import numpy as np
import pytest

from needle_cli.checking import check_pair
from needle_cli.checking.library.api import _arrays, _floating
from needle_cli.checking.library.fast_path import FastPath
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Case

RNG = np.random.default_rng(0)


def accepted(forward, vjp, *inputs, **params):
    arrays = _arrays(forward, list(inputs))
    case = Case(arrays, params, judged=_floating(arrays), seed=3)
    with np.errstate(all="ignore"):
        return FastPath(Pair(forward, vjp), case).accepts()


def square(x):
    return x * x


def square_vjp(v, x):
    return (2 * v * x,)


SHAPES = [(), (1,), (7,), (3, 4), (64, 65), (2, 3, 4, 5), (20, 30, 40)]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_right_gradient_of_any_shape_is_accepted(shape):
    assert accepted(square, square_vjp, RNG.normal(size=shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_gradient_wrong_by_a_millionth_is_not(shape):
    assert not accepted(square, lambda v, x: (2.000002 * v * x,), RNG.normal(size=shape))


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda x: x[::-1], lambda x: x.T])
def test_views_are_accepted_too(layout):
    assert accepted(square, square_vjp, layout(RNG.normal(size=(50, 60))))


def test_integers_and_tuples_take_part():
    def forward(x, index):
        return x[index], 2 * x

    def vjp(v, x, index):
        found = 2 * v[1]
        np.add.at(found, index, v[0])
        return found, None

    x, index = RNG.normal(size=5), np.array([0, 2, 2])
    assert accepted(forward, vjp, x, index)
    assert not accepted(forward, lambda v, x, i: (2 * v[1], None), x, index)


def test_outputs_that_are_not_floating_are_left_to_the_checks():
    def forward(x):
        order = np.argsort(x)[-2:]
        return x[order], order

    def vjp(v, x):
        return (np.bincount(np.argsort(x)[-2:], v[0], minlength=x.size),)

    x = np.array([3.0, 1.0, 2.0, 5.0])
    assert check_pair(forward, vjp, [x]).passed
    assert not check_pair(forward, lambda v, x: (-vjp(v, x)[0],), [x]).passed


def test_empty_inputs_have_nothing_to_judge_but_their_form():
    def vjp(v, a, b):
        return v @ b.T, a.T @ v

    empty = np.zeros((3, 0)), np.zeros((0, 2))
    assert check_pair(np.matmul, vjp, empty).passed
    nothing = np.zeros(0, dtype=int)
    assert check_pair(np.take, lambda v, x, i: (0 * x, None), [np.ones(3), nothing]).passed
    assert not check_pair(np.matmul, lambda v, a, b: (v, v), empty).passed


FAULTS = {
    "another shape": lambda v, x: (2 * v * x)[None],
    "another dtype": lambda v, x: (2 * v * x).astype(np.float32),
    "nothing": lambda v, x: None,
    "the input is changed": lambda v, x: (2 * v * x, x.fill(0))[0],
    "the cotangent is changed": lambda v, x: np.multiply(v, 2 * x, out=v),
    "not linear": lambda v, x: 2 * x * np.clip(v, -2, 2),
    "small cotangents dropped": lambda v, x: 2 * x * np.where(abs(v) < 0.1, 0, v),
    "not finite": lambda v, x: np.where(x == x.max(), np.nan, 2 * v * x),
    "cast down": lambda v, x: 2 * x * v.astype(np.float32).astype(np.float64),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_is_accepted(fault):
    made = FAULTS[fault]
    for size in (6, 4000):
        assert not accepted(square, lambda v, x: (made(v, x),), RNG.normal(size=size)), fault


def test_what_the_operator_does_to_its_inputs_does_not_reach_later_questions():
    def eats(v, x):
        x.fill(0)
        return (v,)

    report = check_pair(lambda x: x * 1, eats, [RNG.normal(size=4)])
    assert [finding.check for finding in report.findings] == ["purity"]


def affine(x, w, b):
    return x @ w + b


def affine_vjp(v, x, w, b):
    return v @ w.T, x.T @ v, v.sum(0)


@pytest.mark.parametrize("scale", [1.0, 1e-4, 0.0])
def test_a_small_input_is_not_drowned_by_large_ones(scale):
    inputs = 1e3 * RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), scale * RNG.normal(size=2)

    def wrong(v, x, w, b):
        return (*affine_vjp(v, x, w, b)[:2], 2 * v.sum(0))

    assert check_pair(affine, affine_vjp, inputs).passed
    assert not check_pair(affine, wrong, inputs).passed


def test_an_entry_with_a_tiny_gradient_is_not_drowned_by_the_others():
    x = np.array([1.0, -2.0, 6.0, 0.5])

    def forward(x):
        return np.exp(-(x**2))

    def vjp(v, x):
        return (-2 * x * np.exp(-(x**2)) * v,)

    def wrong(v, x):
        return (np.where(x > 5, -1.0, 1.0) * vjp(v, x)[0],)

    assert check_pair(forward, vjp, [x]).passed
    assert check_pair(forward, wrong, [x]).verdict == "fail"
