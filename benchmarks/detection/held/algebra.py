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


def eigenvalues(a):
    return np.linalg.eigvalsh((a + a.T) / 2)


def eigenvalues_vjp(v, a):
    _, u = np.linalg.eigh((a + a.T) / 2)
    return ((u * v) @ u.T,)


@right("inverse of a matrix with rows of unlike size")
def inverse_unlike(rng):
    def vjp(v, a):
        b = np.linalg.inv(a)
        return (-b.T @ v @ b.T,)

    return np.linalg.inv, vjp, [regular(rng) * np.array([1e-6, 1, 1e6])[:, None]]


@right("a determinant of 1e-12")
def determinant_small(rng):
    return (
        np.linalg.det,
        lambda v, a: (v * np.linalg.det(a) * np.linalg.inv(a).T,),
        [1e-4 * regular(rng)],
    )


@right("the logarithm of a determinant")
def log_determinant(rng):
    return (
        lambda a: np.linalg.slogdet(a)[1],
        lambda v, a: (v * np.linalg.inv(a).T,),
        [regular(rng, 4)],
    )


@right("the square root of the quadratic form")
def mahalanobis(rng):
    def f(x, a):
        return np.sqrt(x @ np.linalg.solve(a, x))

    def vjp(v, x, a):
        y = np.linalg.solve(a, x)
        z = np.linalg.solve(a.T, x)
        r = np.sqrt(x @ y)
        return v * (y + z) / (2 * r), -v * np.outer(z, y) / (2 * r)

    return f, vjp, [rng.normal(size=3), spd(rng)]


@right("singular values that lie apart")
def singular_values(rng):
    def vjp(v, a):
        u, _, w = np.linalg.svd(a, full_matrices=False)
        return ((u * v) @ w,)

    return (
        lambda a: np.linalg.svd(a, compute_uv=False),
        vjp,
        [np.diag([1.0, 3, 6])[:, :3] + 0.2 * rng.normal(size=(3, 3))],
    )


@wrong("inverse: the sign")
def inverse_sign(rng):
    def vjp(v, a):
        b = np.linalg.inv(a)
        return (b.T @ v @ b.T,)

    return np.linalg.inv, vjp, [regular(rng)]


@wrong("inverse: the elementwise rule")
def inverse_elementwise(rng):
    return np.linalg.inv, lambda v, a: (-v * np.linalg.inv(a) ** 2,), [regular(rng)]


@wrong("solve: the matrix is not transposed for the right side's gradient")
def solve_untransposed(rng):
    def vjp(v, a, b):
        db = np.linalg.solve(a, v)
        return -db @ np.linalg.solve(a, b).T, db

    return np.linalg.solve, vjp, [regular(rng, 4), rng.normal(size=(4, 2))]


@wrong("solve: the matrix's gradient is transposed")
def solve_transposed(rng):
    def vjp(v, a, b):
        db = np.linalg.solve(a.T, v)
        return -np.linalg.solve(a, b) @ db.T, db

    return np.linalg.solve, vjp, [regular(rng, 4), rng.normal(size=(4, 2))]


@wrong("eigenvalues: the eigenvectors are transposed")
def eigenvalues_transposed(rng):
    def vjp(v, a):
        _, u = np.linalg.eigh((a + a.T) / 2)
        return ((u.T * v) @ u,)

    return eigenvalues, vjp, [symmetric(rng, 4)]


@wrong("eigenvalues: the diagonal of the matrix stands for them")
def eigenvalues_diagonal(rng):
    return eigenvalues, lambda v, a: (np.diag(v),), [symmetric(rng, 4)]


@wrong("eigenvalues: descending order in the gradient")
def eigenvalues_reversed(rng):
    return eigenvalues, lambda v, a: eigenvalues_vjp(v[::-1], a), [symmetric(rng, 3)]


@wrong("the quadratic form with a matrix that is not symmetric: one of two terms, twice")
def quadratic_form(rng):
    def vjp(v, x, a):
        return 2 * v * (a @ x), v * np.outer(x, x)

    return lambda x, a: x @ (a @ x), vjp, [rng.normal(size=3), regular(rng)]


@wrong("the pseudo-inverse's second and third terms are left out")
def pseudo_inverse(rng):
    def vjp(v, a):
        p = np.linalg.pinv(a)
        return (-p.T @ v @ p.T,)

    return np.linalg.pinv, vjp, [rng.normal(size=(4, 2))]
