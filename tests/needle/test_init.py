"""Initial values: those of the course for the same seed."""

import math

import numpy as np
import pytest

from needle import Tensor, init


def test_constants() -> None:
    assert init.ones(2, 3).numpy().tolist() == [[1] * 3] * 2
    assert init.zeros(2, dtype="int8").dtype == "int8"
    assert init.constant(2, c=7.5).numpy().tolist() == [7.5, 7.5]
    x = Tensor([[1, 2]], dtype="float16")
    assert init.zeros_like(x).dtype == init.ones_like(x).dtype == "float16"
    assert init.ones_like(x, requires_grad=True).requires_grad
    assert init.ones().shape == () and not init.ones().requires_grad
    np.testing.assert_array_equal(init.one_hot(3, Tensor([2, 0])).numpy(), [[0, 0, 1], [1, 0, 0]])


def test_the_global_seed_gives_the_courses_values() -> None:
    np.random.seed(1)
    got = [init.rand(2, low=-1, high=1), init.randn(2, mean=1, std=3), init.randb(4, p=0.3)]
    np.random.seed(1)
    wanted = [np.random.rand(2) * 2 - 1, np.random.randn(2) * 3 + 1, np.random.rand(4) <= 0.3]
    for ours, exact in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(ours.numpy(), exact.astype(ours.dtype))
    assert [t.dtype for t in got] == ["float32", "float32", "bool"]


def test_a_generator_leaves_the_global_one_alone() -> None:
    np.random.seed(1)
    a = init.randn(3, rng=np.random.default_rng(5)).numpy()
    b = init.randn(3, rng=np.random.default_rng(5)).numpy()
    np.testing.assert_array_equal(a, b)
    after = np.random.rand()
    np.random.seed(1)
    assert after == np.random.rand()


@pytest.mark.parametrize(
    ("make", "bound"),
    [(init.xavier_uniform, math.sqrt(6 / 700)), (init.kaiming_uniform, math.sqrt(6 / 300))],
)
def test_uniform_weights(make: object, bound: float) -> None:
    w = make(300, 400).numpy()  # type: ignore[operator]
    assert w.shape == (300, 400) and w.dtype == "float32"
    assert 0.999 * bound < np.abs(w).max() <= np.float32(bound)
    assert np.std(w) == pytest.approx(bound / math.sqrt(3), rel=0.02)


@pytest.mark.parametrize(
    ("make", "std"),
    [(init.xavier_normal, math.sqrt(2 / 700)), (init.kaiming_normal, math.sqrt(2 / 300))],
)
def test_normal_weights(make: object, std: float) -> None:
    w = make(300, 400, dtype="float64").numpy()  # type: ignore[operator]
    assert w.shape == (300, 400) and np.std(w) == pytest.approx(std, rel=0.02)


def test_kaiming_takes_the_shape_of_a_kernel() -> None:
    w = init.kaiming_uniform(27, 36, shape=(3, 3, 3, 4), requires_grad=True)
    assert w.shape == (3, 3, 3, 4) and w.requires_grad
    assert np.abs(w.numpy()).max() <= np.float32(math.sqrt(6 / 27))
    assert init.xavier_uniform(2, 2, gain=0.0).numpy().tolist() == [[0, 0], [0, 0]]
