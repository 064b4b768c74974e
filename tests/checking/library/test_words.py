"""What a report says: which slope is wrong, what was not judged, what would settle it."""

import numpy as np
import pytest

from needle_cli.checking import check_pair

X = np.array([[0.3, -1.2, 2.0], [0.7, 1.5, -0.4]])


def wrong_at(index, factor):
    def vjp(v, x):
        g = v * (1 - np.tanh(x) ** 2)
        g[index] *= factor
        return (g,)

    return vjp


@pytest.mark.parametrize("seed", range(3))
def test_the_slope_itself_is_named(seed):
    report = check_pair(np.tanh, wrong_at((1, 2), 3.0), [X], seed=seed)
    (finding,) = report.findings
    slope = 1 - np.tanh(X[1, 2]) ** 2
    assert (finding.input, finding.index) == ("x", (1, 2))
    assert finding.numeric == pytest.approx(slope, rel=1e-7)
    assert finding.analytic == pytest.approx(3 * slope, rel=1e-7)
    assert "the slope of output[1, 2] along x[1, 2] is 0.8556" in finding.message
    (wrong,) = (element for element in report.elements if element.wrong)
    assert wrong.of == "output[1, 2]"


def test_of_several_outputs_the_one_that_is_wrong_is_named():
    def forward(a, b):
        return a.sum(), a * b

    def vjp(v, a, b):
        return v[0] + v[1] * b, v[1] * a * 2

    report = check_pair(forward, vjp, [X[0], X[1]])
    assert "the slope of output 1[0] along b[0] is 0.3, the gradient says 0.6" in str(report)
    assert check_pair(forward, lambda v, a, b: (v[0] + v[1] * b, v[1] * a), [X[0], X[1]]).passed


def step(a):
    return np.where(a >= 0, a, 0 * a)


def test_an_allowed_value_at_a_kink_is_not_listed():
    report = check_pair(step, lambda v, a: (v,), [np.array([-2.0, 0.0, 3.0])])
    assert report.verdict == "fail"
    assert [e.index for e in report.elements if e.wrong] == [(0,)]
    assert "along a[0] is 0, the gradient says 1" in str(report)
    assert "a[1]" not in str(report)
    report = check_pair(step, lambda v, a: (v * np.where(a == 0, 3, a > 0),), [np.array([-2.0, 0])])
    assert [e.index for e in report.elements if e.wrong] == [(1,)]


def test_a_gradient_that_is_not_finite_is_placed():
    inputs = [np.array([5.0]), np.array([1.0])]
    report = check_pair(lambda x, b: x + b, lambda v, x, b: (v, v * np.nan), inputs)
    assert "the slope of output[0] along b[0] is 1, the gradient says nan" in str(report)
    assert "b[0] = 1.0" in str(report)
    assert check_pair(lambda x, b: x + b, lambda v, x, b: (v, v * 1), inputs).passed


def test_outputs_and_inputs_without_a_gradient_are_noted():
    def forward(x):
        return np.sort(x), np.argsort(x)

    def vjp(v, x):
        return (v[0][np.argsort(np.argsort(x))],)

    report = check_pair(forward, vjp, [X[0]])
    assert report.passed
    assert "output 1 holds int64: it has no gradient, and nothing is judged there" in str(report)
    report = check_pair(lambda x: x > 0, lambda v, x: (0 * x,), [X])
    assert "the output holds bool" in str(report)
    assert "no input holds" in str(check_pair(np.negative, lambda v, x: (None,), [np.arange(3)]))
    assert not check_pair(np.tanh, wrong_at((0, 0), 1.0), [X]).notes


@pytest.mark.parametrize(
    ("vjp", "says"),
    [
        (lambda v, a, b: (v * b,), "vjp returned 1 gradient for 2 inputs (a, b)"),
        (lambda v, a, b: v * b, "vjp returned a ndarray alone for 2 inputs (a, b)"),
        (lambda v, a, b: (v * b, v * a, v), "vjp returned 3 gradients for 2 inputs (a, b)"),
    ],
)
def test_a_wrong_count_of_gradients_says_what_to_return(vjp, says):
    report = check_pair(lambda a, b: a * b, vjp, [X, X + 1])
    assert says in str(report)
    assert "return a tuple with one gradient, or None, for each" in str(report)
    assert str(report.findings[0].cause) == "there is not one gradient per input"


def test_no_checks_is_an_error_that_says_what_to_pass():
    with pytest.raises(ValueError, match=r"checks is empty.*contract, gradient"):
        check_pair(np.tanh, wrong_at((0, 0), 1.0), [X], checks=[])


OPEN = {
    "not finite": (np.log, lambda v, x: (v / x,), [np.array([-1.0, -2.0])]),
}


@pytest.mark.parametrize("name", OPEN)
def test_an_open_verdict_says_what_would_settle_it(name):
    report = check_pair(*OPEN[name])
    assert report.verdict == "cannot_tell", str(report)
    assert "to settle it:" in str(report)
    assert "to settle it:" not in str(check_pair(np.tanh, wrong_at((0, 0), 2.0), [X]))


@pytest.mark.parametrize(
    ("domain", "says"),
    [
        ("positiv", "no domain"),
        ({"y": "positive"}, "names the input 'y'"),
        (["positive", None], "one word or None for each of x"),
        ("positive", "outside its domain"),
        ({"x": {"low": 0, "high": 1}}, "outside its domain"),
    ],
)
def test_a_domain_that_does_not_fit_is_an_error(domain, says):
    with pytest.raises(ValueError, match=says):
        check_pair(np.tanh, wrong_at((0, 0), 1.0), [X], domain=domain)


def test_directions_stay_in_the_domain():
    def sum_of_roots(a):
        return np.asarray(np.sqrt(a[0, 1] * a[1, 0]) + np.trace(a))

    def vjp(v, a):  # half of it, or all of it, for the entry that is read: alike if symmetric
        g = v * np.eye(2)
        g[0, 1] += v * np.sign(a[0, 1])
        return (g,)

    a = np.array([[2.0, 0.5], [0.5, 1.0]])
    assert check_pair(sum_of_roots, vjp, [a], domain="spd").passed
    assert check_pair(sum_of_roots, vjp, [a]).verdict == "fail"
