"""A check is a class and a line: whoever lists, asks, counts and shrinks takes it from there."""

import numpy as np
import pytest

from needle_cli import explanations
from needle_cli.checking.checks.check import NUMBERS, Check
from needle_cli.checking.checks.context import failed, passed
from needle_cli.checking.checks.registry import CHECKS, NAMES
from needle_cli.checking.model import Case, Code, Plan, Status
from needle_cli.checking.search.judging import judge, structures_of
from needle_cli.specs import vocabulary
from tests.helpers import ROOT
from tests.samples.toy_engine import CLAIMS, Operator, product

PLAN = Plan(("symmetric",), examples=12)


class Symmetric(Check):
    """Whether the operands may be swapped."""

    name = "symmetric"
    numbers = "integer"
    most = 5

    def why_not(self, op, claims, plan):
        return "" if len(claims.inputs) == 2 else "there is nothing to swap"

    def own_cases(self, claims, dtype):
        given = np.full((2, 3), 4.0, dtype)
        return [Case({"a": given, "b": given + 1}, judged=frozenset("ab"), label="written down")]

    def conclude(self, claims, examples, met):
        return (Status.CANNOT_TELL, "it was asked of hardly any case") if examples < 2 else None

    def ask(self, question):
        a, b = question.subject.leaves
        swapped = question.op.evaluate(question.case.with_leaves([b, a])).outputs[0]
        if np.array_equal(swapped, question.subject.evaluation.outputs[0]):
            return passed()
        return failed(self.name, Code.VALUE, "the operands cannot be swapped")


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(CHECKS, "symmetric", Symmetric())


def row_of(function, claims=CLAIMS, plan=PLAN):
    asked = []
    (row,) = judge(Operator(function), claims, plan, breadcrumb=lambda _, case: asked.append(case))
    return row, asked


def test_a_new_check_is_asked_as_it_wants_to_be():
    row, asked = row_of(product)
    assert (row.check, row.status, row.examples) == ("symmetric", Status.PASS, Symmetric.most)
    assert asked[0].label == "written down"
    assert all("exact" in case.tags for case in asked[1:])


def test_what_it_refuses_is_made_smaller_and_shown():
    row, _ = row_of(lambda a, b: a * (a * b))
    (failure,) = row.failures
    assert row.status is Status.FAIL
    assert failure.finding.message == "the operands cannot be swapped"
    assert failure.smallest.case.size() == 2 and failure.typical.case.size() > 2


def test_it_says_itself_where_it_has_nothing_to_ask_and_what_all_cases_say(monkeypatch):
    monkeypatch.setattr(Symmetric, "own_cases", lambda self, claims, dtype: ())
    monkeypatch.setattr(Symmetric, "wants", lambda *given: ())
    row, _ = row_of(product)
    assert (row.status, row.reason) == (Status.CANNOT_TELL, "it was asked of hardly any case")
    monkeypatch.setattr(Symmetric, "why_not", lambda *given: "not today")
    row, _ = row_of(product)
    assert (row.status, row.reason) == (Status.NOT_APPLICABLE, "not today")


def test_nothing_else_is_asked_of_a_case_that_a_required_check_refuses(monkeypatch):
    plan = Plan(("contract", "purity"), shrink=False)
    few = structures_of("toy/product", CLAIMS, plan)[:2]
    *_, held = judge(Operator(product, flaw="contract"), CLAIMS, plan, structures=few)
    assert (held.status, held.reason) == (Status.ERROR, "not run: contract has a finding")
    monkeypatch.setattr(type(CHECKS["contract"]), "required", False)
    *_, free = judge(Operator(product, flaw="contract"), CLAIMS, plan, structures=few)
    assert (free.check, free.status) == ("purity", Status.PASS)


def test_the_manual_has_a_line_for_every_check():
    text = (ROOT / "docs" / "failure.md").read_text(encoding="utf-8")
    assert [name for name in explanations.CHECKS if f"| `{name}` |" not in text] == []


def test_every_list_of_checks_is_that_of_the_registry():
    assert tuple(explanations.CHECKS) == NAMES == vocabulary.CHECKS
    assert all(CHECKS[name].name == name and CHECKS[name].numbers in NUMBERS for name in NAMES)
