"""A kind of kink is one class and its line in the registry: a toy one is loaded and judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.claims import Kink
from needle_cli.checking.kinks.point import ValueKind
from needle_cli.checking.kinks.registry import KINKS, kink_of
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Case, Plan, Status
from needle_cli.checking.search.judging import judge
from needle_cli.specs import SpecError, load_spec

SPEC = """\
op = "mine:ripples"
class = "Ripples"
reference = "tests.checking.kinks.test_kinks:ripples"
args = ["x"]
input.x = "(S...)"

[[kink]]
kind = "odd"
of = "x"
curvature = "convex"
convention = "right"
"""


def ripples(x):
    """The distance to the nearest odd number: convex there, smooth only between whole numbers."""
    return np.where(np.abs(x) < 2, np.abs(np.abs(x) - 1), np.abs(x) - 1)


@dataclass(frozen=True)
class Odd(ValueKind):
    """Entries are 1 or -1, or 0 between them."""

    words: ClassVar[tuple[str, ...]] = ("left", "right")

    def nearest(self, array, params):
        return np.asarray(np.clip(np.round(array), -1, 1) + 0.0)

    def cleared(self, array, domain, draw):
        near = np.abs(array - self.nearest(array, {})) < 0.1
        return np.where(near, self.nearest(array, {}) + 0.3, array)


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setitem(KINKS, "odd", Odd)


def loaded(tmp_path, text=SPEC):
    path = tmp_path / "mine.specs" / "ripples.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return load_spec(path, trust=("tests",)).claims


def gradient(g, x, at_kinks=1.0):
    """The slope to the right on a kink, times a factor."""
    right = np.where(x >= 1, 1.0, np.where(x >= 0, -1.0, np.where(x >= -1, 1.0, -1.0)))
    on = (np.abs(x) == 1) | (x == 0)
    return (g * np.where(on, at_kinks * right, right).astype(x.dtype),)


def judged(claims, vjp):
    plan = Plan(NAMES, examples=6, shrink=False)
    rows = judge(Pair(ripples, vjp, "mine/ripples"), claims, plan)
    return {row.check: (row.status, row.reason) for row in rows}


def test_a_new_kind_is_loaded_placed_kept_off_and_judged(known, tmp_path):
    text = SPEC.replace('"convex"', '"none"\nreason = "a peak at 0 and a valley at 1"')
    claims = loaded(tmp_path, text)
    assert kink_of(claims.kinks[0]) == Odd(claims.kinks[0])
    right = judged(claims, gradient)
    assert {status for status, _ in right.values()} <= {Status.PASS, Status.NOT_APPLICABLE}, right
    wrong = judged(claims, lambda g, x: gradient(g, x, at_kinks=3.0))
    assert wrong["kink"][0] is Status.FAIL


def test_a_wrong_convention_and_a_value_that_it_does_not_take_are_refused(known, tmp_path):
    with pytest.raises(SpecError, match="left, right"):
        loaded(tmp_path, SPEC.replace('"right"', '"even"'))
    with pytest.raises(SpecError, match="takes no value"):
        loaded(tmp_path, SPEC.replace('of = "x"', 'of = "x"\nvalue = 1.0'))
    assert len(loaded(tmp_path).kinks) == 1


def test_without_its_line_it_is_unknown(tmp_path):
    with pytest.raises(SpecError, match="odd"):
        loaded(tmp_path)


def test_places_are_found_where_it_lies_and_nowhere_else(known):
    case = Case({"x": np.array([1.0, -1.0, 0.0, 0.5, 2.0])}, judged=frozenset("x"))
    assert kink_of(Kink("odd", ("x",), "none")).places(case) == {(0, 0), (0, 1), (0, 2)}
