"""Gather, scatter, slices and duplicates."""

import numpy as np

from benchmarks.detection.corpus import right, wrong

INDEX = np.array([2, 0, 2, 4, 2])


def gather_vjp(v, x):
    gradient = np.zeros_like(x)
    np.add.at(gradient, INDEX, v)
    return (gradient,)


def scatter_add(x, u):
    out = x.copy()
    np.add.at(out, INDEX, u)
    return out


def segment_mean(x):
    return np.stack([x[:2].mean(), x[2:].mean()])


@right("rows of an embedding, one of them taken three times")
def embedding(rng):
    return lambda x: x[INDEX], gather_vjp, [rng.normal(size=(5, 3))]


@right("scatter-add onto duplicates")
def scatter_add_duplicates(rng):
    return (
        scatter_add,
        lambda v, x, u: (v.copy(), v[INDEX]),
        [rng.normal(size=6), rng.normal(size=5)],
    )


@right("scatter that overwrites: the last duplicate counts")
def scatter_overwrites(rng):
    def f(x, u):
        out = x.copy()
        for i, k in enumerate(INDEX):
            out[k] = u[i]
        return out

    def vjp(v, x, u):
        kept = v.copy()
        kept[INDEX] = 0
        last = values_of_last()
        return kept, v[INDEX] * last

    def values_of_last():
        return np.array([0.0, 1.0, 0.0, 1.0, 1.0])

    return f, vjp, [rng.normal(size=6), rng.normal(size=5)]


@right("a boolean index")
def boolean_index(rng):
    keep = np.array([1, 0, 1, 1, 0]) > 0

    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[keep] = v
        return (gradient,)

    return lambda x: x[keep], vjp, [rng.normal(size=5)]


@right("one entry of an array of five thousand", at=(4321,))
def one_entry(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[4321] = v * 2 * x[4321]
        return (gradient,)

    return lambda x: x[4321] ** 2, vjp, [rng.normal(size=5000)]


@wrong("duplicates get the mean")
def gather_mean(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        np.add.at(gradient, INDEX, v)
        return (gradient / np.maximum(np.bincount(INDEX, minlength=x.size), 1),)

    return lambda x: x[INDEX], vjp, [rng.normal(size=6)]


@wrong("index 0 is padding in the gradient alone")
def embedding_padding(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        np.add.at(gradient, INDEX, v)
        gradient[0] = 0
        return (gradient,)

    return lambda x: x[INDEX], vjp, [rng.normal(size=(5, 3))]


@wrong("scatter-add: the target's gradient is zero where something is added")
def scatter_add_zeroed(rng):
    def vjp(v, x, u):
        kept = v.copy()
        kept[INDEX] = 0
        return kept, v[INDEX]

    return scatter_add, vjp, [rng.normal(size=6), rng.normal(size=5)]


@wrong("scatter that overwrites: every duplicate gets a gradient")
def scatter_overwrites_all(rng):
    def f(x, u):
        out = x.copy()
        for i, k in enumerate(INDEX):
            out[k] = u[i]
        return out

    def vjp(v, x, u):
        kept = v.copy()
        kept[INDEX] = 0
        return kept, v[INDEX]

    return f, vjp, [rng.normal(size=6), rng.normal(size=5)]


@wrong("the diagonal's gradient fills its columns")
def diagonal_columns(rng):
    return (
        lambda x: np.diagonal(x).copy(),
        lambda v, x: (np.broadcast_to(v, x.shape).copy(),),
        [rng.normal(size=(3, 3))],
    )


@wrong("means of segments: divided by the mean length")
def segments_length(rng):
    def vjp(v, x):
        return (np.repeat(v, [2, x.size - 2]) / (x.size / 2),)

    return segment_mean, vjp, [rng.normal(size=7)]


@wrong("rows and columns of an index pair are swapped")
def pair_swapped(rng):
    i, j = np.array([0, 1, 3]), np.array([2, 3, 1])

    def vjp(v, x):
        gradient = np.zeros_like(x)
        np.add.at(gradient, (j, i), v)
        return (gradient,)

    return lambda x: x[i, j], vjp, [rng.normal(size=(4, 4))]


@wrong("take_along_axis: the wrong axis of a square")
def along_axis(rng):
    i = np.array([[2, 0, 1], [1, 1, 0], [0, 2, 2]])

    def vjp(v, x):
        gradient = np.zeros_like(x)
        np.add.at(gradient, (i, np.arange(3)[None]), v)
        return (gradient,)

    return lambda x: np.take_along_axis(x, i, 1), vjp, [rng.normal(size=(3, 3))]
