"""forward: what rounding of the reference's own formula explains, and what it does not."""

from dataclasses import replace

import numpy as np
import pytest

from needle_cli.checking.checks import forward
from needle_cli.checking.checks.context import Question
from needle_cli.checking.claims import Claims, InputClaim
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Case

SHAPE = InputClaim("x", "(..., n)")


def answer(compute, reference, x):
    claims = Claims("tests:op", reference, ("x",), {"x": replace(SHAPE)})
    case = Case({"x": x}, judged=frozenset({"x"}), seed=1)
    with np.errstate(all="ignore"):
        return forward.against_reference(Question(Pair(compute, None), case, claims))


def normalised(x):
    d = x - x.mean(-1, keepdims=True, dtype=x.dtype)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + x.dtype.type(1e-5))


def pairs(dtype):
    """Return rows of two numbers near 2000 that differ by 0.2; their mean has to be rounded."""
    rng = np.random.default_rng(3)
    near = rng.uniform(1900, 2000, (40, 1))
    return np.concatenate([near, near + rng.uniform(0.2, 0.22, near.shape)], -1).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_rounding_of_an_intermediate_result_is_no_finding(dtype):
    """No move of the inputs shows it: the values of a normalised pair do not depend on them."""
    x, eps = pairs(dtype), float(np.finfo(dtype).eps)
    lost = np.abs(normalised(x) - normalised(x.astype(np.longdouble)))
    assert lost.max() > 1000 * eps
    assert not answer(normalised, normalised, x).findings
    off = dtype(1 + 200 * float(lost.max()))
    assert answer(lambda x: normalised(x) * off, normalised, x).findings


def tail(x):
    """Return x e^-|x|, whose second factor underflows before the product does."""
    return x * np.exp(-np.abs(x))


@pytest.mark.parametrize(("wrong", "refused"), [(1.0, False), (0.5, False), (1e9, True)])
def test_a_value_below_the_smallest_normal_number_has_no_fixed_number_of_digits(wrong, refused):
    x = np.array([[-740.0, -720.3, 715.9]])
    assert bool(answer(lambda x: wrong * tail(x), tail, x).findings) is refused


def test_a_factor_that_underflowed_may_have_been_multiplied():
    x = np.array([[1e5 / 3, -710.123, 0.5]])

    def product(x):
        return x[..., 0] * np.exp(x[..., 1])

    def late(x):
        return x[..., 0] * x[..., 2] * (np.exp(x[..., 1]) / x[..., 2])

    assert not answer(product, late, x).findings
    assert answer(lambda x: product(x) * (1 + 1e-9), late, x).findings


def test_a_reference_in_a_wider_float_is_named():
    x = np.linspace(1, 2, 300).astype(np.float32)
    rough = lambda x: (x.astype(np.float16) ** 2).astype(np.float32)  # noqa: E731
    wide = lambda x: (x.astype(np.float64) ** 2).astype(x.dtype)  # noqa: E731
    (finding,) = answer(rough, wide, x).findings
    assert "runs in a wider float than the operator's float32" in finding.message
    (finding,) = answer(rough, lambda x: x * x * x / x, x).findings
    assert "wider float" not in finding.message
