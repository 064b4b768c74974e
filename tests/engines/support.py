"""Operators made up for the tests of the adapter."""

import numpy as np

import needle
from needle.autograd import Tensor, TensorOp
from needle_cli.checking.model import Case
from needle_cli.engines.course_shaped import operator_from_tensors
from needle_cli.engines.facade import Engine

ENGINE = Engine(needle)


def case_of(params=None, **inputs):
    judged = frozenset(
        n for n, v in inputs.items() if (v[0] if isinstance(v, tuple) else v).dtype.kind == "f"
    )
    return Case(inputs, params or {}, judged, frozenset(inputs) - judged)


def operator(gradient=None, compute=None):
    """Return the function of an operator y = 3 a b with a chosen `gradient(op, out_grad, node)`."""

    class Product(TensorOp):
        def compute(self, a, b):
            return compute(a, b) if compute else 3.0 * a * b

        def gradient(self, out_grad, node):
            if gradient is not None:
                return gradient(self, out_grad, node)
            a, b = node.inputs
            return 3.0 * out_grad * b, 3.0 * out_grad * a

    return lambda a, b: Product()(a, b)


def tried(function, case=None):
    case = case or case_of(a=np.arange(1.0, 4.0), b=np.full(3, 2.0))
    return operator_from_tensors(function, ENGINE).evaluate(case)


def spoilt():
    """Return a tensor whose data was replaced behind the engine's back."""
    tensor = Tensor(np.ones(3))
    tensor.cached_data = "text"
    return tensor


def returned(gradient):
    return tried(operator(gradient)).gradient([np.ones(3)])
