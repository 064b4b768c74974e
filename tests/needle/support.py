"""What several tests of the engine share: a table of operators, and numeric derivatives."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import needle as ndl
from needle.autograd import Tensor, TensorTuple


@dataclass(frozen=True)
class Case:
    """An operator applied to arrays: `ours` on tensors, `reference` with NumPy's semantics."""

    name: str
    ours: Callable[..., Any]
    inputs: tuple[np.ndarray, ...]
    reference: Callable[..., np.ndarray]
    torch: Callable[..., Any]
    closed_over_integers: bool = True


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return rng(seed).standard_normal(shape)


def positive(*shape: int, seed: int = 0) -> np.ndarray:
    return rng(seed).uniform(0.5, 2.0, shape)


def logsumexp(a: np.ndarray, axis: Any = None, keepdims: bool = False) -> np.ndarray:
    from scipy.special import logsumexp as scipys

    if axis == ():
        return a
    return np.asarray(scipys(a, axis=axis, keepdims=keepdims))


def logsoftmax(a: np.ndarray) -> np.ndarray:
    return a - logsumexp(a, axis=-1, keepdims=True)


def dilate(a: np.ndarray, axes: tuple[int, ...], dilation: int) -> np.ndarray:
    for axis in axes:
        zeros = np.zeros_like(a)
        a = np.stack([a] + [zeros] * dilation, axis=axis % a.ndim + 1)
        axis %= a.ndim - 1
        a = a.reshape(*a.shape[:axis], -1, *a.shape[axis + 2 :])
    return a


def undilate(a: np.ndarray, axes: tuple[int, ...], dilation: int) -> np.ndarray:
    for axis in axes:
        a = np.take(a, np.arange(0, a.shape[axis], dilation + 1), axis=axis)
    return a


def conv(a: np.ndarray, b: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """The definition, one output entry at a time."""
    a = np.pad(a, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    kh, kw = b.shape[:2]
    h, w = (a.shape[1] - kh) // stride + 1, (a.shape[2] - kw) // stride + 1
    out = np.zeros((a.shape[0], h, w, b.shape[3]))
    for i in range(h):
        for j in range(w):
            part = a[:, i * stride : i * stride + kh, j * stride : j * stride + kw]
            out[:, i, j] = np.einsum("nklc,klco->no", part, b)
    return out


def torch_conv(a: Any, b: Any, stride: int, padding: int) -> Any:
    import torch

    out = torch.nn.functional.conv2d(
        a.permute(0, 3, 1, 2), b.permute(3, 2, 0, 1), stride=stride, padding=padding
    )
    return out.permute(0, 2, 3, 1)


def torch_dilate(a: Any, axes: tuple[int, ...], dilation: int) -> Any:
    import torch

    for axis in axes:
        axis %= a.ndim
        a = torch.stack([a] + [torch.zeros_like(a)] * dilation, dim=axis + 1)
        a = a.flatten(axis, axis + 1)
    return a


def torch_undilate(a: Any, axes: tuple[int, ...], dilation: int) -> Any:
    import torch

    for axis in axes:
        a = a.index_select(axis, torch.arange(0, a.shape[axis], dilation + 1))
    return a


def _torch_sum(axes: Any, keepdims: bool) -> Callable[..., Any]:
    if axes == ():
        return lambda a: a * 1
    if axes is None:
        return lambda a: a.sum(dim=tuple(range(a.ndim)), keepdim=keepdims)
    return lambda a: a.sum(dim=axes, keepdim=keepdims)


def _torch_logsumexp(axes: Any, keepdims: bool) -> Callable[..., Any]:
    if axes == ():
        return lambda a: a * 1
    if axes is None:
        return lambda a: a.logsumexp(dim=tuple(range(a.ndim)), keepdim=keepdims)
    return lambda a: a.logsumexp(dim=axes, keepdim=keepdims)


def _torch(name: str) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        import torch

        return getattr(torch, name)(*args)

    return call


def _elementwise() -> Iterator[Case]:
    shapes = [
        ((3, 4), (3, 4)),
        ((3, 4), (4,)),
        ((1, 4), (3, 1)),
        ((), (2, 3)),
        ((2, 3), ()),
        ((), ()),
        ((2, 1, 3), (4, 1)),
        ((0, 3), (1, 3)),
    ]
    for left, right in shapes:
        a, b = normal(*left, seed=1), normal(*right, seed=2)
        p, q = positive(*left, seed=3), positive(*right, seed=4)
        at = f"{left}{right}"
        yield Case(f"add{at}", ndl.add, (a, b), np.add, lambda a, b: a + b)
        yield Case(f"multiply{at}", ndl.multiply, (a, b), np.multiply, lambda a, b: a * b)
        yield Case(f"divide{at}", ndl.divide, (a, q), np.divide, lambda a, b: a / b, False)
        yield Case(f"power{at}", ndl.power, (p, b), np.power, lambda a, b: a**b, False)
        yield Case(f"subtract{at}", lambda a, b: a - b, (a, b), np.subtract, lambda a, b: a - b)


def _unary() -> Iterator[Case]:
    for shape in [(3, 4), (), (0, 2)]:
        a, p = normal(*shape, seed=5), positive(*shape, seed=6)
        yield Case(f"negate{shape}", ndl.negate, (a,), np.negative, lambda a: -a)
        yield Case(f"log{shape}", ndl.log, (p,), np.log, _torch("log"), False)
        yield Case(f"exp{shape}", ndl.exp, (a,), np.exp, _torch("exp"), False)
        yield Case(f"tanh{shape}", ndl.tanh, (a,), np.tanh, _torch("tanh"), False)
        yield Case(f"relu{shape}", ndl.relu, (a,), lambda a: np.maximum(a, 0), _torch("relu"))
        for c in (2, -1.5):
            yield Case(
                f"add_scalar{shape}{c}",
                lambda a, c=c: ndl.add_scalar(a, c),
                (a,),
                lambda a, c=c: a + c,
                lambda a, c=c: a + c,
            )
            yield Case(
                f"mul_scalar{shape}{c}",
                lambda a, c=c: ndl.mul_scalar(a, c),
                (a,),
                lambda a, c=c: a * c,
                lambda a, c=c: a * c,
            )
            yield Case(
                f"divide_scalar{shape}{c}",
                lambda a, c=c: ndl.divide_scalar(a, c),
                (a,),
                lambda a, c=c: a / c,
                lambda a, c=c: a / c,
                False,
            )
            yield Case(
                f"rsub{shape}{c}",
                lambda a, c=c: c - a,
                (a,),
                lambda a, c=c: c - a,
                lambda a, c=c: c - a,
            )
            yield Case(
                f"rdiv{shape}{c}",
                lambda a, c=c: c / a,
                (p,),
                lambda a, c=c: c / a,
                lambda a, c=c: c / a,
                False,
            )
        for c in (0, 1, 2, 3, -1, 0.5, 2.5):
            yield Case(
                f"power_scalar{shape}{c}",
                lambda a, c=c: ndl.power_scalar(a, c),
                (p,),
                lambda a, c=c: a ** float(c),
                lambda a, c=c: a**c,
            )
        yield Case(f"rpow{shape}", lambda a: 2**a, (a,), lambda a: 2**a, lambda a: 2**a, False)


AXES: list[Any] = [None, 0, -1, (0,), (1, 0), (-1, 0), (2, 0, 1), ()]


def _reductions() -> Iterator[Case]:
    a = normal(2, 3, 4, seed=7)
    for axes in AXES:
        for keep in (False, True):
            yield Case(
                f"summation{axes}{keep}",
                lambda a, x=axes, k=keep: ndl.summation(a, x, k),
                (a,),
                lambda a, x=axes, k=keep: np.sum(a, axis=x, keepdims=k),
                _torch_sum(axes, keep),
            )
            yield Case(
                f"logsumexp{axes}{keep}",
                lambda a, x=axes, k=keep: ndl.logsumexp(a, x, k),
                (a,),
                lambda a, x=axes, k=keep: logsumexp(a, axis=x, keepdims=k),
                _torch_logsumexp(axes, keep),
                False,
            )
    for shape in [(3, 4), (5,), (2, 3, 4), (1, 1)]:
        yield Case(
            f"logsoftmax{shape}",
            ndl.logsoftmax,
            (normal(*shape, seed=8),),
            logsoftmax,
            lambda a: a.log_softmax(-1),
            False,
        )


def _shapes() -> Iterator[Case]:
    a = normal(2, 3, 4, seed=9)
    for axes in [None, (0, 1), (-1, 0), (1, 1)]:
        pair = axes or (-1, -2)
        yield Case(
            f"transpose{axes}",
            lambda a, x=axes: ndl.transpose(a, x),
            (a,),
            lambda a, x=pair: np.swapaxes(a, *x),
            lambda a, x=pair: a.transpose(*x),
        )
    for shape in [(24,), (4, -1), (1, 2, 3, 4), (6, 4)]:
        yield Case(
            f"reshape{shape}",
            lambda a, s=shape: ndl.reshape(a, s),
            (a,),
            lambda a, s=shape: np.reshape(a, s),
            lambda a, s=shape: a.reshape(s),
        )
    for source, target in [
        ((3,), (2, 3)),
        ((2, 1), (2, 5)),
        ((), (2, 2)),
        ((1, 3, 1), (4, 3, 2)),
        ((1,), (0,)),
        ((2, 3), (2, 3)),
    ]:
        yield Case(
            f"broadcast_to{source}{target}",
            lambda a, s=target: ndl.broadcast_to(a, s),
            (normal(*source, seed=10),),
            lambda a, s=target: np.broadcast_to(a, s),
            lambda a, s=target: a.broadcast_to(s),
        )
    for axes in [None, 0, -1, (0, 2), (2, 0), ()]:
        dims = tuple(range(3)) if axes is None else (axes,) if isinstance(axes, int) else axes
        yield Case(
            f"flip{axes}",
            lambda a, x=axes: ndl.flip(a, x),
            (a,),
            lambda a, x=axes: np.flip(a, x),
            lambda a, d=dims: a.flip(d),
        )
    for axes in [(0,), (1, 2), (-1,), ()]:
        for d in (0, 1, 2):
            yield Case(
                f"dilate{axes}{d}",
                lambda a, x=axes, d=d: ndl.dilate(a, x, d),
                (a,),
                lambda a, x=axes, d=d: dilate(a, x, d),
                lambda a, x=axes, d=d: torch_dilate(a, x, d),
            )
            yield Case(
                f"undilate{axes}{d}",
                lambda a, x=axes, d=d: ndl.undilate(a, x, d),
                (a,),
                lambda a, x=axes, d=d: undilate(a, x, d),
                lambda a, x=axes, d=d: torch_undilate(a, x, d),
            )
    for axis in (0, 1, 2, -1):
        parts = tuple(normal(2, 3, seed=s) for s in range(3))
        yield Case(
            f"stack{axis}",
            lambda *a, x=axis: ndl.stack(a, x),
            parts,
            lambda *a, x=axis: np.stack(a, x),
            lambda *a, x=axis: _torch("stack")(list(a), x),
        )
    for axis in (0, 1, -1):
        yield Case(
            f"split{axis}",
            lambda a, x=axis: ndl.split(a, x)[0] * ndl.split(a, x)[1],
            (a,),
            lambda a, x=axis: np.take(a, 0, x) * np.take(a, 1, x),
            lambda a, x=axis: a.select(x, 0) * a.select(x, 1),
        )


INDICES: list[Any] = [
    0,
    -1,
    slice(None),
    slice(None, None, -1),
    (slice(0, 2), 1),
    (..., 0),
    None,
    (0, 1, 2),
    (None, 1, ..., slice(None, None, 2)),
    np.array([0, 1, 1]),
    [1, 1, 1],
    [],
    (slice(None), np.array([[0, 2], [2, 2]])),
    (np.array([0, 1]), slice(1, 3), np.array([3, 3])),
    np.arange(24).reshape(2, 3, 4) % 3 == 0,
    (np.array([True, False]), 1),
    ...,
]


def _indexing() -> Iterator[Case]:
    def on_torch(a: Any, index: Any) -> Any:
        import torch

        if isinstance(index, list):
            index = np.array(index, dtype=int)
        flat = torch.arange(24).reshape(2, 3, 4).numpy()[index]
        return a.reshape(-1)[torch.as_tensor(flat.copy())]

    a = normal(2, 3, 4, seed=11)
    for number, index in enumerate(INDICES):
        yield Case(
            f"getitem{number}",
            lambda a, i=index: ndl.ops.getitem(a, i),
            (a,),
            lambda a, i=index: a[i],
            lambda a, i=index: on_torch(a, i),
        )


def _products() -> Iterator[Case]:
    shapes = [
        ((2, 3), (3, 4)),
        ((3,), (3,)),
        ((3,), (3, 4)),
        ((2, 3), (3,)),
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((5, 2, 3), (5, 3, 4)),
        ((5, 1, 2, 3), (6, 3, 4)),
        ((1, 2, 3), (6, 3, 4)),
        ((3,), (5, 3, 4)),
        ((5, 2, 3), (3,)),
        ((6, 5, 2, 3), (3, 4)),
        ((2, 0), (0, 3)),
        ((4, 2, 0), (0, 3)),
        ((0, 3), (3, 2)),
        ((1, 1), (1, 1)),
    ]
    for left, right in shapes:
        yield Case(
            f"matmul{left}{right}",
            ndl.matmul,
            (normal(*left, seed=12), normal(*right, seed=13)),
            np.matmul,
            _torch("matmul"),
        )


def _convolutions() -> Iterator[Case]:
    for h, w, k, stride, padding in [
        (5, 6, 3, 1, 1),
        (5, 6, 3, 2, 1),
        (6, 5, 3, 2, 0),
        (7, 8, 3, 3, 0),
        (8, 7, 3, 3, 2),
        (4, 4, 1, 1, 0),
        (4, 5, 1, 2, 0),
        (4, 5, 1, 3, 1),
        (3, 3, 3, 1, 0),
        (3, 3, 3, 2, 2),
        (5, 4, 2, 2, 0),
        (6, 6, 2, 3, 0),
        (9, 7, 2, 4, 1),
        (2, 2, 4, 1, 1),
        (1, 1, 1, 1, 2),
    ]:
        a, b = normal(2, h, w, 3, seed=14), normal(k, k, 3, 4, seed=15)
        yield Case(
            f"conv{(h, w, k, stride, padding)}",
            lambda a, b, s=stride, p=padding: ndl.conv(a, b, stride=s, padding=p),
            (a, b),
            lambda a, b, s=stride, p=padding: conv(a, b, s, p),
            lambda a, b, s=stride, p=padding: torch_conv(a, b, s, p),
        )
    yield Case(
        "conv-oblong",
        lambda a, b: ndl.conv(a, b, 2, 1),
        (normal(1, 5, 6, 2, seed=16), normal(2, 3, 2, 3, seed=17)),
        lambda a, b: conv(a, b, 2, 1),
        lambda a, b: torch_conv(a, b, 2, 1),
    )


def _tuples() -> Iterator[Case]:
    a, b = normal(2, 3, seed=18), normal(2, 3, seed=19)
    yield Case(
        "tuple",
        lambda a, b: ndl.make_tuple(a, b, a * b)[-1] * ndl.make_tuple(a, b)[0],
        (a, b),
        lambda a, b: a * b * a,
        lambda a, b: a * b * a,
    )
    yield Case(
        "unused member",
        lambda a, b: ndl.make_tuple(a, b)[0],
        (a, b),
        lambda a, b: a,
        lambda a, b: a + 0 * b,
    )
    yield Case(
        "tuple +",
        lambda a, b: (ndl.make_tuple(a, b) + ndl.make_tuple(b, a * b))[1],
        (a, b),
        lambda a, b: b + a * b,
        lambda a, b: b + a * b,
    )

    def fused(a: Any) -> Any:
        first, second = ndl.fused_add_scalars(a, 1.0, 2.0)
        return first * second

    yield Case(
        "fused_add_scalars", fused, (a,), lambda a: (a + 1) * (a + 2), lambda a: (a + 1) * (a + 2)
    )


CASES: list[Case] = [
    case
    for family in (
        _elementwise,
        _unary,
        _reductions,
        _shapes,
        _indexing,
        _products,
        _convolutions,
        _tuples,
    )
    for case in family()
]
IDS = [case.name for case in CASES]


def tensors(arrays: tuple[np.ndarray, ...], dtype: Any = None) -> list[Tensor]:
    return [Tensor(array, dtype=dtype) for array in arrays]


def gradients(case: Case, out_grad: np.ndarray, dtype: Any = None) -> list[np.ndarray]:
    inputs = tensors(case.inputs, dtype)
    case.ours(*inputs).backward(Tensor(out_grad, dtype=dtype))
    return [x.grad.numpy() for x in inputs]


def numeric_vjp(
    function: Callable[..., np.ndarray],
    arrays: tuple[np.ndarray, ...],
    out_grad: np.ndarray,
    step: float = 1e-6,
) -> list[np.ndarray]:
    """Central differences of <out_grad, function> with respect to every entry."""
    found = []
    for position, array in enumerate(arrays):
        slope = np.zeros_like(array)
        for entry in np.ndindex(array.shape):
            value = []
            for sign in (1, -1):
                moved = [a.copy() for a in arrays]
                moved[position][entry] += sign * step
                value.append(np.sum(function(*moved) * out_grad))
            slope[entry] = (value[0] - value[1]) / (2 * step)
        found.append(slope)
    return found


def total(value: Any) -> Tensor:
    """The sum of all entries, of all members of a tuple."""
    if isinstance(value, TensorTuple):
        return sum((member.sum() for member in value), start=Tensor(0.0, requires_grad=False))
    return value.sum()
