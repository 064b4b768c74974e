"""float32 inside a float64 function, or given to one: its rounding is no slope, and no fault."""

import numpy as np
import pytest
import scipy.special as special

from needle_cli.checking import check_pair
from tests.campaign import seeds


def inside(f):
    """Return the function as it is when everything in it happens in float32."""
    return lambda *arrays: np.asarray(f(*(a.astype(np.float32) for a in arrays)), dtype=np.float64)


def drawn(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in shapes]


CASES = {
    "matmul": (np.matmul, lambda v, x, w: (v @ w.T, x.T @ v), [(4, 5), (5, 3)]),
    "tanh": (np.tanh, lambda v, x: (v * (1 - np.tanh(x) ** 2),), [(4, 5)]),
    "squares": (lambda x: (x**2).sum(), lambda v, x: (2 * v * x,), [(3,)]),
    "the cast alone": (lambda x: x, lambda v, x: (v,), [(4, 5)]),
}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", CASES)
def test_a_right_gradient_of_a_float32_computation_passes(name, seed):
    f, vjp, shapes = CASES[name]
    report = check_pair(inside(f), vjp, drawn(seed, *shapes), seed=seed)
    assert report.verdict == "pass", str(report)


@pytest.mark.parametrize("seed", seeds(4))
@pytest.mark.parametrize("factor", [0.0, 1.01])
@pytest.mark.parametrize("name", CASES)
def test_a_wrong_one_is_refused(name, factor, seed):
    f, vjp, shapes = CASES[name]

    def wrong(*arrays):
        return tuple(factor * g for g in vjp(*arrays))

    assert check_pair(inside(f), wrong, drawn(seed, *shapes), seed=seed).verdict == "fail"


@pytest.mark.parametrize("step", [1.0, 1e-4])
def test_steps_of_the_function_are_still_steps(step):
    x = 1e6 * step * np.random.default_rng(1).standard_normal(5)

    def rounded(x):
        return np.round(x / step) * step

    assert check_pair(rounded, lambda v, x: (0 * v,), [x]).verdict == "pass"
    assert check_pair(rounded, lambda v, x: (v,), [x]).verdict != "pass"


TWO = 2 / np.sqrt(np.pi)
GIVEN = {
    "a cast": (np.tanh, lambda v, x: ((v * (1 - np.tanh(x) ** 2)).astype(np.float32),)),
    "a constant": (special.erf, lambda v, x: (v * np.exp(-x * x) * np.float32(TWO),)),
}


@pytest.mark.parametrize("seed", seeds(6))
@pytest.mark.parametrize("name", GIVEN)
def test_nobody_asks_for_more_digits_than_were_given(name, seed):
    f, vjp = GIVEN[name]
    (x,) = drawn(seed, (4, 5))
    report = check_pair(f, vjp, [x.astype(np.float32)], seed=seed)
    assert report.verdict == "pass", str(report)
    assert check_pair(f, vjp, [x], seed=seed).verdict != "pass"


def test_what_is_wrong_in_float32_is_refused_there():
    f, vjp = GIVEN["a constant"]
    (x,) = drawn(1, (4, 5))
    x = x.astype(np.float32)
    assert check_pair(f, lambda v, x: (vjp(v, x)[0] * (1 + 1e-5),), [x]).verdict == "fail"
