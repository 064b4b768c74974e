"""Lazy mode, the walk back, second and third order, and tensors as arguments."""

from dataclasses import replace

import numpy as np
import pytest

import needle
from needle.autograd import Tensor, TensorTupleOp
from needle_cli.checking.model import Garbage, OperatorError
from needle_cli.engines.course_shaped import EngineOperator, operator_from_tensors
from needle_cli.engines.inputs import from_tensors, matches
from tests.engines.support import ENGINE, case_of, operator, tried


class Halves(TensorTupleOp):
    """(a / 2, a / 2), computed leaf by leaf."""

    def compute(self, a):
        return a / 2, a / 2

    def gradient(self, out_grad, node):
        return (out_grad[0] + out_grad[1]) / 2


@pytest.mark.parametrize("reverse", [False, True])
def test_lazy_outputs_equal_eager_ones_and_lazy_mode_ends(reverse):
    op = operator_from_tensors(lambda a, b: needle.exp(a) @ b, ENGINE)
    case = case_of(a=np.random.random((2, 3)), b=np.random.random((3, 2)))
    (lazy,) = op.lazy_outputs(case, reverse)
    assert lazy.tobytes() == op.evaluate(case).outputs[0].tobytes()
    halves = operator_from_tensors(lambda a: Halves()(a), ENGINE)
    assert [x.tolist() for x in halves.lazy_outputs(case_of(a=np.ones(2)), reverse)] == [
        [0.5, 0.5]
    ] * 2
    assert needle.autograd.LAZY_MODE is False


def test_lazy_mode_really_is_on_and_an_error_in_it_ends_it():
    calls, early = [], []

    def compute(a, b):
        calls.append(1)
        if len(calls) > 1:
            raise ValueError("no")
        return a * b

    def noting(a, b):
        result = operator(compute=compute)(a, b)
        early.append(len(calls))
        return result

    op = operator_from_tensors(noting, ENGINE)
    case = case_of(a=np.ones(2), b=np.ones(2))
    op.lazy_outputs(case, False)
    assert (early, calls) == ([0], [1])
    with pytest.raises(OperatorError):
        op.lazy_outputs(case, False)
    with pytest.raises(OperatorError):
        op.evaluate(case)
    assert early == [0, 1]


def test_used_twice_and_shared_the_gradients_add_up():
    op = operator_from_tensors(operator(), ENGINE)
    case = case_of(a=np.full(3, 2.0), b=np.full(3, 2.0))
    once = op.graph_gradients(case, [np.ones(3)], 1, False)
    thrice = op.graph_gradients(case, [np.ones(3)], 3, False)
    shared = op.graph_gradients(case, [np.ones(3)], 1, True)
    assert [g.value[0] for g in once] == [6.0, 6.0]
    assert [g.value[0] for g in thrice] == [18.0, 18.0]
    assert [g.value[0] for g in shared] == [12.0, 12.0]


def second(op, case, cotangent):
    inputs = {"cotangent": cotangent, **case.inputs}
    return op.second_order(), replace(case, inputs=inputs, judged=case.judged | {"cotangent"})


def test_the_second_order_operator_is_the_gradient_and_can_be_differentiated():
    op = operator_from_tensors(operator(), ENGINE)
    case = case_of(a=np.full(3, 2.0), b=np.full(3, 5.0))
    vjp, inner = second(op, case, np.full(3, 1.0))
    evaluation = vjp.evaluate(inner)
    assert [out[0] for out in evaluation.outputs] == [15.0, 6.0]
    # <u, 3 g b> + <w, 3 g a> with u = 1, w = 10
    g, a, b = (x.value[0] for x in evaluation.gradient([np.full(3, 1.0), np.full(3, 10.0)]))
    assert (g, a, b) == (3 * 5 + 30 * 2, 30.0, 3.0)
    assert vjp.name == f"{op.name}'"


def test_the_second_order_nests():
    op = operator_from_tensors(lambda a: needle.exp(a), ENGINE)
    case = case_of(a=np.full(2, 0.5))
    vjp, inner = second(op, case, np.ones(2))
    third = vjp.second_order()
    outer = replace(inner, inputs={"cotangent'": np.ones(2), **inner.inputs})
    outputs = third.evaluate(outer).outputs
    np.testing.assert_allclose(outputs[1], np.exp(0.5))
    gradients = third.evaluate(outer).gradient([np.zeros(2), np.ones(2)])
    np.testing.assert_allclose(gradients[2].value, np.exp(0.5))


def test_a_cut_graph_has_no_second_derivative():
    def cut(op, out_grad, node):
        a, b = node.inputs
        return Tensor(3 * out_grad.numpy() * b.numpy(), requires_grad=False), out_grad * a

    op = operator_from_tensors(operator(cut), ENGINE)
    case = case_of(a=np.full(3, 2.0), b=np.full(3, 5.0))
    vjp, inner = second(op, case, np.ones(3))
    found = vjp.evaluate(inner).gradient([np.ones(3), np.zeros(3)])
    assert all(g.value is None or not g.value.any() for g in found)
    whole, inner = second(operator_from_tensors(operator(), ENGINE), case, np.ones(3))
    assert whole.evaluate(inner).gradient([np.ones(3), np.zeros(3)])[2].value.any()


def test_a_raw_array_cannot_be_differentiated_again():
    op = operator_from_tensors(operator(lambda op, g, n: (g.numpy(), g)), ENGINE)
    vjp, inner = second(op, case_of(a=np.ones(3), b=np.ones(3)), np.ones(3))
    with pytest.raises(Garbage, match="cannot be differentiated again"):
        vjp.evaluate(inner)


def test_tensors_as_arguments_make_operator_and_case():
    a, b = Tensor(np.ones((2, 3))), Tensor(np.ones((3, 2)))
    assert matches(a)
    assert matches([a, b])
    assert not matches(np.ones(3))
    assert not matches([])
    op, case = from_tensors(lambda left, right: left @ right, [a, b])
    assert isinstance(op, EngineOperator)
    assert list(case.inputs) == ["left", "right"]
    assert case.judged == {"left", "right"}
    assert op.evaluate(case).outputs[0].tolist() == [[3.0, 3.0], [3.0, 3.0]]
    op, case = from_tensors(lambda xs, axis: needle.stack(xs, axis), [[a, a]])
    assert len(case.inputs["input0"] if "input0" in case.inputs else case.inputs["xs"]) == 2
    with pytest.raises(TypeError, match="at least one tensor"):
        from_tensors(len, [np.ones(3)])


def test_float32_and_views_stay_what_they_are():
    case = case_of(a=np.ones((3, 2), np.float32)[::-1], b=np.ones((3, 2), np.float32))
    evaluation = tried(lambda a, b: a * b, case)
    assert evaluation.outputs[0].dtype == np.float32
    gradient = evaluation.gradient([np.ones((3, 2), np.float32)])[0].value
    assert gradient.dtype == np.float32
