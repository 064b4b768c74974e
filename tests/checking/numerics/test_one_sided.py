"""Slopes on both sides of a point: together they are what they are one by one, or not together."""

import numpy as np
import pytest

from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Case
from needle_cli.checking.numerics import one_sided as module
from needle_cli.checking.numerics.additivity import SingleEntries, not_additive, plainly_additive
from needle_cli.checking.numerics.directional import halves
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.one_sided import one_sided_slopes, slopes_together
from needle_cli.checking.point import Subject

POINT = np.array([0.0, -0.7, 1.3, 0.0, 2.1])


def subject_of(f, x):
    return Subject(Pair(f, lambda v, x: (v,)), Case({"x": x}, judged=frozenset("x")))


def units(x):
    return [[row] for row in np.eye(x.size)]


def both_ways(f, x, allows=None):
    """Return the slopes along every coordinate, measured together and one by one."""
    subject = subject_of(f, x)
    together, _ = slopes_together(units(x), lambda d: Line(subject, d), allows)
    return together, [one_sided_slopes(Line(subject, d), allows) for d in units(x)]


def assert_same(together, alone):
    for ours, theirs in zip(together, alone, strict=True):
        for mine, other in zip(ours.kinds, theirs.kinds, strict=True):
            assert np.array_equal(mine, other)
        for part in ("left", "right"):
            a, b = getattr(ours, part), getattr(theirs, part)
            assert np.allclose(a.slope, b.slope, rtol=1e-6, atol=1e-9)
            assert np.array_equal(a.settled, b.settled)


def tied(x):
    # x[2] alone moves the output; with x[0] and x[1] it moves otherwise.
    return np.array([max(min(x[0], x[1]), x[2]), np.sin(x[3])])


SMOOTH_AND_NOT = {
    "relu": (lambda x: np.maximum(x, 0), POINT),
    "abs and sine": (lambda x: np.abs(x) + np.sin(x), POINT),
    "a sum": (lambda x: np.abs(x).sum(keepdims=True), POINT),
    "pairs": (lambda x: np.maximum(x[:4:2], x[1:4:2]), np.array([1.0, 1.0, 2.0, -3.0, 0.0])),
    "the largest": (lambda x: x.max(keepdims=True), np.array([1.0, 3.0, 3.0, 0.5])),
    "a product at zeros": (lambda x: np.append(x[0] * x[1], x[2]), np.array([0.0, 0.0, 1.0])),
    "a tie that only all three leave": (tied, np.zeros(4)),
    "a root": (lambda x: np.sqrt(np.abs(x)), POINT),
    "saturated": (lambda x: 1e8 + np.tanh(x), POINT),
}


@pytest.mark.parametrize("name", SMOOTH_AND_NOT)
def test_slopes_together_are_the_slopes_alone(name):
    assert_same(*both_ways(*SMOOTH_AND_NOT[name]))


def test_without_a_second_look_they_are_not(monkeypatch):
    monkeypatch.setattr(module._MovedOutputs, "is_all_of", lambda self, members: True)
    with pytest.raises(AssertionError):
        assert_same(*both_ways(*SMOOTH_AND_NOT["a tie that only all three leave"]))


def test_closed_sides_stay_closed():
    x, asked = np.abs(POINT), []

    def root(x):
        asked.append(float(x.min()))
        return np.sqrt(x)

    def allows(direction, side):
        return bool((x + side * 1e-3 * direction[0] >= 0).all())

    subject = subject_of(root, x)
    together, _ = slopes_together(units(x), lambda d: Line(subject, d), allows)
    assert min(asked) >= 0
    assert [bool(s.left.edge[i]) for i, s in enumerate(together)] == [v == 0 for v in x.tolist()]
    slopes_together(units(x), lambda d: Line(subject, d), None)
    assert min(asked) < 0


def test_an_elementwise_point_costs_one_pair_of_slopes(monkeypatch):
    calls = []
    count = module.one_sided_slope
    monkeypatch.setattr(module, "one_sided_slope", lambda *a: calls.append(1) or count(*a))
    absolute = subject_of(np.abs, POINT)
    both, apart = slopes_together(units(POINT), lambda d: Line(absolute, d), None)
    assert len(both) == POINT.size and len(calls) == 2 and apart
    calls.clear()
    total = subject_of(lambda x: np.abs(x).sum(keepdims=True), POINT)
    _, apart = slopes_together(units(POINT), lambda d: Line(total, d), None)
    assert len(calls) == 2 * POINT.size and not apart


@pytest.mark.parametrize(
    ("f", "x", "additive"),
    [
        (np.exp, POINT, True),
        (lambda x: np.sin(x).sum(keepdims=True) * np.cos(x), POINT, True),
        (lambda x: x[:2] * 1e-9 + 3.0, POINT, False),  # rounding hides too much: not plain
        (lambda x: np.median(x, keepdims=True), np.array([2.0, 2.0, 2.0]), False),
        (lambda x: np.linalg.norm(x, keepdims=True), np.zeros(4), False),
        (lambda x: np.abs(x[:1]) - np.abs(x[1:2]), np.zeros(2), False),
        (lambda x: np.linalg.norm(x - 1e-7, keepdims=True), np.zeros(4), False),
    ],
    ids=["exp", "mixed", "hidden", "median", "norm", "difference", "close by"],
)
def test_a_look_at_two_steps_is_not_enough(f, x, additive):
    subject, rng = subject_of(f, x), np.random.default_rng(0)
    seen = []
    for _ in range(12):
        signs = rng.integers(0, 2, size=x.size) * 2.0 - 1.0
        whole = [np.where(np.arange(x.size) % 2, 1.0, 0.75) * signs]
        parts = halves(whole, rng)
        if all(part[0].any() for part in parts):
            seen.append(plainly_additive([Line(subject, d) for d in (whole, *parts)], None))
    assert len(seen) > 2
    assert all(seen) if additive else not all(seen)


@pytest.mark.parametrize(
    ("f", "x", "explained"),
    [
        (lambda x: 3.0 + 1e-9 * np.sin(x), POINT, [True] * 5),
        (lambda x: np.append(x[:2] * 1e-9, x[2] * x[3]), np.ones(5), [True, True, False]),
        (lambda x: np.median(x, keepdims=True), np.array([2.0, 2.0, 2.0]), [False]),
        # One entry alone moves it, two others together do too.
        (lambda x: np.maximum(np.minimum(x[:1], x[1:2]), x[2:]), np.zeros(3), [False]),
    ],
    ids=["elementwise", "a product", "median", "a tie"],
)
def test_what_one_entry_moves_has_nothing_to_add_up(f, x, explained):
    subject, rng = subject_of(f, x), np.random.default_rng(0)
    solos = SingleEntries(Line(subject, [np.ones(x.size)]))
    always = np.ones(len(explained), dtype=bool)
    for _ in range(12):
        whole = [rng.integers(0, 2, size=x.size) * 2.0 - 1.0]
        always &= solos.explain([Line(subject, d) for d in (whole, *halves(whole, rng))])
    assert always.tolist() == explained


def test_solos_do_not_hide_what_fails_to_add_up():
    for f, x, broken in [
        (lambda x: 3.0 + 1e-9 * np.sin(x), POINT, False),
        (lambda x: np.append(np.median(x[:3]), 3.0 + 1e-9 * x[3:]), 2.0 + 0 * POINT, True),
    ]:
        subject, rng = subject_of(f, x), np.random.default_rng(0)
        line = Line(subject, [np.ones(x.size)])
        assert not_additive(subject, line, one_sided_slopes(line), rng).any() == broken
