"""kink: wrong answers at points without a derivative are refused, every reasonable one passes."""

from dataclasses import replace

import numpy as np
import pytest

from needle_cli.checking import check_pair
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.claims import Kink
from needle_cli.checking.kinks.registry import kink_of
from needle_cli.checking.model import Case, Plan, Status
from needle_cli.checking.search.judging import judge
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.running import worker_tasks
from needle_cli.specs import load_spec
from tests.campaign import seeds, swept
from tests.helpers import SAMPLES

CHECKS = tuple(name for name in NAMES if name != "second_order")  # slopes are constants here

RIGHT = (
    "relu_zero", "relu_half", "relu_one", "largest_even", "largest_first", "greater_half",
    "greater_left", "greater_edge", "pool_first", "clip_closed", "norm_zero", "root_infinite",
    "choose", "difference", "median_first", "median_even", "symmetric_one", "triangular_zero",
    "spd_half", "sorted_stable", "sorted_somehow", "difference_free",
)  # fmt: skip
WRONG = {
    "relu_seven": "the one-sided slopes are [0, 1]",
    "symmetric_seven": "the one-sided slopes are [0, 1]",
    "triangular_seven": "the one-sided slopes are [0, 1]",
    "spd_seven": "the one-sided slopes are [0, 1]",
    "largest_all": "along a direction of several entries",
    "largest_none": "along a direction of several entries",
    "sorted_backwards": "the spec's convention 'stable' asks for",
    "sorted_nothing": "the gradients of 2 equal entries add up to 0; if they move together, the",
    "sorted_double": "equal entries add up to 2; if they move together, the slope is 1",
    "difference_three": "the one-sided slopes are [-1, 1]",
    "greater_edge_none": "the one-sided slopes are",
    "greater_both": "along a direction of several entries",
    "greater_neither": "along a direction of several entries",
    "pool_all": "along a direction of several entries",
    "pool_second_window_lost": "along a direction of several entries",
    "clip_minus": "the one-sided slopes are [0, 1]",
    "norm_nan": "the gradient is nan, the one-sided slopes are finite",
    "norm_ones": "",
    "root_zero": "asks for inf",
}


def rows_of(name, *checks, claims=None):
    kinky = worker_tasks._module(str(SAMPLES / "kinky.py"))  # as `needle check kinky.py` imports it
    spec = SAMPLES / "kinky.specs" / f"{name}.toml"
    loaded = load_spec(spec, family="kinky", module=kinky).claims
    loaded = loaded if claims is None else claims(loaded)
    op = operator_under_test(getattr(kinky, name), loaded, name=f"kinky/{name}")
    rows = judge(op, loaded, Plan(checks or CHECKS, examples=40, shrink=False))
    return {row.check: row for row in rows}


KINDS = ("relu_half", "largest_first", "greater_half", "norm_zero", "choose", "sorted_stable")


@pytest.mark.parametrize("name", swept(RIGHT, KINDS))
def test_a_reasonable_answer_passes_every_check(name):
    rows = rows_of(name)
    statuses = {check: row.status for check, row in rows.items()}
    bad = {c: (s, rows[c].reason) for c, s in statuses.items()
           if s not in (Status.PASS, Status.NOT_APPLICABLE)}  # fmt: skip
    assert not bad, [f.finding.message for row in rows.values() for f in row.failures]
    if name != "choose":
        assert statuses["kink"] is Status.PASS


WRONG_KINDS = (
    "relu_seven", "largest_all", "sorted_backwards", "sorted_nothing", "greater_both", "norm_nan",
    "root_zero",
)  # fmt: skip


@pytest.mark.parametrize("name", swept(WRONG, WRONG_KINDS))
def test_a_wrong_answer_is_refused_with_its_reason(name):
    row = rows_of(name, "kink")["kink"]
    assert row.status is Status.FAIL
    assert WRONG[name] in row.failures[0].finding.message


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("choose_leaking", "not used reaches the gradient"),
        ("choose_product", "0 times infinity, where a choice gives 0"),
    ],
)
def test_where_may_not_leak(name, says):
    row = rows_of(name, "contract")["contract"]
    assert row.status is Status.FAIL
    assert says in row.failures[0].finding.message


def test_where_that_chooses_does_not_leak():
    assert rows_of("choose", "contract")["contract"].status is Status.PASS


def lower_alone(claims):
    return replace(claims, kinks=claims.kinks[:1])


@pytest.mark.parametrize(
    ("name", "status"), [("clip_minus", Status.FAIL), ("clip_closed", Status.NO_DERIVATIVE)]
)
def test_inputs_are_drawn_on_a_parameter_that_no_kink_names(name, status):
    row = rows_of(name, "gradient", claims=lower_alone)["gradient"]
    assert row.status is status
    assert {kink.value for f in row.failures for kink in f.undeclared} <= {"high"}


def with_kink(**fields):
    return lambda claims: replace(claims, kinks=(replace(claims.kinks[0], **fields),))


@pytest.mark.parametrize(
    ("name", "fields", "says"),
    [
        ("relu_zero", {"convention": 1.0}, "convention 1.0 asks for 1.0"),
        ("relu_zero", {"convention": "right"}, "convention 'right' asks for 1"),
        ("relu_zero", {"curvature": "concave"}, "the spec is wrong"),
        ("largest_even", {"convention": "last"}, "convention 'last' asks for"),
        ("largest_first", {"convention": "even"}, "convention 'even' asks for"),
        ("greater_left", {"convention": 0.0}, "convention 0.0 asks for"),
    ],
)
def test_a_convention_or_curvature_that_is_not_the_operators_is_refused(name, fields, says):
    row = rows_of(name, "kink", claims=with_kink(**fields))["kink"]
    assert row.status is Status.FAIL
    assert says in row.failures[0].finding.message


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("relu_zero", {"convention": "left"}),
        ("relu_one", {"convention": "right"}),
        ("greater_half", {"convention": 0.5}),
        ("greater_left", {"convention": 1.0}),
        ("norm_zero", {"convention": "zero"}),
    ],
)
def test_a_convention_can_be_said_in_several_words(name, fields):
    assert rows_of(name, "kink", claims=with_kink(**fields))["kink"].status is Status.PASS


def test_a_declared_kink_that_nothing_shows_is_refused():
    row = rows_of("relu_zero", "kink", claims=with_kink(value=0.5, convention=None))["kink"]
    assert row.status is Status.FAIL
    assert "a kink that no case has shown: the point of x at 0.5" in row.reason


def test_places_on_a_kink_are_found_exactly():
    x = np.array([[1.0, 1.0, 2.0], [0.0, 3.0, 0.0]])
    case = Case({"x": x, "y": np.array([1.0, 5.0, 2.0])}, {"axis": -1}, frozenset({"x", "y"}))
    assert kink_of(Kink("point", ("x",), "convex", 0.0)).places(case) == {(0, 3), (0, 5)}
    tie = Kink("tie", ("x",), "convex", along="axis")
    assert kink_of(tie).places(case) == {(0, 0), (0, 1), (0, 3), (0, 5)}
    assert len(kink_of(tie).groups(case)) == 2
    columns = Kink("tie", ("x",), "convex", along=0)
    assert not kink_of(columns).places(case)
    equal = Kink("equal", ("x", "y"), "convex")
    assert kink_of(equal).places(case) == {(0, 0), (0, 2), (1, 0), (1, 2)}


FAR_APART = np.array(
    [
        [1149.53, 5.33334e-09, -1.51958e-08, -5.36868e07, 2e-08],
        [5e-05, -5e-05, -5e7, 5e-05, 9.95578e-09],
    ]
)


def largest(x):
    return x.max(-1)


def to_the_first(v, x):
    share = np.zeros_like(x)
    np.put_along_axis(share, x.argmax(-1)[:, None], 1, -1)
    return (v[:, None] * share,)


def to_all(v, x):
    return (v[:, None] * (x == x.max(-1, keepdims=True)),)


@pytest.mark.parametrize("seed", seeds(6))
def test_a_tie_far_below_the_other_entries_is_judged_as_a_tie(seed):
    right = check_pair(largest, to_the_first, [FAR_APART], seed=seed)
    assert not right.findings, str(right)
    assert check_pair(largest, to_all, [FAR_APART], seed=seed).findings


def test_kinks_of_an_operator_without_small_cases_are_not_answered():
    from dataclasses import replace

    from needle_cli.checking.claims import Dim

    def large(claims):
        shaped = replace(claims.inputs["x"], shape="(n, n)")
        return replace(claims, inputs={"x": shaped}, dims={"n": Dim(8, 8, "for this test")})

    row = rows_of("relu_zero", "kink", claims=large)["kink"]
    assert row.status is Status.CANNOT_TELL
    assert "small enough" in row.reason
    assert rows_of("relu_zero", "kink")["kink"].status is Status.PASS


def rounded(shape, seed):
    return np.round(2 * np.random.default_rng(seed).normal(size=shape))


def of_row(pick, all_of_them=False):
    """The forward and vjp of a choice per row; the first chosen entry, or every one, answers."""

    def vjp(v, x):
        hit = x == pick(x, -1)[..., None]
        first = hit & (np.cumsum(hit, axis=-1) == 1)
        return (v[..., None] * (hit if all_of_them else first),)

    return (lambda x: pick(x, -1)), vjp


@pytest.mark.parametrize("seed", seeds(12, ordinary=3))
def test_one_tied_median_among_many_rows_is_not_accused(seed):
    median = of_row(lambda x, axis: np.median(x, axis=axis))
    assert check_pair(*median, (rounded((5, 2, 4, 3), seed),), seed=seed).verdict != "fail"


def test_one_tied_maximum_among_many_rows_is_accused():
    largest = of_row(lambda x, axis: np.max(x, axis=axis), all_of_them=True)
    x = np.arange(120.0).reshape(40, 3)
    x[7, :] = 3.0
    assert check_pair(*largest, (x,)).verdict == "fail"


def test_inputs_that_do_not_broadcast_are_never_equal():
    case = Case({"a": np.zeros(3), "b": np.zeros(4)})
    assert kink_of(Kink("equal", ("a", "b"), "convex")).places(case) == frozenset()
    near = Case({"a": np.zeros(3), "b": np.array([0.0])})
    assert len(kink_of(Kink("equal", ("a", "b"), "convex")).places(near)) == 4
