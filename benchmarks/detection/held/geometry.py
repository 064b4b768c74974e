"""Vectors, angles, distances and interpolation."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import unary, values


def distances(x, y):
    return np.sqrt(((x[:, None] - y) ** 2).sum(-1))


def distances_vjp(v, x, y):
    part = (v / distances(x, y))[..., None] * (x[:, None] - y)
    return part.sum(1), -part.sum(0)


def rotated(t, p):
    c, s = np.cos(t), np.sin(t)
    return np.stack([c * p[0] - s * p[1], s * p[0] + c * p[1]])


def rotated_vjp(v, t, p):
    c, s = np.cos(t), np.sin(t)
    dt = (v[0] * (-s * p[0] - c * p[1]) + v[1] * (c * p[0] - s * p[1])).sum()
    return np.asarray(dt), np.stack([c * v[0] + s * v[1], -s * v[0] + c * v[1]])


def linear_at(x, y):
    """Interpolate y, given at whole numbers, at x."""
    k = np.array([int(float(value)) for value in x])
    t = x - k
    return (1 - t) * y[k] + t * y[k + 1]


def linear_at_vjp(v, x, y):
    k = x.astype(int)
    t = x - k
    dy = np.zeros_like(y)
    np.add.at(dy, k, v * (1 - t))
    np.add.at(dy, k + 1, v * t)
    return v * (y[k + 1] - y[k]), dy


@right("distances between points")
def pair_distances(rng):
    return distances, distances_vjp, [rng.normal(size=(3, 4)), rng.normal(size=(2, 4))]


@right("distances of points that are 1e-7 apart")
def near_points(rng):
    x = rng.normal(size=(2, 3))
    return distances, distances_vjp, [x, x[::-1] + 1e-7 * rng.normal(size=(2, 3))]


@right("a rotation by an angle")
def rotation(rng):
    return rotated, rotated_vjp, [np.array(0.7), rng.normal(size=(2, 5))]


@right("a Bezier curve")
def bezier(rng):
    def basis(t):
        return np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3])

    def vjp(v, t, p):
        slope = np.stack(
            [-3 * (1 - t) ** 2, 3 * (1 - t) * (1 - 3 * t), 3 * t * (2 - 3 * t), 3 * t * t]
        )
        return v * (slope.T @ p), basis(t) @ v

    return lambda t, p: basis(t).T @ p, vjp, [rng.random(5), rng.normal(size=4)]


@wrong("distances: the second points' sign")
def distances_sign(rng):
    def vjp(v, x, y):
        dx, dy = distances_vjp(v, x, y)
        return dx, -dy

    return distances, vjp, [rng.normal(size=(3, 4)), rng.normal(size=(2, 4))]


@wrong("angles: right for positive x alone")
def angles_half_plane(rng):
    def vjp(v, y, x):
        r = x * x + y * y
        return v * np.abs(x) / r, -v * y / r

    return np.arctan2, vjp, [values(1, 2, -1, -3), values(3, -1, -2, 2)]


@wrong("interpolation: the positions have no gradient")
def interpolation_positions(rng):
    def vjp(v, x, y):
        return np.zeros_like(x), linear_at_vjp(v, x, y)[1]

    return linear_at, vjp, [values(0.3, 1.9, 2.5), rng.normal(size=6)]


@wrong("interpolation: the weights of the two neighbours are swapped")
def interpolation_weights(rng):
    def vjp(v, x, y):
        return linear_at_vjp(v, x, y)[0], linear_at_vjp(v, np.floor(x) + 1 - (x - np.floor(x)), y)[
            1
        ]

    return linear_at, vjp, [values(0.3, 1.9, 2.6), rng.normal(size=6)]


@wrong("interpolation: two samples in one cell overwrite each other")
def interpolation_overwrites(rng):
    def vjp(v, x, y):
        k = x.astype(int)
        t = x - k
        dy = np.zeros_like(y)
        dy[k] += v * (1 - t)
        dy[k + 1] += v * t
        return v * (y[k + 1] - y[k]), dy

    return linear_at, vjp, [values(1.3, 1.9, 2.5), rng.normal(size=6)]


@wrong("nearest neighbour in the gradient, linear in the function")
def interpolation_nearest(rng):
    def vjp(v, x, y):
        dy = np.zeros_like(y)
        np.add.at(dy, np.round(x).astype(int), v)
        return linear_at_vjp(v, x, y)[0], dy

    return linear_at, vjp, [values(0.3, 1.9, 2.6), rng.normal(size=6)]


@wrong("great circles: degrees and radians")
def degrees(rng):
    return unary(
        lambda x: np.sin(x * (np.pi / 180)),
        lambda x: np.cos(x * (np.pi / 180)),
        rng.normal(size=5) * 40,
    )
