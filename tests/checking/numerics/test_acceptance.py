"""The numbers behind a verdict: norms, measured noise, and the groups of like sizes."""

import math

import numpy as np
import pytest

from needle_cli.checking import check_pair
from needle_cli.checking.numerics.tolerance import jittered, norm


@pytest.mark.parametrize("unknown", [np.inf, -np.inf, np.nan])
def test_the_norm_of_an_unknown_error_is_infinite(unknown):
    with np.errstate(all="ignore"):
        assert norm(np.array([1.0, unknown, 1e200])) == math.inf


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_the_norm_of_numbers_of_any_size_is_their_length(scale):
    with np.errstate(all="ignore"):
        assert norm(np.array([3.0, 4.0]) * scale) == pytest.approx(5.0 * scale)


FAR_OUT = np.array([9.6e-05, -1.0e-08, 530.83, 15072.8, 15.0, -5e7, 8670.5, 621.74, -1037.3, 1e-8])


@pytest.mark.parametrize("seed", range(20))
def test_exp_is_not_accused_where_some_entries_overflow(seed):
    report = check_pair(np.exp, lambda v, x: (v * np.exp(x),), [FAR_OUT], seed=seed)
    assert not report.findings, str(report)


@pytest.mark.parametrize("seed", range(5))
def test_a_wrong_exp_is_accused_where_some_entries_overflow(seed):
    report = check_pair(np.exp, lambda v, x: (v * np.exp(x) * 1.01,), [FAR_OUT], seed=seed)
    assert report.findings


def test_a_jittered_number_has_moved():
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 2, 1000)
    moved = jittered(x, 2.0**-52, rng)
    assert (moved != x).all() and np.abs(moved / x - 1).max() <= 2.0**-51


@pytest.mark.parametrize("seed", range(12))
def test_a_cotangent_is_negative_once(seed):
    x = np.random.default_rng(seed).normal(size=(4, 5))

    def variance(v, x):
        return (v * 2 * (x - x.mean()) / x.size,)

    assert check_pair(np.var, variance, [x], seed=seed).verdict == "pass"
    bent = check_pair(np.var, lambda v, x: variance(abs(v), x), [x], seed=seed)
    assert bent.verdict == "fail"


@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_an_infinite_entry_is_no_obstacle(infinite):
    x = np.array([1.0, infinite, 2.0])

    def f(x):
        return np.arctan(x)

    def vjp(v, x):
        return (v / (1 + x * x),)

    assert check_pair(f, vjp, [x]).verdict == "pass"
    assert check_pair(f, lambda v, x: (1.01 * vjp(v, x)[0],), [x]).verdict == "fail"
