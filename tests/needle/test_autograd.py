"""The graph: history, the walk back, modes, memory, threads."""

import copy
import gc
import pickle
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import needle as ndl
from needle import autograd
from needle.autograd import Op, Tensor, TensorOp, TensorTuple, Value


class Square(TensorOp):
    def compute(self, a: Any) -> Any:
        return a * a

    def gradient(self, out_grad: Any, node: Any) -> Any:
        return out_grad * node.inputs[0] * 2


@pytest.fixture(autouse=True)
def no_value_is_left_behind() -> Any:
    gc.collect()
    before = autograd.TENSOR_COUNTER
    yield
    gc.collect()
    assert before == autograd.TENSOR_COUNTER


def test_gradient_as_tuple_always_gives_a_tuple() -> None:
    class As(Op):
        def __init__(self, answer: Any) -> None:
            self.answer = answer

        def gradient(self, out_grad: Any, node: Any) -> Any:
            return self.answer

    x = Tensor([1.0])
    assert As(x).gradient_as_tuple(x, x) == (x,)
    assert As([x, None]).gradient_as_tuple(x, x) == (x, None)
    assert As((x,)).gradient_as_tuple(x, x) == (x,)
    assert As(None).gradient_as_tuple(x, x) == (None,)


def test_results_of_constants_have_no_history() -> None:
    x = Tensor([1.0], requires_grad=False)
    assert (x * x).is_leaf() and not (x * x).requires_grad
    y = Tensor([1.0])
    assert not (y * x).is_leaf() and (y * x).requires_grad
    assert y.detach().is_leaf() and not y.detach().requires_grad
    with ndl.lazy_mode():
        z = x * x
        z.numpy()
        assert z.is_leaf() and z.inputs == ()


def test_detach_shares_storage() -> None:
    x = Tensor([1.0, 2.0])
    assert x.detach().realize_cached_data() is x.realize_cached_data()
    assert x.data.realize_cached_data() is x.realize_cached_data()
    assert Tensor(x).realize_cached_data() is x.realize_cached_data()


def test_topological_order_is_post_order() -> None:
    a, b = Tensor([[0.5]]), Tensor([[2.0]])
    c = 3 * a * a + 4 * b * a - a
    order = autograd.find_topo_sort([c])
    assert [v.numpy().item() for v in order] == [0.5, 1.5, 0.75, 2.0, 8.0, 4.0, 4.75, -0.5, 4.25]
    place = {v: i for i, v in enumerate(order)}
    assert all(place[i] < place[v] for v in order for i in v.inputs)


def test_paths_add_up() -> None:
    x = Tensor([3.0])
    (x * x * x + x).backward()
    assert x.grad.numpy() == [28]
    ndl.divide(x, x).backward()
    assert x.grad.numpy() == [0]


def test_backward_replaces_the_gradient_of_the_last_walk() -> None:
    x, other = Tensor([3.0]), Tensor([1.0])
    (x * other).backward()
    (x * 2).backward()
    assert x.grad.numpy() == [2]
    assert other.grad.numpy() == [3]


def test_gradient_of_gradient_on_integers_as_in_the_course() -> None:
    x2, x3 = Tensor([6]), Tensor([0])
    y = x2 * x2 + x2 * x3
    y.backward()
    grad_x2, grad_x3 = x2.grad, x3.grad
    grad_x2.backward()
    assert [grad_x2.item(), grad_x3.item(), x2.grad.item(), x3.grad.item()] == [12, 6, 2, 1]


def test_accumulating_leaves_the_parts_alone() -> None:
    given = Tensor([1.0, 1.0])
    x = Tensor([1.0, 2.0])
    (x + x + x).backward(given)
    np.testing.assert_array_equal(given.numpy(), [1, 1])
    np.testing.assert_array_equal(x.grad.numpy(), [3, 3])


def test_values_in_the_middle_get_gradients_too() -> None:
    x = Tensor([3.0])
    middle = x * x
    y = middle * middle
    y.backward()
    assert middle.grad.numpy() == [18]
    assert y.grad.numpy() == [1]
    middle.grad.backward()  # 2 m
    assert middle.grad.numpy() == [2]


def test_the_gradient_in_the_middle_outlives_the_result() -> None:
    x = Tensor([3.0])
    middle = x * x
    (middle * middle).backward()
    x.grad = None
    assert middle.grad.numpy() == [18]
    middle.grad.backward()  # 2 m = 2 x^2
    assert middle.grad.numpy() == [2] and x.grad.numpy() == [12]


def test_none_for_an_input_without_derivative() -> None:
    class Scale(TensorOp):
        def compute(self, a: Any, by: Any) -> Any:
            return a * by

        def gradient(self, out_grad: Any, node: Any) -> Any:
            return [out_grad * node.inputs[1], None]

    x, by = Tensor([2.0]), Tensor([5.0])
    by.grad = Tensor([7.0])
    Scale()(x, by).backward()
    assert x.grad.numpy() == [5]
    assert by.grad is None  # and not that of an earlier walk


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (lambda g: (g, g), ValueError, "1 values, one per input, got 2"),
        (lambda g: g.numpy(), TypeError, "Tensor, TensorTuple or None, got ndarray"),
        (lambda g: g.sum(), ValueError, r"of shape \(2,\), got \(\)"),
    ],
)
def test_a_wrong_gradient_is_refused(answer: Any, error: type[Exception], says: str) -> None:
    class Wrong(Square):
        def gradient(self, out_grad: Any, node: Any) -> Any:
            return answer(out_grad)

    with pytest.raises(error, match=f"Wrong.gradient.*{says}"):
        Wrong()(Tensor([1.0, 2.0])).backward()


@pytest.mark.parametrize(
    ("result", "error"), [("text", TypeError), (np.array([1j]), TypeError), (None, TypeError)]
)
def test_a_wrong_result_is_refused(result: Any, error: type[Exception]) -> None:
    class Wrong(Square):
        def compute(self, a: Any) -> Any:
            return result

    with pytest.raises(error, match="Wrong"):
        Wrong()(Tensor([1.0]))


def test_an_operator_may_reduce_to_a_numpy_scalar() -> None:
    class Total(Square):
        def compute(self, a: Any) -> Any:
            return np.sum(a)

    assert Total()(Tensor(np.ones(3, "float32"))).dtype == "float32"


def test_out_grad_is_checked() -> None:
    y = Tensor([1.0, 2.0]) * 2
    with pytest.raises(ValueError, match="out_grad must be of shape"):
        y.backward(Tensor([1.0]))
    with pytest.raises(TypeError, match="out_grad must be a Tensor"):
        y.backward(np.ones(2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="depends on none"):
        Tensor([1.0], requires_grad=False).backward()
    with pytest.raises(TypeError, match="out_grad must be int64"):
        (Tensor([1, 2]) * 2).backward(Tensor([0.5, 0.5]))


def test_a_leaf_is_its_own_gradient_target() -> None:
    x = Tensor([1.0, 2.0])
    x.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1, 1])


def test_integer_inputs_that_want_a_gradient_are_refused() -> None:
    x = Tensor([1.0, 2.0])
    other = Tensor([1, 2])
    with pytest.raises(TypeError, match="requires_grad=False"):
        (x * other).sum().backward()
    assert x.grad is None
    for constant in (Tensor(other, requires_grad=False), Tensor([True, False])):
        (x * constant).sum().backward()
        assert x.grad.dtype == np.float64 and constant.grad is None
    with pytest.raises(TypeError, match="bool"):
        (Tensor.make_const(np.ones(2, bool), requires_grad=True) * 2).backward()


class TestReplacedData:
    def test_storage_is_replaced(self) -> None:
        x, y = Tensor([1.0]), Tensor([2.0])
        x.data = y
        assert x.numpy() == [2]
        with pytest.raises(TypeError, match="new dtype must be float64, got float32"):
            x.data = Tensor([1.0], dtype="float32")
        with pytest.raises(TypeError, match="a Tensor, got ndarray"):
            x.data = np.ones(1)  # type: ignore[assignment]

    def test_a_walk_through_an_old_graph_is_refused(self) -> None:
        x = Tensor([3.0])
        y = x * x
        x.data = Tensor([100.0])
        with pytest.raises(ValueError, match="was replaced after EWiseMul"):
            y.backward()
        (x * x).backward()
        assert x.grad.numpy() == [200]

    def test_a_result_whose_own_data_was_replaced_is_refused(self) -> None:
        y = ndl.exp(Tensor([1.0]))
        y.data = Tensor([5.0])
        with pytest.raises(ValueError, match="data of Exp"):
            y.backward()

    def test_deferred_results_use_the_data_they_were_built_on(self) -> None:
        x = Tensor([3.0])
        with ndl.lazy_mode():
            y = x * 2
            x.data = Tensor([100.0])
            assert y.numpy() == [6]

    def test_deferred_results_use_the_deferred_data_they_were_built_on(self) -> None:
        x = Tensor([3.0])
        with ndl.lazy_mode():
            middle = x * 2
            y = middle + 1
            middle.data = Tensor([100.0])
            assert y.numpy() == [7] and middle.numpy() == [100]
            with pytest.raises(ValueError, match="was replaced after"):
                y.backward()

    def test_data_that_backward_released_is_not_computed_from_other_data(self) -> None:
        x = Tensor([3.0])
        hidden = ndl.exp(x)
        y = hidden * hidden
        del hidden
        y.backward()
        assert y.inputs[0].numpy() == np.exp([3.0])
        y.backward()
        x.data = Tensor([100.0])
        with pytest.raises(ValueError, match="was replaced before"):
            y.inputs[0].inputs[0].numpy()

    def test_a_gradient_is_differentiated_before_the_data_is_replaced(self) -> None:
        x = Tensor([3.0])
        (x * x * x).backward()
        first = x.grad
        x.data = Tensor([100.0])
        with pytest.raises(ValueError, match="or differentiate it, and its gradients, before"):
            first.backward()


class TestModes:
    def test_assignment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert ndl.autograd.LAZY_MODE is False
        monkeypatch.setattr(ndl.autograd, "LAZY_MODE", True)
        y = Tensor([1.0]) + 1
        assert y.cached_data is None
        with ndl.lazy_mode(False):
            assert (Tensor([1.0]) + 1).cached_data is not None
        assert y.numpy() == [2]

    def test_only_this_thread_is_lazy(self) -> None:
        seen = []
        with ndl.lazy_mode():
            worker = threading.Thread(target=lambda: seen.append(autograd.is_lazy()))
            worker.start()
            worker.join()
            assert autograd.is_lazy()
        assert seen == [False] and not autograd.is_lazy()

    def test_mode_ends_with_an_error(self) -> None:
        with pytest.raises(KeyError), ndl.lazy_mode():
            raise KeyError
        assert not autograd.is_lazy()

    def test_each_value_is_computed_once(self) -> None:
        calls = []

        class Counted(Square):
            def compute(self, a: Any) -> Any:
                calls.append(1)
                return a * a

        with ndl.lazy_mode():
            y = Counted()(Tensor([2.0]))
            z = y + y
            assert not calls
            z.numpy(), y.numpy(), z.shape
        assert len(calls) == 1

    def test_a_wide_shared_graph_is_computed_in_linear_time(self) -> None:
        with ndl.lazy_mode():
            x = Tensor([1.0])
            for _ in range(60):
                x = x * 0.5 + x * 0.5
            assert x.numpy() == [1]


class TestMemory:
    @pytest.mark.parametrize("lazy", [False, True])
    def test_a_chain_of_40_000(self, lazy: bool) -> None:
        before = autograd.TENSOR_COUNTER
        gc.disable()
        try:
            with ndl.lazy_mode(lazy):
                x = Tensor([1.0, 2.0])
                y = x
                for _ in range(20_000):
                    y = (y + 1e-6) * 1.0
                y.backward()
                np.testing.assert_array_equal(x.grad.numpy(), [1, 1])
            del y
            assert autograd.TENSOR_COUNTER - before == 2  # x and its gradient
        finally:
            gc.enable()

    @pytest.mark.parametrize("lazy", [False, True])
    def test_a_chain_without_gradient(self, lazy: bool) -> None:
        with ndl.lazy_mode(lazy):
            y = Tensor([1.0], requires_grad=False)
            for _ in range(40_000):
                y = y + 1.0
            assert y.numpy() == [40_001]

    def test_a_chain_of_gradients(self) -> None:
        x = Tensor([0.5])
        y = x
        for _ in range(4_000):
            y = y * y * 0.5 + 0.3
        y.backward()
        x.grad.backward()
        assert np.isfinite(x.grad.numpy()).all()

    def test_a_tuple_of_many_members_costs_linear_memory(self) -> None:
        x = Tensor(np.ones((2_000, 1)))
        members = ndl.split(x, 0).tuple()
        y = members[0]
        for member in members[1:]:
            y = y + member
        y.backward()
        assert autograd.TENSOR_COUNTER < 50_000
        np.testing.assert_array_equal(x.grad.numpy(), np.ones((2_000, 1)))

    def test_values_die_with_their_last_reference(self) -> None:
        gc.disable()
        try:
            x = Tensor([1.0])
            y = ndl.exp(x * x)
            died = weakref.ref(y)
            y.backward()
            del y
            assert died() is None or x.grad is not None
            x.grad = None
            assert died() is None
        finally:
            gc.enable()

    def test_a_loop_that_detaches_is_flat_without_the_collector(self) -> None:
        w = Tensor(np.ones((3, 3)) / 3)
        x = Tensor(np.ones((2, 3)), requires_grad=False)
        counts = []
        gc.disable()
        try:
            for _ in range(5):
                loss = ndl.tanh(ndl.exp(x @ w) / 7).sum()
                loss.backward()
                w.data = w.data - 0.1 * w.grad.data
                counts.append(autograd.TENSOR_COUNTER)
        finally:
            gc.enable()
        assert len(set(counts)) == 1

    def test_a_loop_that_keeps_its_history_grows(self) -> None:
        w = Tensor([1.0])
        before = autograd.TENSOR_COUNTER
        for _ in range(5):
            w = w * 0.5
        assert autograd.TENSOR_COUNTER - before == 5

    def test_counter_under_threads(self) -> None:
        before = autograd.TENSOR_COUNTER

        def work() -> None:
            for _ in range(2_000):
                x = Tensor(1.0)
                (x * 2 + 1).backward()

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        del workers
        gc.collect()
        assert before == autograd.TENSOR_COUNTER

    def test_a_failing_operator_leaves_no_value(self) -> None:
        before = autograd.TENSOR_COUNTER
        a, b = Tensor(np.ones(2)), Tensor(np.ones(3))
        with pytest.raises(ValueError, match="add"):
            a + b
        gc.collect()
        assert before + 2 == autograd.TENSOR_COUNTER


def test_values_are_built_past_the_constructor() -> None:
    class Parameter(Tensor):
        def __init__(self, array: Any) -> None:
            super().__init__(array)
            self.made_by_hand = True

    p = Parameter([1.0, 2.0])
    y = p * 2
    assert type(y) is Tensor
    y.sum().backward()
    np.testing.assert_array_equal(p.grad.numpy(), [2, 2])
    assert not hasattr(Parameter.make_const(np.ones(2)), "made_by_hand")


class TestCopies:
    @pytest.mark.parametrize(
        "duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
    )
    def test_leaves(self, duplicate: Any) -> None:
        before = autograd.TENSOR_COUNTER
        x = Tensor([1.0, 2.0], dtype="float32")
        (x * x).backward()
        x.grad = None
        y = duplicate(x)
        assert before + 2 == autograd.TENSOR_COUNTER
        assert (y.numpy().tolist(), y.dtype, y.requires_grad) == ([1, 2], "float32", True)
        y.data = Tensor([5.0, 5.0], dtype="float32")
        assert x.numpy().tolist() == [1, 2]
        (y * y).backward()
        assert y.grad.numpy().tolist() == [10, 10] and x.grad is None
        y.grad = None
        del y
        assert before + 1 == autograd.TENSOR_COUNTER

    def test_history_is_not_lost_silently(self) -> None:
        with pytest.raises(TypeError, match="a leaf: call detach"):
            copy.deepcopy(Tensor([1.0]) * 2)


class TestTuples:
    def test_surface(self) -> None:
        a, b = Tensor([1.0]), Tensor([2.0])
        pair = ndl.make_tuple(a, b)
        assert isinstance(pair, TensorTuple) and isinstance(pair, Value)
        assert len(pair) == 2 and [m.item() for m in pair] == [1, 2]
        assert pair[1].item() == pair[-1].item() == 2
        assert [m.item() for m in pair.tuple()] == [1, 2]
        assert [m.item() for m in pair + pair] == [2, 4]
        assert pair.detach().is_leaf() and not pair.detach().requires_grad
        assert "TensorTuple(" in repr(pair)

    def test_refusals(self) -> None:
        pair = ndl.make_tuple(Tensor([1.0]), Tensor([2.0]))
        with pytest.raises(IndexError, match=r"index must be in \[-2, 2\), got 2"):
            pair[2]
        with pytest.raises(ValueError, match="of length 2, got 1"):
            pair + ndl.make_tuple(Tensor([1.0]))
        with pytest.raises(TypeError, match="a Tensor, got TensorTuple"):
            ndl.make_tuple(pair)
        with pytest.raises(TypeError):
            pair + 1  # type: ignore[operator]
        with pytest.raises(TypeError, match="a Tensor, got TensorTuple"):
            ndl.exp(pair)  # type: ignore[arg-type]

    def test_integers_and_floats_side_by_side(self) -> None:
        x, n = Tensor([1.0]), Tensor([3])
        ndl.make_tuple(x, n)[0].backward()
        assert x.grad.numpy() == [1] and n.grad.dtype == np.int64
