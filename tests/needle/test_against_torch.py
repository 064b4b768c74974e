"""Gradients and gradients of gradients beside PyTorch's, on the same random inputs."""

import numpy as np
import pytest

from needle.autograd import Tensor

from .support import CASES, IDS, Case, normal, tensors

torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


def ours(case: Case, v: np.ndarray, us: list[np.ndarray]) -> list[list[np.ndarray]]:
    """First order: the cotangents of the inputs. Second: those of v and the inputs."""
    inputs, cotangent = tensors(case.inputs), Tensor(v)
    case.ours(*inputs).backward(cotangent)
    first = [x.grad for x in inputs]
    total = Tensor(0.0)
    for g, u in zip(first, us, strict=True):
        total = total + (g * Tensor(u, requires_grad=False)).sum()
    for x in inputs:
        x.grad = None
    total.backward()
    return [
        [g.numpy() for g in first],
        [np.zeros(x.shape) if x.grad is None else x.grad.numpy() for x in [cotangent, *inputs]],
    ]


def theirs(case: Case, v: np.ndarray, us: list[np.ndarray]) -> list[list[np.ndarray]]:
    inputs = [torch.tensor(a, requires_grad=True) for a in case.inputs]
    cotangent = torch.tensor(v, requires_grad=True)
    out = case.torch(*inputs)
    first = torch.autograd.grad(out, inputs, cotangent, create_graph=True, materialize_grads=True)
    total = 0 * cotangent.sum()  # part of the graph even where the gradient is constant
    for g, u in zip(first, us, strict=True):
        total = total + (g * torch.tensor(u)).sum()
    second = torch.autograd.grad(total, [cotangent, *inputs], materialize_grads=True)
    return [[g.detach().numpy() for g in grads] for grads in (first, second)]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_same_gradients_as_torch(case: Case) -> None:
    v = normal(*np.shape(case.reference(*case.inputs)), seed=99)
    us = [normal(*a.shape, seed=100 + i) for i, a in enumerate(case.inputs)]
    for mine, other in zip(ours(case, v, us), theirs(case, v, us), strict=True):
        for got, wanted in zip(mine, other, strict=True):
            assert got.shape == wanted.shape
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-11)


def test_the_comparison_can_fail() -> None:
    case = next(c for c in CASES if c.name == "multiply(3, 4)(4,)")
    wrong = Case(case.name, lambda a, b: a + b, case.inputs, case.reference, case.torch)
    v, us = normal(3, 4), [normal(3, 4), normal(4)]
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(ours(wrong, v, us)[0][0], theirs(case, v, us)[0][0], rtol=1e-9)
