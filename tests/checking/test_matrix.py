"""Every check of every operator of ours: pass, or not applicable by a line of its spec.

The rows are stored, so that no check falls silent; an operator without a stored row has to follow
the rule that they all follow. After a deliberate change the matrix is written with
NEEDLE_MATRIX=write.
"""

from __future__ import annotations

import importlib
import json
import os
import re
from pathlib import Path

import pytest

from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.model import Plan, Status
from needle_cli.checking.search.judging import judge
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.specs import load_specs
from tests.campaign import by_family
from tests.helpers import SPECS as FOLDER

STORED = Path(__file__).with_name("matrix.json")
SPECS, _ = load_specs(FOLDER)


def row(spec) -> dict[str, str]:
    """Return the status of every check, with the reason where it does not apply."""
    function = getattr(importlib.import_module("needle.ops"), spec.claims.function)
    op = operator_under_test(function, spec.claims, name=spec.name)
    rows = judge(op, spec.claims, Plan(NAMES, examples=5, shrink=False))
    silent = Status.NOT_APPLICABLE
    return {r.check: r.status.value + (f": {r.reason}" if r.status is silent else "") for r in rows}


@pytest.fixture(scope="module")
def stored() -> dict[str, dict[str, str]]:
    if os.environ.get("NEEDLE_MATRIX") == "write":
        STORED.write_text(json.dumps({s.name: row(s) for s in SPECS}, indent=1) + "\n")
    return json.loads(STORED.read_text())


def follows_the_rule(checks: dict[str, str]) -> bool:
    """Return True if every check passes or has a reason why it does not apply."""
    reasoned = re.compile("pass|not_applicable: .+")
    return set(checks) == set(NAMES) and all(map(reasoned.fullmatch, checks.values()))


def test_every_stored_operator_is_still_there(stored):
    assert set(stored) <= {spec.name for spec in SPECS}


@pytest.mark.parametrize("name", by_family([spec.name for spec in SPECS]))
def test_an_operator_has_its_stored_row_or_follows_the_rule(name, stored):
    (spec,) = [spec for spec in SPECS if spec.name == name]
    found = row(spec)
    assert found == stored.get(name, found)
    assert follows_the_rule(found), found


def test_stored_rows_follow_the_rule(stored):
    assert all(map(follows_the_rule, stored.values()))


@pytest.mark.parametrize(
    "value", ["fail", "unknown", "cannot_tell", "not_applicable", "not_applicable: "]
)
def test_a_row_that_breaks_the_rule_is_noticed(value):
    right = dict.fromkeys(NAMES, "pass")
    assert follows_the_rule(right | {"gradient": "not_applicable: it has no slope"})
    assert not follows_the_rule(right | {"gradient": value})
    assert not follows_the_rule({"gradient": "pass"})
