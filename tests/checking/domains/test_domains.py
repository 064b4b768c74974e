"""A domain is one class and its line in the registry: a toy one is loaded, drawn, and judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.claims import Domain
from needle_cli.checking.domains.numbers import Numbers
from needle_cli.checking.domains.registry import DOMAINS, domain_of
from needle_cli.checking.generation.realise import realise
from needle_cli.checking.generation.sampling import sample
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Plan, Status
from needle_cli.checking.search.judging import judge
from needle_cli.gate.weakening import narrower
from needle_cli.specs import SpecError, load_spec
from needle_cli.specs.schema import build

SPEC = """\
op = "mine:fraction"
class = "Fraction"
reference = "tests.checking.domains.test_domains:fraction"
args = ["x"]
input.x = { shape = "(S...)", domain = { name = "between", gap = 0.5 }, why = "it jumps elsewhere" }
"""


def fraction(x):
    """A sawtooth: smooth between whole numbers."""
    return x - np.floor(x)


@dataclass(frozen=True)
class Between(Numbers):
    """Numbers that keep `gap` of the way to both neighbouring whole numbers."""

    gap: float = 0.25

    mixable: ClassVar[bool] = False

    def inside(self, array):
        part = array - np.floor(array)
        return (part >= self.gap / 2) & (part <= 1 - self.gap / 2)

    def draw(self, rng, shape, length=None):
        part = rng.uniform(self.gap / 2 + 0.05, 0.95 - self.gap / 2, shape)
        return rng.integers(-2, 3, shape) + part

    def whole(self, rng, shape, most):
        return self.draw(rng, shape)

    def extreme(self, array, dtype, rng):
        return None

    def includes(self, other):
        return isinstance(other, Between) and other.gap >= self.gap

    def problem(self):
        return None if self.gap < 1 else (("gap",), "no number is so far from both", "gap < 1")


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setitem(DOMAINS, "between", Between)


def loaded(tmp_path, text=SPEC):
    path = tmp_path / "mine.specs" / "fraction.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return load_spec(path, trust=("tests",)).claims


def judged(claims, vjp):
    rows = judge(
        Pair(fraction, vjp, "mine/fraction"), claims, Plan(NAMES, examples=8, shrink=False)
    )
    return {row.check: row.status for row in rows}


def test_a_new_domain_is_loaded_drawn_and_judged(known, tmp_path):
    claims = loaded(tmp_path)
    assert claims.inputs["x"].domain == Domain("between", {"gap": 0.5})
    for structure in sample(claims, 20, 1):
        x = realise(claims, structure).inputs["x"]
        assert domain_of(claims.inputs["x"].domain).contains(x)
    right = judged(claims, lambda g, x: (g,))
    assert set(right.values()) <= {Status.PASS, Status.NOT_APPLICABLE}, right
    wrong = judged(claims, lambda g, x: (g * np.where(x > 1, 1.01, 1),))
    assert wrong["gradient"] is Status.FAIL


def test_its_fields_are_read_refused_and_in_the_schema(known, tmp_path):
    assert {"const": "between"} in [
        option.get("properties", {}).get("name") for option in build()["$defs"]["domain"]["anyOf"]
    ]
    for wrong, words in (("gap = 1.5", "no number is so far"), ("gasp = 0.5", "gap")):
        with pytest.raises(SpecError, match=words):
            loaded(tmp_path, SPEC.replace("gap = 0.5", wrong))
    assert narrower({"name": "between", "gap": 0.1}, {"name": "between", "gap": 0.2})
    assert not narrower({"name": "between", "gap": 0.2}, {"name": "between", "gap": 0.1})


def test_without_its_line_it_is_unknown(tmp_path):
    with pytest.raises(SpecError, match="between"):
        loaded(tmp_path)
    assert {"const": "between"} not in [
        option.get("properties", {}).get("name") for option in build()["$defs"]["domain"]["anyOf"]
    ]


def test_a_number_outside_it_is_refused_as_a_value_and_one_inside_is_not(known, tmp_path):
    listed = SPEC.replace("gap = 0.5 }", "gap = 0.5 }, values = [0.5, 1.4]")
    assert loaded(tmp_path, listed).inputs["x"].values == (0.5, 1.4)
    with pytest.raises(SpecError, match="lies outside the domain between"):
        loaded(tmp_path, listed.replace("1.4", "1.1"))


@pytest.mark.parametrize("value, inside", [(0.25, True), (1.0, True), (0.0, False), (1.5, False)])
def test_the_loader_asks_the_simplex_itself_for_its_numbers(tmp_path, value, inside):
    text = SPEC.replace('{ name = "between", gap = 0.5 }', f'"simplex", values = [{value}]')
    if inside:
        assert loaded(tmp_path, text).inputs["x"].values == (value,)
    else:
        with pytest.raises(SpecError, match="lies outside the domain simplex"):
            loaded(tmp_path, text)


def test_the_first_axis_of_a_simplex_may_be_the_one_that_sums_to_one():
    columns = domain_of(Domain("simplex", {"axis": 0}))
    x = columns.draw(np.random.default_rng(0), (3, 4))
    assert np.allclose(x.sum(axis=0), 1) and columns.contains(x)
    assert not replace(columns, axis=-1).contains(x)


@pytest.mark.parametrize("fields", [{"low": 100.0}, {"high": -100.0}])
def test_the_exact_lane_of_an_interval_far_from_zero_draws_inside_it(fields):
    domain = domain_of(Domain("interval", fields))
    assert domain.contains(domain.whole(np.random.default_rng(0), (4,), 4))


@pytest.mark.parametrize("fields", [{"low": 10.0}, {"high": -10.0}])
def test_and_draws_whole_numbers_where_they_are_small(fields):
    domain = domain_of(Domain("interval", fields))
    x = domain.whole(np.random.default_rng(0), (9,), 4)
    assert domain.contains(x) and np.array_equal(x, np.round(x)) and np.unique(x).size > 1
