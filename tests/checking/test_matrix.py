"""Every check of every operator of ours: pass, or not applicable by a line of its spec.

The matrix is stored, so that no check falls silent. After a deliberate change it is written anew
with NEEDLE_MATRIX=write.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path

import pytest

from needle import ops
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.model import Plan, Status
from needle_cli.checking.search.judging import judge
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.specs import load_specs
from tests.helpers import SPECS as FOLDER

STORED = Path(__file__).with_name("matrix.json")
SPECS, ERRORS = load_specs(FOLDER)


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


def test_all_specs_load_and_all_operators_are_in_the_matrix(stored):
    assert not ERRORS
    assert {spec.name for spec in SPECS} == set(stored)
    assert {spec.claims.function for spec in SPECS} <= set(dir(ops))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_an_operator_has_its_stored_row(spec, stored):
    assert row(spec) == stored[spec.name]


def test_the_matrix_holds_passes_and_reasons_alone(stored):
    words = {value.partition(":")[0] for checks in stored.values() for value in checks.values()}
    assert words == {"pass", "not_applicable"}
    assert all(
        value.partition(": ")[2]
        for checks in stored.values()
        for value in checks.values()
        if value.startswith("not_applicable")
    )
