"""linearity: terms that cancel or underflow are allowed for, and nothing else is."""

import numpy as np
import pytest

from needle_cli.checking.checks.context import Question
from needle_cli.checking.checks.linearity import Linearity
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Case


def findings(forward, vjp, inputs, dtype, seeds=(4, 19, 35)):
    found = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        drawn = {name: (draw(rng)).astype(dtype) for name, draw in inputs.items()}
        case = Case(drawn, judged=frozenset(drawn), seed=seed)
        with np.errstate(all="ignore"):
            found += Linearity().ask(Question(Pair(forward, vjp), case)).findings
    return found


def attention(q, k, v):
    s = q @ k.T
    e = np.exp(s - s.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)) @ v


def of_attention(g, q, k, v, of=lambda g: g):
    s = q @ k.T
    e = np.exp(s - s.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    g = of(g)
    dp = g @ v.T
    ds = p * (dp - (p * dp).sum(-1, keepdims=True))
    return ds @ k, ds.T @ q, p.T @ g


SATURATED = {
    "q": lambda rng: 100 * rng.standard_normal((1, 2)),
    "k": lambda rng: 100 * rng.standard_normal((3, 2)),
    "v": lambda rng: 100 * rng.standard_normal((3, 2)),
}


def unit(x, w):
    return x / np.sqrt((x * x).mean(-1, keepdims=True, dtype=np.float32) + 1e-5).astype(x.dtype) * w


def of_unit(g, x, w, of=lambda g: g):
    r = np.sqrt((x * x).mean(-1, keepdims=True, dtype=np.float32) + 1e-5).astype(x.dtype)
    g, h = of(g), x / r
    u = g * w
    return (u - h * (u * h).mean(-1, keepdims=True)) / r, (g * h).sum(0)


SMALL = {
    "x": lambda rng: 0.01 * rng.standard_normal((2, 13)),
    "w": lambda rng: 0.01 * rng.standard_normal(13),
}
DTYPES = (np.float64, np.float32, np.float16)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("forward", "vjp", "inputs"),
    [(attention, of_attention, SATURATED), (unit, of_unit, SMALL)],
)
def test_terms_that_cancel_or_underflow_are_no_finding(forward, vjp, inputs, dtype):
    assert not findings(forward, vjp, inputs, dtype)


MISTAKES = {
    "clipped": lambda g: np.clip(g, -1, 1),
    "positive": np.abs,
    "rounded": lambda g: np.round(g, 6),
    "in single precision": lambda g: g.astype(np.float32).astype(g.dtype),
    "with a constant": lambda g: g + 1e-9,
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize(("forward", "vjp", "inputs"), [(unit, of_unit, SMALL)])
def test_what_is_not_linear_is_a_finding_in_the_same_place(forward, vjp, inputs, mistake):
    def wrong(g, *arrays):
        return vjp(g, *arrays, of=MISTAKES[mistake])

    assert findings(forward, wrong, inputs, np.float64, seeds=[1])
