"""Planted faults: each is caught where it shows, not counted where it does not, named if missed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from needle import ops
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.claims import Immune
from needle_cli.checking.faults.operator import FaultyOperator, differ
from needle_cli.checking.faults.vocabulary import FAULTS
from needle_cli.checking.model import Case, Gradient, Plan, Status
from needle_cli.checking.search.campaign import plant
from needle_cli.explanations import FAULTS as WORDS
from tests.campaign import swept
from tests.helpers import needle
from tests.samples.planted import Plant

PLAN = Plan(NAMES, examples=20)


def ours(spec):
    return Plant("ours", spec, getattr(ops, spec.partition("/")[2]), ()).judged()


def test_every_fault_has_words_and_nothing_else_has():
    assert list(WORDS) == list(FAULTS)


FULL = ("activation/relu", "arithmetic/multiply", "trigonometric/tanh", "reduction/summation")


@pytest.mark.parametrize("spec", swept(FULL, ["arithmetic/multiply"]))
def test_an_operator_of_ours_gets_full_marks(spec):
    row = plant(*ours(spec), PLAN)
    assert row.status is Status.PASS, [f.finding.message for f in row.failures]
    assert row.counts["fail"] == 0
    assert row.counts["pass"] >= 20


def test_faults_that_no_check_is_asked_about_survive_and_are_named():
    op, claims = ours("trigonometric/tanh")
    row = plant(op, claims, replace(PLAN, checks=("forward",)))
    assert row.status is Status.FAIL
    assert row.counts["pass"] == 0
    named = {f.finding.message.split("'")[1] for f in row.failures}
    assert {"scaled", "sign", "graph cut", "input changed"} <= named


def test_a_domain_that_is_too_narrow_lets_a_fault_through():
    op, claims = ours("activation/relu")
    without = replace(claims, kinks=())
    row = plant(op, without, replace(PLAN, checks=("contract", "linearity")))
    assert row.status is Status.FAIL


def test_what_changes_nothing_is_not_counted():
    op, claims = ours("arithmetic/negate")  # one operand, no kink
    idle = ("operands swapped", "every tie gets all", "convention plus one")
    row = plant(op, claims, PLAN)
    assert row.counts["pass"] <= len(FAULTS) - len(idle)
    case = Case({"a": np.array([1.0, 2.0])}, judged=frozenset({"a"}))
    for name in idle:
        planted = FaultyOperator(op, claims, name)
        planted.evaluate(case).gradient([np.ones(2)])
        assert planted.changed_at is None
    planted = FaultyOperator(op, claims, "sign")
    planted.evaluate(case).gradient([np.ones(2)])
    assert planted.changed_at is case


def test_an_immune_fault_is_left_out():
    op, claims = ours("trigonometric/tanh")
    plan = replace(PLAN, checks=("forward",))
    spared = replace(claims, immune=(Immune("sign", "for this test"),))
    assert plant(op, spared, plan).counts["fail"] == plant(op, claims, plan).counts["fail"] - 1


def test_answers_differ_in_value_form_shape_and_dtype():
    one = (Gradient(np.array([1.0, np.nan]), "tensor"),)
    assert not differ(one, (Gradient(np.array([1.0 + 1e-15, np.nan]), "tensor"),))
    for other in (
        Gradient(np.array([1.0 + 1e-12, np.nan]), "tensor"),
        Gradient(np.array([[1.0, np.nan]]), "tensor"),
        Gradient(np.array([1.0, np.nan], dtype="f4"), "tensor"),
        Gradient(np.array([1.0, np.nan]), "array"),
        Gradient(None, "none"),
    ):
        assert differ(one, (other,))


def test_the_score_stands_in_the_table_and_in_the_document(tmp_path):
    report = tmp_path / "report.json"
    words = ("check", "ops", "negate", "--faults", "-n", "5", "--seed", "0")
    code, screen, _ = needle(*words, f"--report=json={report}", cwd=tmp_path)
    assert code == 0
    assert "faults" in screen
    assert "25/25" in screen
    (row,) = [r for r in json.loads(report.read_text())["results"] if r["check"] == "faults"]
    assert row["status"] == "pass"
    assert row["counts"]["pass"] == 25


def test_the_faults_are_listed():
    code, text, _ = needle("list", "faults")
    assert code == 0
    assert "graph cut" in text
