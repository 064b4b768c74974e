"""Operators where a plain formula goes wrong: zeros, infinities, large and tiny numbers."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import needle as ndl
from needle.autograd import Tensor

INF = np.inf


def slopes(function: Callable[..., Any], *arrays: Any, order: int = 1) -> list[np.ndarray]:
    """Entrywise derivatives of `order`, with respect to each input in turn."""
    found = []
    for position in range(len(arrays)):
        inputs = [Tensor(a, requires_grad=i == position) for i, a in enumerate(arrays)]
        x = inputs[position]
        value = function(*inputs)
        for _ in range(order):
            x.grad = None
            if not value.requires_grad:
                value = Tensor(np.zeros(x.shape), requires_grad=False)
                continue
            value.backward()
            value = x.grad
        found.append(value.numpy())
    return found


@pytest.mark.parametrize(
    ("scalar", "derivatives"),
    [
        (0, [0, 0, 0]),
        (1, [1, 0, 0]),
        (2, [0, 2, 0]),
        (3, [0, 0, 6]),
        (2.0, [0, 2, 0]),
        (1.5, [0, INF]),
        (2.5, [0, 0, INF]),
        (0.5, [INF]),
    ],
)
def test_power_scalar_at_zero(scalar: float, derivatives: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for order, wanted in enumerate(derivatives, start=1):
            assert slopes(lambda a: a**scalar, [0.0], order=order)[0] == [wanted]


@pytest.mark.parametrize(
    ("a", "b", "in_a", "in_b"),
    [
        (0.0, 2.0, 0.0, 0.0),
        (0.0, 1.0, 1.0, 0.0),
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 3.0, 0.0, 0.0),
        (-2.0, 3.0, 12.0, np.nan),
        (-2.0, 0.0, 0.0, np.nan),
        (2.0, 0.0, 0.0, np.log(2.0)),
        (1.0, 5.0, 5.0, 0.0),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_power_corners(a: float, b: float, in_a: float, in_b: float) -> None:
    np.testing.assert_allclose(slopes(ndl.power, [a], [b]), [[in_a], [in_b]], rtol=1e-15)


def test_power_second_derivatives_in_the_base_at_zero() -> None:
    base, exponents = np.zeros(5), np.arange(5.0)
    np.testing.assert_array_equal(slopes(ndl.power, base, exponents, order=2)[0], [0, 0, 2, 0, 0])


def test_power_mixed_derivative_at_exponent_zero() -> None:
    a, b = Tensor([2.0]), Tensor([0.0])
    (a**b).backward()
    a.grad.backward()
    np.testing.assert_allclose(b.grad.numpy(), [0.5])  # d/db of b a^(b-1) is 1/a there


def test_powers_that_cannot_be_asked_leave_no_warning() -> None:
    x = Tensor([-1.0, 0.0, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (x**2).backward()
        ndl.power(x, Tensor([2.0, 3.0, 2.0], requires_grad=False)).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [-2, 0, 4])


def test_divide_neither_over_nor_underflows() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(
            slopes(ndl.divide, [1e-200, 1e200, 1e-300], [1e-200, 1e200, 1e-160]),
            [[1e200, 1e-200, 1e160], [-1e200, -1e-200, -1e20]],
        )


def test_tanh_far_out_keeps_its_digits() -> None:
    a = np.array([0.0, 1e-9, 1.0, 10.0, 25.0, 300.0, -300.0, 800.0])
    first, second = slopes(ndl.tanh, a)[0], slopes(ndl.tanh, a, order=2)[0]
    with np.errstate(over="ignore"):
        exact = 1 / np.cosh(a) ** 2
    np.testing.assert_allclose(first, exact, rtol=1e-14)
    np.testing.assert_allclose(second, -2 * np.tanh(a) * exact, rtol=1e-14)
    with pytest.raises(AssertionError):  # what the usual formula gives
        np.testing.assert_allclose(1 - np.tanh(a) ** 2, exact, rtol=1e-14)


def test_relu_at_zero_and_under_infinite_cotangents() -> None:
    x = Tensor([-1.0, 0.0, -0.0, 2.0])
    ndl.relu(x).backward(Tensor([INF, INF, np.nan, 3.0]))
    np.testing.assert_array_equal(x.grad.numpy(), [0, 0, 0, 3])
    assert slopes(ndl.relu, [-1.0, 0.0, 1.0], order=2)[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("function", [ndl.logsumexp, ndl.logsoftmax])
def test_large_magnitudes(function: Callable[..., Any]) -> None:
    offset = np.array([0.0, 1.0, 3.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size in (1e4, -1e4):
            shifted = slopes(function, offset + size)[0]
            np.testing.assert_allclose(shifted, slopes(function, offset)[0], rtol=1e-14, atol=1e-15)
        value = ndl.logsumexp(Tensor(offset + 1e4)).item()
    assert value == pytest.approx(1e4 + np.log(np.exp(offset).sum()), rel=1e-15)


def test_logsumexp_float32_weights_stay_accurate_far_from_zero() -> None:
    a = Tensor(np.array([10000.0, 10001.0], dtype=np.float32))
    ndl.logsumexp(a).backward()
    np.testing.assert_allclose(a.grad.numpy(), [0.26894142, 0.73105858], rtol=3e-7)


def test_logsumexp_of_infinities() -> None:
    rows = [[-INF, -INF], [-INF, 0.0], [INF, 0.0], [np.nan, 0.0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = Tensor(rows)
        y = ndl.logsumexp(x, axes=1)
        y.backward()
    np.testing.assert_array_equal(y.numpy(), [-INF, 0, INF, np.nan])
    np.testing.assert_array_equal(x.grad.numpy()[:2], [[0, 0], [0, 1]])


def test_logsoftmax_of_minus_infinity() -> None:
    x = Tensor([[-INF, 0.0, 0.0]])
    y = ndl.logsoftmax(x)
    y.backward(Tensor([[0.0, 1.0, 0.0]]))
    np.testing.assert_allclose(y.numpy(), [[-INF, -np.log(2), -np.log(2)]])
    np.testing.assert_allclose(x.grad.numpy(), [[0, 0.5, -0.5]])
    assert np.isnan(ndl.logsoftmax(Tensor([-INF, -INF])).numpy()).all()


def test_logsumexp_to_third_order() -> None:
    """With s the weight of the entry: s, s (1 - s), s (1 - s) (1 - 2 s), ..., by hand."""
    s = np.exp(0.3) / (1 + np.exp(0.3))
    wanted = [s, s * (1 - s), s * (1 - s) * (1 - 2 * s), s * (1 - s) * (1 - 6 * s + 6 * s * s)]
    zero = Tensor([0.0], requires_grad=False)
    for order, exact in enumerate(wanted, start=1):
        got = slopes(lambda a: ndl.logsumexp(ndl.stack([a, zero], 0), axes=0), [0.3], order=order)
        np.testing.assert_allclose(got[0], [exact], rtol=1e-12)


def test_reductions_over_nothing() -> None:
    empty = Tensor(np.zeros((0, 3)))
    np.testing.assert_array_equal(empty.sum(0).numpy(), [0, 0, 0])
    np.testing.assert_array_equal(ndl.logsumexp(empty, 0).numpy(), [-INF] * 3)
    assert ndl.logsoftmax(Tensor(np.zeros((3, 0)))).shape == (3, 0)
    ndl.logsumexp(empty, 0).backward()
    assert empty.grad.shape == (0, 3)


def test_undilate_of_a_length_that_is_no_multiple() -> None:
    x = Tensor(np.arange(5.0))
    ndl.undilate(x, 0, 1).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1, 0, 1, 0, 1])


def test_getitem_adds_up_repeated_entries() -> None:
    x = Tensor(np.arange(3.0))
    x[np.array([1, 1, 1, 0])].backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1, 3, 0])


def test_getitem_keeps_its_index_when_the_caller_changes_it() -> None:
    index = np.array([0, 1])
    x = Tensor([1.0, 2.0, 3.0])
    with ndl.lazy_mode():
        picked = x[index]
        index[:] = 2
        np.testing.assert_array_equal(picked.numpy(), [1, 2])


def test_getitem_accepts_tensors_as_index() -> None:
    x = Tensor([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(x[Tensor([2, 0])].numpy(), [3, 1])
    np.testing.assert_array_equal(x[Tensor([True, False, True])].numpy(), [1, 3])


def test_unused_members_of_a_tuple_get_zeros() -> None:
    x = Tensor(np.ones((3, 2)))
    ndl.split(x, 0)[1].backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[0, 0], [1, 1], [0, 0]])
    a, b = Tensor([1.0, 2.0]), Tensor([3.0])
    ndl.tuple_get_item(ndl.make_tuple(a, b), 0).backward()
    np.testing.assert_array_equal(b.grad.numpy(), [0])


def test_the_gradient_of_tuple_get_item_itself_is_dense() -> None:
    pair = ndl.make_tuple(Tensor([1.0]), Tensor([2.0, 3.0]))
    item = pair[-1]
    (dense,) = item.op.gradient_as_tuple(Tensor([5.0, 6.0]), item)
    assert [m.numpy().tolist() for m in dense] == [[0], [5, 6]]


def test_python_numbers_keep_the_dtype() -> None:
    for dtype in ("float16", "float32", "float64"):
        x = Tensor([2.0, 3.0], dtype=dtype)
        for y in (
            x + 1.5,
            1.5 * x,
            x - 1,
            1 - x,
            x / 3,
            3 / x,
            x**2,
            x**0.5,
            2**x,
            x * np.float64(2),
            x + np.int64(1),
        ):
            assert y.dtype == dtype
    assert (Tensor([1, 2]) * 2).dtype == np.int64


def test_float16_sums_do_not_stop_growing() -> None:
    tenth, many = np.float16(0.1), 4096
    exact = np.float16(many * float(tenth))
    column = Tensor(np.full((many, 2), tenth))
    bias = Tensor(np.zeros(2, "float16"))
    (column * 0 + bias).backward(Tensor(np.full((many, 2), tenth)))
    picked = Tensor(np.zeros(1, "float16"))
    picked[np.zeros(many, int)].backward(Tensor(np.full(many, tenth)))
    found = [column.sum(0).numpy()[0], bias.grad.numpy()[0], picked.grad.numpy()[0]]
    assert found == [exact] * 3
    assert np.full((many, 2), tenth).sum(0)[0] == 256  # what NumPy gives
    weights = ndl.logsumexp(Tensor(np.zeros((many, 1), "float16")), 0).numpy()
    assert weights[0] == np.float16(np.log(many))
