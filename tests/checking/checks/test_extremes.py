"""extremes: steps that cross periods or jumps say nothing, and steps that do not still do."""

import numpy as np
import pytest

from needle_cli.checking.checks.context import Question
from needle_cli.checking.checks.extremes import Extremes
from needle_cli.checking.claims import Claims, InputClaim
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Case

A = np.array([377.0, 2.0e4, -3105.5, 0.7])
B = np.array([6e-7, 3e3, 4e-7, 2.0e-5])


def answer(vjp, a=A, b=B):
    claims = Claims("tests:fmod", np.fmod, ("a", "b"),
                    {name: InputClaim(name, "(...)") for name in "ab"})  # fmt: skip
    case = Case({"a": a, "b": b}, judged=frozenset("ab"), seed=2, tags=frozenset({"extreme"}))
    question = Question(Pair(np.fmod, vjp), case, claims)
    return Extremes().ask(question), Extremes().entries(question)


def right(v, a, b):
    return v, -v * np.trunc(a / b)


def twice(v, a, b):
    return 2 * v, -v * np.trunc(a / b)


def test_a_step_across_many_periods_accuses_no_gradient():
    assert not answer(right)[0].findings


@pytest.mark.parametrize("entries", [slice(None), slice(1, 2)])
def test_a_wrong_gradient_is_found_beside_them(entries):
    found, table = answer(twice, A[entries], B[entries])
    assert found.findings
    assert {element.index for element in table if element.wrong} == {
        (k,) for k in np.flatnonzero(A[entries] == 2.0e4)
    }
