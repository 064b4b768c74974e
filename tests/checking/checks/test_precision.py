"""precision: which cases and dtypes are asked."""

from dataclasses import replace

import numpy as np
import pytest

from needle import Tensor, ops
from needle_cli.checking import check_pair
from needle_cli.checking.model import Plan, Status
from needle_cli.checking.search.judging import judge
from tests.samples.planted import Plant, operator

PLAN = Plan(("precision",), examples=8, shrink=False)


def relu_with(slope, dtype):
    """Return relu with another slope at 0 in one dtype."""

    def gradient(self, out_grad, node):
        x = node.inputs[0].numpy()
        at_zero = slope if x.dtype == dtype else 0.0
        factors = np.where(x > 0, 1.0, np.where(x == 0, at_zero, 0.0)).astype(x.dtype)
        return out_grad * Tensor.make_const(factors)

    return operator(lambda self, a: np.maximum(a, 0), gradient)


def status(function, plan=PLAN):
    (row,) = judge(*Plant("relu", "activation/relu", function, ()).judged(), plan)
    return row.status


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_declared_kinks_are_asked_in_narrow_dtypes(dtype):
    assert status(relu_with(2.0, dtype)) is Status.FAIL
    assert status(relu_with(-0.5, dtype)) is Status.FAIL
    assert status(relu_with(1.0, dtype)) is Status.PASS


def test_ours_passes_at_kinks_and_beside():
    assert status(ops.relu, replace(PLAN, examples=30)) is Status.PASS


def bias(a, b):
    return a + b


def summed_with(kind):
    def vjp(v, a, b):
        if a.dtype != np.float16:
            return v, v.sum(0)
        return v, np.add.accumulate(v, axis=0, dtype=kind)[-1].astype(a.dtype)

    return vjp


@pytest.mark.parametrize(("kind", "verdict"), [(np.float16, "fail"), (np.float32, "pass")])
def test_a_sum_that_stops_growing_in_float16_is_found(kind, verdict):
    a, b = np.zeros((6000, 1), np.float16), np.zeros(1, np.float16)
    assert check_pair(bias, summed_with(kind), [a, b]).verdict == verdict
