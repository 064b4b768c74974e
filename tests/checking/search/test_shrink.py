"""Cases with plain numbers: inside the domain, spread as the spec says, or not at all."""

import numpy as np

from needle_cli.checking.claims import Claims, Domain, InputClaim, Spread
from needle_cli.checking.domains.registry import accepts
from needle_cli.checking.model import Case
from needle_cli.checking.search.shrink import _plainer_cases

DRAWN = np.array([[0.3, 1.7], [2.2, -0.4]])


def plainer(claim):
    claims = Claims("m:f", np.positive, ("a",), {"a": claim})
    return [case.inputs["a"] for case in _plainer_cases(claims, Case({"a": DRAWN}))]


def test_numbers_become_plain_inside_the_domain():
    first, *_ = plainer(InputClaim("a", "(n, n)"))
    assert np.array_equal(first, np.ones((2, 2)))
    first, *_ = plainer(InputClaim("a", "(n, n)", Domain("interval", {"low": 0.2, "high": 0.9})))
    assert np.array_equal(first, [[0.5, 0.25], [0.75, 0.5]])
    assert plainer(InputClaim("a", "(n, n)", Domain("interval", {"low": 1.5}))) == []


def test_what_a_function_draws_is_left_alone():
    assert plainer(InputClaim("a", "(n, n)", Domain("hook", hook=lambda *a: DRAWN))) == []


def test_rows_stay_spread():
    found = plainer(InputClaim("a", "(n, n)", spread=Spread(-1, 0.5)))
    assert found and all(row.std() >= 0.5 for array in found for row in array)
    assert not accepts(InputClaim("a", "(n)", spread=Spread(-1, 0.5)), np.ones(3))
    assert accepts(InputClaim("a", "(n)", spread=Spread(-1, 0.5)), np.ones(1))
