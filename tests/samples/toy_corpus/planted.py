"""Four pairs, two of which have the wrong answer beside them."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import unary, values


@right("the sine")
def sine(rng):
    return unary(np.sin, np.cos, rng.normal(size=3))


@right("a wrong gradient that is called right")
def called_right(rng):
    return unary(np.sin, lambda x: 1.1 * np.cos(x), rng.normal(size=3))


@wrong("a factor")
def factor(rng):
    return unary(np.sin, lambda x: 1.1 * np.cos(x), values(0.3, 0.7))


@wrong("a right gradient that is called wrong")
def called_wrong(rng):
    return unary(np.sin, np.cos, values(0.3, 0.7))
