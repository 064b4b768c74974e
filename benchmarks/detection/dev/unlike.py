"""Entries of very unlike size, and one wrong entry among many."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import unary, values


def product(a, b):
    return a * b


@right("all inputs are so small that exp is 1")
def exp_of_tiny(rng):
    return unary(np.exp, np.exp, rng.normal(size=4) * 1e-161)


@right("a tiny factor of a huge one")
def tiny_times_huge(rng):
    return (
        product,
        lambda v, a, b: (v * b, v * a),
        [rng.normal(size=4) * 1e-140, rng.normal(size=4) * 1e140],
    )


@right("two thousand entries of all magnitudes", at=(0, 1999))
def many_magnitudes(rng):
    return unary(lambda x: x * x, lambda x: 2 * x, 10.0 ** rng.uniform(-100, 100, 2000))


@right("sums of rows from 1e-200 to 1e200")
def rows_of_all_sizes(rng):
    x = rng.normal(size=(5, 3)) * 10.0 ** np.array([-200, -80, 0, 90, 200])[:, None]
    return lambda x: x.sum(1), lambda v, x: (np.repeat(v[:, None], 3, 1),), [x]


@wrong("all inputs are tiny and the slope of exp is called 0")
def exp_of_tiny_zero(rng):
    return unary(np.exp, np.sin, rng.normal(size=4) * 1e-161)


@wrong("all inputs are tiny and the slope of exp is called one half")
def exp_of_tiny_half(rng):
    return unary(np.exp, lambda x: 0.5 * np.exp(x), rng.normal(size=4) * 1e-40)


@wrong("inputs of 1e-12 and a factor of 1.01 in the slope of tanh")
def tanh_of_tiny_scaled(rng):
    return unary(np.tanh, lambda x: 1.01 / np.cosh(x) ** 2, rng.normal(size=4) * 1e-12)


@wrong("x^2 at 1e-16 beside ordinary entries: the slope is x")
def square_tiny_entry(rng):
    return unary(
        lambda x: x * x, lambda x: np.where(np.abs(x) < 1e-10, x, 2 * x), values(0.7, 1e-16, 3)
    )


@wrong("a column of 1e-20 gets the gradient of its neighbour")
def columns_neighbour(rng):
    def vjp(v, a, b):
        db = a.T @ v
        db[1] = db[1] * 2
        return v @ b.T, db

    return (
        lambda a, b: a @ b,
        vjp,
        [rng.normal(size=(4, 3)) * values(1, 1e-6, 1), rng.normal(size=(3, 2))],
    )


@wrong("two entries of a row have each other's gradient")
def two_swapped(rng):
    def vjp(v, x):
        gradient = v * 3 * x * x
        gradient[3, [1, 2]] = gradient[3, [2, 1]]
        return (gradient,)

    return lambda x: x**3, vjp, [rng.normal(size=(6, 4))]


@wrong("every 64th entry of 1024 is left out")
def every_sixty_fourth(rng):
    def vjp(v, x):
        gradient = v * np.cos(x)
        gradient[63::64] = 0
        return (gradient,)

    return np.sin, vjp, [rng.normal(size=1024)]


@wrong("the tail that does not fill a block of 8 is left out", at=(1000, 1001, 1002))
def tail_of_block(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[:1000] = (v * np.cos(x))[:1000]
        return (gradient,)

    return np.sin, vjp, [rng.normal(size=1003)]
