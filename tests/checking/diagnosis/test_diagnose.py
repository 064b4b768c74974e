"""The printed cause: it names what was done, fits everywhere, and is silent where nothing does."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.diagnosis import ACCEPTED, cause_of
from needle import Tensor, TensorOp, ops
from needle_cli.causes import CAUSES, Cause
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.faults.operator import FaultyOperator
from needle_cli.checking.faults.vocabulary import FAULTS
from needle_cli.checking.model import Plan
from needle_cli.checking.search.judging import judge
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.reports.events import FindingView, Spot
from needle_cli.specs import load_spec
from tests.campaign import late
from tests.helpers import SPECS
from tests.samples.mistakes import VOCABULARY
from tests.samples.planted import Plant

DOUBLE = "the gradient is exactly 2 × the numeric one"


def ours(spec):
    return Plant("ours", spec, getattr(ops, spec.partition("/")[2]), ()).judged()


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        late("arithmetic/multiply", "scaled"),
        ("arithmetic/multiply", "sign"),
        ("arithmetic/multiply", "cotangent ignored"),
        late("arithmetic/multiply", "cotangent clipped"),
        ("arithmetic/multiply", "leading axis not summed"),
        late("arithmetic/multiply", "operands swapped"),
        late("arithmetic/multiply", "negative inputs"),
        late("arithmetic/multiply", "cotangent changed"),
        late("arithmetic/multiply", "overwritten"),
        late("arithmetic/multiply", "mean for sum"),
        late("trigonometric/tanh", "graph cut"),
        ("trigonometric/tanh", "stale state"),
        late("trigonometric/tanh", "NaN at one point"),
        ("trigonometric/tanh", "wide dtype"),
        late("activation/relu", "convention plus one"),
        ("linalg/matmul", "transposed"),
    ],
)
def test_a_planted_fault_is_named(spec, fault):
    op, claims = ours(spec)
    _, cause = cause_of(FaultyOperator(op, claims, fault), claims, 20)
    assert (cause.name if cause else "") in ACCEPTED[fault], cause


def test_a_right_gradient_has_no_cause():
    assert cause_of(*ours("arithmetic/multiply"), 20) == (False, None)


def test_every_fault_has_a_word_and_every_word_a_page():
    assert set(ACCEPTED) == set(FAULTS)
    words = {word for accepted in ACCEPTED.values() for word in accepted if word}
    assert words <= set(CAUSES)
    # Nothing was ever multiplied by the output: that word has been removed.
    assert set(VOCABULARY) - {"times output"} <= set(CAUSES)


def finding(cause_name):
    return FindingView("", "", "", Spot("a"), cause_name=cause_name)


def test_a_fix_belongs_to_its_cause():
    assert "sum_to" in finding("missing sum").fix
    assert finding("something else").fix == finding("").fix == ""


def test_a_cause_is_in_the_table_or_cannot_be_named():
    assert str(Cause("ratio", "number", {"factor": "2"})) == DOUBLE
    for name, form in (("gremlins", ""), ("ratio", ""), ("zeros", "number")):
        with pytest.raises(KeyError):
            Cause(name, form)


def test_a_view_of_a_gradient_is_no_unsteady_gradient():
    op, claims = ours("shape/stack")
    _, cause = cause_of(FaultyOperator(op, claims, "wrong axis"), claims, 20)
    assert cause.name == "wrong axis", cause


@pytest.mark.parametrize(
    ("spec", "fault", "words"),
    [
        ("shape/transpose", "order of memory", "inputs are not contiguous"),
        late("arithmetic/add", "float32 inside", "to few digits"),
        late("reduction/logsumexp", "large inputs", "the input is beyond 1000"),
        late("convolution/conv", "scaled", "exactly 1.001"),
        ("reduction/summation", "transposed", "along the wrong axis"),
    ],
)
def test_a_cause_says_what_and_where(spec, fault, words):
    op, claims = ours(spec)
    assert words in str(cause_of(FaultyOperator(op, claims, fault), claims, 20)[1])


@pytest.mark.parametrize(("extra", "named"), [("fifth power", False), ("float32", True)])
def test_a_small_term_is_no_rounding(extra, named):
    class Cube(TensorOp):
        def compute(self, a):
            return a * a * a

        def gradient(self, out_grad, node):
            a = node.inputs[0]
            if extra == "float32":
                slope = ops.mul_scalar(a, 3.0).numpy().astype("float32") * a.numpy()
                return out_grad * Tensor(slope.astype(a.dtype), requires_grad=False)
            return out_grad * (a * a * 3 + a * a * a * a * a * 1e-6)

    claims = load_spec(SPECS / "exponential" / "exp.toml").claims
    claims = replace(claims, reference=lambda a: a * a * a)
    op = operator_under_test(lambda a: Cube()(a), claims, name="cube")
    _, cause = cause_of(op, claims, 20)
    assert ("few digits" in str(cause)) == named, cause


def test_what_raises_has_no_cause_of_a_gradient():
    """Every check fails alike where the operator is not written yet: no pattern explains that."""

    class Unwritten(TensorOp):
        def compute(self, a):
            raise NotImplementedError("still to be written")

        def gradient(self, out_grad, node):
            raise NotImplementedError("still to be written")

    claims = load_spec(SPECS / "exponential" / "exp.toml").claims
    op = operator_under_test(lambda a: Unwritten()(a), claims, name="exponential/exp")
    rows = judge(op, claims, Plan(NAMES, examples=5, shrink=False))
    failures = [failure for row in rows for failure in row.failures]
    assert failures and not any(failure.finding.cause for failure in failures)


def judged_with_gradient(compute, slope):
    """Return the rows of an operator for exp's spec whose compute and gradient are given."""

    class Made(TensorOp):
        def compute(self, a):
            return compute(a)

        def gradient(self, out_grad, node):
            return out_grad * slope(node.inputs[0])

    claims = load_spec(SPECS / "exponential" / "exp.toml").claims
    op = operator_under_test(lambda a: Made()(a), claims, name="made")
    plan = Plan(("forward", "gradient"), examples=20, shrink=False)
    return {row.check: row for row in judge(op, claims, plan)}


def causes(rows):
    return {
        check: row.failures[0].finding.cause
        for check, row in rows.items()
        if row.failures and check in ("forward", "gradient")
    }


@pytest.mark.parametrize(
    ("compute", "slope", "forward", "gradient"),
    [
        (lambda a: np.exp(a) + a, ops.exp, "compute", "compute"),
        (np.exp, lambda a: ops.exp(a) * 2, None, "ratio"),
        # Both are wrong, each in its own way: no gradient explains the value.
        (lambda a: np.exp(a) + a, lambda a: (ops.exp(a) + 1) * 2, "", "ratio"),
        (lambda a: 2 * np.exp(a), lambda a: ops.exp(a) * 2, "", None),
    ],
    ids=["compute", "gradient", "both", "both, and alike"],
)
def test_the_side_that_is_wrong_is_named(compute, slope, forward, gradient):
    found = causes(judged_with_gradient(compute, slope))
    wanted = {"forward": forward, "gradient": gradient}
    named = {check: cause.name if cause else "" for check, cause in found.items()}
    assert named == {check: word for check, word in wanted.items() if word is not None}


def test_a_constant_slope_in_one_branch_is_no_memory():
    def beyond(a):
        return ops.exp(a) * (a.numpy() < 2) + Tensor((a.numpy() >= 2) * 1.0)

    (cause,) = causes(judged_with_gradient(np.exp, beyond)).values()
    assert cause is None or cause.name not in ("stale state", "duplicates")
    kept = []

    def first(a):
        kept.append(np.exp(a.numpy()))
        same = [k for k in kept if (k.shape, k.dtype) == (a.shape, a.dtype)]
        return Tensor(same[0])

    (cause,) = causes(judged_with_gradient(np.exp, first)).values()
    assert cause.name == "stale state", cause
