"""Random programs of several operators: modes agree bit for bit, and PyTorch agrees."""

from typing import Any

import numpy as np
import pytest

import needle as ndl
from needle.autograd import Tensor

SEEDS = range(40)

OURS: dict[str, Any] = {
    "tanh": ndl.tanh,
    "exp": ndl.exp,
    "log": ndl.log,
    "relu": ndl.relu,
    "transpose": ndl.transpose,
    "flip": lambda a: ndl.flip(a, 1),
    "sum": lambda a: a.sum(0, keepdims=True),
    "logsumexp": lambda a: ndl.logsumexp(a, 1, True),
    "pick": lambda a, b: ndl.split(ndl.stack([a, b], 0), 0)[1],
}


def torch_or_skip() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is missing: nothing to compare with")


def theirs() -> dict[str, Any]:
    torch = torch_or_skip()
    return {
        "tanh": torch.tanh,
        "exp": torch.exp,
        "log": torch.log,
        "relu": torch.relu,
        "transpose": lambda a: a.transpose(-1, -2),
        "flip": lambda a: a.flip(1),
        "sum": lambda a: a.sum(0, keepdim=True),
        "logsumexp": lambda a: a.logsumexp(1, True),
        "pick": lambda a, b: torch.stack([a, b], 0).unbind(0)[1],
    }


STEPS: list[Any] = [
    lambda f, a, b: a + b,
    lambda f, a, b: a * b,
    lambda f, a, b: a - b,
    lambda f, a, b: a / (b * b + 1.5),
    lambda f, a, b: f["exp"](f["tanh"](a)),
    lambda f, a, b: (a @ f["transpose"](b) @ b) * 0.1,
    lambda f, a, b: f["sum"](a) * 0.2 + b,
    lambda f, a, b: f["logsumexp"](a) - b,
    lambda f, a, b: f["pick"](a, b) * a,
    lambda f, a, b: f["flip"](a) * b,
    lambda f, a, b: f["log"](a * a + 1.2),
    lambda f, a, b: (a * a + 0.5) ** (b * 0.3),
    lambda f, a, b: f["relu"](a) + (2 - b),
]


def program(seed: int, leaves: list[Any], f: dict[str, Any]) -> Any:
    """Up to thirteen random steps on random earlier values, most of them used several times."""
    rng, pool = np.random.default_rng(seed), list(leaves)
    for _ in range(rng.integers(3, 14)):
        step, a, b = rng.integers(len(STEPS)), rng.integers(len(pool)), rng.integers(len(pool))
        pool.append(f["tanh"](STEPS[step](f, pool[a], pool[b])))
    return sum((value * 0.3 for value in pool[-4:-1]), start=pool[-1])


def arrays(seed: int) -> list[np.ndarray]:
    """Three inputs, a cotangent, and three cotangents of the gradients."""
    rng = np.random.default_rng([seed, 1])
    return [rng.standard_normal((3, 4)) for _ in range(7)]


def derivatives(seed: int) -> list[np.ndarray]:
    """The value, its gradients, and the gradients of a sum of those."""
    *inputs, v = [Tensor(a) for a in arrays(seed)[:4]]
    out = program(seed, inputs, OURS)
    out.backward(v)
    first = [x.grad for x in inputs]
    second = v.sum() * 0.0
    for g, u in zip(first, arrays(seed)[4:], strict=True):
        if g is not None:
            second = second + (g * u).sum()
    for x in inputs:
        x.grad = None
    second.backward()
    found = [out, *first, v.grad, *[x.grad for x in inputs]]
    return [np.zeros((3, 4)) if t is None else t.numpy() for t in found]


@pytest.mark.parametrize("seed", SEEDS)
def test_lazy_is_eager_bit_for_bit(seed: int) -> None:
    eager = derivatives(seed)
    with ndl.lazy_mode():
        lazy = derivatives(seed)
    assert [a.tobytes() for a in eager] == [a.tobytes() for a in lazy]


@pytest.mark.parametrize("seed", SEEDS)
def test_torch_agrees_to_second_order(seed: int) -> None:
    torch = torch_or_skip()
    *inputs, v = [torch.tensor(a, requires_grad=True) for a in arrays(seed)[:4]]
    out = program(seed, inputs, theirs())
    first = torch.autograd.grad(out, inputs, v, create_graph=True, materialize_grads=True)
    total = 0 * v.sum()
    for g, u in zip(first, arrays(seed)[4:], strict=True):
        total = total + (g * torch.tensor(u)).sum()
    second = torch.autograd.grad(total, [v, *inputs], materialize_grads=True)
    wanted = [t.detach().numpy() for t in (out, *first, *second)]
    for got, exact in zip(derivatives(seed), wanted, strict=True):
        scale = np.abs(exact).max(initial=1)
        np.testing.assert_allclose(got, exact, rtol=1e-11, atol=1e-11 * scale)


def test_programs_do_differ() -> None:
    assert len({derivatives(seed)[0].tobytes() for seed in SEEDS}) == len(SEEDS)
