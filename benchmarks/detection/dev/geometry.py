"""Vectors, angles, distances and interpolation."""

import numpy as np

from benchmarks.detection.corpus import right, wrong
from benchmarks.detection.functions import unary, values


def distances(x, y):
    return np.sqrt(((x[:, None] - y) ** 2).sum(-1))


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


@right("the cross product")
def cross(rng):
    return (
        lambda a, b: np.cross(a, b),
        lambda v, a, b: (np.cross(b, v), np.cross(v, a)),
        [rng.normal(size=(2, 3)), rng.normal(size=(2, 3))],
    )


@right("angles in all four quadrants and close to the axes")
def angles(rng):
    def vjp(v, y, x):
        r = x * x + y * y
        return v * x / r, -v * y / r

    return np.arctan2, vjp, [values(1, 2, -1e-9, -3, 1e-8), values(3, -1, -2, 2, 1e-8)]


@right("linear interpolation between whole numbers")
def interpolation(rng):
    return linear_at, linear_at_vjp, [values(0.3, 1.9, 2.5, 0.7, 3.01), rng.normal(size=6)]


@right("the area of a triangle by Heron, nearly flat")
def heron(rng):
    def f(a, b, c):
        s = (a + b + c) / 2
        return np.sqrt(s * (s - a) * (s - b) * (s - c))

    def vjp(v, a, b, c):
        scale = v / (8 * f(a, b, c))
        return (
            scale * a * (b * b + c * c - a * a),
            scale * b * (a * a + c * c - b * b),
            scale * c * (a * a + b * b - c * c),
        )

    return f, vjp, [values(3.0), values(4.0), values(6.99)]


@wrong("distances: as if squared")
def distances_squared(rng):
    def vjp(v, x, y):
        part = 2 * v[..., None] * (x[:, None] - y)
        return part.sum(1), -part.sum(0)

    return distances, vjp, [rng.normal(size=(3, 4)), rng.normal(size=(2, 4))]


@wrong("distances: 1e-4 in the denominator")
def distances_guarded(rng):
    def vjp(v, x, y):
        part = (v / (distances(x, y) + 1e-4))[..., None] * (x[:, None] - y)
        return part.sum(1), -part.sum(0)

    return distances, vjp, [rng.normal(size=(3, 4)), rng.normal(size=(2, 4))]


@wrong("a rotation: the points are turned forwards in the gradient")
def rotation_forwards(rng):
    def vjp(v, t, p):
        return rotated_vjp(v, t, p)[0], rotated(t, v)

    return rotated, vjp, [np.array(0.7), rng.normal(size=(2, 5))]


@wrong("a rotation: the angle's gradient misses one coordinate")
def rotation_angle(rng):
    def vjp(v, t, p):
        return np.asarray((v[0] * (-np.sin(t) * p[0] - np.cos(t) * p[1])).sum()), rotated_vjp(
            v, t, p
        )[1]

    return rotated, vjp, [np.array(0.7), rng.normal(size=(2, 5))]


@wrong("the cross product: the order of the factors")
def cross_order(rng):
    return (
        lambda a, b: np.cross(a, b),
        lambda v, a, b: (np.cross(v, b), np.cross(v, a)),
        [rng.normal(size=(2, 3)), rng.normal(size=(2, 3))],
    )


@wrong("angles: x and y are swapped")
def angles_swapped(rng):
    def vjp(v, y, x):
        r = x * x + y * y
        return -v * y / r, v * x / r

    return np.arctan2, vjp, [rng.normal(size=4), rng.normal(size=4)]


@wrong("the wrapped phase: 2 pi times the slope")
def phase(rng):
    return unary(
        lambda x: np.sin(2 * np.pi * x),
        lambda x: np.cos(2 * np.pi * x) * 2 * 3.14,
        rng.normal(size=5),
    )


@wrong("a Bezier curve: the ends' weights are exchanged")
def bezier_ends(rng):
    def basis(t):
        return np.stack([(1 - t) ** 2, 2 * t * (1 - t), t * t])

    def vjp(v, t, p):
        slope = np.stack([-2 * (1 - t), 2 - 4 * t, 2 * t])
        return v * (slope.T @ p), (basis(t) @ v)[::-1].copy()

    return lambda t, p: basis(t).T @ p, vjp, [rng.random(5), rng.normal(size=3)]
