"""Memory layouts really are what their names say, and keep the values."""

import numpy as np
import pytest

from needle_cli.checking.claims import Domain, InputClaim, Kink, Spread
from needle_cli.checking.generation.layouts import (
    LAYOUTS,
    arrange,
    possible,
    repeatable_axis,
)
from tests.samples.coverage import has_layout

REAL = InputClaim("x", "(...)")


def repeated(shape):
    axis = repeatable_axis(REAL, (), shape)
    array = np.arange(float(np.prod(shape))).reshape(shape)
    return np.array(np.broadcast_to(array.take([0], axis=axis), shape))


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 4), (1, 3), (3, 1), (2, 1, 3), (), (1, 1)])
def test_every_possible_layout_is_that_layout(shape):
    for layout in possible(REAL, (), shape):
        array = repeated(shape) if layout == "broadcast" else np.random.random(shape)
        arranged = arrange(array, layout)
        assert has_layout(arranged, layout), layout
        assert arranged.shape == shape
        np.testing.assert_array_equal(arranged, array)


def test_the_layout_test_can_say_no():
    plain = np.zeros((2, 3))
    assert not any(has_layout(plain, layout) for layout in LAYOUTS if layout != "C")
    assert not has_layout(arrange(plain, "F"), "C")
    assert not has_layout(arrange(np.zeros((2, 3, 4)), "F"), "transposed")


def test_the_gaps_of_a_sliced_array_are_not_numbers():
    arranged = arrange(np.ones((2, 3)), "sliced")
    assert np.isnan(arranged.base).sum() == 6
    assert arrange(np.ones(3, dtype=np.intp), "sliced").base.max() > 1


def test_layouts_that_change_nothing_are_not_offered():
    assert possible(REAL, (), ()) == ("C",)
    assert possible(REAL, (), (0, 3)) == ("C",)
    assert "F" not in possible(REAL, (), (1, 4))


@pytest.mark.parametrize(
    ("claim", "kinks"),
    [
        (REAL, (Kink("tie", ("x",), "convex"),)),
        (InputClaim("x", "(...)", domain=Domain("distinct")), ()),
        (
            InputClaim("x", "(...)", domain=Domain("index", {"into": "t", "duplicates": "forbid"})),
            (),
        ),
    ],
)
def test_entries_that_must_differ_are_not_repeated(claim, kinks):
    assert repeatable_axis(claim, kinks, (3, 4)) is None
    assert repeatable_axis(REAL, (Kink("point", ("x",), "convex"),), (3, 4)) == 0


def test_rows_that_must_spread_and_matrices_are_repeated_along_other_axes():
    spread = InputClaim("x", "(..., n)", spread=Spread(-1, 0.1))
    assert repeatable_axis(spread, (), (4,)) is None
    assert repeatable_axis(spread, (), (2, 4)) == 0
    spd = InputClaim("x", "(..., n, n)", domain=Domain("spd"))
    assert repeatable_axis(spd, (), (3, 3)) is None
    assert repeatable_axis(spd, (), (2, 3, 3)) == 0
