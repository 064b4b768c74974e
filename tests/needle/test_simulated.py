"""Arrays that look like a GPU's: NumPy's numbers, CuPy's refusals."""

import copy

import numpy as np
import pytest

import needle
from needle.backend import array_namespace, device_of, is_array, to_host
from needle.simulated import MISSING, SimulatedArray


def there(values, dtype=float):
    return needle.sim().array(np.array(values, dtype=dtype))


X = [[1.0, 4.0], [9.0, 16.0]]


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: np.sqrt(x) + 2 * x,
        lambda x: np.sum(x, axis=0),
        lambda x: x.sum(),
        lambda x: x @ x.T,
        lambda x: np.concatenate([x, x]),
        lambda x: np.where(x > 3, x, np.zeros_like(x)),
        lambda x: np.linalg.inv(x),
        lambda x: x[::-1, 1],
        lambda x: x[[1, 0, 1]],
        lambda x: x[x > 3],
        lambda x: x.reshape(4).astype(np.float32),
        lambda x: np.add.reduce(x, axis=0),
        lambda x: np.linalg.qr(x).Q,
        lambda x: x.mT,
        lambda x: np.float64(3.0) * x,
    ],
)
def test_numbers_are_those_of_numpy(compute):
    host, found = compute(np.array(X)), compute(there(X))
    assert isinstance(found, SimulatedArray)
    assert found.dtype == host.dtype and found.shape == host.shape
    np.testing.assert_array_equal(to_host(found), host)


@pytest.mark.parametrize(
    "use",
    [
        np.asarray, np.array, float, int, bool, complex, lambda x: [1, 2, 3][x], lambda x: 1 in x,
        lambda x: np.random.random(2) + x, lambda x: x + np.ones(1), lambda x: np.add([1.0], x),
        lambda x: np.ones(1).__iadd__(x), lambda x: np.spacing(x), lambda x: np.insert(x, 0, 1.0),
        lambda x: x.__setitem__(0, np.ones(1)),
        lambda x: np.stack([x, np.ones(1)]), lambda x: np.maximum.reduce(x),
        lambda x: np.sum(x, where=x > 0), lambda x: np.max(x, initial=0.0),
    ],
)  # fmt: skip
def test_what_cupy_refuses_is_refused(use):
    with pytest.raises(TypeError):
        use(there([1.0]))


def test_reductions_stay_on_the_device():
    total = there(X).max()
    assert isinstance(total, SimulatedArray) and total.shape == ()
    assert total.item() == 16.0
    assert isinstance(np.array_equal(there(X), there(X)), SimulatedArray)


def test_positions_wrap_around_and_numbers_do_not():
    x = there([10.0, 11.0, 12.0])
    assert x[[3, -4]].tolist() == [10.0, 12.0]
    with pytest.raises(IndexError):
        x[3]


def test_of_several_values_for_one_place_the_first_wins_and_add_at_adds_all():
    x, y = there([0.0, 0.0]), there([0.0, 0.0])
    x[[0, 0]] = there([1.0, 2.0])
    np.add.at(y, [0, 0], there([1.0, 2.0]))
    assert (x.tolist(), y.tolist()) == ([1.0, 0.0], [3.0, 0.0])


def test_the_namespace_makes_arrays_and_lacks_functions():
    xp = array_namespace(there(X))
    assert isinstance(xp.zeros((2,)), SimulatedArray)
    assert isinstance(xp.asarray(np.ones(2)), SimulatedArray)
    assert isinstance(xp.linalg.inv(there(X)), SimulatedArray)
    assert xp.float32 is np.float32 and xp.pi == np.pi
    with pytest.raises(AttributeError, match="spacing"):
        getattr(xp, "spacing")  # noqa: B009
    with pytest.raises(AttributeError):
        getattr(there(X), "resize")  # noqa: B009


def test_missing_functions_exist_in_numpy():
    for name in MISSING:
        owner = np.linalg if name.startswith("linalg.") else np
        assert hasattr(owner, name.rpartition(".")[2]), name


def test_copies_do_not_share_memory():
    host = np.ones(2)
    x = needle.sim().array(host)
    twin, other = copy.deepcopy(x), x.copy()
    x[0] = 5.0
    assert host[0] == twin.tolist()[0] == other.tolist()[0] == 1.0
    assert x.get() is not x.get()


def test_it_is_a_device_like_the_others():
    assert needle.sim() == needle.sim(0) != needle.cpu()
    assert needle.sim().enabled() and repr(needle.sim()) == "sim()"
    assert device_of(there(X)) == needle.sim() and is_array(there(X))
    assert needle.sim() not in needle.all_devices()


def test_tensors_move_there_and_back_with_their_gradient():
    a = needle.Tensor(X)
    y = (a.to(needle.sim()) * 2.0).to(needle.cpu())
    y.backward()
    assert a.grad.device == needle.cpu()
    np.testing.assert_array_equal(a.grad.numpy(), np.full((2, 2), 2.0))
    with pytest.raises(ValueError, match=r"sim\(\) and cpu\(\)|cpu\(\) and sim\(\)"):
        a.to(needle.sim()) + a
