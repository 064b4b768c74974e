"""The map of a matrix's errors: signs, tenths, which slice; nothing where entries are missing."""

import itertools

from needle_cli.reports.events import Spot
from needle_cli.reports.terminal.error_map import heat_map


def entries(shape, errors, name="a"):
    """Return an element per index; `errors` by index are wrong, all others right."""
    return [
        Spot(name, index, 1.0 + errors.get(index, 0.0), 1.0, 1e-9, None, index in errors)
        for index in itertools.product(*map(range, shape))
    ]


def text(drawn):
    return ["".join(cell for cell, _ in row) for row in drawn.rows]


def test_a_cell_says_sign_and_tenths_of_the_largest():
    drawn = heat_map(entries((2, 3), {(0, 1): 2.0, (1, 2): -1.0}))
    assert text(drawn) == ["   · +10   ·", "   ·   ·  -5"]
    assert drawn.title.startswith("a: ") and "2.0e+00" in drawn.title


def test_too_large_is_red_and_too_small_is_blue():
    styles = [style for row in heat_map(entries((2, 2), {(0, 0): 1.0, (1, 1): -1.0})).rows
              for _, style in row]  # fmt: skip
    assert "red" in styles[0] and "blue" in styles[3] and styles[1] == styles[2] == "dim"


def test_of_more_axes_the_slice_with_the_largest_error_is_drawn():
    drawn = heat_map(entries((2, 2, 2), {(0, 0, 0): 1.0, (1, 1, 0): 4.0}))
    assert drawn.title.startswith("a[1, :, :]: ")
    assert text(drawn) == ["   ·   ·", " +10   ·"]


def test_what_is_not_finite_is_marked():
    elements = entries((2, 2), {(0, 0): 1.0, (0, 1): float("nan")})
    assert text(heat_map(elements))[0] == " +10   !"


def test_no_map_of_vectors_right_matrices_or_a_few_entries():
    assert heat_map(entries((4,), {(0,): 1.0})) is None
    assert heat_map(entries((2, 2), {})) is None
    assert heat_map(entries((3, 3), {(0, 0): 1.0})[:-1]) is None
    assert heat_map(entries((40, 3), {(0, 0): 1.0})) is None
