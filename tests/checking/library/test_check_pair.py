"""check_pair: everything wrong is refused by the right check, nothing right is."""

from __future__ import annotations

import numpy as np
import pytest

from needle_cli.checking import GradientError, check_pair
from tests.campaign import seeds
from tests.samples.corpus import RIGHT, X, tanh_vjp, wrong

WRONG_NAMES = [example.name for example in wrong()]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("example", RIGHT, ids=lambda e: e.name)
def test_right_pairs_are_not_accused(example, seed):
    report = check_pair(example.forward, example.vjp, example.inputs, seed=seed)
    assert report.verdict in example.verdicts, str(report)
    assert not report.findings


@pytest.mark.parametrize("example", RIGHT, ids=lambda e: e.name)
def test_right_pairs_are_not_accused_thoroughly(example):
    report = check_pair(example.forward, example.vjp, example.inputs, thorough=True)
    assert not report.findings, str(report)


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize("name", WRONG_NAMES)
def test_wrong_pairs_are_refused(name, seed):
    example = next(e for e in wrong() if e.name == name)
    report = check_pair(example.forward, example.vjp, example.inputs, seed=seed)
    assert report.verdict == "fail", str(report)
    assert not report.passed
    checks = {finding.check for finding in report.findings}
    assert not example.refused_by or example.refused_by in checks, str(report)
    assert example.says in str(report)


def counted(function):
    def call(*args, **kwargs):
        call.count += 1
        return function(*args, **kwargs)

    call.count = 0
    return call


@pytest.mark.parametrize(("size", "backward"), [(10, 3), (4096, 3), (4097, 2), (100_000, 2)])
def test_a_passing_check_makes_four_forward_and_at_most_three_backward_calls(size, backward):
    forward, vjp = counted(np.tanh), counted(tanh_vjp)
    assert check_pair(forward, vjp, [np.random.default_rng(1).normal(size=size)]).passed
    assert (forward.count, vjp.count) == (4, backward)


def test_a_failing_check_makes_more_calls():
    forward, vjp = counted(np.tanh), counted(lambda v, x: (2 * tanh_vjp(v, x)[0],))
    assert not check_pair(forward, vjp, [X]).passed
    assert forward.count > 4


def test_the_inputs_are_left_alone():
    x = X.copy()

    def eats(v, x):
        x[...] = 0
        return (v,)

    report = check_pair(lambda x: x * 1, eats, [x])
    assert "purity" in {finding.check for finding in report.findings}
    assert np.array_equal(x, X)


def test_the_same_seed_gives_the_same_report():
    def vjp(v, x):
        return (2 * tanh_vjp(v, x)[0],)

    one, two = (str(check_pair(np.tanh, vjp, [X], seed=5)) for _ in range(2))
    assert one == two != str(check_pair(np.tanh, vjp, [X], seed=6))


def test_a_finding_names_the_entry_and_both_numbers():
    def vjp(v, x):
        g = tanh_vjp(v, x)[0]
        g[1, 2] = 0
        return (g,)

    finding = check_pair(np.tanh, vjp, {"x": X}).findings[0]
    assert (finding.check, finding.input, finding.index) == ("gradient", "x", (1, 2))
    assert finding.analytic == 0
    assert abs(finding.numeric) > finding.allowed > 0


def test_the_entry_is_found_among_many():
    def vjp(v, x):
        g = tanh_vjp(v, x)[0]
        g[1234] *= 1.5
        return (g,)

    report = check_pair(np.tanh, vjp, [np.random.default_rng(2).normal(size=3000)])
    assert report.findings[0].index == (1234,)


def test_an_exact_ratio_is_named():
    def vjp(v, x):
        return (2 * tanh_vjp(v, x)[0],)

    assert "exactly 2 ×" in str(check_pair(np.tanh, vjp, [X]).findings[0].cause)
    assert not check_pair(np.tanh, lambda v, x: (v * x,), [X]).findings[0].cause


def test_raise_for_findings():
    check_pair(np.tanh, tanh_vjp, [X]).raise_for_findings()
    with pytest.raises(GradientError, match="gradient"):
        check_pair(np.tanh, lambda v, x: (v,), [X]).raise_for_findings()
    assert issubclass(GradientError, AssertionError)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"inputs": X}, TypeError, r"write \[x\]"),
        ({"inputs": ["abc"]}, TypeError, "dtype"),
        ({"inputs": [X.astype(complex)]}, TypeError, "complex128"),
        ({"inputs": [X], "seed": -1}, ValueError, "seed"),
        ({"inputs": [X], "seed": 1.5}, ValueError, "seed"),
        ({"inputs": [X], "checks": ["gradent"]}, ValueError, "did you mean 'gradient'"),
    ],
)
def test_bad_arguments_are_named(arguments, error, text):
    inputs = arguments.pop("inputs")
    with pytest.raises(error, match=text):
        check_pair(np.tanh, tanh_vjp, inputs, **arguments)


def test_thorough_notes_what_the_given_inputs_hide_and_finds_it_in_a_domain():
    def vjp(v, x):  # right but for zeros, of which the given inputs have none
        return (np.where(x == 0, 3 * v, 2 * v * x),)

    assert check_pair(np.square, vjp, [abs(X)], thorough=True, domain="positive").passed
    report = check_pair(np.square, vjp, [X], thorough=True)
    assert report.passed
    assert "not judged: at the inputs with some zeros" in str(report)
    assert "domain=" in str(report)
    report = check_pair(np.square, vjp, [X], thorough=True, domain="real")
    assert report.verdict == "fail"
    assert "at the inputs with some zeros" in str(report)


def test_selected_checks_alone_are_asked():
    def vjp(v, x):
        return (v.astype(np.float32) * 1,)

    assert check_pair(lambda x: x * 1, vjp, [X], checks=["purity"]).passed
    assert not check_pair(lambda x: x * 1, vjp, [X], checks=["contract"]).passed


@pytest.mark.parametrize(
    ("vjp", "words"),
    [
        (lambda v, a, b: (v * b, None), "the gradient of b is None, which counts as zero"),
        (lambda v, a, b: (None, None), "the gradient is None, which counts as zero"),
        (lambda v, a, b: (0 * v, 0 * v), "the gradient is zero"),
        (lambda v, a, b: (v * b, 0 * v), "the gradient of b is zero"),
    ],
)
def test_nothing_returned_is_told_from_zeros(vjp, words):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 4))
    report = check_pair(lambda a, b: a * b, vjp, [a, b])
    assert {str(finding.cause) for finding in report.findings if finding.cause} == {words}


def test_another_number_of_outputs_at_each_call_is_a_finding():
    calls = []

    def forward(x):
        calls.append(x)
        return x[: 1 + len(calls) % 2]

    report = check_pair(forward, lambda v, x: (0 * x,), [X.reshape(2, -1)])
    assert [f.check for f in report.findings] == ["contract"]
    assert "numbers for inputs of the same shapes" in report.findings[0].message
    right = check_pair(lambda x: x[:1], lambda v, x: (np.pad(v, ((0, 1), (0, 0))),),
                       [X.reshape(2, -1)])  # fmt: skip
    assert right.passed


def test_a_constant_slope_is_not_called_memory_alone():
    report = check_pair(np.sin, lambda v, x: (v * 0.5,), [X])
    cause = report.findings[0].cause
    assert cause is not None and "constant, or an earlier call" in str(cause)
