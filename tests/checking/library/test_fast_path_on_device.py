"""Large arrays on a device are judged there: one transfer for a right gradient, no less seen."""

import numpy as np
import pytest

from needle import Tensor, TensorOp, ops, sim, simulated
from needle_cli.checking import check_function
from needle_cli.checking.library.arrays import row_factors
from needle_cli.checking.library.fast_path import fast_path
from needle_cli.engines.inputs import from_tensors

SIZES = (5_000, 300_000)


@pytest.fixture
def transfers(monkeypatch):
    counted = []
    get = simulated.SimulatedArray.get

    def counting(self):
        counted.append(self.size)
        return get(self)

    monkeypatch.setattr(simulated.SimulatedArray, "get", counting)
    return counted


def tensor(size, dtype="float64", seed=0):
    values = np.random.default_rng(seed).standard_normal(size) + 3
    return Tensor(values, device=sim(), dtype=dtype)


def accepted(function, *inputs):
    with np.errstate(all="ignore"):
        return fast_path(*from_tensors(function, inputs)).accepts()


class Squared(TensorOp):
    """y = a^2; `wrong` changes the gradient, in a place of its own."""

    def __init__(self, wrong):
        self.wrong = wrong

    def compute(self, a):
        if self.wrong == "writes":
            a[0] = 2.0
        return a * a

    def gradient(self, out_grad, node):
        (a,) = node.inputs
        if self.wrong == "writes later":
            a.cached_data[1] = 2.0
        if self.wrong == "changes the cotangent":
            out_grad.cached_data[1] = 2.0
        found = out_grad * a * 2
        if self.wrong == "one entry":
            found.cached_data[7] *= 1.001
        if self.wrong == "digits":
            found = Tensor(found.cached_data.astype("float32").astype(found.dtype), device=sim(),
                           dtype=found.dtype)  # fmt: skip
        if self.wrong == "too wide":
            return Tensor(found.cached_data.astype("float64"), device=sim(), dtype="float64")
        return found


def squared(wrong):
    def function(a):
        return Squared(wrong)(a)

    return function


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_gradient_costs_a_transfer_or_two(size, dtype, transfers):
    most = 1 if dtype == "float64" else 2
    far = Tensor(np.where(np.arange(size) % 2, 20.0, -20.0), device=sim(), dtype=dtype,
                 requires_grad=False)  # fmt: skip
    half_zero = (lambda a: ops.relu(a + far), 1)
    for function, count in ((ops.exp, 1), (ops.multiply, 2), (squared(""), 1), half_zero):
        transfers.clear()
        inputs = [tensor(size, dtype, k) for k in range(count)]
        assert check_function(function, inputs).passed
        assert len(transfers) <= most
        assert max(transfers) < 20


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "wrong", ["writes", "writes later", "changes the cotangent", "one entry", "digits"]
)
def test_a_wrong_gradient_is_not_accepted(size, wrong):
    assert accepted(squared(""), tensor(size))
    assert not accepted(squared(wrong), tensor(size))
    if size < 10_000:
        assert check_function(squared(wrong), [tensor(size)]).verdict == "fail"


@pytest.mark.parametrize(
    "wrong", ["", "writes", "writes later", "changes the cotangent", "one entry"]
)
def test_host_and_device_decide_alike(wrong):
    there = tensor(5_000)
    here = Tensor(there.numpy(), dtype="float64")
    assert accepted(squared(wrong), here) == accepted(squared(wrong), there) == (not wrong)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("wrong_calls", [0, 1])
def test_a_gradient_that_is_right_from_the_second_call_on_is_refused(wrong_calls, dtype):
    calls = []

    class Settling(Squared):
        def gradient(self, out_grad, node):
            calls.append(self)
            return super().gradient(out_grad, node) * (2.0 if len(calls) <= wrong_calls else 1.0)

    report = check_function(lambda a: Settling("")(a), [tensor(5_000, dtype)])
    assert report.verdict == ("fail" if wrong_calls else "pass"), str(report)
    assert [finding.check for finding in report.findings] == ["purity"] * wrong_calls


def test_a_gradient_wider_than_its_input_is_refused():
    assert not check_function(squared("too wide"), [tensor(5_000, "float32")]).passed
    assert check_function(squared("too wide"), [tensor(5_000)]).passed


def test_few_entries_are_asked_more(transfers):
    assert check_function(ops.exp, [tensor(10)]).passed
    assert len(transfers) > 3


@pytest.mark.parametrize("size", SIZES)
def test_small_slopes_beside_large_ones_are_looked_at(size):
    def function(a):
        scale = np.ones(size)
        scale[3] = 1e-9
        return a * Tensor(scale, device=sim(), requires_grad=False)

    class Hidden(TensorOp):
        def compute(self, a):
            return a * self.factors(a)

        def gradient(self, out_grad, node):
            found = out_grad.cached_data * self.factors(out_grad.cached_data)
            found[3] = found[3] * 2
            return Tensor(found, device=sim())

        def factors(self, a):
            made = np.ones_like(a)
            made[3] = 1e-9
            return made

    assert accepted(function, tensor(size))
    assert not accepted(lambda a: Hidden()(a), tensor(size))


def test_random_numbers_do_not_depend_on_how_many_are_made():
    few, many = (row_factors(1, 2, count) for count in (3, 200))
    np.testing.assert_array_equal(few, many[:3])
    assert len(np.unique(many)) == 200
