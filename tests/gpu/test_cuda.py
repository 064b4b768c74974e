"""On a real GPU: every operator, the refusals of the simulated one, large arrays, many devices."""

from pathlib import Path

import numpy as np
import pytest

from needle import Tensor, cuda, ops
from needle_cli.checking import check_function
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.model import Plan, Status
from needle_cli.checking.search.judging import judge
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.running.devices import why_not
from needle_cli.specs import load_spec
from tests.checking.checks.test_simulated_device import OURS, RIGHT, SPECS, WRONG, bad, rows_of

ALLOWED_THERE = {"any_order", "branch", "last_wins", "python_number"}
"""What a GPU may do, or does after a silent copy, and the simulated device does not."""

REASON = why_not("cuda")
pytestmark = pytest.mark.skipif(bool(REASON), reason=f"no GPU to run on: {REASON}")


@pytest.mark.parametrize("name", OURS)
def test_our_operators_pass_with_parity(name):
    claims = load_spec(Path(SPECS) / f"{name}.toml").claims
    op = operator_under_test(getattr(ops, claims.function), claims, name=name, device="cuda")
    rows = judge(op, claims, Plan(NAMES, examples=20, device="cuda", shrink=False))
    assert not bad({row.check: row for row in rows})
    assert next(row for row in rows if row.check == "parity").status is Status.PASS


@pytest.mark.parametrize("name", RIGHT)
def test_operators_that_pass_on_the_look_alike_pass_here(name):
    assert not bad(rows_of(name, "cuda"))


@pytest.mark.parametrize("name", sorted({*WRONG} - ALLOWED_THERE))
def test_what_the_look_alike_refuses_is_refused_here(name):
    assert bad(rows_of(name, "cuda"))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [10, 10_000, 10_000_000])
def test_arrays_of_any_size_are_judged_on_the_gpu(size, dtype):
    rng = np.random.default_rng(0)
    a, b = (Tensor(rng.standard_normal(size), device=cuda(), dtype=dtype) for _ in range(2))
    assert check_function(ops.multiply, [a, b]).passed
    assert not check_function(lambda x: ops.exp(x) * x.detach(), [a]).passed
