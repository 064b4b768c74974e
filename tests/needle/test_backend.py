"""Devices: what there is, what is missing, and that operators run wherever their data lives."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import needle as ndl
from needle import backend
from needle.autograd import Tensor

from . import fake_cupy
from .support import CASES, IDS, Case, normal


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two pretended GPUs."""
    backend._usable_cupy.cache_clear()
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy.module())
    yield
    backend._usable_cupy.cache_clear()


def test_the_host() -> None:
    assert ndl.cpu() == ndl.default_device() and ndl.cpu().enabled()
    assert repr(ndl.cpu()) == "cpu()" and hash(ndl.cpu()) == hash(ndl.cpu())
    assert ndl.cpu() != ndl.cuda() and ndl.cuda(1) != ndl.cuda(0) and ndl.cuda(1) == ndl.cuda(1)
    assert repr(ndl.cuda(1)) == "cuda(1)"
    assert len({ndl.cpu(), ndl.cpu(), ndl.cuda(), ndl.cuda(0), ndl.cuda(1)}) == 3


def test_making_arrays() -> None:
    device = ndl.cpu()
    assert device.zeros(2, 3).tolist() == [[0] * 3] * 2 and device.zeros(2).dtype == "float32"
    assert device.ones(2, dtype="int8").tolist() == [1, 1]
    assert device.full((2,), 7.5, dtype="float64").tolist() == [7.5, 7.5]
    assert device.empty((3, 0)).shape == (3, 0)
    assert device.rand(4).min() >= 0 and device.randn(2, 2).shape == (2, 2)
    assert device.one_hot(3, [2, 0]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert device.one_hot(2, np.array([[1]], dtype="float32")).tolist() == [[[0, 1]]]
    assert device.array([1, 2], dtype="float16").dtype == "float16"


def test_without_cupy_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    backend._usable_cupy.cache_clear()
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert not ndl.cuda().enabled()
    assert ndl.all_devices() == [ndl.cpu()]
    with pytest.raises(ndl.DeviceUnavailableError, match=r"CuPy is not installed.*cupy-cuda12x"):
        ndl.cuda().zeros(2)
    with pytest.raises(ndl.DeviceUnavailableError, match="CuPy is not installed"):
        Tensor([1.0], device=ndl.cuda())
    with pytest.raises(ndl.DeviceUnavailableError, match="CuPy is not installed"):
        Tensor([1.0]).to(ndl.cuda())


def test_without_a_gpu_the_error_says_so(gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_cupy, "PRESENT", [])
    assert not ndl.cuda().enabled()
    with pytest.raises(ndl.DeviceUnavailableError, match=r"this GPU cannot be used.*nvidia-smi"):
        ndl.cuda().ones(2)


def test_impossible_gpu_numbers() -> None:
    with pytest.raises(ValueError, match="0 or more, got -1"):
        ndl.cuda(-1)
    with pytest.raises(TypeError, match="an integer, got '0'"):
        ndl.cuda("0")  # type: ignore[arg-type]


def test_all_devices(gpus: None) -> None:
    assert ndl.all_devices() == [ndl.cpu(), ndl.cuda(0), ndl.cuda(1)]


def test_moving_between_devices(gpus: None) -> None:
    x = Tensor([1.0, 2.0])
    y = x.to(ndl.cuda(1))
    assert y.device == ndl.cuda(1) and x.device == ndl.cpu()
    (y * y).sum().backward()
    assert x.grad.device == ndl.cpu() and x.grad.numpy().tolist() == [2, 4]
    assert y.grad.device == ndl.cuda(1)
    assert isinstance(y.numpy(), np.ndarray)
    assert Tensor(y, device=ndl.cpu()).device == ndl.cpu()
    assert Tensor(y.realize_cached_data()).device == ndl.cuda(1)
    assert "device=cuda(1)" in repr(y)


def test_mixing_devices_names_both(gpus: None) -> None:
    here, there = Tensor([1.0]), Tensor([1.0], device=ndl.cuda(0))
    with pytest.raises(ValueError, match=r"EWiseAdd: inputs live on cpu\(\) and cuda\(0\)"):
        here + there
    with pytest.raises(ValueError, match=r"cuda\(0\) and cuda\(1\)"):
        there * there.to(ndl.cuda(1))
    with pytest.raises(ValueError, match=r"out_grad must be on cuda\(0\), got cpu\(\)"):
        (there * 2).backward(here)
    with pytest.raises(ValueError, match=r"MakeTensorTuple: inputs live on"):
        ndl.stack([here, there], 0)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_operators_run_where_their_data_lives(case: Case, gpus: None) -> None:
    v = normal(*np.shape(case.reference(*case.inputs)), seed=42)
    found = []
    for device in (ndl.cpu(), ndl.cuda(1)):
        inputs = [Tensor(a, device=device) for a in case.inputs]
        out = case.ours(*inputs)
        out.backward(Tensor(v, device=device))
        assert {t.device for t in [out, *inputs, *[x.grad for x in inputs]]} == {device}
        found.append([t.numpy() for t in [out, *[x.grad for x in inputs]]])
    for here, there in zip(*found, strict=True):
        np.testing.assert_allclose(there, here, rtol=1e-13)


def test_the_stand_in_is_strict(gpus: None) -> None:
    """The twin of the test above: an operator that brings host arrays along is caught."""

    class Careless(ndl.TensorOp):
        def compute(self, a: Any) -> Any:
            return a + np.ones(a.shape)

    with pytest.raises(TypeError, match="Unsupported type"):
        Careless()(Tensor([1.0], device=ndl.cuda()))


def test_init_is_the_same_on_every_device(gpus: None) -> None:
    for make in (ndl.init.rand, ndl.init.randn, ndl.init.randb, ndl.init.zeros):
        np.random.seed(3)
        here = make(2, 3)
        np.random.seed(3)
        there = make(2, 3, device=ndl.cuda())
        assert there.device == ndl.cuda()
        np.testing.assert_array_equal(here.numpy(), there.numpy())
    labels = Tensor([1, 0], device=ndl.cuda())
    assert ndl.init.one_hot(2, labels).device == ndl.cuda()


def imported_by(code: str) -> set[str]:
    script = f"{code}\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stderr == ""
    return set(done.stdout.splitlines()[-1].split())


def test_importing_needle_imports_only_numpy_and_prints_nothing() -> None:
    heavy = {"scipy", "cupy", "torch", "hypothesis", "rich", "click"}
    code = "import needle; needle.cuda(); needle.ops.conv"
    assert not imported_by(code) & heavy
    assert imported_by("import needle, scipy") & heavy  # the test can fail
