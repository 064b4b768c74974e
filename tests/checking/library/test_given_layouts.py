"""Arrays are asked in the memory layout in which they were handed in, cotangents in another."""

import numpy as np
import pytest

from needle_cli.checking import check_pair
from needle_cli.checking.library.arrays import as_given

BASE = np.random.default_rng(0).normal(size=(4, 6))

LAYOUTS = {
    "expanded": np.broadcast_to(BASE[0], (3, 6)),
    "expanded scalar": np.broadcast_to(np.array(0.7), (3,)),
    "reversed": BASE[::-1],
    "both reversed": BASE[::-1, ::-1],
    "stepped": BASE[:, ::2],
    "stepped backwards": BASE[::-2, ::3],
    "swapped": BASE.T,
    "a column": BASE[:, 1],
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2"])
def test_a_copy_has_the_same_numbers_and_strides(name, dtype):
    view = as_given(LAYOUTS[name].astype(dtype)) if dtype != "f8" else LAYOUTS[name]
    made = as_given(view)
    assert made.strides == view.strides
    assert np.array_equal(made, view)
    assert not np.shares_memory(made, view)


def test_a_small_view_of_much_memory_is_copied_plainly():
    view = np.zeros((1 << 12, 1 << 10))[:, 0]
    assert as_given(view).flags.c_contiguous


def square(x):
    return x * x


def vjp_that_minds(odd):
    return lambda v, x: (v * 2 * x * (0 if odd(x) else 1),)


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_layout_of_an_input_is_asked_and_named(name, thorough):
    given = LAYOUTS[name]
    wrong = vjp_that_minds(lambda x: x.strides == given.strides)
    report = check_pair(square, wrong, [given], thorough=thorough)
    assert {f.input for f in report.findings} == {"x"}, str(report)
    assert thorough or "as it was handed in" in str(report)
    assert check_pair(square, vjp_that_minds(lambda x: False), [given], thorough=thorough).passed


def test_only_the_input_with_the_layout_is_named():
    def vjp(v, a, b):
        return v * b * (2 if 0 in b.strides else 1), v * a

    a, b = BASE[:3].T.copy().T, np.broadcast_to(BASE[0], (3, 6))
    report = check_pair(lambda a, b: a * b, vjp, [a, b])
    assert [f.input for f in report.findings] == ["b"]
    assert "b is expanded (stride 0)" in str(report)
    assert check_pair(lambda a, b: a * b, vjp, [a, b.copy()]).passed


@pytest.mark.parametrize("size", [(3, 4), (7,), (60, 60)])
def test_a_cotangent_with_gaps_is_asked_and_named(size):
    x = np.random.default_rng(1).normal(size=size)

    def reads_memory(v, x):
        flat = np.ndarray(x.size, buffer=v if v.flags.c_contiguous else v.base)
        return (flat.reshape(x.shape) * 2 * x,)

    report = check_pair(square, reads_memory, [x])
    assert "sliced cotangent" in str(report)
    assert "inputs" not in str(report.findings[0].message)
    assert check_pair(square, lambda v, x: (v * 2 * x,), [x]).passed


@pytest.mark.parametrize("seed", range(6))
def test_thorough_tries_negative_strides_on_every_seed(seed):
    negative = vjp_that_minds(lambda x: any(s < 0 for s in x.strides))
    report = check_pair(square, negative, [BASE], thorough=True, seed=seed)
    assert "reversed inputs" in str(report)
    of_cotangent = lambda v, x: (v * 2 * x * (0 if v.strides[0] < 0 else 1),)  # noqa: E731
    report = check_pair(square, of_cotangent, [BASE], thorough=True, seed=seed)
    assert "reversed cotangent" in str(report)
    assert check_pair(square, negative, [BASE], seed=seed).passed
