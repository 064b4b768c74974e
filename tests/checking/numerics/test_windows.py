"""What a sample of a line says: the slope, its error, what is rounding and what is a kink."""

import numpy as np
import pytest
from scipy.special import erf, gammaln

from needle_cli.checking import check_pair
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Case
from needle_cli.checking.numerics.comparison import ALL
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.windows import (
    BEND_GAIN,
    EVEN,
    GAIN,
    ODD,
    WIDTH,
    fit_weights,
    half_octaves,
    read,
)
from needle_cli.checking.point import Subject


def reading(f, x):
    """Return the line that moves every entry by its own size, and what it shows."""
    x = np.atleast_1d(np.asarray(x, dtype=float))
    subject = Subject(Pair(f, None), Case({"x": x}, judged=frozenset({"x"})))
    line = Line(subject, [np.where(x == 0, 1.0, 2.0 ** np.round(np.log2(np.abs(x) + (x == 0))))])
    with np.errstate(all="ignore"):
        return line, read(line, [t for t in ALL if t >= 16 * line.resolution])


SHAPES = {
    "a jump at the point": lambda t: np.ones_like(t),
    "a jump beside it": lambda t: 1.0 * (t > 0.4),
    "a kink beside it": lambda t: np.maximum(t - 0.4, 0),
    "a root": np.sqrt,
    "x |x|": np.square,
    "t^7": lambda t: t**7,
    "t^9": lambda t: t**9,
}


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", SHAPES)
def test_what_is_left_over_bounds_the_error_of_a_slope(name, start):
    steps = np.array(half_octaves(0, WIDTH)[start : start + WIDTH])
    values = SHAPES[name](steps / steps[0])
    slope, left = fit_weights(ODD, start)
    spread = np.sqrt(np.mean((values @ left) ** 2))
    assert abs(values @ slope) <= GAIN * spread


def test_the_bound_is_the_one_of_the_worst_shape():
    steps = np.array(half_octaves(0, WIDTH)[1 : 1 + WIDTH])
    slope, left = fit_weights(ODD, 1)
    values = [shape(steps / steps[0]) for shape in SHAPES.values()]
    ratios = [abs(v @ slope) / np.sqrt(np.mean((v @ left) ** 2)) for v in values]
    assert max(ratios) > 0.9 * GAIN


@pytest.mark.parametrize("start", [0, 1])
def test_rounding_stays_within_the_error(start):
    rng = np.random.default_rng(0)
    for powers, gain in ((ODD, GAIN), (EVEN, BEND_GAIN)):
        slope, left = fit_weights(powers, start)
        noise = rng.uniform(-1, 1, (20_000, WIDTH))
        spread = np.sqrt(np.mean((noise @ left) ** 2, axis=1))
        assert np.mean(np.abs(noise @ slope) > gain * spread) < 1e-3
        assert np.mean(np.abs(noise @ slope) > gain / 20 * spread) > 0.1  # the bound is not idle


def density(x):
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def share(x):
    return 0.5 * (1 + erf(x / np.sqrt(2)))


SLOPES = {
    "smooth": (np.sin, np.cos, [0.3, 1.0, -2.0]),
    "tiny and huge values": (np.exp, np.exp, [-700.0, 600.0, 1.0]),
    "stairs of rounding": (
        lambda x: x * share(x),
        lambda x: share(x) + x * density(x),
        [0.8, -6.54, -7.84],
    ),
    "a fast wave": (lambda x: np.sin(1e5 * x), lambda x: 1e5 * np.cos(1e5 * x), [1.0, 2.0, 0.3]),
    "a wave far out": (np.cos, lambda x: -np.sin(x), [1e9, 3e10, 2e11]),
    "beside a kink": (np.abs, np.sign, [1.0, -1e-8, 1e-12]),
    "near a pole": (np.tan, lambda x: 1 / np.cos(x) ** 2, [np.pi / 2 - 1e-6]),
    "beside an edge": (np.log, lambda x: 1 / x, [1.0, 1e-8, 1e-200]),
    "cancelling": (lambda x: x - np.sin(x), lambda x: 2 * np.sin(x / 2) ** 2, [0.7e-3, 1e-4]),
    "steps of the function": (np.round, lambda x: 0 * x, [345584.2, 1303157.3]),
    "in float32": (lambda x: np.tanh(x.astype("f4")) * 1.0, lambda x: 1 / np.cosh(x) ** 2, [0.5]),
}


@pytest.mark.parametrize("name", SLOPES)
def test_a_slope_lies_within_its_error(name):
    f, slope, x = SLOPES[name]
    line, sample = reading(f, x)
    (u,) = line.direction
    true = slope(np.asarray(x)) * u
    error = sample.best.error
    assert (np.abs(sample.best.slope - true) <= error).all()
    assert (np.abs(sample.best.other - true) <= sample.best.other_error).all()
    # An error that allowed anything would mean nothing.
    assert (error <= 0.03 * np.maximum(np.abs(true), sample.steepest)).all()


def test_a_kink_at_the_point_shows_in_the_even_part():
    _, sample = reading(np.abs, [0.0, 1e-9, 1.0])
    assert sample.bent.tolist() == [True, False, False]


def test_what_no_step_resolves_has_no_small_error():
    _, sample = reading(np.cos, [1e17])
    assert np.isinf(sample.best.error).all()
    _, sample = reading(np.cos, [1e9])
    assert np.isfinite(sample.best.error).all()


def refused(f, vjp, x, seeds=3):
    reports = [check_pair(f, vjp, x, seed=seed) for seed in range(seeds)]
    return [bool(report.findings) for report in reports], [report.passed for report in reports]


BESIDE = {
    "1e-16 among ordinary numbers": np.array([0, 1, 2, 1e-16]),
    "rounding residues": np.sin(np.linspace(0, 2 * np.pi, 9)),
    "1e-120 beside 1e100": np.array([1.0, -2, 1e-120, 5e3, 1e100]),
}


@pytest.mark.parametrize("factor", [1.0, 0.0, 2.0])
@pytest.mark.parametrize("name", BESIDE)
def test_entries_that_are_tiny_beside_others_are_judged(name, factor):
    x = BESIDE[name]
    f, slope = (lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2)
    near = np.abs(x) < 1e-10

    def vjp(v, x):
        return (v * slope(x) * np.where(near, factor, 1.0),)

    findings, passed = refused(f, vjp, [x])
    assert all(passed) if factor == 1.0 else all(findings)


@pytest.mark.parametrize("factor", [1.0, 0.0, 2.0])
def test_inputs_whose_own_size_moves_nothing_are_moved_farther(factor):
    def vjp(v, w, c):
        return v * (1 - np.tanh(w) ** 2), factor * v

    findings, passed = refused(
        lambda w, c: np.tanh(w) + c, vjp, [np.array([1.0, 2, -1]), np.full(3, 1e-16)]
    )
    assert all(passed) if factor == 1.0 else all(findings)


@pytest.mark.parametrize("factor", [1.0, 1.0001])
def test_a_function_with_many_poles_is_judged(factor):
    from scipy.special import digamma

    x = np.array([1e-3, 0.3, 1.4616, 2, 17, 1e6])
    findings, passed = refused(gammaln, lambda v, x: (factor * v * digamma(x),), [x])
    assert all(passed) if factor == 1.0 else all(findings)
