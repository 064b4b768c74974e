"""What holds for every operator: values, dtypes, layouts, modes, purity."""

from typing import Any

import numpy as np
import pytest

import needle as ndl
from needle.autograd import Tensor

from .support import CASES, IDS, Case, gradients, normal, numeric_vjp, tensors

every_case = pytest.mark.parametrize("case", CASES, ids=IDS)


def cotangent(case: Case) -> np.ndarray:
    return normal(*np.shape(case.reference(*case.inputs)), seed=42)


@every_case
def test_value_is_the_reference(case: Case) -> None:
    got, wanted = case.ours(*tensors(case.inputs)), case.reference(*case.inputs)
    assert got.shape == np.shape(wanted)
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-12, atol=1e-13)


@every_case
def test_gradient_is_the_numeric_one(case: Case) -> None:
    if sum(a.size for a in case.inputs) > 100:
        pytest.skip("large: compared with PyTorch instead")
    v = cotangent(case)
    found = numeric_vjp(case.reference, case.inputs, v)
    for got, wanted in zip(gradients(case, v), found, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=2e-6, atol=2e-7)


def test_the_numeric_comparison_can_fail() -> None:
    case = next(c for c in CASES if c.name == "tanh(3, 4)")
    wrong = Case("no slope", lambda a: a + 0, case.inputs, case.reference, case.torch)
    v = cotangent(case)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(
            gradients(wrong, v)[0], numeric_vjp(case.reference, case.inputs, v)[0], rtol=2e-6
        )


@every_case
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_dtype_stays_forward_and_backward(case: Case, dtype: str) -> None:
    inputs = tensors(case.inputs, dtype)
    out = case.ours(*inputs)
    assert out.dtype == dtype
    out.backward(Tensor(cotangent(case), dtype=dtype))
    wanted = gradients(case, cotangent(case))
    tolerance = {"float16": 3e-2, "float32": 1e-4}[dtype]
    for x, exact in zip(inputs, wanted, strict=True):
        assert (x.grad.dtype, x.grad.shape, x.grad.device) == (dtype, x.shape, x.device)
        np.testing.assert_allclose(x.grad.numpy(), exact, rtol=tolerance, atol=tolerance)


@every_case
def test_lazy_is_eager_bit_for_bit(case: Case) -> None:
    def everything() -> list[bytes]:
        inputs, v = tensors(case.inputs), Tensor(cotangent(case))
        out = case.ours(*inputs)
        out.backward(v)
        first = [x.grad for x in inputs]
        for x in inputs:
            x.grad = None
        sum(((g * g).sum() for g in first), start=v.sum()).backward()
        second = [x.grad for x in [*inputs, v] if x.grad is not None]
        return [t.numpy().tobytes() for t in [out, *first, *second]]

    eager = everything()
    with ndl.lazy_mode():
        assert everything() == eager


def test_lazy_mode_really_defers() -> None:
    x = Tensor([1.0])
    assert (x + 1).cached_data is not None
    with ndl.lazy_mode():
        assert (x + 1).cached_data is None


def layouts(a: np.ndarray) -> list[np.ndarray]:
    """The same values, laid out in other ways."""
    spaced = np.zeros([2 * n for n in a.shape])[(..., *[slice(None, None, 2)] * a.ndim)]
    spaced[...] = a
    back = (..., *[slice(None, None, -1)] * a.ndim)
    fortran = np.asfortranarray(a).reshape(a.shape, order="A")  # 0-d stays 0-d
    return [fortran, spaced, a[back].copy()[back]]


def make(arrays: list[np.ndarray]) -> list[Tensor]:
    """Leaves that share the arrays, layout and all."""
    return [Tensor.make_const(a, requires_grad=True) for a in arrays]


@every_case
def test_layout_and_purity(case: Case) -> None:
    plain, v = gradients(case, cotangent(case)), cotangent(case)
    for variants in zip(*[layouts(a) for a in case.inputs], strict=True):
        inputs, given = make(list(variants)), Tensor.make_const(v.copy())
        out = case.ours(*inputs)
        before = [out.numpy(), *[a.copy() for a in variants]]
        out.backward(given)
        after = [out.numpy(), *variants]
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        assert np.array_equal(given.numpy(), v)
        for x, wanted in zip(inputs, plain, strict=True):
            np.testing.assert_allclose(x.grad.numpy(), wanted, rtol=1e-12, atol=1e-13)


@every_case
def test_integers(case: Case) -> None:
    inputs = [Tensor(np.abs(np.rint(3 * a)).astype(np.int32) + 1) for a in case.inputs]
    if "-1" in case.name and "power" in case.name:
        return
    out = case.ours(*inputs)
    if out.dtype.kind == "f":
        with pytest.raises(TypeError, match="no gradient within int32"):
            out.backward()
        assert all(x.grad is None for x in inputs)
    elif case.closed_over_integers:
        out.backward()
        assert all(x.grad.dtype == np.int32 for x in inputs)
    else:
        with pytest.raises(TypeError, match="no gradient within int32"):
            out.backward()


MIXED: list[tuple[str, Any, int]] = [
    ("add", ndl.add, 2),
    ("multiply", ndl.multiply, 2),
    ("divide", ndl.divide, 2),
    ("power", ndl.power, 2),
    ("matmul", ndl.matmul, 2),
    ("stack", lambda a, b: ndl.stack([a, b], 0), 2),
    ("subtract", lambda a, b: a - b, 2),
]


@pytest.mark.parametrize(("name", "function", "count"), MIXED, ids=[m[0] for m in MIXED])
@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float16")])
def test_mixed_dtypes_come_back_to_each_input(
    name: str, function: Any, count: int, dtypes: tuple[str, str]
) -> None:
    a, b = [Tensor(np.full((2, 2), 1.5), dtype=dtype) for dtype in dtypes]
    out = function(a, b)
    assert out.dtype == "float64"
    out.backward()
    assert (a.grad.dtype, b.grad.dtype) == dtypes


@pytest.mark.parametrize("unsigned", ["uint8", "uint32"])
def test_subtracting_an_unsigned_tensor_does_not_wrap(unsigned: str) -> None:
    labels = Tensor([3, 0], dtype=unsigned, requires_grad=False)
    np.testing.assert_array_equal((Tensor([1.0, 1.0]) - labels).numpy(), [-2, 1])
    np.testing.assert_array_equal((0.5 - labels).numpy(), [-2.5, 0.5])
    np.testing.assert_array_equal((labels + 4 - 2).numpy(), [5, 2])
    signed = Tensor([1, 1], dtype="int64", requires_grad=False)
    np.testing.assert_array_equal((signed - labels).numpy(), [-2, 1])
    with ndl.lazy_mode():
        np.testing.assert_array_equal((Tensor([1.0, 1.0]) - labels).numpy(), [-2, 1])
        np.testing.assert_array_equal((0.5 - (labels + 0)).numpy(), [-2.5, 0.5])
