"""Every reference of our own against NumPy, SciPy or brute force, in every floating dtype."""

from __future__ import annotations

import inspect
import itertools
import tomllib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special

from needle_cli import references
from tests.helpers import SPECS

DTYPES = (np.float16, np.float32, np.float64, np.longdouble)
RNG = np.random.default_rng(7)
A = RNG.normal(size=(2, 3, 4))
IMAGE = RNG.normal(size=(2, 6, 5, 3))
KERNEL = RNG.normal(size=(3, 2, 3, 4))


def dilated(a: np.ndarray, axes: tuple[int, ...], dilation: int) -> np.ndarray:
    """Zeros everywhere, and the entries of a at multiples of dilation + 1."""
    step = [dilation + 1 if i in axes else 1 for i in range(a.ndim)]
    out = np.zeros([n * s for n, s in zip(a.shape, step, strict=True)], a.dtype)
    for index in np.ndindex(a.shape):
        out[tuple(i * s for i, s in zip(index, step, strict=True))] = a[index]
    return out


def correlated(a: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    """Two-dimensional correlation by SciPy, image by image, channel by channel."""
    import scipy.signal  # half a second, which nobody pays who only collects the tests

    padded = np.pad(a, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    wide = padded.astype(np.float64)
    planes = [
        [
            sum(
                scipy.signal.correlate2d(wide[n, :, :, c], b[:, :, c, d].astype(float), "valid")
                for c in range(a.shape[3])
            )[::stride, ::stride]
            for d in range(b.shape[3])
        ]
        for n in range(a.shape[0])
    ]
    return np.moveaxis(np.array(planes), 1, -1).astype(a.dtype)


# name: arguments of the reference, and what must come out
TABLE: dict[str, list[tuple[tuple[Any, ...], Callable[..., Any]]]] = {
    "add_scalar": [((A, 2.5), np.add), ((A, -3), np.add), ((A[0, 0, 0], 0.5), np.add)],
    "mul_scalar": [((A, 2.5), np.multiply), ((A, 0), np.multiply)],
    "divide_scalar": [((A, 3), np.divide), ((A, -0.25), np.divide)],
    "power_scalar": [
        ((A, 2), np.power), ((A, 3), np.power), ((A, 0), np.power), ((A, -1), np.power),
        ((abs(A), 0.5), np.power), ((abs(A) + 0.1, -2.5), np.power), ((np.zeros(3), 0), np.power),
    ],
    "relu": [((A,), lambda a: np.maximum(a, 0)), ((np.array([0.0, -0.0, np.nan]),),
                                                  lambda a: np.maximum(a, 0))],
    "logsumexp": [
        ((A,), scipy.special.logsumexp),
        ((A, 1), scipy.special.logsumexp),
        ((A, (0, -1)), scipy.special.logsumexp),
        ((A, -1, True), lambda a, axis, keep: scipy.special.logsumexp(a, axis, keepdims=keep)),
        ((A, ()), lambda a, axis: a),
        ((100 * A, 2), scipy.special.logsumexp),
        ((np.array([-np.inf, -np.inf]),), scipy.special.logsumexp),
        ((np.array([-np.inf, 1.0]),), scipy.special.logsumexp),
        ((np.array([np.inf, 1.0]),), scipy.special.logsumexp),
        ((np.zeros((2, 0)), 1), lambda a, axis: np.full(2, -np.inf)),
    ],
    "logsoftmax": [
        ((A,), lambda a: scipy.special.log_softmax(a, axis=-1)),
        ((100 * A,), lambda a: scipy.special.log_softmax(a, axis=-1)),
        ((A[0, 0],), lambda a: scipy.special.log_softmax(a, axis=-1)),
        ((np.zeros((2, 0)),), lambda a: a),
    ],
    "getitem": [((A, 1), lambda a, i: a[i]), ((A, (0, slice(None, None, -2))), lambda a, i: a[i]),
                ((A, (slice(None), [0, 0, 2])), lambda a, i: a[i])],
    "transpose": [
        ((A,), lambda a: np.moveaxis(a, -1, -2)),
        ((A, (0, 2)), lambda a, axes: np.transpose(a, (2, 1, 0))),
        ((A, (-1, 0)), lambda a, axes: np.transpose(a, (2, 1, 0))),
    ],
    "reshape": [((A, (4, -1)), np.reshape), ((A, 24), np.reshape), ((A[0, 0, 0], ()), np.reshape)],
    "split": [
        ((A, 1), lambda a, axis: tuple(np.moveaxis(a, axis, 0))),
        ((A, -1), lambda a, axis: tuple(np.moveaxis(a, axis, 0))),
        ((A[0, 0], 0), lambda a, axis: tuple(a)),
    ],
    "flip": [((A,), np.flip), ((A, 1), np.flip), ((A, (-1, 0)), np.flip), ((A, ()), np.flip)],
    "dilate": [
        ((A, (0,), 1), dilated), ((A, (2, 0), 2), dilated), ((A, (1,), 0), dilated),
        ((A, -1, 1), lambda a, axes, d: dilated(a, (2,), d)),
        ((A, None, 1), lambda a, axes, d: dilated(a, (0, 1, 2), d)),
        ((A, (), 3), lambda a, axes, d: a),
    ],
    "undilate": [
        ((A, (2,), 1), lambda a, axes, d: a[:, :, ::2]),
        ((A, (-1, 0), 2), lambda a, axes, d: a[::3, :, ::3]),
        ((A, 1, 0), lambda a, axes, d: a),
        ((A, None, 1), lambda a, axes, d: a[::2, ::2, ::2]),
    ],
    "conv2d_nhwc": [
        ((IMAGE, KERNEL, stride, padding), correlated)
        for stride, padding in itertools.product((1, 2, 3), (0, 1, 2))
    ] + [((IMAGE, KERNEL), correlated), ((IMAGE[:0], KERNEL), lambda a, b: np.zeros((0, 4, 4, 4)))],
    "make_tuple": [(((A, A[0]),), lambda args: (args[0], args[1]))],
    "tuple_get_item": [(((A, A[0]), 1), lambda value, i: value[1]),
                       (((A, A[0]), -2), lambda value, i: value[0])],
    "fused_add_scalars": [((A, 1.5, -2), lambda x, c, d: (x + c, x + d))],
}  # fmt: skip

ROWS = [(name, i) for name, rows in TABLE.items() for i in range(len(rows))]


def cast(value: Any, dtype: Any) -> Any:
    """Return arrays in a dtype, tuples opened up; parameters as they are."""
    if isinstance(value, tuple) and value and isinstance(value[0], np.ndarray):
        return tuple(cast(item, dtype) for item in value)
    return value.astype(dtype) if isinstance(value, np.ndarray | np.floating) else value


def leaves(value: Any) -> list[np.ndarray]:
    return [np.asarray(v) for v in value] if isinstance(value, tuple) else [np.asarray(value)]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name}-{i}" for name, i in ROWS])
def test_value_shape_and_dtype(name: str, row: int, dtype: Any) -> None:
    given, expected = TABLE[name][row]
    arguments = [cast(value, dtype) for value in given]
    before = [
        np.array(leaf) for value in arguments for leaf in leaves(value) if leaf.dtype == dtype
    ]
    found = leaves(getattr(references, name)(*arguments))
    with np.errstate(all="ignore"):
        wanted = leaves(expected(*[cast(value, np.float64) for value in arguments]))
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert (a.shape, a.dtype) == (b.shape, np.dtype(dtype))
        eps = float(np.finfo(dtype if np.dtype(dtype).itemsize <= 8 else np.float64).eps)
        scale = np.max(np.abs(b[np.isfinite(b)]), initial=1.0)
        np.testing.assert_allclose(a.astype(float), b, rtol=30 * eps, atol=30 * eps * scale)
    after = [np.array(leaf) for value in arguments for leaf in leaves(value) if leaf.dtype == dtype]
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True))


def test_every_reference_is_in_the_table_or_compared_with_its_operator() -> None:
    """A reference that a spec names is compared with an operator by the check `forward`."""
    public = {
        name
        for name, value in vars(references).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    named = {
        tomllib.loads(path.read_text("utf-8")).get("reference", "").rpartition(":")[2]
        for path in SPECS.glob("*/*.toml")
    }
    assert set(TABLE) <= public <= set(TABLE) | named


def test_split_undoes_stack_and_undilate_undoes_dilate() -> None:
    for axis in (-3, -2, -1, 0, 1, 2):
        assert np.array_equal(np.stack(references.split(A, axis), axis), A)
        out = references.dilate(A, axis, 2)
        assert np.array_equal(references.undilate(out, axis, 2), A)


def test_the_comparison_can_fail() -> None:
    """Twin: the brute force tells a correlation from a convolution and a wrong stride."""
    right = references.conv2d_nhwc(IMAGE, KERNEL, 2, 1)
    assert np.allclose(right, correlated(IMAGE, KERNEL, 2, 1))
    assert not np.allclose(right, correlated(IMAGE, KERNEL[::-1, ::-1], 2, 1))
    assert right.shape != correlated(IMAGE, KERNEL, 1, 1).shape


@pytest.mark.parametrize("name", ["flip", "dilate", "undilate", "logsumexp"])
def test_an_axis_that_does_not_exist(name: str) -> None:
    more = (1,) if name.endswith("dilate") else ()
    with pytest.raises(ValueError, match="rank 3"):
        getattr(references, name)(A, (3,), *more)


def test_longdouble_is_really_wider() -> None:
    """The point of keeping the dtype: more digits where the platform has them."""
    x = np.array([1.0, 2.0, 3.0], np.longdouble) / 3
    difference = references.logsumexp(x) - np.longdouble(references.logsumexp(x.astype(float)))
    if np.finfo(np.longdouble).eps < np.finfo(float).eps:
        assert 0 < abs(difference) < 1e-15
