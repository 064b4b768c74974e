"""A domain too thin to tell a wrong gradient from a right one is a finding of `check specs`."""

import numpy as np
import pytest

from needle_cli.checking.claims import Claims, Domain, InputClaim
from needle_cli.specs.probing import probe_reference


def rules(reference, low=None, high=None, **claim):
    domain = Domain() if low is None else Domain("interval", {"low": low, "high": high})
    inputs = {"a": InputClaim("a", "(n)", domain, why="asked for", **claim)}
    return [rule for _, rule, _ in probe_reference(Claims("m:f", reference, ("a",), inputs))]


@pytest.mark.parametrize(
    "reference, low, high",
    [(np.square, 1.0, 1.0 + 1e-10), (np.sin, 0.0, 1e-10), (np.exp, 3.0, 3.0 + 1e-9),
     (np.abs, 1.0, 1.0001), (np.square, -1e-200, 1e-200)],
)  # fmt: skip
def test_values_that_are_alike_are_too_few(reference, low, high):
    assert rules(reference, low, high) == ["thin"]


@pytest.mark.parametrize(
    "reference, low, high",
    [(np.square, 1.0, 1.0 + 1e-5), (np.sin, 0.0, 1e-3), (np.sqrt, 0.0, 1e-10),
     (np.negative, 1.0, 1.0 + 1e-10), (np.abs, -1e-10, 1e-10), (np.exp, -1.0, 1.0)],
)  # fmt: skip
def test_values_at_which_slopes_differ_are_enough(reference, low, high):
    """So are those of a function whose slope is the same everywhere."""
    assert rules(reference, low, high) == []


def test_listed_values_count_as_values():
    assert rules(np.square, values=(1.0,)) == ["thin"]
    assert rules(np.square, values=(1.0, 2.0)) == []
    assert rules(np.square, values=(1.0,), differentiable=False) == []
