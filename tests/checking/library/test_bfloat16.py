"""bfloat16, which NumPy does not count among its floating dtypes, as the dtype of an input."""

import numpy as np
import pytest

from needle_cli.checking import check_pair

ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is missing: there is no bfloat16")

X = np.linspace(-2, 3, 12).astype(ml_dtypes.bfloat16).reshape(3, 4)


def of_tanh(v, x):
    return ((v * (1 - np.tanh(x) ** 2)).astype(x.dtype),)


def test_a_right_gradient_passes():
    report = check_pair(np.tanh, of_tanh, [X], thorough=True)
    assert report.verdict == "pass", str(report)


def test_a_wrong_one_is_found_in_float64():
    report = check_pair(np.tanh, lambda v, x: (of_tanh(2 * v, x)[0].astype(x.dtype),), [X])
    assert {f.check for f in report.findings} == {"gradient"}


def test_one_that_is_wrong_in_bfloat16_alone_is_found():
    def doubled(v, x):
        return (of_tanh(v, x)[0] * (2 if x.dtype == X.dtype else 1),)

    assert {f.check for f in check_pair(np.tanh, doubled, [X]).findings} == {"precision"}


def test_another_dtype_of_the_gradient_is_found():
    report = check_pair(np.tanh, lambda v, x: (of_tanh(v, x)[0].astype(np.float32),), [X])
    assert [f.code for f in report.findings] == ["gradient_dtype"]


def test_complex_numbers_are_no_input():
    with pytest.raises(TypeError, match="bfloat16"):
        check_pair(np.tanh, of_tanh, [X.astype(np.complex64)])
