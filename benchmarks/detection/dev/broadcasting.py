"""Broadcast operands, empty and 0-d arrays, and arrays that are not contiguous."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import unary, unbroadcast, values


def add_vjp(v, a, b):
    return unbroadcast(v, a.shape), unbroadcast(v, b.shape)


def mul_vjp(v, a, b):
    return unbroadcast(v * b, a.shape), unbroadcast(v * a, b.shape)


@right("a row and a column")
def outer_sum(rng):
    return np.add, add_vjp, [rng.normal(size=(4, 1)), rng.normal(size=(1, 5))]


@right("no entries at all")
def empty_product(rng):
    return np.multiply, mul_vjp, [np.zeros((0, 3)), np.ones(3)]


@right("magnitudes of unlike size on the broadcast axis")
def unlike_rows(rng):
    return (
        np.multiply,
        mul_vjp,
        [rng.normal(size=(5, 3)) * 10.0 ** np.arange(-40, 60, 20)[:, None], rng.normal(size=3)],
    )


@right("a transposed input")
def transposed_layout(rng):
    return np.multiply, mul_vjp, [rng.normal(size=(5, 3)).T, rng.normal(size=(3, 5))]


@right("an input of stride 0")
def stride_zero(rng):
    return unary(np.sin, np.cos, np.broadcast_to(rng.normal(size=(3, 1)), (3, 4)))


@right("the same array twice")
def same_array_twice(rng):
    x = rng.normal(size=(3, 3))
    return np.multiply, mul_vjp, [x, x]


@right("a boolean mask without a gradient")
def mask_operand(rng):
    return (
        lambda x, m: np.where(m, x, x * x),
        lambda v, x, m: (v * np.where(m, 1.0, 2 * x), None),
        [rng.normal(size=6), rng.normal(size=6) > 0],
    )


@wrong("the mean instead of the sum over the broadcast axis")
def outer_mean(rng):
    def vjp(v, a, b):
        return v.mean(1, keepdims=True), v.sum(0, keepdims=True)

    return np.add, vjp, [rng.normal(size=(4, 1)), rng.normal(size=(1, 5))]


@wrong("summed along the wrong axis of a square")
def wrong_axis_square(rng):
    return np.add, lambda v, a, b: (v, v.sum(1)), [rng.normal(size=(4, 4)), rng.normal(size=4)]


@wrong("the product with the other operand comes after the sum")
def multiplied_after_sum(rng):
    def vjp(v, a, b):
        return v * b, v.sum(0) * a.sum(0)

    return np.multiply, vjp, [rng.normal(size=(4, 3)), rng.normal(size=3)]


@wrong("the operands' gradients are swapped")
def swapped_gradients(rng):
    return (
        np.multiply,
        lambda v, a, b: (v * a, v * b),
        [rng.normal(size=(3, 4)), rng.normal(size=(3, 4))],
    )


@wrong("division: the sign of the denominator's gradient")
def division_sign(rng):
    def vjp(v, a, b):
        return v / b, v * a / (b * b)

    return np.divide, vjp, [rng.normal(size=4), rng.normal(size=4) + 4]


@wrong("the same array twice: the gradient of one is doubled, that of the other is zero")
def twice_added(rng):
    x = rng.normal(size=5)
    return lambda a, b: a * b, lambda v, a, b: (v * (a + b), np.zeros_like(b)), [x, x.copy()]


@wrong("the row of tiny numbers gets the gradient of its neighbour")
def tiny_row_neighbour(rng):
    def vjp(v, a, b):
        gradient = v * b
        gradient[0] = v[1] * b
        return gradient, (v * a).sum(0)

    return (
        np.multiply,
        vjp,
        [rng.normal(size=(3, 4)) * values(1e-12, 1, 1e12)[:, None], rng.normal(size=4)],
    )


@wrong("minus is not carried to the subtrahend")
def subtraction_sign(rng):
    return np.subtract, add_vjp, [rng.normal(size=(2, 3)), rng.normal(size=3)]


@wrong("None for an input that has a gradient")
def none_for_second(rng):
    return np.multiply, lambda v, a, b: (v * b, None), [rng.normal(size=4), rng.normal(size=4)]
