"""Dotted names: what may be referred to, and what is refused with which words."""

from __future__ import annotations

import operator
import sys
import types

import numpy
import pytest
import scipy

from needle_cli import references
from needle_cli.specs.names import NameRefused, Resolver

ALLOWED = {
    "numpy:log": numpy.log,
    "numpy:sum": numpy.sum,
    "numpy:logaddexp.reduce": numpy.logaddexp.reduce,
    "numpy:linalg.norm": numpy.linalg.norm,
    "numpy.linalg:cholesky": numpy.linalg.cholesky,
    "operator:getitem": operator.getitem,
    "scipy.fft:fft": scipy.fft.fft,
    "scipy.special:sph_harm_y": scipy.special.sph_harm_y,
    "numpy:eye": numpy.eye,
    "needle_cli.references:relu": references.relu,
}

REFUSED = {
    "os:system": "not allowed",
    "builtins:eval": "not allowed",
    "subprocess:run": "not allowed",
    "numpy:os.system": 'has no "os"',
    "numpy.lib:_datasource.os.system": "not allowed",
    "numpy.lib._datasource:os.system": "not allowed",
    "numpy.lib.stride_tricks:np.exp": "",
    "numpy.testing:runstring": "not allowed",
    "numpy.f2py:compile": "not allowed",
    "numpy.ctypeslib:load_library": "not allowed",
    "numpy:testing.measure": "through an attribute",
    "numpy:load": "not a function of arrays",
    "numpy:fromfile": "not a function of arrays",
    "numpy:test": "not a function of arrays",
    "numpy.linalg:test": "not a function of arrays",
    "scipy.special:test": "not a function of arrays",
    "scipy.stats:norm": "not a function of arrays",
    "scipy.fft:set_workers": "not a function of arrays",
    "numpy:copyto": "not a function of arrays",
    "operator:iadd": "not a function of arrays",
    "numpy:linalg.linalg.os": "",
    "numpy:exp.__class__": "is private",
    "numpy:__builtins__.eval": "private",
    "numpy:_core.multiarray.fromfile": "private",
    "numpy:float64": "is not a function",
    "numpy:pi": "is not a function",
    "numpy:ndarray.tofile": "reaches into",
    "numpy:sum.__globals__": "is private",
    "scipy.special:np.exp": "",
    "scipy._lib:doccer": "not allowed",
    "scipy.linalg:decomp.os": "",
    "operator:attrgetter": "is not a function",
    "operator:call": "not a function of arrays",
    "needle_cli.references:itertools.chain": "through an attribute",
    "needle_cli.references:np.exp": "through an attribute",
    "needle_cli.specs:load_spec": "not allowed",
    "needle_cli.checking.generation.sampling.os:system": "not allowed",
    "needle.nothing:f": "there is no module",
    "needle._private:f": "private",
    "numpy:lgo": "did you mean log",
    "numpy": "is not a dotted name",
    "numpy:": "is not a dotted name",
    ":log": "is not a dotted name",
    "numpy:log:exp": "is not a dotted name",
    "numpy:log()": "is not a dotted name",
    "numpy:log\n": "is not a dotted name",
    "../numpy:log": "is not a dotted name",
}


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(name: str) -> None:
    found = Resolver().resolve(name)
    assert found is ALLOWED[name] or found == ALLOWED[name]


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(NameRefused) as caught:
        Resolver().resolve(name)
    text = caught.value.message + " did you mean " + caught.value.near
    assert REFUSED[name] in text


def test_a_trusted_module_may_be_named() -> None:
    with pytest.raises(NameRefused):
        Resolver().resolve("math:prod")
    assert Resolver(trust=("math",)).resolve("math:prod")([2, 3]) == 6


def test_trust_is_for_that_module_and_its_parts_alone() -> None:
    with pytest.raises(NameRefused):
        Resolver(trust=("mat",)).resolve("math:prod")
    with pytest.raises(NameRefused):
        Resolver(trust=("math.x",)).resolve("math:prod")


def test_a_broken_trusted_module_is_a_refusal() -> None:
    with pytest.raises(NameRefused, match="there is no module"):
        Resolver(trust=("no_such_module",)).resolve("no_such_module:f")


@pytest.fixture
def user_file() -> types.ModuleType:
    module = types.ModuleType("my_ops")
    exec("import os\nfrom os import system\ndef ref_fn(a): return a\nlimit = 3\n", module.__dict__)
    return module


def test_the_checked_file_may_be_named(user_file: types.ModuleType) -> None:
    assert Resolver(module=user_file).resolve("my_ops:ref_fn")(2) == 2
    with pytest.raises(NameRefused):
        Resolver().resolve("my_ops:ref_fn")


@pytest.mark.parametrize("name", ["my_ops:os.system", "my_ops:system", "my_ops:limit", "my_ops:os"])
def test_what_the_checked_file_imports_may_not(user_file: types.ModuleType, name: str) -> None:
    with pytest.raises(NameRefused):
        Resolver(module=user_file).resolve(name)


def test_scipy_may_be_named_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Resolver().resolve("scipy.special:erf")(0.0) == 0.0
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(NameRefused, match="SciPy is not installed") as caught:
        Resolver().resolve("scipy.special:erf")
    assert "needle-check[scipy]" in caught.value.expected
