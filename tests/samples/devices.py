"""Operators that are right on the host and would fail, copy or differ on a GPU, and right twins."""

import itertools

import numpy as np

from needle import Tensor, TensorOp, ops
from needle.backend import array_namespace, to_host

__all__ = [
    "any_order", "any_order_declared", "branch", "checked", "device_constant", "host_constant",
    "host_copy", "last_wins", "missing", "numpy_alone", "python_number", "unchecked",
    "wild_declared",
]  # fmt: skip


def twice(a):
    return 2 * a


def picked(a, index):
    return a[index]


def last(v):
    return v[[0, 2]]


class Scaled(TensorOp):
    """y = a times something of `how`'s making; da = dy times the same."""

    def __init__(self, how):
        self.how = how

    def compute(self, a):
        return a * self.how(a)

    def gradient(self, out_grad, node):
        return out_grad * 2.0


def _plain(a):
    return 2.0


def _host_copy(a):
    return np.asarray(a).dtype.type(2.0)


def _python_number(a):
    return 2.0 + 0.0 * float(np.sum(a))


def _host_constant(a):
    return np.full(a.shape, 2.0, dtype=a.dtype)


def _device_constant(a):
    return array_namespace(a).full(a.shape, 2.0, dtype=a.dtype)


def _branch(a):
    return 2.0 if np.all(a < 1e300) else 3.0


def _missing(a):
    return 2.0 + 0.0 * np.spacing(a)


def numpy_alone(a):
    return Scaled(_plain)(a)


def device_constant(a):
    return Scaled(_device_constant)(a)


def host_copy(a):
    return Scaled(_host_copy)(a)


def python_number(a):
    return Scaled(_python_number)(a)


def host_constant(a):
    return Scaled(_host_constant)(a)


def branch(a):
    return Scaled(_branch)(a)


def missing(a):
    return Scaled(_missing)(a)


class Pick(TensorOp):
    """y = the entries at `index` of the first axis, NumPy's error for those that do not exist."""

    def __init__(self, index):
        self.index = index

    def compute(self, a):
        return a[self.index]

    def gradient(self, out_grad, node):
        return _Put(self.index, node.inputs[0].shape)(out_grad)


class _Put(TensorOp):
    """y = zeros with v's entries added up at `index`; dv = dy there."""

    def __init__(self, index, shape):
        self.index, self.shape = index, shape

    def compute(self, v):
        y = array_namespace(v).zeros(self.shape, dtype=v.dtype)
        np.add.at(y, self.index, v)
        return y

    def gradient(self, out_grad, node):
        return Pick(self.index)(out_grad)


class Last(TensorOp):
    """y = [v0, v2], v1 and v2 being put to one place; dv = (dy0, 0, dy1)."""

    def compute(self, v):
        y = array_namespace(v).zeros((2,), dtype=v.dtype)
        y[[0, 1, 1]] = v
        return y

    def gradient(self, out_grad, node):
        kept = Tensor([1.0, 0.0, 1.0], device=out_grad.device, dtype=out_grad.dtype,
                      requires_grad=False)  # fmt: skip
        return ops.getitem(out_grad, np.array([0, 1, 1])) * kept


class Rows(TensorOp):
    """y = `count` rows equal to a; da = the sum of dy's rows, added up as `how` does it."""

    def __init__(self, count, how):
        self.count, self.how = count, how

    def compute(self, a):
        return np.broadcast_to(a, (self.count, *a.shape)) * 1.0

    def gradient(self, out_grad, node):
        return _Sum(self.count, self.how)(out_grad)


class _Sum(TensorOp):
    def __init__(self, count, how):
        self.count, self.how = count, how

    def compute(self, a):
        return self.how(a)

    def gradient(self, out_grad, node):
        return Rows(self.count, self.how)(out_grad)


CALLS = itertools.count()


def _in_any_order(rows):
    """Add up on a device in another order every time, as atomic additions do."""
    if not hasattr(rows, "get") or next(CALLS) % 2:
        return np.sum(rows, axis=0)
    total = rows[-1]
    for k in range(len(rows) - 2, -1, -1):
        total = total + rows[k]
    return total


def _wildly(rows):
    """Lose six digits every other time."""
    total = np.sum(rows, axis=0)
    return total * (1 + 1e-10) if hasattr(rows, "get") and next(CALLS) % 2 else total


def rows(a, count):
    return np.broadcast_to(a, (count, *a.shape))


def any_order(a, count):
    return Rows(count, _in_any_order)(a)


def any_order_declared(a, count):
    return Rows(count, _in_any_order)(a)


def wild_declared(a, count):
    return Rows(count, _wildly)(a)


def unchecked(a, index):
    """Leave it to NumPy to refuse positions that do not exist."""
    return Pick(index)(a)


def checked(a, index):
    """Refuse positions that do not exist, on every device."""
    here = to_host(index)
    if here.size and not (here.min() >= 0 and here.max() < a.shape[0]):
        raise IndexError(f"checked: positions in [0, {a.shape[0]}), got {here}")
    return Pick(index)(a)


def last_wins(v):
    """Rely on which of several values put to one place is kept."""
    return Last()(v)
