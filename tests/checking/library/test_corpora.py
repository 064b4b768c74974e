"""Right pairs that tempt a checker, and wrong ones that slip through: each kind with its twin."""

import numpy as np
import pytest
import scipy.special as special

from needle_cli.checking import check_pair
from tests.campaign import seeds, swept


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def elementwise(f, slope, x):
    return (lambda x: np.asarray(f(x)), lambda v, x: (v * slope(x),), [x])


def stands_still(x):
    return np.zeros_like(x)


RIGHT = {
    # Rounding that nine evenly spaced values may happen not to show.
    "softplus, naive": elementwise(
        lambda x: np.log(1 + np.exp(x)), special.expit, 10 * normal(4, 8)
    ),
    "x - sin x": elementwise(
        lambda x: x - np.sin(x), lambda x: 2 * np.sin(x / 2) ** 2, np.array(0.7e-3)
    ),
    # Steps of the function, finer than the steps of the difference.
    "round near 1e6": elementwise(np.round, stands_still, 1e6 * normal(1, 5)),
    "round to 1e-4": elementwise(lambda x: np.round(x * 1e4) / 1e4, stands_still, normal(1, 50)),
    # Jumps and edges a little way off.
    "log1p near its edge": elementwise(
        lambda x: np.log1p(-x), lambda x: -1 / (1 - x), np.array([1 - 1e-8, 0.5])
    ),
    "sign near a jump": elementwise(
        lambda x: np.sign(x - 1) + np.sin(x), np.cos, np.array([1 + 1e-8, 0.5])
    ),
    "outputs near 1e200": elementwise(
        lambda x: 1e200 * (1 - np.cos(x)), lambda x: 1e200 * np.sin(x), 1e-3 * normal(1, 5)
    ),
    # Slopes that are zero, where everything around has one.
    "x |x| at 0": elementwise(lambda x: x * np.abs(x), lambda x: 2 * np.abs(x), np.zeros(3)),
    "divergence at its minimum": (
        special.kl_div,
        lambda v, a, b: (v * np.log(a / b), v * (1 - a / b)),
        [np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])],
    ),
    "variance of a constant": (
        lambda x: np.asarray(x.var()),
        lambda v, x: (2 * v * (x - x.mean()) / x.size,),
        [np.full((2, 3), 0.3)],
    ),
    # A function for float32 alone, called with float32.
    "float32 only": (
        lambda x: np.tanh(x.astype("f4")),
        lambda v, x: (v.astype("f4") * (1 - np.tanh(x.astype("f4")) ** 2),),
        [normal(1, 4, 5).astype("f4")],
    ),
    # Numbers inside the gradient that are much larger than the result.
    "a sharp softmax": (
        lambda x: _softmax(100 * x),
        lambda v, x: (100 * (lambda s: s * (v - (v * s).sum()))(_softmax(100 * x)),),
        [normal(4, 1000)],
    ),
    "length in float16": (
        lambda x: np.sqrt((x * x).sum(-1)),
        lambda v, x: (v[..., None] * x / np.sqrt((x * x).sum(-1, keepdims=True)),),
        [(1e-3 * normal(3, 2, 5)).astype("f2")],
    ),
}


def _softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(name, seed):
    forward, vjp, inputs = RIGHT[name]
    report = check_pair(forward, vjp, inputs, seed=seed)
    assert report.passed, str(report)


@pytest.mark.parametrize("count", swept([1, 3], [1]))
@pytest.mark.parametrize("name", [n for n in RIGHT if n not in ("round near 1e6",)])
def test_the_same_with_one_entry_wrong_does_not(name, count):
    forward, vjp, inputs = RIGHT[name]

    def wrong(v, *arrays):
        first, *rest = vjp(v, *arrays)
        first = np.array(first)
        first.flat[0] = 1.5 * first.flat[0] + np.sign(v.flat[0] or 1) * 0.25 * abs(_scale(first))
        return (first, *rest)

    def _scale(gradient):
        return np.abs(gradient).max() or 1.0

    reports = [check_pair(forward, wrong, inputs, seed=seed) for seed in range(count)]
    assert any(report.findings for report in reports), str(reports[0])
    assert not any(report.passed for report in reports)


def counted(factor, call):
    count = [0]

    def vjp(v, x):
        count[0] += 1
        return (v * (1 - np.tanh(x) ** 2) * (factor if call(count[0]) else 1.0),)

    return np.tanh, vjp, [normal(0, 6)]


def unsteady(size, scatter, shift=0.0):
    rng = np.random.default_rng(1)

    def vjp(v, x):
        noise = 1 + shift + scatter * rng.standard_normal(x.shape)
        return (v * (1 - np.tanh(x) ** 2) * noise,)

    return np.tanh, vjp, [normal(0, size)]


def two_outputs(small, second):
    def vjp(v, x):
        return (v[0] * np.cos(x) - second * small * v[1] * np.sin(x),)

    return lambda x: (np.sin(x), small * np.cos(x)), vjp, [normal(0, 6)]


def root_with_nan(zeros):
    def vjp(v, x):
        with np.errstate(all="ignore"):
            return (np.where(x == 4, np.nan, v / (2 * np.sqrt(x))),)

    return np.sqrt, vjp, [np.array([0.0] * zeros + [4.0, 9.0])]


WRONG = {
    "every third call": lambda: counted(1.5, lambda k: k % 3 == 0),
    "the third call alone": lambda: counted(2.0, lambda k: k == 3),
    "scatter among 5000 entries": lambda: unsteady(5000, 1e-3),
    "scatter that covers a shift": lambda: unsteady(5000, 3e-3, 1e-2),
    "a small output dropped": lambda: two_outputs(1e-9, 0.0),
    "a small output's sign": lambda: two_outputs(1e-12, -1.0),
    "NaN beside seven infinite slopes": lambda: root_with_nan(7),
    "offset output, 1e-5 off": lambda: (
        lambda x: 1e5 + np.sin(x),
        lambda v, x: (v * np.cos(x) * (1 + 1e-5),),
        [normal(0, 6)],
    ),
}


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused(name, seed):
    forward, vjp, inputs = WRONG[name]()
    report = check_pair(forward, vjp, inputs, seed=seed)
    assert report.verdict == "fail", str(report)


@pytest.mark.parametrize(
    "pair",
    [counted(1.0, lambda k: True), unsteady(5000, 0.0), two_outputs(1e-9, 1.0)],
    ids=["calls", "large", "two outputs"],
)
def test_their_right_twins_pass(pair):
    assert check_pair(*pair).passed
