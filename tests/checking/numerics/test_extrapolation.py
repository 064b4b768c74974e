"""The slope to one side: few steps give what all steps give, or leave it to all."""

import numpy as np
import pytest

from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Case
from needle_cli.checking.numerics import extrapolation
from needle_cli.checking.numerics.extrapolation import one_sided_slope
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.tolerance import CONFIDENCE
from needle_cli.checking.point import Subject


def line_of(f, x):
    x = np.array(x, dtype=np.float64)
    subject = Subject(Pair(f, lambda v, x: (v,)), Case({"x": x}, judged=frozenset("x")))
    return Line(subject, [np.where(x == 0, 1.0, np.exp2(np.round(np.log2(np.abs(x) + (x == 0)))))])


CLEAR = {
    "relu on and off its kink": (lambda x: np.maximum(x, 0), [0.0, 1.5, -2.0]),
    "exp": (np.exp, [0.3, -1.5]),
    "a cube at 0": (lambda x: x**3, [0.0]),
    "a fourth power at 0": (lambda x: x**4, [0.0]),
    "the largest of a tie": (lambda x: x.max(keepdims=True), [2.0, 2.0, 1.0]),
    "a norm at 0": (lambda x: np.sqrt((x * x).sum(keepdims=True)), [0.0, 0.0]),
    "between stairs": (lambda x: np.floor(x) + 0 * x, [0.4, 7.6]),
    "large beside small": (lambda x: 3 * x, [1e12, 1e-12]),
}

UNCLEAR = {
    "a root at 0": (lambda x: np.sqrt(np.abs(x)), [0.0]),
    "a power of 1.5 at 0": (lambda x: np.abs(x) ** 1.5, [0.0]),
    "a jump": (np.sign, [0.0]),
    "an edge": (np.log, [0.0]),
    "a staircase": (lambda x: np.floor(1e4 * x), [0.3]),
    "a fast oscillation": (lambda x: x + 1e-6 * np.sin(1e7 * x), [0.3]),
    "a small slope beside a large value": (lambda x: 1e8 + np.tanh(x), [0.3]),
    "float32 inside": (lambda x: np.tanh(x.astype(np.float32)).astype(np.float64), [0.3]),
    "noise of a thousand roundings": (lambda x: x + 1e-13 * np.sin(1e14 * x), [0.3]),
    **{
        f"a kink {distance} away": (lambda x, d=distance: np.abs(x - 1 - d), [1.0])
        for distance in (1.5e-3, 1e-4, 1e-7, 1e-10, 1e-12)
    },
}


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("name", CLEAR)
def test_few_steps_give_what_all_steps_give(name, side, monkeypatch):
    few = extrapolation._clear(line_of(*CLEAR[name]), side)
    monkeypatch.setattr(extrapolation, "_clear", lambda line, side: None)
    whole = one_sided_slope(line_of(*CLEAR[name]), side)
    assert few is not None and few.settled.all() and not (few.edge | few.divergent).any()
    size = np.maximum(np.abs(whole.slope), 1.0)
    assert (np.abs(few.slope - whole.slope) <= CONFIDENCE * (few.error + whole.error)).all()
    assert (few.error <= 1e-8 * size).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", UNCLEAR)
def test_what_they_do_not_show_is_left_to_all_steps(name):
    assert None in [extrapolation._clear(line_of(*UNCLEAR[name]), side) for side in (1, -1)]


def test_without_sharpness_and_finer_steps_a_kink_nearby_is_overlooked(monkeypatch):
    f, x = UNCLEAR["a kink 1e-10 away"]
    assert one_sided_slope(line_of(f, x), +1).slope == pytest.approx(-1.0)
    whole = extrapolation._steps
    monkeypatch.setattr(extrapolation, "CLEAR", 1.0)
    monkeypatch.setattr(extrapolation, "FINER_STEPS", (2.0**-9, 2.0**-10))
    monkeypatch.setattr(
        extrapolation, "_steps", lambda line: [t for t in whole(line) if t >= 2.0**-13]
    )
    assert one_sided_slope(line_of(f, x), +1).slope == pytest.approx(1.0, rel=1e-4)


def test_a_clear_slope_costs_few_evaluations():
    asked = []
    line = line_of(lambda x: asked.append(1) or np.exp(x), [0.3])
    one_sided_slope(line, +1)
    assert len(asked) < 20
    asked.clear()
    one_sided_slope(line_of(lambda x: asked.append(1) or np.sqrt(np.abs(x)), [0.0]), +1)
    assert len(asked) > 60
