"""The real CuPy, where it is installed: it says that there is no GPU, and lacks what we say."""

import numpy as np
import pytest

import needle
from needle.simulated import METHODS, MISSING, UFUNC_METHODS
from tests.helpers import needle as command

cupy = pytest.importorskip("cupy", reason="CuPy is not installed (pip install cupy-cuda12x)")


def without_a_gpu():
    return not needle.cuda().enabled()


def test_what_the_look_alike_lacks_is_what_cupy_lacks():
    for owner, prefix in ((np, ""), (np.linalg, "linalg.")):
        theirs = cupy.linalg if prefix else cupy
        for name in dir(owner):
            function = getattr(owner, name)
            known = callable(function) and not isinstance(function, type) and name[0] != "_"
            if known and prefix + name in MISSING:
                assert not hasattr(theirs, name), prefix + name


def test_methods_of_the_look_alike_are_methods_of_cupy():
    assert [name for name in METHODS if not hasattr(cupy.ndarray, name)] == []


def supported(ufunc, method):
    """Tell whether CuPy has a method of a ufunc: it says so before it looks at the arguments."""
    try:
        getattr(ufunc, method)(*[None] * {"reduceat": 2, "at": 3}.get(method, 1))
    except NotImplementedError:
        return False
    except Exception:
        return True
    return True


@pytest.mark.parametrize("method", UFUNC_METHODS)
def test_methods_of_ufuncs_are_those_that_cupy_has(method):
    names = [n for n in dir(np) if isinstance(getattr(np, n), np.ufunc) and hasattr(cupy, n)]
    theirs = {n for n in names if isinstance(getattr(cupy, n), cupy.ufunc)}
    assert {n for n in theirs if supported(getattr(cupy, n), method)} == UFUNC_METHODS[method]


@pytest.mark.skipif("not without_a_gpu()", reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
def test_a_missing_gpu_is_one_line_and_exit_code_4(device):
    code, screen, _ = command("check", "ops", "add", "--device", device)
    assert code == 4
    assert "CuPy is installed, but this GPU cannot be used" in screen
    assert screen.count("nothing judged on") == 1 and "Traceback" not in screen


@pytest.mark.skipif("not without_a_gpu()", reason="there is a GPU")
def test_what_another_device_has_judged_is_not_lost():
    code, screen, _ = command(
        "check", "ops", "add", "--device", "cuda", "--device", "sim", "--select", "forward"
    )
    assert code == 4
    assert "1 passed" in screen
