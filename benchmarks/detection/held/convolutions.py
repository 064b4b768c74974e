"""Convolutions and pooling."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import (
    conv1d,
    conv1d_vjp,
    conv2d,
    conv2d_vjp,
    windows,
)


def signal(rng, t=7, k=3):
    return [rng.normal(size=(2, 2, t)), rng.normal(size=(3, 2, k))]


def image(rng, n=5, k=3):
    return [rng.normal(size=(1, 2, n, n)), rng.normal(size=(2, 2, k, k))]


def max_pool(x):
    return windows(x, 3, 2).max(-1)


@right("a correlation of two channels")
def plain(rng):
    return conv1d, conv1d_vjp, signal(rng)


@right("stride 2, the last entry unused")
def strided(rng):
    return lambda x, w: conv1d(x, w, 2), lambda v, x, w: conv1d_vjp(v, x, w, 2), signal(rng, 8)


@right("padding 2")
def padded(rng):
    return (
        lambda x, w: conv1d(x, w, 1, 2),
        lambda v, x, w: conv1d_vjp(v, x, w, 1, 2),
        signal(rng, 4),
    )


@right("an image")
def two_dimensional(rng):
    return conv2d, conv2d_vjp, image(rng)


@right("weights of 1e-6 beside inputs of 1e6")
def unlike_sizes(rng):
    x, w = signal(rng)
    return conv1d, conv1d_vjp, [x * 1e6, w * 1e-6]


@wrong("the kernel is not flipped for the input's gradient")
def input_not_flipped(rng):
    return conv1d, lambda v, x, w: conv1d_vjp(v, x, w[..., ::-1]), signal(rng)


@wrong("padding is not cut off: shape")
def padding_kept(rng):
    def vjp(v, x, w):
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1)))
        dx, dw = conv1d_vjp(v, padded, w)
        return dx, dw

    return lambda x, w: conv1d(x, w, 1, 1), vjp, signal(rng)


@wrong("padding is cut off on one side alone")
def padding_one_side(rng):
    def vjp(v, x, w):
        dx, dw = conv1d_vjp(v, np.pad(x, ((0, 0), (0, 0), (1, 1))), w)
        return dx[..., 2:], dw

    return lambda x, w: conv1d(x, w, 1, 1), vjp, signal(rng)


@wrong("the weights' gradient uses the unpadded input")
def weights_unpadded(rng):
    def vjp(v, x, w):
        dx, _ = conv1d_vjp(v, x, w, 1, 1)
        _, dw = conv1d_vjp(v[..., 1:-1], x, w)
        return dx, dw

    return lambda x, w: conv1d(x, w, 1, 1), vjp, signal(rng)


@wrong("circular padding in the gradient, zeros in the function")
def padding_circular(rng):
    def vjp(v, x, w):
        dx, _ = conv1d_vjp(v, x, w, 1, 1)
        wrapped = np.pad(x, ((0, 0), (0, 0), (1, 1)), mode="wrap")
        return dx, np.einsum("not,nctk->ock", v, windows(wrapped, 3))

    return lambda x, w: conv1d(x, w, 1, 1), vjp, signal(rng)


@wrong("channels of input and output are swapped in the input's gradient")
def channels_swapped(rng):
    def vjp(v, x, w):
        return conv2d_vjp(v, x, w.swapaxes(0, 1))[0], conv2d_vjp(v, x, w)[1]

    return conv2d, vjp, image(rng)


@wrong("rows and columns of the kernel are swapped in the input's gradient")
def kernel_transposed(rng):
    def vjp(v, x, w):
        return conv2d_vjp(v, x, w.swapaxes(2, 3))[0], conv2d_vjp(v, x, w)[1]

    return conv2d, vjp, image(rng)


@wrong("the border of the image gets no gradient")
def border_dropped(rng):
    def vjp(v, x, w):
        dx, dw = conv2d_vjp(v, x, w)
        dx[:, :, -1] = 0
        return dx, dw

    return conv2d, vjp, image(rng)


@wrong("overlapping maxima overwrite each other")
def maxima_overwrite(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        for k in range(v.shape[-1]):
            for n in range(len(x)):
                gradient[n, 2 * k + x[n, 2 * k : 2 * k + 3].argmax()] = v[n, k]
        return (gradient,)

    return max_pool, vjp, [np.array([[1, 2, 9, 3, 0, 4, 8, 5, 6.5], [0, 1, 2, 3, 4, 5, 6, 7, 8.0]])]
