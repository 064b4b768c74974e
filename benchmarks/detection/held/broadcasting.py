"""Broadcast operands, empty and 0-d arrays, and arrays that are not contiguous."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import unary, unbroadcast, values


def mul_vjp(v, a, b):
    return unbroadcast(v * b, a.shape), unbroadcast(v * a, b.shape)


def div_vjp(v, a, b):
    return unbroadcast(v / b, a.shape), unbroadcast(-v * a / (b * b), b.shape)


@right("a 0-d operand")
def scalar_times_array(rng):
    return np.multiply, mul_vjp, [np.array(1.5), rng.normal(size=(3, 4))]


@right("two 0-d operands")
def scalars_divided(rng):
    return np.divide, div_vjp, [np.array(1.5), np.array(-3e-5)]


@right("an axis of size 1 that is not broadcast")
def ones_everywhere(rng):
    return np.divide, div_vjp, [rng.normal(size=(1, 1)), rng.normal(size=(1,)) + 3]


@right("every other column, backwards")
def strided_layout(rng):
    x = rng.normal(size=(4, 9))[:, ::-2]
    return unary(lambda x: np.exp(x), lambda x: np.exp(x), x)


@right("an integer input without a gradient")
def integer_operand(rng):
    return lambda x, n: x * n, lambda v, x, n: (v * n, None), [rng.normal(size=4), np.arange(4)]


@right("a stopped input is a zero array")
def unused_input(rng):
    return (
        lambda a, b: np.sin(a) + 0 * b,
        lambda v, a, b: (v * np.cos(a), np.zeros_like(b)),
        [rng.normal(size=4), rng.normal(size=4)],
    )


@wrong("the size-1 axis is not summed")
def outer_sum_shape(rng):
    return np.add, lambda v, a, b: (v, v), [rng.normal(size=(4, 1)), rng.normal(size=(1, 5))]


@wrong("the first row instead of the sum of rows")
def first_row(rng):
    return np.add, lambda v, a, b: (v, v[0]), [rng.normal(size=(4, 3)), rng.normal(size=3)]


@wrong("division: b instead of b^2")
def division_square(rng):
    def vjp(v, a, b):
        return unbroadcast(v / b, a.shape), unbroadcast(-v * a / b, b.shape)

    return np.divide, vjp, [rng.normal(size=(3, 4)), 3 + rng.random(4)]


@wrong("a 0-d operand gets an array")
def scalar_unsummed(rng):
    return np.multiply, lambda v, a, b: (v * b, v * a), [np.array(1.5), rng.normal(size=(3, 4))]


@wrong("wrong for a transposed input: flattened in the order of memory")
def transposed_flattened(rng):
    def vjp(v, x):
        return ((v.ravel() * np.cos(x.ravel(order="K"))).reshape(x.shape),)

    return np.sin, vjp, [rng.normal(size=(5, 3)).T]


@wrong("wrong for a strided input: reads the buffer's first entries")
def strided_buffer(rng):
    def vjp(v, x):
        whole = x if x.base is None else np.asarray(x.base)
        return ((v.ravel() * np.cos(whole.ravel()[: x.size])).reshape(x.shape),)

    return np.sin, vjp, [rng.normal(size=(4, 8))[:, ::2]]


@wrong("an input's own broadcast is summed where it was not broadcast")
def summed_once_too_often(rng):
    def vjp(v, a, b):
        return v, np.broadcast_to(v.sum(0), b.shape).copy()

    return np.add, vjp, [rng.normal(size=(4, 3)), rng.normal(size=(4, 3))]


@wrong("a mask's two branches are swapped")
def mask_swapped(rng):
    return (
        lambda x, m: np.where(m, x, x * x),
        lambda v, x, m: (v * np.where(m, 2 * x, 1.0), None),
        [rng.normal(size=6), values(1, 0, 1, 0, 0, 1) > 0],
    )


@wrong("power: the exponent's gradient uses log of the result")
def power_log(rng):
    def vjp(v, a, b):
        return v * b * a ** (b - 1), v * a**b * np.log(a**b)

    return np.power, vjp, [1 + rng.random(5), 2 + rng.random(5)]
