"""The corner structures: the same every time, few, and holding what typical shapes leave out."""

import numpy as np
import pytest

from needle_cli.checking.claims import Dim, Domain, InputClaim
from needle_cli.checking.generation import corners
from needle_cli.checking.generation.corners import corner_structures, scales
from needle_cli.checking.generation.realise import realise
from needle_cli.checking.generation.structure_space import first_shape
from needle_cli.checking.reference import values as reference
from tests.samples.claims import ALL, add, conv, make, matmul, power, stack, summation
from tests.samples.coverage import has_layout


@pytest.mark.parametrize("name", ALL)
def test_corners_are_few_deterministic_different_and_accepted(name):
    claims = ALL[name]()
    first, second = corner_structures(claims), corner_structures(ALL[name]())
    assert first == second
    assert 15 <= len(first) <= 60
    assert len({repr(s) for s in first}) == len(first)
    for structure in first:
        reference(claims, realise(claims, structure))


def labels(claims):
    return [structure.label for structure in corner_structures(claims)]


def test_a_binary_operator_gets_every_broadcast_of_either_operand():
    found = labels(add())
    for name in "ab":
        for form in ("missing", "leading axis missing", "size 1 first", "size 1 last",
                     "size 1 inside", "all ones"):  # fmt: skip
            assert f"broadcast {name}: {form}" in found
    assert {"square", "size-1 dims", "0-d", "zero-size", "large a", "zeros", "ties"} <= set(found)
    assert {"F", "transposed", "sliced", "reversed", "broadcast"} <= set(found)
    assert {"scaled by 1000", "scaled by 0.0001"} <= set(found)
    assert not [label for label in labels(make(x="(S...)")) if label.startswith("broadcast x")]


def test_layouts_of_the_corners_are_real():
    claims = add()
    for structure in corner_structures(claims):
        case = realise(claims, structure)
        for name, layout in structure.layouts.items():
            if layout != "C":
                assert has_layout(case.inputs[name], layout)


def test_one_array_of_every_differentiable_input_is_large():
    for claims in (add(), matmul(), make(x="(n, n)"), make(a="(n)", b="(m)")):
        sizes = dict.fromkeys(claims.inputs, 0)
        for structure in corner_structures(claims):
            for name, shape in structure.shapes.items():
                sizes[name] = max(sizes[name], int(np.prod(first_shape(shape))))
        assert min(sizes.values()) > 1024
    small = make(x="(n)", dims={"n": Dim(1, 5)})
    assert max(s.shapes["x"][0] for s in corner_structures(small)) == 5


def test_axes_come_in_every_form_with_both_keepdims():
    given = [s.params for s in corner_structures(summation())]
    axes = [p["axes"] for p in given]
    assert None in axes
    assert () in axes
    assert any(isinstance(a, int) and a < 0 for a in axes)
    assert any(isinstance(a, tuple) and len(a) > 1 and a[0] > a[1] >= 0 for a in axes)
    assert {(p["axes"] is None, p["keepdims"]) for p in given} >= {(True, True), (True, False)}


def test_strides_leave_every_remainder_on_images_that_are_not_square():
    found = corner_structures(conv())
    for stride in (2, 3):
        rests = set()
        for s in found:
            if s.params["stride"] == stride:
                h, w = s.shapes["x"][1:3]
                k, pad = s.shapes["weight"][0], s.params["padding"]
                rests |= {(h + 2 * pad - k) % stride, (w + 2 * pad - k) % stride}
        assert rests == set(range(stride))
    assert any(s.shapes["x"][1] != s.shapes["x"][2] for s in found)
    assert any(s.params["padding"] >= s.shapes["weight"][0] for s in found)
    assert {s.params["padding"] for s in found} == {0, 1, 2}


def test_lists_are_as_short_and_as_long_as_they_may_be():
    assert {len(s.shapes["xs"]) for s in corner_structures(stack())} >= {1, 2, 4}


def test_every_lane_has_corners_of_its_own():
    assert {s.lane for s in corner_structures(power())} == {"", "whole exponents"}


def test_optional_dimensions_are_left_out_alone_and_together():
    shapes = [(len(s.shapes["a"]), len(s.shapes["b"])) for s in corner_structures(matmul())]
    assert {(1, 1), (1, 2), (2, 1), (1, 4), (4, 1)} <= set(shapes)


def test_empty_arrays_are_left_out_where_the_reference_refuses_them():
    refuses = make(lambda x: np.max(x), x="(S...)")
    assert "zero-size" not in labels(refuses)
    assert "zero-size" in labels(make(lambda x: np.sum(x), x="(S...)"))
    bounded = make(lambda x: np.sum(x), dims={"S": Dim(1, 4)}, x="(S...)")
    assert "zero-size" not in labels(bounded)


def test_scales_that_say_nothing_are_left_out():
    assert scales(add(), "") == (8.0, 1e3, 1e-4)
    assert 1e3 not in scales(make(np.exp, x="(...)"), "")
    assert 1e3 not in scales(make(np.tanh, x="(...)"), "")
    assert scales(make(np.arcsin, x=Domain("interval", {"low": -1.0, "high": 1.0})), "") == ()


def test_a_long_list_is_thinned_without_losing_a_kind_of_corner(monkeypatch):
    full = corner_structures(summation())
    monkeypatch.setattr(corners, "MOST", 28)
    short = corner_structures(summation())
    assert len(short) == 28
    assert {corners._group(s) for s in short} == {corners._group(s) for s in full}


def test_the_exact_lane_has_corners_whose_parameters_fit():
    for structure in corner_structures(summation(), "integer"):
        assert structure.values == "integer"
        case = realise(summation(), structure)
        assert "exact" in case.tags


def test_matrix_domains_have_corners():
    spd = make(np.linalg.cholesky, a=InputClaim("a", "(..., n, n)", domain=Domain("spd")))
    found = corner_structures(spd)
    assert any(len(s.shapes["a"]) == 4 for s in found)
    for structure in found:
        realise(spd, structure)
