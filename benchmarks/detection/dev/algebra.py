"""Linear algebra: solve, inverse, determinant, factorisations, eigenvalues."""

import numpy as np

from benchmarks.detection.corpus import right, wrong


def regular(rng, n=3):
    return rng.normal(size=(n, n)) + 3 * np.eye(n)


def spd(rng, n=3):
    a = rng.normal(size=(n, n))
    return a @ a.T + np.eye(n)


def symmetric(rng, n=3):
    return np.diag(np.arange(n) * 2.0) + 0.1 * (lambda a: a + a.T)(rng.normal(size=(n, n)))


def cholesky_of(a):
    """Take the symmetric part, so that single entries may move."""
    return np.linalg.cholesky((a + a.T) / 2)


def cholesky_vjp(v, a):
    lower = cholesky_of(a)
    inner = np.tril(lower.T @ v)
    inner[np.diag_indices(len(a))] /= 2
    inverse = np.linalg.inv(lower)
    found = inverse.T @ inner @ inverse
    return ((found + found.T) / 2,)


def eigenvalues(a):
    return np.linalg.eigvalsh((a + a.T) / 2)


def eigenvalues_vjp(v, a):
    _, u = np.linalg.eigh((a + a.T) / 2)
    return ((u * v) @ u.T,)


@right("inverse")
def inverse(rng):
    def vjp(v, a):
        b = np.linalg.inv(a)
        return (-b.T @ v @ b.T,)

    return np.linalg.inv, vjp, [regular(rng)]


@right("solve")
def solve(rng):
    def vjp(v, a, b):
        db = np.linalg.solve(a.T, v)
        return -db @ np.linalg.solve(a, b).T, db

    return np.linalg.solve, vjp, [regular(rng, 4), rng.normal(size=(4, 2))]


@right("determinant")
def determinant(rng):
    return np.linalg.det, lambda v, a: (v * np.linalg.det(a) * np.linalg.inv(a).T,), [regular(rng)]


@right("Cholesky of the symmetric part")
def cholesky(rng):
    return cholesky_of, cholesky_vjp, [spd(rng)]


@right("eigenvalues that lie apart")
def eigenvalues_apart(rng):
    return eigenvalues, eigenvalues_vjp, [symmetric(rng, 4)]


@right("the trace of a power")
def trace_power(rng):
    return lambda a: np.trace(a @ a @ a), lambda v, a: (3 * v * (a @ a).T,), [regular(rng)]


@wrong("inverse: transpositions missing")
def inverse_untransposed(rng):
    def vjp(v, a):
        b = np.linalg.inv(a)
        return (-b @ v @ b,)

    return np.linalg.inv, vjp, [regular(rng)]


@wrong("determinant: the inverse is not transposed")
def determinant_untransposed(rng):
    return np.linalg.det, lambda v, a: (v * np.linalg.det(a) * np.linalg.inv(a),), [regular(rng)]


@wrong("determinant: the determinant itself is missing")
def determinant_as_log(rng):
    return np.linalg.det, lambda v, a: (v * np.linalg.inv(a).T,), [regular(rng)]


@wrong("log-determinant: the sign of a negative determinant comes in")
def log_determinant_sign(rng):
    a = regular(rng, 3)
    a[0] *= -1
    return (
        lambda a: np.linalg.slogdet(a)[1],
        lambda v, a: (v * np.sign(np.linalg.det(a)) * np.linalg.inv(a).T,),
        [a],
    )


@wrong("Cholesky: the diagonal is not halved")
def cholesky_diagonal(rng):
    def vjp(v, a):
        lower = cholesky_of(a)
        inverse = np.linalg.inv(lower)
        found = inverse.T @ np.tril(lower.T @ v) @ inverse
        return ((found + found.T) / 2,)

    return cholesky_of, vjp, [spd(rng)]


@wrong("Cholesky: not symmetric")
def cholesky_one_sided(rng):
    def vjp(v, a):
        return (2 * np.tril(cholesky_vjp(v, a)[0]),)

    return cholesky_of, vjp, [spd(rng)]


@wrong("the trace of a power: the factor 3")
def trace_power_factor(rng):
    return lambda a: np.trace(a @ a @ a), lambda v, a: (v * (a @ a).T,), [regular(rng)]


@wrong("the trace of a power: the transposition")
def trace_power_transposition(rng):
    return lambda a: np.trace(a @ a @ a), lambda v, a: (3 * v * (a @ a),), [regular(rng)]


@wrong("singular values: the left vectors alone")
def singular_left(rng):
    def vjp(v, a):
        u, _, _ = np.linalg.svd(a)
        return ((u * v) @ u.T,)

    return (
        lambda a: np.linalg.svd(a, compute_uv=False),
        vjp,
        [np.diag([1.0, 3, 6]) + 0.2 * rng.normal(size=(3, 3))],
    )


@wrong("triangular solve: the gradient has an upper half")
def triangular_solve(rng):
    def f(a, b):
        return np.linalg.solve(np.tril(a), b)

    def vjp(v, a, b):
        db = np.linalg.solve(np.tril(a).T, v)
        return -np.outer(db, f(a, b)), db

    return f, vjp, [regular(rng), rng.normal(size=3)]
