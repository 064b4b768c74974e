"""Convolution of images, and its two derivatives, the three closed under differentiation."""
# ruff: noqa: D102
# (the docstring of an operator's class says what its compute and gradient do)

from typing import Any

import numpy

from needle.backend import array_namespace
from needle.errors import complaint
from needle.ops._support import ArrayOp, as_index, cast_like, wide
from needle.tensor import Tensor

__all__ = ["Conv", "conv"]


class Conv(ArrayOp):
    """y[n,i,j,o] = sum over k,l,c of a[n, s i + k - p, s j + l - p, c] b[k,l,c,o].

    da is the transposed map in a (`_ToImage`), db the one in b (`_ToWeight`).
    """

    reads_inputs = "others"
    reads_result = False

    def __init__(self, stride: int = 1, padding: int = 0) -> None:
        self.stride = as_index("conv", "stride", stride)
        self.padding = as_index("conv", "padding", padding)
        if self.stride < 1:
            raise ValueError(complaint("conv", "stride", "1 or more", stride))
        if self.padding < 0:
            raise ValueError(complaint("conv", "padding", "0 or more", padding))

    def compute(self, a: Any, b: Any) -> Any:
        _check_shapes(a.shape, b.shape, self.padding)
        dtype = numpy.result_type(a.dtype, b.dtype)
        patches = _patches(wide(a), b.shape[:2], self.stride, self.padding)
        n, h, w = patches.shape[:3]
        rows = patches.reshape(n * h * w, b.shape[0] * b.shape[1] * b.shape[2])
        y = rows @ wide(b).reshape(rows.shape[1], b.shape[3])
        return y.reshape(n, h, w, b.shape[3]).astype(dtype, copy=False)

    def gradient(self, out_grad: Tensor, node: Any) -> tuple[Tensor | None, Tensor | None]:
        a, b = node.inputs
        to_image = _ToImage(a.shape[1:3], self.stride, self.padding)
        to_weight = _ToWeight(b.shape[:2], self.stride, self.padding)
        return (
            cast_like(to_image(out_grad, b), a) if a.requires_grad else None,
            cast_like(to_weight(a, out_grad), b) if b.requires_grad else None,
        )


class _ToImage(ArrayOp):
    """y = the cotangent that `Conv` sends to its image for the cotangent v of its result.

    y[n, s i + k - p, s j + l - p, c] += v[n,i,j,o] b[k,l,c,o]. With <u, y> = <conv(u, b), v>,
    dv = conv(dy, b) and db = `_ToWeight`(dy, v).
    """

    reads_inputs = "others"
    reads_result = False

    def __init__(self, size: tuple[int, ...], stride: int, padding: int) -> None:
        self.size = size
        self.stride = stride
        self.padding = padding

    def compute(self, v: Any, b: Any) -> Any:
        (n, h, w, o), (kh, kw, c, _) = v.shape, b.shape
        s, p = self.stride, self.padding
        dtype = numpy.result_type(v.dtype, b.dtype)
        rows = wide(v).reshape(n * h * w, o) @ wide(b).reshape(kh * kw * c, o).T
        patches = rows.reshape(n, h, w, kh, kw, c)
        padded = array_namespace(v).zeros(
            (n, self.size[0] + 2 * p, self.size[1] + 2 * p, c), dtype=rows.dtype
        )
        for k in range(kh):
            for m in range(kw):
                padded[:, k : k + s * h : s, m : m + s * w : s] += patches[:, :, :, k, m]
        return padded[:, p : p + self.size[0], p : p + self.size[1]].astype(dtype, copy=False)

    def gradient(self, out_grad: Tensor, node: Any) -> tuple[Tensor, Tensor]:
        v, b = node.inputs
        to_weight = _ToWeight(b.shape[:2], self.stride, self.padding)
        return (
            cast_like(Conv(self.stride, self.padding)(out_grad, b), v),
            cast_like(to_weight(out_grad, v), b),
        )


class _ToWeight(ArrayOp):
    """y = the cotangent that `Conv` sends to its weight for the cotangent v of its result.

    y[k,l,c,o] = sum over n,i,j of a[n, s i + k - p, s j + l - p, c] v[n,i,j,o]. With
    <u, y> = <conv(a, u), v>, da = `_ToImage`(v, dy) and dv = conv(a, dy).
    """

    reads_inputs = "others"
    reads_result = False

    def __init__(self, size: tuple[int, ...], stride: int, padding: int) -> None:
        self.size = size
        self.stride = stride
        self.padding = padding

    def compute(self, a: Any, v: Any) -> Any:
        dtype = numpy.result_type(a.dtype, v.dtype)
        patches = _patches(wide(a), self.size, self.stride, self.padding)
        n, h, w, kh, kw, c = patches.shape
        rows = patches.reshape(n * h * w, kh * kw * c)
        y = rows.T @ wide(v).reshape(n * h * w, v.shape[3])
        return y.reshape(kh, kw, c, v.shape[3]).astype(dtype, copy=False)

    def gradient(self, out_grad: Tensor, node: Any) -> tuple[Tensor, Tensor]:
        a, v = node.inputs
        to_image = _ToImage(a.shape[1:3], self.stride, self.padding)
        return (
            cast_like(to_image(v, out_grad), a),
            cast_like(Conv(self.stride, self.padding)(a, out_grad), v),
        )


def _patches(a: Any, kernel: tuple[int, ...], stride: int, padding: int) -> Any:
    """Return a view (N, H', W', K, K, C) of the part of `a` under each place of the kernel."""
    xp = array_namespace(a)
    if padding:
        a = xp.pad(a, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    n, height, width, channels = a.shape
    shape = (
        n,
        (height - kernel[0]) // stride + 1,
        (width - kernel[1]) // stride + 1,
        *kernel,
        channels,
    )
    dn, dh, dw, dc = a.strides
    strides = (dn, dh * stride, dw * stride, dh, dw, dc)
    return xp.lib.stride_tricks.as_strided(a, shape=shape, strides=strides)


def _check_shapes(a: tuple[int, ...], b: tuple[int, ...], padding: int) -> None:
    if len(a) != 4:
        raise ValueError(complaint("conv", "a", "of shape (N, H, W, C_in)", a))
    if len(b) != 4:
        raise ValueError(complaint("conv", "b", "of shape (K, K, C_in, C_out)", b))
    if a[3] != b[2]:
        raise ValueError(complaint("conv", "C_in of b", f"{a[3]} as in a {a}", f"{b[2]} in b {b}"))
    if 0 in (a[1], a[2], b[0], b[1]):
        raise ValueError(
            complaint("conv", "height and width of a and b", "1 or more", f"{a} and {b}")
        )
    for name, size, kernel in (("height", a[1], b[0]), ("width", a[2], b[1])):
        if size + 2 * padding < kernel:
            raise ValueError(
                complaint(
                    "conv",
                    f"the kernel's {name}",
                    f"at most {size} + 2 * {padding} (padding)",
                    kernel,
                )
            )


def conv(a: Tensor, b: Tensor, stride: int = 1, padding: int = 1) -> Tensor:
    """Return the cross-correlation of images `a` (N, H, W, C_in) with `b` (K, K, C_in, C_out).

    The result is (N, (H + 2 padding - K) // stride + 1, likewise W, C_out); `padding` zeros
    surround each image. Raises `ValueError` for other shapes, a stride below 1, a negative
    padding, or a kernel larger than the padded image.
    """
    return Conv(stride, padding)(a, b)
