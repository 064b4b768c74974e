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


@right("gathered with duplicates and entries that nobody takes")
def gather_duplicates(rng):
    return lambda x: x[INDEX], gather_vjp, [rng.normal(size=6)]


@right("an embedding with indices as an input")
def embedding_index_input(rng):
    def vjp(v, x, i):
        gradient = np.zeros_like(x)
        np.add.at(gradient, i, v)
        return gradient, None

    return lambda x, i: x[i], vjp, [rng.normal(size=(4, 2)), np.array([[0, 3], [3, 3]])]


@right("a slice with a negative step")
def slice_backwards(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[1:, ::-2] = v
        return (gradient,)

    return lambda x: x[1:, ::-2], vjp, [rng.normal(size=(4, 5))]


@right("the diagonal")
def diagonal(rng):
    return lambda x: np.diagonal(x).copy(), lambda v, x: (np.diag(v),), [rng.normal(size=(4, 4))]


@right("means of segments of unlike length")
def segments(rng):
    def vjp(v, x):
        return (np.concatenate([np.full(2, v[0] / 2), np.full(x.size - 2, v[1] / (x.size - 2))]),)

    return segment_mean, vjp, [rng.normal(size=7)]


@right("an index that takes nothing")
def gather_nothing(rng):
    return lambda x: x[:0], lambda v, x: (np.zeros_like(x),), [rng.normal(size=4)]


@wrong("duplicates overwrite each other instead of adding")
def gather_overwrites(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[INDEX] = v
        return (gradient,)

    return lambda x: x[INDEX], vjp, [rng.normal(size=6)]


@wrong("buffered +=: duplicates count once")
def gather_buffered(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[INDEX] += v
        return (gradient,)

    return lambda x: x[INDEX], vjp, [rng.normal(size=(5, 3))]


@wrong("a negative index counts from the front in the gradient")
def negative_index(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[1] = v
        return (gradient,)

    return lambda x: x[-1] * 1.0, vjp, [rng.normal(size=5)]


@wrong("scatter-add: the updates' gradient is summed")
def scatter_add_summed(rng):
    def vjp(v, x, u):
        return v.copy(), np.full_like(u, v[INDEX].sum())

    return scatter_add, vjp, [rng.normal(size=6), rng.normal(size=5)]


@wrong("scatter that overwrites: the overwritten target keeps its gradient")
def scatter_overwrites_kept(rng):
    def f(x, u):
        out = x.copy()
        out[1:4] = u
        return out

    return f, lambda v, x, u: (v.copy(), v[1:4].copy()), [rng.normal(size=6), rng.normal(size=3)]


@wrong("a slice starts one late in the gradient")
def slice_late(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[2:6] = v
        return (gradient,)

    return lambda x: x[1:5] * 1.0, vjp, [rng.normal(size=7)]


@wrong("a slice with a negative step is put back forwards")
def slice_forwards(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[::2] = v
        return (gradient,)

    return lambda x: x[::-2].copy(), vjp, [rng.normal(size=7)]


@wrong("the neighbour of one entry in five thousand gets its gradient", at=(4321, 4322))
def one_entry_neighbour(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[4322] = v * 2 * x[4321]
        return (gradient,)

    return lambda x: x[4321] ** 2, vjp, [rng.normal(size=5000)]


@wrong("ten thousand rows: those beyond the first 9999 are left out", at=(9999,))
def long_gather(rng):
    def vjp(v, x):
        gradient = np.zeros_like(x)
        gradient[:9999] = v[:9999] * 2
        return (gradient,)

    return lambda x: 2 * x, vjp, [rng.normal(size=10000)]
