"""The surface of a tensor."""

import numpy as np
import pytest

import needle as ndl
from needle.autograd import NDArray, Tensor, array_api


def test_making_tensors() -> None:
    assert Tensor([1, 2]).dtype == np.int64
    assert Tensor([1.0]).dtype == np.float64
    assert Tensor(np.ones(2, "float16")).dtype == "float16"
    assert Tensor(True).dtype == bool and Tensor(2.5).shape == ()
    assert Tensor([1, 2], dtype="float32").dtype == "float32"
    assert Tensor([1.0]).requires_grad and not Tensor([1.0], requires_grad=False).requires_grad


def test_an_array_is_copied() -> None:
    a = np.ones(2)
    x = Tensor(a)
    a[:] = 5
    assert x.numpy().tolist() == [1, 1]
    x.numpy()[:] = 5
    assert x.numpy().tolist() == [1, 1]


def test_a_tensor_is_converted_only_where_asked() -> None:
    x = Tensor([1.0, 2.0])
    assert Tensor(x, dtype="float32").dtype == "float32"
    assert Tensor(x, dtype="float64").realize_cached_data() is x.realize_cached_data()
    assert Tensor(x * 2).is_leaf()


def test_properties() -> None:
    x = Tensor(np.zeros((2, 3), dtype="float32"))
    assert (x.shape, x.ndim, x.size, x.dtype, x.device) == ((2, 3), 2, 6, "float32", ndl.cpu())
    assert Tensor([[2.5]]).item() == 2.5 and isinstance(Tensor(3).item(), int)


@pytest.mark.parametrize("other", [2.0, np.float64(2), np.array([2.0, 4.0]), Tensor([2.0, 4.0])])
def test_arithmetic_on_either_side(other: object) -> None:
    x, y = Tensor([1.0, 3.0]), np.array([1.0, 3.0])
    z = other.numpy() if isinstance(other, Tensor) else other
    for ours, exact in [
        (x + other, y + z),
        (other + x, z + y),
        (x - other, y - z),
        (other - x, z - y),
        (x * other, y * z),
        (other * x, z * y),
        (x / other, y / z),
        (other / x, z / y),
        (x**other, y**z),
        (other**x, z**y),
        (-x, -y),
    ]:
        assert type(ours) is Tensor
        np.testing.assert_allclose(ours.numpy(), exact, rtol=1e-15)


def test_matmul_on_either_side() -> None:
    x, m = Tensor([1.0, 2.0]), np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal((m @ x).numpy(), m @ x.numpy())
    np.testing.assert_array_equal((x @ m).numpy(), x.numpy() @ m)
    np.testing.assert_array_equal(x.matmul(Tensor(m)).numpy(), x.numpy() @ m)


def test_an_array_in_an_expression_is_a_constant_of_its_own() -> None:
    x, weights = Tensor([1.0, 2.0]), np.array([3.0, 4.0])
    y = x * weights
    weights[:] = 0
    y.backward()
    assert x.grad.numpy().tolist() == [3, 4]


def test_the_number_on_the_left_of_a_quotient_is_no_second_rounding() -> None:
    x = np.linspace(0.1, 7, 1001, dtype=np.float32)
    np.testing.assert_array_equal((3 / Tensor(x)).numpy(), 3 / x)


def test_methods() -> None:
    x = Tensor(np.arange(6.0).reshape(2, 3))
    assert x.sum().item() == 15 and x.sum((1,), keepdims=True).shape == (2, 1)
    assert x.reshape((3, 2)).shape == (3, 2) and x.transpose().shape == (3, 2)
    assert x.broadcast_to((4, 2, 3)).shape == (4, 2, 3)
    assert x[1].numpy().tolist() == [3, 4, 5] and x[:, -1].numpy().tolist() == [2, 5]
    assert [row.numpy().tolist() for row in x] == [[0, 1, 2], [3, 4, 5]]


def test_repr_shows_value_dtype_and_device() -> None:
    text = repr(Tensor([1.5, 2.0], dtype="float32"))
    assert text == "needle.Tensor([1.5, 2. ], dtype=float32, device=cpu(), requires_grad=True)"
    assert str(Tensor([1.5])) == "[1.5]"
    with ndl.lazy_mode():
        assert "2.5" in repr(Tensor([1.5]) + 1)


def test_tensors_are_keys_and_always_true() -> None:
    x, y = Tensor([0.0]), Tensor([0.0])
    assert len({x, y}) == 2 and x == x and bool(x)


def test_names_that_course_files_import() -> None:
    assert NDArray is np.ndarray and array_api is np
    for name in (
        "Op",
        "TensorOp",
        "TensorTupleOp",
        "Value",
        "Tensor",
        "TensorTuple",
        "LAZY_MODE",
        "TENSOR_COUNTER",
        "find_topo_sort",
        "compute_gradient_of_variables",
    ):
        assert hasattr(ndl.autograd, name)
    with pytest.raises(AttributeError, match="no attribute 'MISSING'"):
        _ = ndl.autograd.MISSING
