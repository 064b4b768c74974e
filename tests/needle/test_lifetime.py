"""What stays alive: data that gradients read until they have read it, and no cycles."""

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import needle as ndl
from needle import autograd
from needle.autograd import Tensor
from needle.node import Node

from .support import CASES, IDS, Case, normal, tensors


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def computed_again(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The operators of released data that is computed again."""
    found: list[Any] = []
    store = Node._store

    def noted(node: Node, data: Any) -> None:
        if node.facts is not None:
            found.append(node.op)
        store(node, data)

    monkeypatch.setattr(Node, "_store", noted)
    return found


@pytest.mark.usefixtures("without_collector")
def test_new_leaves_in_every_step_leave_nothing_behind() -> None:
    """The loop of the course's first homework."""
    x = Tensor(np.ones((5, 3), dtype="float32"), requires_grad=False)
    w = Tensor(np.ones((3, 3), dtype="float32"))
    counts = []
    for _ in range(5):
        ndl.relu(ndl.tanh(x @ w) * 0.5).sum().backward()
        w = Tensor(w.numpy() - 0.1 * w.grad.numpy())
        counts.append(autograd.TENSOR_COUNTER)
    assert len(set(counts)) == 1


@pytest.mark.usefixtures("without_collector")
def test_a_gradient_and_its_leaf_are_no_cycle() -> None:
    before = autograd.TENSOR_COUNTER
    x = Tensor([2.0])
    y = x * x * x
    y.backward()
    x.grad.backward()
    assert x.grad.numpy() == [12]
    y.backward(create_graph=True)
    x.grad.backward()
    assert x.grad.numpy() == [12]
    del x, y
    assert before == autograd.TENSOR_COUNTER


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_operators_declare_all_that_their_gradients_read(
    case: Case, computed_again: list[Any]
) -> None:
    if "pick" in case.name:
        pytest.skip("two operators")
    inputs = [x * 1.0 for x in tensors(case.inputs)]
    out = case.ours(*inputs)
    v = Tensor(normal(*out.shape))
    del inputs
    out.backward(v)
    assert not [op for op in computed_again if not op.made_again]


def test_what_is_not_declared_is_computed_again(computed_again: list[Any]) -> None:
    class Forgetful(ndl.TensorOp):
        reads_inputs = False

        def compute(self, a: Any) -> Any:
            return a * a

        def gradient(self, out_grad: Any, node: Any) -> Any:
            return out_grad * node.inputs[0] * 2

    x = Tensor([3.0])
    Forgetful()(x * 2).backward()
    assert x.grad.numpy() == [24]
    assert [type(op) for op in computed_again] == [ndl.MulScalar]


def test_a_second_pass_finds_what_the_first_released(computed_again: list[Any]) -> None:
    x = Tensor([3.0])
    y = ndl.exp(ndl.log(x * x) * 2.0)
    gradients = []
    for _ in range(3):
        y.backward()
        gradients.append(x.grad.item())
    assert gradients[0] == pytest.approx(4 * 27) and len(set(gradients)) == 1
    again = len(computed_again)
    assert again > 0
    y.backward()
    assert len(computed_again) == again  # computed again once, and kept


def test_results_of_other_peoples_operators_are_kept(computed_again: list[Any]) -> None:
    class Noisy(ndl.TensorOp):
        def compute(self, a: Any) -> Any:
            return a * np.random.random(a.shape)

        def gradient(self, out_grad: Any, node: Any) -> Any:
            return out_grad * node / node.inputs[0]

    x = Tensor([3.0, 4.0])
    y = Noisy()(x * 2).sum()
    y.backward()
    first = x.grad.numpy()
    y.backward()
    np.testing.assert_array_equal(first, x.grad.numpy())
    assert Noisy not in [type(op) for op in computed_again]


@pytest.mark.parametrize("wanted", [True, False, None])
def test_create_graph(wanted: bool | None) -> None:
    x = Tensor([3.0])
    y = x * x * x
    y.backward(create_graph=wanted)
    first = x.grad
    assert first.numpy() == [27] and first.requires_grad
    if wanted is False:
        with pytest.raises(ValueError, match="with create_graph=False has no history"):
            (first * 2).backward()
    else:
        (first * 2).backward()
        assert x.grad.numpy() == [36]


def test_gradients_that_depend_on_nothing_have_no_history() -> None:
    x = Tensor([3.0])
    (x * 2).backward()
    assert not x.grad.requires_grad
    with pytest.raises(ValueError, match="depends on none"):
        x.grad.backward()


class TestNoGrad:
    def test_results_are_constants(self) -> None:
        x = Tensor([3.0])
        with ndl.no_grad():
            y = x * x
            with ndl.lazy_mode():
                z = y + x
        assert y.is_leaf() and not y.requires_grad and not z.requires_grad
        assert z.numpy() == [12] and z.is_leaf()
        assert (x * x).requires_grad

    def test_a_function(self) -> None:
        @ndl.no_grad()
        def twice(x: Tensor) -> Tensor:
            return x * 2

        assert not twice(Tensor([1.0])).requires_grad

    def test_it_ends_with_an_error(self) -> None:
        with pytest.raises(KeyError), ndl.no_grad():
            raise KeyError
        assert (Tensor([1.0]) * 2).requires_grad

    def test_the_history_of_a_gradient_is_made_outside(self) -> None:
        x = Tensor([3.0])
        (x * x * x).backward()
        with ndl.no_grad():
            constant = x.grad * 1.0
        assert not constant.requires_grad and constant.numpy() == [27]
