"""Evaluating on another device: layouts survive the way there, mutation is seen from here."""

import numpy as np
import pytest

import needle
from needle_cli.checking.cases.layouts import LAYOUTS, arrange, has_layout
from needle_cli.engine import operator_from_tensors
from needle_cli.engine_facade import Engine
from needle_cli.engine_placing import placed
from tests.cli.engine_support import case_of, operator


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
