"""Gradients that remember another call are refused, and said to remember; their twins pass."""

import numpy as np
import pytest

from needle_cli.checking import check_pair

X = np.array([0.3, -1.2, 2.0, 0.7])
Y = np.array([1.0, 0.5, -2.0, 3.0])

RULES = {
    "exp": (np.exp, lambda v, x: (v * np.exp(x),), [X]),
    "relu": (lambda x: np.maximum(x, 0), lambda v, x: (v * (x > 0),), [X]),
    "sort": (np.sort, lambda v, x: (v[np.argsort(np.argsort(x))],), [X]),
    "multiply": (np.multiply, lambda v, a, b: (v * b, v * a), [X, Y]),
    "a scalar": (np.tanh, lambda v, x: (v * (1 - np.tanh(x) ** 2),), [np.array(0.3)]),
    "zeros": (np.exp, lambda v, x: (v * np.exp(x),), [np.zeros(3)]),
    "domain from 1 on": (
        np.arccosh,
        lambda v, x: (v / np.sqrt(x * x - 1),),
        [np.array([1.01, 2, 1.5])],
    ),
    "float32": (np.exp, lambda v, x: (v * np.exp(x),), [X.astype(np.float32)]),
    "5000 entries": (np.exp, lambda v, x: (v * np.exp(x),), [np.linspace(-1, 2, 5000)]),
}


def keeps_first(rule, which):
    kept = []

    def vjp(v, *inputs):
        kept.append([a.copy() for a in inputs])
        return rule(v, *(kept[0][k] if which(k) else a for k, a in enumerate(inputs)))

    return vjp


def keyed_by_shape(rule):
    kept = {}

    def vjp(v, *inputs):
        return rule(v, *kept.setdefault(tuple(a.shape for a in inputs), [a + 0 for a in inputs]))

    return vjp


def keeps_latest(rule):
    kept = []

    def vjp(v, *inputs):
        kept.append([a.copy() for a in inputs])
        return rule(v, *kept[max(0, len(kept) - 2)])

    return vjp


MEMORIES = {
    "the first call's": lambda rule: keeps_first(rule, lambda k: True),
    "the first call's last input": lambda rule: keeps_first(rule, lambda k: k == 1),
    "by shape": keyed_by_shape,
    "the latest call's": keeps_latest,
}


def right(rule):
    return keeps_first(rule, lambda k: False)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("memory", MEMORIES)
def test_a_remembered_call_is_named(name, memory):
    forward, rule, inputs = RULES[name]
    if memory.endswith("last input") and len(inputs) == 1:
        pytest.skip("one input")
    report = check_pair(forward, MEMORIES[memory](rule), inputs)
    assert report.verdict == "fail", str(report)
    assert [f.check for f in report.findings] == ["purity"], str(report)
    assert "stale state" in str(report)
    assert check_pair(forward, right(rule), inputs).passed


def counting(factor):
    calls = []

    def vjp(v, x):
        calls.append(x)
        return (v * np.exp(x) * factor(len(calls)),)

    return vjp


@pytest.mark.parametrize(
    "factor",
    [lambda n: 1.0 if n == 1 else 1.001, lambda n: 1.001 if n == 1 else 1.0,
     lambda n: 1.0 if n < 3 else 1.5],
    ids=["right first", "wrong first", "right twice"],
)  # fmt: skip
@pytest.mark.parametrize("size", [4, 4000])
def test_calls_that_differ_are_memory_and_no_ratio(factor, size):
    x = np.linspace(-1, 2, size)
    report = check_pair(np.exp, counting(factor), [x])
    assert [f.check for f in report.findings] == ["purity"], str(report)
    assert "remembered" in str(report)
    assert check_pair(np.exp, counting(lambda n: 1.0), [x]).passed


def test_a_reused_buffer_is_named():
    buffer = np.empty(4)

    def vjp(v, x):
        np.multiply(v, np.exp(x), out=buffer)
        return (buffer,)

    report = check_pair(np.exp, vjp, [X])
    assert "overwrites" in str(report)
    assert check_pair(np.exp, lambda v, x: (vjp(v, x)[0].copy(),), [X]).passed


def test_a_constant_gradient_is_no_memory():
    report = check_pair(np.exp, lambda v, x: (v * 2.0,), [X])
    assert {f.check for f in report.findings} == {"gradient"}, str(report)
    assert check_pair(lambda x: 2 * x, lambda v, x: (v * 2.0,), [X]).passed


def test_a_fault_of_one_dtype_at_ties_is_no_memory():
    def share(v, a):
        tied = a == a.max()
        g = np.where(tied, v / np.float64(tied.sum()), 0).astype(a.dtype)
        return (g * 0 if a.dtype == np.float32 else g,)

    report = check_pair(lambda a: a.max(), share, [np.ones(2, np.float32)])
    assert report.verdict == "fail"
    assert "remember" not in str(report)
    assert "earlier" not in str(report)


def test_a_returned_cotangent_is_no_memory():
    report = check_pair(lambda x: np.maximum(x, 0), lambda v, x: (v,), [np.array([-0.05])])
    assert {f.check for f in report.findings} == {"gradient"}, str(report)
