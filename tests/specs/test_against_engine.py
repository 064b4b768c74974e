"""Shipped specs say of our engine what it really does."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest

import needle
from needle_cli.checking.claims import ErrorCase
from needle_cli.checking.reference import call
from needle_cli.specs import Spec, find_specs_dir, load_specs

SPECS, _ = load_specs(find_specs_dir())
DEFAULT = object()
CASES = [(spec, case) for spec in SPECS for case in spec.claims.errors]


def arguments(spec: Spec, case: ErrorCase, dtype: str = "float64") -> list[Any]:
    claims = spec.claims
    found: list[Any] = []
    for name in claims.args:
        value = case.values.get(name, DEFAULT)
        if name in claims.inputs and claims.inputs[name].members is not None:
            tensors = [needle.Tensor(np.asarray(member, dtype)) for member in value]
            value = needle.ops.make_tuple(*tensors) if claims.inputs[name].is_tuple else tensors
        elif name in claims.inputs:
            value = needle.Tensor(np.asarray(value, dtype))
        found.append(value)
    return found[: next((i for i, v in enumerate(found) if v is DEFAULT), len(found))]


@pytest.mark.parametrize(("spec", "case"), CASES, ids=[f"{s.name}: {c.why}" for s, c in CASES])
def test_error_cases_raise(spec: Spec, case: ErrorCase) -> None:
    function = getattr(needle.ops, spec.claims.function)
    raises = getattr(builtins, case.raises)
    with pytest.raises(raises):
        function(*arguments(spec, case))


def test_there_are_error_cases() -> None:
    assert len(CASES) >= 25


def test_a_case_that_does_not_raise_would_be_noticed() -> None:
    spec = next(spec for spec in SPECS if spec.name == "shape/reshape")
    case = spec.claims.errors[0]
    fine = ErrorCase(case.why, case.raises, {**case.values, "shape": (3, 2)})
    result = needle.ops.reshape(*arguments(spec, fine))
    assert result.shape == (3, 2)
    assert call(spec.claims, {"a": np.ones((2, 3))}, {"shape": (3, 2)}).shape == (3, 2)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_function_and_class_exist(spec: Spec) -> None:
    assert callable(getattr(needle.ops, spec.claims.function))
    assert issubclass(getattr(needle.ops, spec.claims.class_name), needle.autograd.Op)
