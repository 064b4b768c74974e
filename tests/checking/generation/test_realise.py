"""Drawn numbers: in their domains, off the kinks, special where asked, exact where claimed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needle_cli.checking.claims import Domain, InputClaim, Kink, ParamClaim, Spread
from needle_cli.checking.domains.base import rms
from needle_cli.checking.domains.numbers import Positive
from needle_cli.checking.domains.registry import domain_of
from needle_cli.checking.generation.realise import realise, specials
from needle_cli.checking.kinks.point import Point
from needle_cli.checking.model import GeneratorError, Structure
from needle_cli.checking.numerics.steps import DIRECTION_LIMIT, LARGEST_STEP, REACH
from tests.samples.claims import (
    add,
    embedding,
    getitem,
    largest,
    make,
    maximum,
    power,
    stack,
)


def between(low, high):
    return Domain("interval", {"low": low, "high": high})


OPEN = {"low": 0.0, "high": 1.0, "open_low": True, "open_high": True}
DTYPES = ("float64", "float32", "float16")
DOMAINS = {
    "real": (Domain(), (3, 4)),
    "positive": (Domain("positive"), (3, 4)),
    "nonnegative": (Domain("nonnegative"), (3, 4)),
    "nonzero": (Domain("nonzero"), (3, 4)),
    "closed": (between(-1.0, 1.0), (3, 4)),
    "open": (Domain("interval", OPEN), (3, 4)),
    "half": (Domain("interval", {"low": 1.0}), (3, 4)),
    "narrow": (between(100.0, 101.0), (3, 4)),
    "integer": (Domain("integer", {"low": 0.0, "high": 5.0}), (3, 4)),
    "distinct": (Domain("distinct"), (3, 4)),
    "simplex": (Domain("simplex"), (3, 4)),
    "spd": (Domain("spd"), (2, 3, 3)),
    "symmetric": (Domain("symmetric"), (2, 3, 3)),
    "lower": (Domain("triangular"), (2, 3, 3)),
    "upper": (Domain("triangular", {"lower": False}), (3, 3)),
}


def drawn(claims, shapes, dtype="float64", kind=None, **rest):
    return realise(claims, Structure(shapes, **rest), dtype, kind)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DOMAINS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["generic", "integer", "extreme"]))
def test_every_domain_keeps_its_numbers(name, dtype, seed, kind):
    domain, shape = DOMAINS[name]
    claims = make(x=domain)
    special = ("none", *specials(claims, ""))[seed % (1 + len(specials(claims, "")))]
    case = drawn(claims, {"x": shape}, dtype, kind, seed=seed, special=special)
    x = case.inputs["x"]
    assert x.dtype == dtype
    assert x.shape == shape
    assert domain_of(domain).contains(x)


@pytest.mark.parametrize(
    ("domain", "outside"),
    [
        (Domain("positive"), [1.0, 0.0]),
        (Domain("nonnegative"), [1.0, -1e-9]),
        (Domain("nonzero"), [1.0, 0.0]),
        (between(-1.0, 1.0), [0.0, 1.5]),
        (Domain("interval", OPEN), [0.5, 1.0]),
        (Domain("integer"), [1.0, 1.5]),
        (Domain("real"), [1.0, np.nan]),
        (Domain("distinct"), [1.0, 1.0]),
        (Domain("simplex"), [0.5, 0.6]),
        (Domain("spd"), [[1.0, 2.0], [2.0, 1.0]]),
        (Domain("spd"), [[1.0, 0.1], [0.2, 1.0]]),
        (Domain("symmetric"), [[1.0, 2.0], [3.0, 1.0]]),
        (Domain("triangular"), [[1.0, 2.0], [0.0, 1.0]]),
        (Domain("triangular"), [[1.0, 0.0], [0.0, 0.0]]),
    ],
)
def test_membership_can_say_no(domain, outside):
    assert not domain_of(domain).contains(np.array(outside))


def test_index_membership_knows_range_and_repeats():
    index = domain_of(Domain("index"))
    assert index.contains(np.array([0, 2]), 3)
    assert not index.contains(np.array([0, 3]), 3)
    assert not index.contains(np.array([0, -1]), 3)
    assert not domain_of(Domain("index", {"duplicates": "force"})).contains(np.array([0, 1]), 3)
    assert not domain_of(Domain("index", {"duplicates": "forbid"})).contains(np.array([1, 1]), 3)
    assert not index.contains(np.array([0.0, 1.0]), 3)


def test_a_draw_outside_the_domain_is_a_bug_and_never_a_case():
    claims = make(x=Domain("positive"))
    structure = Structure({"x": (3,)})
    realise(claims, structure)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Positive, "draw", lambda d, rng, shape, length: -np.ones(shape))
        with pytest.raises(GeneratorError, match="outside its domain"):
            realise(claims, structure)


def test_the_same_structure_gives_the_same_bytes_and_another_seed_others():
    claims = add()
    one = drawn(claims, {"a": (3, 4), "b": (4,)}, seed=7)
    two = drawn(claims, {"a": (3, 4), "b": (4,)}, seed=7)
    other = drawn(claims, {"a": (3, 4), "b": (4,)}, seed=8)
    assert one.inputs["a"].tobytes() == two.inputs["a"].tobytes()
    assert one.inputs["a"].tobytes() != other.inputs["a"].tobytes()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shape=st.sampled_from([(), (4,), (3, 4), (2, 3, 4)]))
def test_generic_numbers_are_distinct_and_not_zero(seed, shape):
    x = drawn(add(), {"a": shape, "b": ()}, seed=seed).inputs["a"]
    assert np.unique(x).size == x.size
    assert np.all(x != 0)


KINKS = {
    "zero": Kink("point", ("x",), "convex"),
    "six": Kink("point", ("x",), "concave", value=1.0),
    "whole": Kink("integer", ("x",), "none"),
    "tie": Kink("tie", ("x",), "convex"),
}


@pytest.mark.parametrize("name", KINKS)
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1.0, 1e3, 1e-4]))
def test_no_step_reaches_a_declared_kink(name, dtype, seed, scale):
    kink = KINKS[name]
    scale = 1.0 if kink.kind == "integer" else scale
    claims = make(kinks=(kink,), x="(...)")
    case = drawn(claims, {"x": (3, 4)}, dtype, seed=seed, scale=scale)
    x = case.inputs["x"].astype(np.float64)
    assert "near kink" not in case.tags
    reach = LARGEST_STEP * DIRECTION_LIMIT * np.sqrt(np.mean(x**2))
    if name == "zero":
        assert np.abs(x).min() > reach
    elif kink.kind == "point":
        assert np.abs(x - 1.0).min() > reach
    elif kink.kind == "integer":
        assert np.abs(x - kink.value - np.round(x - kink.value)).min() > reach
    else:
        assert np.diff(np.sort(x, axis=None)).min() > 2 * reach


def test_without_a_declared_kink_steps_would_reach_zero_now_and_then():
    near = 0
    for seed in range(60):
        x = drawn(make(x="(...)"), {"x": (3, 4)}, seed=seed).inputs["x"]
        near += np.abs(x).min() < REACH * np.sqrt(np.mean(x**2))
    assert near > 0


def test_kinks_at_both_ends_of_a_narrow_range_are_both_avoided():
    ends = (Kink("point", ("x",), "convex", -1.0), Kink("point", ("x",), "concave", 1.0))
    for seed in range(50):
        case = drawn(make(kinks=ends, x="(...)"), {"x": (5, 5)}, seed=seed)
        assert "near kink" not in case.tags


@pytest.mark.parametrize(
    "shapes", [((3, 4), (3, 4)), ((3, 1), (1, 4)), ((), (3,)), ((40, 40), (40,))]
)
def test_two_operands_are_kept_from_becoming_equal(shapes):
    signs = set()
    for seed in range(20):
        case = drawn(maximum(), dict(zip("ab", shapes, strict=True)), seed=seed)
        a, b = np.broadcast_arrays(*case.inputs.values())
        reach = REACH * (rms(a) + rms(b))
        assert np.abs(a - b).min() > reach
        assert "near kink" not in case.tags
        signs |= set(np.sign(a - b).flat)
    assert signs == {-1.0, 1.0}


def test_a_crowd_without_room_is_spaced_along_the_axis_or_marked():
    claims = largest()
    rows = drawn(claims, {"x": (33, 32)}, params={"axes": 1}, seed=1).inputs["x"]
    gap = np.diff(np.sort(rows, axis=1), axis=1).min()
    assert gap > 2 * REACH * rms(rows)
    crowd = drawn(claims, {"x": (33, 32)}, params={"axes": None}, seed=1)
    assert np.unique(crowd.inputs["x"]).size == 33 * 32
    assert "near kink" in crowd.tags


def test_specials_are_offered_only_where_they_are_no_kinks_and_inside():
    assert specials(add(), "") == ("zeros", "units", "ties")
    assert specials(make(kinks=(KINKS["zero"],), x="(...)"), "") == ("units", "ties")
    assert specials(make(kinks=(KINKS["six"],), x="(...)"), "") == ("zeros", "units", "ties")
    assert specials(largest(), "") == ()
    assert specials(make(x=Domain("positive")), "") == ("units", "ties", "edges")
    assert specials(make(x=between(-1.0, 1.0)), "") == (
        "zeros",
        "ties",
        "edges",
    )
    assert specials(make(x=Domain("spd")), "") == ()


def test_specials_are_in_the_arrays():
    shapes = {"a": (3, 4), "b": (4,)}
    assert (drawn(add(), shapes, special="zeros").inputs["a"] == 0).any()
    assert (np.abs(drawn(add(), shapes, special="units").inputs["a"]) == 1).any()
    assert (drawn(make(x=Domain("positive")), {"x": (9,)}, special="units").inputs["x"] == 1).any()
    large = drawn(make(x=Domain("positive")), {"x": (9,)}, special="units", scale=1e3)
    assert (large.inputs["x"] != 1).all()  # a step would reach below zero
    tied = drawn(add(), shapes, special="ties").inputs["a"]
    assert np.unique(tied).size < tied.size
    domain = between(-1.0, 1.0)
    edge = drawn(make(x=domain), {"x": (4, 4)}, special="edges").inputs["x"]
    plain = drawn(make(x=domain), {"x": (4, 4)}).inputs["x"]
    assert 1 - np.abs(edge).max() < 0.02
    assert 1 - np.abs(edge).max() >= LARGEST_STEP * DIRECTION_LIMIT * np.sqrt(np.mean(edge**2))
    assert (1 - np.abs(plain)).min() > 0


def test_scale_multiplies_where_the_domain_allows():
    shapes = {"a": (3, 4), "b": (4,)}
    big = drawn(add(), shapes, scale=1e3).inputs["a"]
    assert 1e2 < np.abs(big).max() < 1e4
    closed = make(x=between(-1.0, 1.0))
    assert np.abs(drawn(closed, {"x": (3,)}, scale=1e3).inputs["x"]).max() <= 1
    assert np.isfinite(drawn(add(), shapes, "float16", scale=1e-4).inputs["a"]).all()


def test_rows_spread_even_where_they_are_drawn_flat():
    claim = InputClaim("x", "(..., n)", spread=Spread(-1, 0.5))
    for seed in range(30):
        x = drawn(make(x=claim), {"x": (4, 2)}, seed=seed).inputs["x"]
        assert x.std(axis=-1).min() >= 0.5
    flat = {"x": [np.ones((2, 3))]}
    from needle_cli.checking.generation.realise import _spread

    _spread({"x": claim}, flat)
    assert flat["x"][0].std(axis=-1).min() >= 0.5


def test_layouts_and_lists_reach_the_case():
    case = drawn(stack(), {"xs": ((2, 3), (2, 3))}, params={"axis": 0}, layouts={"xs": "reversed"})
    assert len(case.inputs["xs"]) == 2
    assert all(a.strides[0] < 0 for a in case.inputs["xs"])
    assert case.leaf_names() == ["xs[0]", "xs[1]"]
    view = drawn(add(), {"a": (3, 4), "b": (4,)}, layouts={"a": "broadcast"}).inputs["a"]
    assert view.strides[0] == 0


def test_index_arrays_are_integers_and_repeat_rows():
    case = drawn(embedding(), {"table": (3, 2), "index": (2, 2)}, seed=3)
    index = case.inputs["index"]
    assert index.dtype == np.intp
    assert np.unique(index).size < index.size
    assert case.judged == {"table"}
    assert case.silent == {"index"}
    real = drawn(getitem(), {"x": (3, 2)}, params={"index": ([0, 0], slice(None))})
    assert isinstance(real.params["index"][0], np.ndarray)


def test_lanes_decide_what_is_judged_and_the_main_one_what_is_silent():
    shapes = {"a": (3,), "b": (3,)}
    main = drawn(power(), shapes)
    lane = drawn(power(), shapes, lane="whole exponents")
    assert main.judged == {"a", "b"}
    assert lane.judged == {"a"}
    assert lane.silent == frozenset()
    assert "lane:whole exponents" in lane.tags
    assert set(lane.inputs["b"]) <= {-2.0, -1.0, 0.0, 1.0, 2.0}


def scaled(scalar):
    claim = ParamClaim("scalar", "float")
    return drawn(
        make(lambda x, scalar: x * scalar, params=(claim,), x="(...)"),
        {"x": (3, 4)},
        kind="integer",
        params={"scalar": scalar},
    )


def test_exact_cases_are_whole_and_say_so():
    case = scaled(0.5)
    assert "exact" in case.tags
    assert np.all(case.inputs["x"] == np.round(case.inputs["x"]))
    assert "exact" not in scaled(0.1).tags


def test_a_mean_over_three_is_not_exact_and_one_over_four_is():
    claims = make(lambda x: x.mean(axis=-1), x="(S...)")
    for seed in range(20):
        three = drawn(claims, {"x": (2, 3)}, kind="integer", seed=seed)
        four = drawn(claims, {"x": (2, 4)}, kind="integer", seed=seed)
        assert "exact" not in three.tags
        assert "exact" in four.tags


def test_partial_sums_that_leave_the_significand_are_not_exact():
    claims = make(lambda x: x.sum(), x="(S...)")
    assert "exact" in drawn(claims, {"x": (3,)}, "float16", "integer").tags
    assert "exact" not in drawn(claims, {"x": (3000,)}, "float16", "integer").tags
    assert "exact" in drawn(claims, {"x": (3000,)}, "float64", "integer").tags


def test_extremes_are_large_and_small_and_only_where_there_is_room():
    cases = [drawn(add(), {"a": (5, 5), "b": (5,)}, kind="extreme", seed=s) for s in range(8)]
    sizes = np.abs([case.inputs["a"] for case in cases])
    assert all("extreme" in case.tags for case in cases)
    assert sizes.max() > 1e7
    assert sizes.min() < 1e-7
    assert np.isfinite(drawn(add(), {"a": (9, 9), "b": ()}, "float16", "extreme").inputs["a"]).all()
    closed = drawn(make(x=between(0.5, 1.0)), {"x": (3,)}, kind="extreme")
    assert "extreme" not in closed.tags


def test_hooks_draw_and_are_trusted():
    domain = Domain("hook", hook=lambda rng, shape, dtype: rng.random(shape))
    x = drawn(make(x=domain), {"x": (3,)}).inputs["x"]
    assert ((x >= 0) & (x < 1)).all()


@pytest.mark.parametrize("name", ["spd", "symmetric", "lower", "upper", "simplex"])
def test_a_projected_step_stays_in_the_domain(name):
    domain, shape = DOMAINS[name]
    rng = np.random.default_rng(0)
    x = domain_of(domain).draw(rng, shape)
    step = domain_of(domain).projection()(rng.standard_normal(shape)) * LARGEST_STEP * rms(x)
    assert domain_of(domain).contains(x + step)
    loose = rng.standard_normal(shape) * LARGEST_STEP * rms(x)
    assert not domain_of(domain).contains(x + loose)


def test_the_kink_guard_itself_can_be_found_out():
    claims = make(kinks=(KINKS["zero"],), x="(...)")
    structure = Structure({"x": (5, 5)}, seed=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Point, "cleared", lambda self, array, *rest: array)
        tags = [realise(claims, replace(structure, seed=s)).tags for s in range(40)]
    assert any("near kink" in found for found in tags)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_kink_lane_puts_values_on_kinks_and_right_beside_them(dtype):
    eps = np.finfo(dtype).eps
    for name, kink in KINKS.items():
        claims = make(kinks=(kink,), x="(...)")
        seen = set()
        for seed in range(40):
            case = drawn(claims, {"x": (3, 4)}, dtype, "kink", seed=seed)
            assert "kink" in case.tags
            x = case.inputs["x"].astype(np.float64)
            if name == "tie":
                seen.add(("largest tied", (x == x.max()).sum() > 1))
                seen.add(("smallest tied", (x == x.min()).sum() > 1))
                continue
            at = np.full(x.shape, kink.value)
            off = np.abs(x - at if kink.kind == "point" else x - at - np.round(x - at))
            seen |= {("on", bool((off == 0).any())), ("milli", bool((off > 5e-4).any()))}
            if kink.value != 0.0:  # beside 0 the next numbers are too small for any step
                seen.add(("ulp", bool(((off > 0) & (off <= 4 * eps * kink.value)).any())))
        assert {word for word, found in seen if found} == {word for word, _ in seen}


def test_equal_entries_meet_when_they_broadcast_and_else_do_not():
    for shapes in (((3, 4), (3, 4)), ((3, 1), (4,)), ((), (3,))):
        given = dict(zip("ab", shapes, strict=True))
        case = drawn(maximum(), given, kind="kink")
        a, b = np.broadcast_arrays(*case.inputs.values())
        assert (a == b).any()
        assert not np.equal(*drawn(maximum(), given).inputs.values()).any()


def test_kinks_outside_the_domain_are_not_put_there():
    claims = make(kinks=(KINKS["zero"],), x=Domain("positive"))
    for seed in range(20):
        case = drawn(claims, {"x": (3, 4)}, kind="kink", seed=seed)
        assert (case.inputs["x"] > 0).all()
    assert "kink" not in drawn(add(), {"a": (3,), "b": (3,)}, kind="kink").tags


def test_a_dtype_alone_says_that_numbers_are_truths_or_whole():
    claims = make(x="(...)")
    for dtype, kind in (("bool", "b"), ("int", "i")):
        inputs = {"x": replace(claims.inputs["x"], dtype=dtype)}
        x = drawn(replace(claims, inputs=inputs), {"x": (6, 6)}).inputs["x"]
        assert x.dtype.kind == kind
        assert np.unique(x).size > 1


def test_special_values_leave_rows_spread():
    claims = make(x="(..., n)")
    inputs = {"x": replace(claims.inputs["x"], spread=Spread(-1, 0.5))}
    for special in ("units", "zeros", "ties"):
        for seed in range(20):
            case = drawn(replace(claims, inputs=inputs), {"x": (4, 3)}, special=special, seed=seed)
            assert case.inputs["x"].std(axis=-1).min() >= 0.5


@pytest.mark.parametrize("kind, found", [("extreme", True), ("generic", False)])
def test_no_magnitude_is_left_out_far_from_the_ordinary(kind, found):
    """A branch for a > 8, or below -20, hides where no number is ever drawn."""
    sizes = np.concatenate([
        np.abs(drawn(add(), {"a": (4, 4), "b": ()}, kind=kind, seed=s).inputs["a"]).reshape(-1)
        for s in range(40)
    ])  # fmt: skip
    edges = 2.0 ** np.arange(2, 14)
    counts, _ = np.histogram(sizes, edges)
    assert (counts > 0).all() == found


def test_small_numbers_of_a_closed_interval_are_drawn():
    claims = make(x=between(-1000.0, 1000.0))
    drawn_ = [drawn(claims, {"x": (5, 5)}, kind="extreme", seed=s).inputs["x"] for s in range(10)]
    assert max(np.abs(x).max() for x in drawn_) <= 1000
    assert sum((np.abs(x) < 1e-2).sum() for x in drawn_) > 20


def test_an_equal_entry_lies_in_the_domain_of_both():
    capped = make(
        np.minimum, kinks=[Kink("equal", ("a", "hi"), curvature="concave")],
        a=InputClaim("a", "(S...)"),
        hi=InputClaim("hi", "(S...)", domain=between(0.25, np.inf)),
    )  # fmt: skip
    met = 0
    for seed in range(20):
        case = drawn(capped, {"a": (3, 3), "hi": (3, 3)}, kind="kink", seed=seed)
        assert (case.inputs["hi"] >= 0.25).all()
        met += int((case.inputs["a"] == case.inputs["hi"]).sum())
    assert met > 10
