"""Evaluating on another device: layouts survive the way there, mutation is seen from here."""

import numpy as np
import pytest

import needle
from needle.simulated import SimulatedArray
from needle_cli.checking.generation.layouts import LAYOUTS, arrange
from needle_cli.checking.model import OperatorError
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.noise import measured_noise
from needle_cli.checking.point import Subject
from needle_cli.engines.course_shaped import operator_from_tensors
from needle_cli.engines.facade import Engine
from needle_cli.engines.placing import placed
from tests.engines.support import case_of, operator
from tests.samples.coverage import has_layout


class Elsewhere:
    """A device whose arrays are copies on the host: changes are seen only by reading back."""

    def array(self, data):
        assert data.flags.c_contiguous
        return np.array(data)

    def namespace(self):
        return np


@pytest.fixture
def elsewhere(monkeypatch):
    monkeypatch.setattr(needle, "elsewhere", lambda index: Elsewhere(), raising=False)
    return Engine(needle, "elsewhere:0")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 4), (2, 1, 3)])
def test_arrays_keep_their_layout_on_another_device(layout, shape):
    array = np.random.random(shape)
    if layout == "broadcast":
        array = np.array(np.broadcast_to(array[:1], shape))
    if layout in ("F", "transposed") and (len(shape) < 2 or 1 in shape):
        return
    host = arrange(array, layout)
    there = placed(host, Elsewhere())
    assert not np.shares_memory(host, there)
    assert has_layout(there, layout)
    np.testing.assert_array_equal(there, host)


def test_mutation_on_another_device_shows_in_the_case(elsewhere):
    def gradient(op, out_grad, node):
        node.inputs[0].cached_data[...] = 7.0
        node.cached_data[...] = 8.0
        out_grad.cached_data[...] = 9.0
        return out_grad, out_grad

    for chosen in (gradient, None):
        case, cotangent = case_of(a=np.ones(3), b=np.ones(3)), np.ones(3)
        op = operator_from_tensors(operator(chosen), elsewhere)
        evaluation = op.evaluate(case)
        evaluation.gradient([cotangent])
        seen = (case.inputs["a"][0], evaluation.outputs[0][0], cotangent[0], case.inputs["b"][0])
        assert seen == ((7.0, 8.0, 9.0, 1.0) if chosen else (1.0, 3.0, 1.0, 1.0))


def on_sim(function):
    return operator_from_tensors(function, Engine(needle, "sim"))


def test_many_points_are_one_transfer(monkeypatch):
    op = on_sim(lambda a, b: needle.ops.exp(a) * b)
    subject = Subject(op, case_of(a=np.array([0.1, 0.2]), b=np.array([3.0, 4.0])))
    line = Line(subject, [np.array([1.0, -1.0]), np.array([0.5, 1.0])])
    counted, get = [], SimulatedArray.get
    monkeypatch.setattr(SimulatedArray, "get", lambda a: counted.append(1) or get(a))
    measured_noise(line)
    assert len(line.known) > 30
    assert len(counted) == 1
    alone = {t: subject.values(line.leaves(t)) for t in line.known}
    assert all(np.array_equal(line.known[t], alone[t]) for t in alone)
    assert len(counted) > 30


def test_points_where_the_operator_raises_are_lost_alone():
    class Touchy(needle.TensorOp):
        def compute(self, a):
            if float(a.get()[0]) > 1:
                raise ValueError("too large")
            return a * 2

        def gradient(self, out_grad, node):
            return out_grad * 2

    op = on_sim(lambda a: Touchy()(a))
    subject = Subject(op, case_of(a=np.array([0.5])))
    found = subject.values_at([[np.array([x])] for x in (0.25, 2.0, 0.75)])
    np.testing.assert_array_equal(np.concatenate(found), [0.5, np.nan, 1.5])


def test_what_a_device_cannot_take_is_the_operators_doing(monkeypatch):
    class Spoilt(Elsewhere):
        def array(self, data):
            raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(needle, "spoilt", lambda index: Spoilt(), raising=False)
    op = operator_from_tensors(lambda a: a * 2, Engine(needle, "spoilt:0"))
    with pytest.raises(OperatorError, match="the copy to spoilt:0 raised RuntimeError: an illegal"):
        op.evaluate(case_of(a=np.ones(2)))


def test_a_want_of_memory_says_what_to_do():
    class Huge(needle.TensorOp):
        def compute(self, a):
            raise MemoryError("out of memory allocating 80 bytes")

    with pytest.raises(OperatorError, match=r"80 bytes; more memory .* --memory-limit allows"):
        on_sim(lambda a: Huge()(a)).evaluate(case_of(a=np.ones(2)))
