"""`sum_to`, which undoes broadcasting for every operator."""

import numpy as np
import pytest

from needle.autograd import Tensor
from needle.ops._broadcast import sum_to


@pytest.mark.parametrize(
    ("shape", "into"),
    [
        ((3,), (2, 3)),
        ((2, 1), (2, 3)),
        ((), (2, 3)),
        ((1, 1), (2, 3)),
        ((1, 3, 1), (4, 2, 3, 5)),
        ((1, 3), (0, 3)),
        ((0,), (2, 0)),
        ((1,), (1, 1)),
        ((2, 3), (2, 3)),
    ],
)
def test_it_is_the_adjoint_of_broadcasting(shape: tuple[int, ...], into: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, v = rng.standard_normal(shape), rng.standard_normal(into)
    back = sum_to(Tensor(v), Tensor(x))
    assert back.shape == shape
    assert np.sum(back.numpy() * x) == pytest.approx(np.sum(v * np.broadcast_to(x, into)))


def test_it_is_differentiable() -> None:
    v = Tensor(np.ones((2, 3)), dtype="float32")
    (sum_to(v, Tensor([1.0, 2.0, 3.0])) * Tensor([1.0, 2.0, 3.0])).sum().backward()
    np.testing.assert_array_equal(v.grad.numpy(), [[1, 2, 3]] * 2)
    assert v.grad.dtype == "float32"


def test_nothing_to_do_costs_no_node() -> None:
    v = Tensor(np.ones(3))
    assert sum_to(v, Tensor(np.zeros(3))) is v


@pytest.mark.parametrize("shape", [(3, 2), (4, 2, 3), (2,), (6,), (2, 3, 1)])
def test_shapes_that_were_never_broadcast_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="sum_to: the cotangent must be broadcast from"):
        sum_to(Tensor(np.ones((2, 3))), Tensor(np.ones(shape)))
