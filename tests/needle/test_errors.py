"""Bad input raises at the call, and says which operator, which argument, what was expected."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import needle as ndl
from needle.autograd import Tensor


def t(*shape: int, dtype: str = "float64") -> Tensor:
    return Tensor(np.ones(shape), dtype=dtype)


BAD: list[tuple[str, Callable[[], Any], type[Exception], str]] = [
    ("add", lambda: t(2, 3) + t(4), ValueError, r"add: .*\(2, 3\) and \(4,\)"),
    ("multiply", lambda: t(2) * t(3), ValueError, "multiply: "),
    ("divide", lambda: t(2) / t(3), ValueError, "divide: "),
    ("power", lambda: t(2) ** t(3), ValueError, "power: "),
    ("subtract", lambda: t(2) - t(3), ValueError, "add: "),
    ("add array", lambda: ndl.add(t(2), np.ones(2)), TypeError, "EWiseAdd: input 1 .*got ndarray"),
    ("exp number", lambda: ndl.exp(2.0), TypeError, "Exp: input 0 must be a Tensor, got float"),
    ("scalar text", lambda: ndl.add_scalar(t(2), "1"), TypeError, "add_scalar: scalar .*got str"),
    ("scalar complex", lambda: ndl.mul_scalar(t(2), 1j), TypeError, "mul_scalar: scalar"),
    ("scalar array", lambda: ndl.divide_scalar(t(2), np.ones(2)), TypeError, "divide_scalar"),
    ("scalar tensor", lambda: ndl.power_scalar(t(2), t(1)), TypeError, "power_scalar"),
    ("number too large", lambda: t(2, dtype="int8") + 300, ValueError, "AddScalar"),
    ("huge number", lambda: t(2) * 10**400, ValueError, "MulScalar"),
    ("+ text", lambda: t(2) + "1", TypeError, "unsupported operand"),
    ("negate bool", lambda: -t(2, dtype="bool"), TypeError, "negate: a .*got bool"),
    ("bool - bool", lambda: t(2, dtype="bool") - t(2, dtype="bool"), TypeError, "subtract"),
    ("negative integer power", lambda: t(2, dtype="int64") ** -1, ValueError, "power_scalar"),
    ("negative integer powers", lambda: t(2, dtype="int64") ** Tensor([-1]), ValueError, "power"),
    ("sum axis", lambda: t(2, 3).sum(2), ValueError, r"summation: .*\[-2, 2\), got 2"),
    ("sum axis as index", lambda: t(2, 3).sum((0, -3)), IndexError, "summation"),
    ("sum twice", lambda: t(2, 3).sum((0, -2)), ValueError, "summation: axes .*repetition"),
    ("sum float axis", lambda: t(2).sum(0.0), TypeError, "summation: axes .*got 0.0"),
    ("sum bool axis", lambda: t(2).sum(True), TypeError, "summation: axes"),
    ("sum 0-d", lambda: t().sum(0), ValueError, "summation"),
    ("logsumexp axis", lambda: ndl.logsumexp(t(2), 1), ValueError, "logsumexp: every axis"),
    ("logsoftmax 0-d", lambda: ndl.logsoftmax(t()), ValueError, "logsoftmax: a .*1-d"),
    ("transpose 1-d", lambda: t(3).transpose(), ValueError, "transpose: a .*2-d"),
    ("transpose three", lambda: t(2, 3, 4).transpose((0, 1, 2)), ValueError, "transpose: axes"),
    ("transpose axis", lambda: t(2, 3).transpose((0, 2)), ValueError, "transpose: every axis"),
    ("reshape size", lambda: t(2, 3).reshape((4,)), ValueError, "reshape: shape .*6 entries"),
    ("reshape two -1", lambda: t(2, 3).reshape((-1, -1)), ValueError, "reshape: "),
    ("reshape -2", lambda: t(2, 3).reshape((-2, 3)), ValueError, "reshape: every length"),
    ("reshape float", lambda: t(4).reshape((2.0, 2)), TypeError, "reshape: every length"),
    ("broadcast_to less", lambda: t(2, 3).broadcast_to((3,)), ValueError, "broadcast_to: shape"),
    ("broadcast_to other", lambda: t(2).broadcast_to((3,)), ValueError, "broadcast_to: shape"),
    ("broadcast_to -1", lambda: t(2).broadcast_to((-1,)), ValueError, "broadcast_to: shape"),
    ("stack nothing", lambda: ndl.stack([], 0), ValueError, "stack: args .*at least one"),
    ("stack shapes", lambda: ndl.stack([t(2), t(3)], 0), ValueError, "stack: args .*one shape"),
    ("stack axis", lambda: ndl.stack([t(2)], 2), ValueError, "stack: every axis"),
    ("stack array", lambda: ndl.stack([np.ones(2)], 0), TypeError, "input 0 must be a Tensor"),
    ("stack number", lambda: ndl.stack(3, 0), TypeError, "stack: args .*got int"),
    ("stack float axis", lambda: ndl.stack([t(2)], 0.5), TypeError, "stack: axis"),
    ("split axis", lambda: ndl.split(t(2), 1), ValueError, "split: every axis"),
    ("flip axis", lambda: ndl.flip(t(2), 1), ValueError, "flip: every axis"),
    ("flip twice", lambda: ndl.flip(t(2, 2), (0, 0)), ValueError, "flip: axes"),
    ("dilate axis", lambda: ndl.dilate(t(2), (1,), 1), ValueError, "dilate: every axis"),
    ("dilate -1", lambda: ndl.dilate(t(2), (0,), -1), ValueError, "dilate: dilation"),
    ("undilate 0.5", lambda: ndl.undilate(t(2), (0,), 0.5), TypeError, "undilate: dilation"),
    ("matmul inner", lambda: t(2, 3) @ t(2, 3), ValueError, r"matmul: .*\(2, 3\) and \(2, 3\)"),
    ("matmul 0-d", lambda: t() @ t(2), ValueError, "matmul: a and b .*1-d"),
    ("matmul batch", lambda: t(2, 1, 3) @ t(5, 3, 1) @ t(3, 1, 1), ValueError, "matmul: .*batch"),
    ("matmul number", lambda: t(2) @ 3, TypeError, "unsupported operand"),
    ("conv image", lambda: ndl.conv(t(3, 3), t(1, 1, 3, 1)), ValueError, "conv: a .*N, H, W"),
    ("conv weight", lambda: ndl.conv(t(1, 3, 3, 1), t(3, 3)), ValueError, "conv: b .*K, K"),
    ("conv channels", lambda: ndl.conv(t(1, 3, 3, 2), t(1, 1, 3, 1)), ValueError, "conv: C_in"),
    ("conv kernel", lambda: ndl.conv(t(1, 2, 9, 1), t(5, 5, 1, 1)), ValueError, "kernel's height"),
    ("conv empty", lambda: ndl.conv(t(1, 0, 3, 1), t(1, 1, 1, 1)), ValueError, "conv: height"),
    ("conv stride", lambda: ndl.conv(t(1, 2, 2, 1), t(1, 1, 1, 1), stride=0), ValueError, "stride"),
    ("conv padding", lambda: ndl.conv(t(1, 2, 2, 1), t(1, 1, 1, 1), padding=-1), ValueError, "pad"),
    ("conv float", lambda: ndl.conv(t(1, 2, 2, 1), t(1, 1, 1, 1), stride=1.5), TypeError, "stride"),
    ("index", lambda: t(2)[2], IndexError, "getitem: "),
    ("index axes", lambda: t(2)[0, 0], IndexError, "getitem: "),
    ("index array", lambda: t(2)[np.array([0, 2])], IndexError, r"\[-2, 2\), got 0 to 2"),
    ("index below", lambda: t(2)[[-3]], IndexError, "getitem: positions"),
    ("index later axis", lambda: t(2, 3)[..., [3]], IndexError, "getitem: positions along axis 1"),
    ("index float", lambda: t(2)[0.5], IndexError, "getitem: "),
    ("index mask", lambda: t(2)[np.array([True])], IndexError, "getitem: "),
    ("tuple index", lambda: ndl.tuple_get_item(ndl.make_tuple(t(1)), 1), IndexError, "index"),
    ("tuple of tensor", lambda: ndl.tuple_get_item(t(1), 0), TypeError, "value .*TensorTuple"),
    ("Stack of tensor", lambda: ndl.Stack(0)(t(2)), TypeError, "stack: args .*TensorTuple"),
    ("tuple index kind", lambda: ndl.make_tuple(t(1))["0"], TypeError, "index must be an integer"),
    ("fused", lambda: ndl.fused_add_scalars(t(1), "a", 1), TypeError, "fused_add_scalars"),
    ("ragged", lambda: Tensor([[1.0], [1.0, 2.0]]), ValueError, "array: cannot make"),
    ("text", lambda: Tensor("text"), TypeError, "dtype .* is not supported"),
    ("None", lambda: Tensor(None), TypeError, "dtype object is not supported"),
    ("complex", lambda: Tensor([1j]), TypeError, "complex128 is not supported"),
    ("to complex", lambda: Tensor([1.0], dtype="complex64"), TypeError, "complex64"),
    ("to bfloat16", lambda: Tensor([1.0], dtype="bfloat16"), TypeError, "bfloat16"),
    ("unknown dtype", lambda: Tensor([1.0], dtype="float31"), TypeError, "float31"),
    ("longdouble", lambda: Tensor(np.ones(1, np.longdouble)), TypeError, "not supported"),
    ("masked", lambda: Tensor(np.ma.masked_array([1.0])), TypeError, "masked"),
    (
        "byte order",
        lambda: Tensor(np.ones(1, np.dtype("f4").newbyteorder("S"))),
        TypeError,
        "foreign byte order.*newbyteorder",
    ),
    ("const", lambda: Tensor.make_const(np.ones(1, complex)), TypeError, "complex128"),
    ("tuple", lambda: Tensor(ndl.make_tuple(t(1))), TypeError, "one array, got TensorTuple"),
    ("item", lambda: t(2).item(), ValueError, r"item: .*size 1, got shape \(2,\)"),
    ("to", lambda: t(2).to("cpu"), TypeError, "to: device .*got 'cpu'"),
    ("to None", lambda: t(2).to(None), TypeError, "to: device"),
    ("device", lambda: Tensor([1.0], device="cpu"), TypeError, "Tensor: device .*got 'cpu'"),
    ("init device", lambda: ndl.init.ones(2, device="cpu"), TypeError, "constant: device"),
    ("init value", lambda: ndl.init.constant(2, c=300, dtype="int8"), ValueError, "fill_value"),
    ("numpy function", lambda: np.exp(t(2)), TypeError, "Tensor"),
    ("asarray", lambda: np.asarray(t(2)), TypeError, r"call \.numpy\(\)"),
    ("list of tensors", lambda: Tensor([t(2), t(2)]), TypeError, r"call \.numpy\(\)"),
    ("iterate 0-d", lambda: list(t()), TypeError, "0-d"),
    ("grad", lambda: setattr(t(2), "grad", np.ones(2)), TypeError, "a Tensor or None"),
    ("one_hot range", lambda: ndl.init.one_hot(3, Tensor([3])), IndexError, r"in \[0, 3\), got 3"),
    ("one_hot negative", lambda: ndl.init.one_hot(3, Tensor([-1])), IndexError, "got -1"),
    ("one_hot float", lambda: ndl.init.one_hot(3, Tensor([0.5])), TypeError, "an integer"),
    ("init shape", lambda: ndl.init.zeros(2.5), TypeError, "constant: every length"),
    ("init negative", lambda: ndl.init.rand(-1), ValueError, "rand: every length"),
    ("init list", lambda: ndl.init.randn([2, 3]), TypeError, "randn: every length"),
    ("kaiming", lambda: ndl.init.kaiming_uniform(2, 2, nonlinearity="tanh"), ValueError, "relu"),
]


@pytest.mark.parametrize(("call", "error", "says"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_input_raises_at_the_call(
    call: Callable[[], Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        call()


def test_a_bfloat16_array_is_refused_by_name() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes gives NumPy its bfloat16")
    with pytest.raises(TypeError, match="bfloat16 is not supported"):
        Tensor(np.ones(2, dtype=ml_dtypes.bfloat16))


def test_in_lazy_mode_shapes_are_refused_when_the_data_is_asked_for() -> None:
    with ndl.lazy_mode():
        y = t(2) + t(3)
        with pytest.raises(ValueError, match="add: "):
            y.numpy()
        with pytest.raises(TypeError, match="add_scalar: scalar"):
            ndl.add_scalar(t(2), "1")


def test_a_foreign_operators_error_says_where_it_happened() -> None:
    class Broken(ndl.TensorOp):
        def compute(self, a: Any) -> Any:
            raise KeyError("lost")

    with pytest.raises(KeyError) as caught:
        Broken()(t(2, 3))
    assert caught.value.__notes__ == ["in Broken with inputs float64[2, 3]"]
