"""An operator file in the shape of the course's NumPy homeworks loads and works as it is."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import needle as ndl

COURSE_FILE = """
from typing import Optional, Any
from needle.autograd import NDArray
from needle.autograd import Op, Tensor, Value, TensorOp
from needle.autograd import TensorTuple, TensorTupleOp
from needle import init
import numpy
import numpy as array_api


class MyMul(TensorOp):
    def compute(self, a: NDArray, b: NDArray):
        return a * b

    def gradient(self, out_grad: Tensor, node: Tensor):
        lhs, rhs = node.inputs
        return out_grad * rhs, out_grad * lhs


class MySum(TensorOp):
    def __init__(self, axes: Optional[tuple] = None):
        self.axes = axes

    def compute(self, a):
        return array_api.sum(a, self.axes)

    def gradient(self, out_grad, node):
        shape = list(node.inputs[0].shape)
        for axis in range(len(shape)) if self.axes is None else self.axes:
            shape[axis] = 1
        return out_grad.reshape(shape).broadcast_to(node.inputs[0].shape)


class MyReLU(TensorOp):
    def compute(self, a):
        return array_api.maximum(a, 0)

    def gradient(self, out_grad, node):
        mask = node.inputs[0].realize_cached_data() > 0
        return out_grad * Tensor(mask, dtype=out_grad.dtype)


class MyExp(TensorOp):
    def compute(self, a):
        return array_api.exp(a)

    def gradient(self, out_grad, node):
        return (out_grad * node,)


class MyMakeTensorTuple(TensorTupleOp):
    def compute(self, *args) -> tuple:
        return tuple(args)

    def gradient(self, out_grad, node):
        assert isinstance(out_grad, TensorTuple)
        return tuple([out_grad[i] for i in range(len(out_grad))])


class MyTupleGetItem(TensorOp):
    def __init__(self, index):
        self.index = index

    def __call__(self, a: TensorTuple) -> Value:
        assert isinstance(a, TensorTuple)
        return Tensor.make_from_op(self, [a])

    def compute(self, a):
        return a[self.index]

    def gradient(self, out_grad, node):
        in_grad = []
        for i, value in enumerate(node.inputs[0]):
            in_grad.append(out_grad if i == self.index else init.zeros_like(value))
        return MyMakeTensorTuple()(*in_grad)


class MyStack(TensorOp):
    def __init__(self, axis: int):
        self.axis = axis

    def compute(self, args) -> Tensor:
        return array_api.stack([args[i] for i in range(len(args))], self.axis)

    def gradient(self, out_grad, node):
        return MySplit(self.axis)(out_grad)


class MySplit(TensorTupleOp):
    def __init__(self, axis: int):
        self.axis = axis

    def compute(self, A):
        n = A.shape[self.axis]
        return tuple(array_api.squeeze(p, self.axis) for p in array_api.split(A, n, self.axis))

    def gradient(self, out_grad, node):
        return MyStack(self.axis)(out_grad)
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path: Path = tmp_path_factory.mktemp("course") / "ops_course.py"
    path.write_text(COURSE_FILE)
    module = types.ModuleType("ops_course")
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return module


def network(ops: Any, x: Any, w: Any) -> Any:
    hidden = ops.MyReLU()(x @ w)
    return ops.MySum((0, 1))(ops.MyMul()(ops.MyExp()(hidden), hidden))


@pytest.mark.parametrize("lazy", [False, True])
def test_course_operators_agree_with_ours(course: Any, lazy: bool) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    x, w, x2, w2 = [ndl.Tensor(m) for m in (a, b, a, b)]
    with ndl.lazy_mode(lazy):
        network(course, x, w).backward()
        hidden = ndl.relu(x2 @ w2)
        (ndl.exp(hidden) * hidden).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), x2.grad.numpy(), rtol=1e-14)
    np.testing.assert_allclose(w.grad.numpy(), w2.grad.numpy(), rtol=1e-14)
    (x.grad * x.grad).sum().backward()
    first = w.grad.numpy()
    (x2.grad * x2.grad).sum().backward()
    np.testing.assert_allclose(first, w2.grad.numpy(), rtol=1e-12)


def test_course_tuples(course: Any) -> None:
    a, b = ndl.Tensor([1.0, 2.0]), ndl.Tensor([3.0, 4.0])
    both = course.MyMakeTensorTuple()(a, b)
    stacked = course.MyStack(0)(both)
    parts = course.MySplit(1)(stacked)
    (course.MyTupleGetItem(1)(parts) * parts[1] + course.MyTupleGetItem(0)(parts)).backward()
    np.testing.assert_array_equal(a.grad.numpy(), [1, 4])
    np.testing.assert_array_equal(b.grad.numpy(), [1, 8])
