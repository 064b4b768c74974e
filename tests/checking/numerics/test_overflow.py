"""Near the largest and the smallest numbers a right gradient is not accused, a wrong one is."""

import numpy as np
import pytest

from needle_cli.checking import check_pair

NEAR = np.array([[707.55, 60.9, 3.0], [1.0, -2.0, 700.0]])


def twice_exp(v, x):
    return (2 * v * np.exp(x),)


def exp(v, x):
    return (v * np.exp(x),)


@pytest.mark.parametrize("seed", range(5))
def test_outputs_that_nearly_overflow(seed):
    assert check_pair(np.exp, exp, (NEAR,), seed=seed).verdict not in ("fail", "no_derivative")


def test_a_wrong_gradient_beside_them_is_refused():
    assert check_pair(np.exp, twice_exp, (NEAR,)).verdict == "fail"


def test_linearity_among_the_smallest_numbers():
    x = np.array([[-103.5, -101.9, -102.7]], dtype=np.float32)
    assert check_pair(np.exp, exp, (x,), checks=("linearity",)).verdict == "pass"


def test_a_clipped_gradient_of_ordinary_size_is_not_linear():
    def clipped(v, x):
        return (np.clip(v, -8, 8).astype(np.float32) * np.exp(x),)

    x = np.array([[-0.5, 0.9, 1.7]], dtype=np.float32)
    assert check_pair(np.exp, clipped, (x,), checks=("linearity",)).verdict == "fail"
