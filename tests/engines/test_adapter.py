"""The adapter shows the core exactly what an operator of an engine computed and returned."""

import numpy as np
import pytest

import needle
from needle.autograd import Tensor, TensorOp
from needle_cli.checking.claims import Claims, InputClaim, ParamClaim
from needle_cli.checking.model import Garbage, OperatorError
from needle_cli.engines.course_shaped import operator_from_tensors, operator_under_test
from tests.engines.support import ENGINE, case_of, operator, returned, spoilt, tried


def test_outputs_and_gradients_of_a_right_operator():
    evaluation = tried(operator())
    np.testing.assert_array_equal(evaluation.outputs[0], [6.0, 12.0, 18.0])
    a, b = evaluation.gradient([np.ones(3)])
    assert (a.kind, b.kind) == ("tensor", "tensor")
    assert a.described == "needle.autograd.Tensor" or a.described.endswith("Tensor")
    np.testing.assert_array_equal(a.value, [6.0, 6.0, 6.0])
    np.testing.assert_array_equal(b.value, [3.0, 6.0, 9.0])


def test_arrays_are_passed_without_copies_and_the_cached_output_is_shown():
    seen = []

    def compute(a, b):
        seen.append((a, b))
        seen.append(a * b)
        return seen[-1]

    case = case_of(a=np.ones((2, 3)).T, b=np.ones((3, 2)))
    evaluation = tried(operator(compute=compute), case)
    assert seen[0][0] is case.inputs["a"]
    assert seen[0][1] is case.inputs["b"]
    assert evaluation.outputs[0] is seen[1]


def test_mutation_by_the_operator_shows_in_the_very_arrays_of_the_case():
    def gradient(op, out_grad, node):
        node.inputs[0].cached_data[...] = 7.0
        return out_grad, out_grad

    case = case_of(a=np.ones(3), b=np.ones(3))
    tried(operator(gradient), case).gradient([np.ones(3)])
    assert (case.inputs["a"] == 7.0).all()


def test_raw_arrays_none_and_tensors_are_told_apart():
    kinds = [g.kind for g in returned(lambda op, g, n: (g.numpy(), None))]
    assert kinds == ["array", "none"]
    assert returned(lambda op, g, n: (g.numpy(), g))[0].described == "numpy.ndarray"
    assert [g.kind for g in returned(lambda op, g, n: [g, g])] == ["tensor", "tensor"]


@pytest.mark.parametrize(
    ("gradient", "words"),
    [
        (lambda op, g, n: None, "returned None alone for 2 inputs"),
        (lambda op, g, n: g, "alone for 2 inputs"),
        (lambda op, g, n: (g,), "returned 1 gradient for 2 inputs"),
        (lambda op, g, n: (g, g, g), "returned 3 gradients for 2 inputs"),
        (lambda op, g, n: "gradient", "returned a str"),
        (lambda op, g, n: (g, 0.0), "returned a float, not a tensor"),
        (lambda op, g, n: (g, (g, g)), "returned a tuple, not a tensor"),
        (lambda op, g, n: (g, np.array([None, "x"], dtype=object)), "dtype object"),
        (lambda op, g, n: (g, spoilt()), "holds a str, not an array"),
    ],
)
def test_garbage_from_gradient_is_named(gradient, words):
    with pytest.raises(Garbage, match=words):
        returned(gradient)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda a, b: None, "returned None, not a tensor"),
        (lambda a, b: np.ones(3), "returned a numpy.ndarray, not a tensor"),
        (lambda a, b: [a, "b"], "returned a list with a str in it"),
        (operator(compute=lambda a, b: "text"), "str"),
        (lambda a, b: spoilt(), "holds a str, not an array"),
        (operator(compute=lambda a, b: None), "None"),
    ],
)
def test_garbage_from_compute_is_named(function, words):
    with pytest.raises((Garbage, OperatorError), match=words):
        tried(function)


@pytest.mark.parametrize("error", [ValueError, SystemExit, RecursionError, AssertionError])
def test_whatever_an_operator_raises_is_an_operator_error_of_its_stage(error):
    def fail(*args):
        raise error("no")

    with pytest.raises(OperatorError) as caught:
        tried(operator(compute=fail))
    assert caught.value.stage == "compute"
    with pytest.raises(OperatorError) as caught:
        returned(fail)
    assert caught.value.stage == "gradient"
    assert isinstance(caught.value.original, error)


def test_an_interrupt_goes_through():
    def interrupted(*args):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        returned(interrupted)


def test_composites_and_repeated_inputs_go_through_the_walk():
    evaluation = tried(lambda a, b: needle.exp(a * b) + a)
    a, b = np.arange(1.0, 4.0), np.full(3, 2.0)
    first, second = evaluation.gradient([np.ones(3)])
    np.testing.assert_allclose(first.value, b * np.exp(a * b) + 1)
    np.testing.assert_allclose(second.value, a * np.exp(a * b))
    squared = tried(lambda a, b: a * a)
    assert squared.gradient([np.ones(3)])[0].value.tolist() == [2.0, 4.0, 6.0]
    assert squared.gradient([np.ones(3)])[1].kind == "none"
    same = tried(lambda a, b: a)
    assert same.gradient([np.full(3, 5.0)])[0].value.tolist() == [5.0, 5.0, 5.0]


def test_asking_twice_does_not_accumulate():
    evaluation = tried(lambda a, b: needle.exp(a) * b)
    first = evaluation.gradient([np.ones(3)])
    second = evaluation.gradient([np.ones(3)])
    assert first[0].value.tobytes() == second[0].value.tobytes()


def claims_of(*args, params=(), **inputs):
    return Claims(
        op="needle.ops:made_up",
        reference=lambda *a: None,
        args=args,
        inputs=inputs,
        params={name: ParamClaim(name, "int") for name in params},
    )


def test_lists_tuples_and_parameters_reach_the_function_as_it_wants_them():
    xs = (np.ones((2, 3)), np.zeros((2, 3)))
    listed = claims_of(
        "args", "axis", params=("axis",), args=InputClaim("args", "(S...)", members=(1, 3))
    )
    op = operator_under_test(needle.stack, listed, needle)
    evaluation = op.evaluate(case_of({"axis": 1}, args=xs))
    assert evaluation.outputs[0].shape == (2, 2, 3)
    gradients = evaluation.gradient([np.random.random((2, 2, 3))])
    assert [g.value.shape for g in gradients] == [(2, 3), (2, 3)]

    claim = InputClaim("value", "(S...)", members=(1, 3), is_tuple=True)
    item = claims_of("value", "index", params=("index",), value=claim)
    op = operator_under_test(needle.tuple_get_item, item, needle)
    gradients = op.evaluate(case_of({"index": 1}, value=xs)).gradient([np.ones((2, 3))])
    assert [g.value.sum() for g in gradients] == [0.0, 6.0]


def test_a_list_is_spread_over_star_arguments():
    claims = claims_of("args", args=InputClaim("args", "(S...)", members=(1, 3)))
    op = operator_under_test(needle.make_tuple, claims, needle)
    evaluation = op.evaluate(case_of(args=(np.ones(2), np.zeros(2))))
    assert len(evaluation.outputs) == 2
    gradients = evaluation.gradient([np.full(2, 3.0), np.full(2, 4.0)])
    assert [g.value[0] for g in gradients] == [3.0, 4.0]


def test_a_tuple_output_takes_a_tuple_of_cotangents():
    op = operator_from_tensors(needle.split, ENGINE)
    case = case_of({"axis": 0}, a=np.random.random((2, 3)))
    evaluation = op.evaluate(case)
    assert len(evaluation.outputs) == 2
    (gradient,) = evaluation.gradient([np.full(3, 1.0), np.full(3, 2.0)])
    np.testing.assert_array_equal(gradient.value, [[1.0] * 3, [2.0] * 3])


def test_a_tuple_input_wants_a_tuple_gradient_of_its_length():
    class First(TensorOp):
        answer = staticmethod(lambda g: g)

        def compute(self, value):
            return value[0]

        def gradient(self, out_grad, node):
            return self.answer(out_grad)

    claims = claims_of("v", v=InputClaim("v", "(S...)", members=(1, 3), is_tuple=True))
    op = operator_under_test(lambda v: First()(v), claims, needle)
    case = case_of(v=(np.ones(2), np.ones(2)))
    with pytest.raises(Garbage, match="for a tuple input, not a TensorTuple"):
        op.evaluate(case).gradient([np.ones(2)])
    First.answer = staticmethod(lambda g: needle.make_tuple(g))
    with pytest.raises(Garbage, match="a tuple of 1 for a tuple of 2"):
        op.evaluate(case).gradient([np.ones(2)])
    First.answer = staticmethod(lambda g: needle.make_tuple(g, g))
    assert len(op.evaluate(case).gradient([np.ones(2)])) == 2


def test_index_inputs_stay_arrays_and_get_no_gradient():
    class Rows(TensorOp):
        def __init__(self, index):
            self.index = index

        def compute(self, a):
            return a[self.index]

        def gradient(self, out_grad, node):
            return out_grad

    seen = []

    def rows(a, index):
        seen.append(index)
        return Rows(index)(a)

    case = case_of(a=np.arange(3.0), index=np.array([2, 0, 1]))
    evaluation = operator_from_tensors(rows, ENGINE).evaluate(case)
    assert seen[0] is case.inputs["index"]
    assert [g.kind for g in evaluation.gradient([np.ones(3)])] == ["tensor", "none"]


def test_a_gradient_for_a_constant_made_from_an_index_is_seen():
    class Pick(TensorOp):
        def compute(self, a, index):
            return a[index.astype(int)]

        def gradient(self, out_grad, node):
            return out_grad, out_grad

    def pick(a, index):
        return Pick()(a, Tensor.make_const(index))

    case = case_of(a=np.arange(3.0), index=np.array([2, 0, 1]))
    found = operator_from_tensors(pick, ENGINE).evaluate(case).gradient([np.ones(3)])
    assert [g.kind for g in found] == ["tensor", "tensor"]
