"""The library names the cause that the command names, and none that its own case denies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from needle_cli.checking import check_pair
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Plan
from needle_cli.checking.search.judging import judge
from tests.samples.claims import make

LEAN = ("forward", "contract", "gradient", "linearity", "purity")
PLAN = Plan(LEAN, examples=20, shrink=False)
RNG = np.random.default_rng(5)
A, B = RNG.uniform(0.5, 2.0, (2, 3, 4))
SQUARE, OTHER = RNG.uniform(0.5, 2.0, (2, 3, 3))
SIGNED = RNG.choice((-1, 1), (3, 4)) * A


def sum_to(array, shape):
    extra = array.ndim - len(shape)
    axes = tuple(range(extra))
    axes += tuple(extra + k for k, n in enumerate(shape) if n == 1)
    return array.sum(axes, keepdims=True).reshape(shape) if axes else array


def times(v, a, b):
    return sum_to(v * b, a.shape), sum_to(v * a, b.shape)


def of_tanh(v, a):
    return (v * (1 - np.tanh(a) ** 2),)


def product(v, a, b):
    return v @ b.T, a.T @ v


def total(a):
    return a.sum(axis=1)


def of_total(v, a):
    return (np.broadcast_to(v[:, None], a.shape).copy(),)


def running(a):
    return np.cumsum(a, axis=0)


def of_running(v, a):
    return (np.flip(np.cumsum(np.flip(v, 0), axis=0), 0),)


def untransposed(v, a, b):
    return v @ b, a.T @ v


def turned(v, a):
    (right,) = of_tanh(v, a)
    return (right.T.copy() if right.ndim == 2 and len(set(right.shape)) == 1 else right,)


def along_the_other(v, a):
    return (np.broadcast_to(v, a.shape).copy(),) if len(set(a.shape)) == 1 else of_total(v, a)


def crossed(v, a, b):
    right = times(v, a, b)
    return right[::-1] if a.shape == b.shape else right


def remembering():
    kept = {}

    def forward(a):
        kept.setdefault(a.shape, a.copy())
        return np.tanh(a)

    return forward, lambda v, a: of_tanh(v, kept[a.shape])


def in_place(v, a):
    v *= 2
    return (v * (1 - np.tanh(a) ** 2) / 2,)


def narrow(v, a):
    return ((v * (1 - np.tanh(a.astype(np.float32)) ** 2)).astype(a.dtype),)


@dataclass
class Wrong:
    """A wrong vjp, its right twin, and the name of the cause that both ways have to give."""

    name: str
    cause: str
    forward: Any
    vjp: Any
    right: Any
    given: tuple
    shapes: tuple = ("(...)",)

    def functions(self, right):
        if self.vjp is remembering and not right:
            return remembering()
        return self.forward, self.right if right else self.vjp

    def judged(self, right=False):
        claims = make(self.forward, **dict(zip("ab", self.shapes, strict=False)))
        return judge(Pair(*self.functions(right)), claims, PLAN)

    def checked(self, right=False):
        return check_pair(*self.functions(right), self.given)


ONE, TWO = ("(...)",), ("(...)", "(...)")
WRONG = [
    Wrong("missing sum", "missing sum", np.multiply, lambda v, a, b: (v * b, v * a), times,
          (A, B[0]), TWO),
    Wrong("factor", "ratio", np.tanh, lambda v, a: (2 * of_tanh(v, a)[0],), of_tanh, (A,)),
    Wrong("sign", "ratio", np.tanh, lambda v, a: (-of_tanh(v, a)[0],), of_tanh, (A,)),
    Wrong("wrong axis", "wrong axis", total, along_the_other, of_total, (SQUARE,), ("(n, m)",)),
    Wrong("transposition", "transposed", np.matmul, untransposed, product, (SQUARE, OTHER),
          ("(m, n)", "(n, p)")),
    Wrong("transposed", "transposed", np.tanh, turned, of_tanh, (SQUARE,)),
    Wrong("stale", "stale state", np.tanh, remembering, of_tanh, (A,)),
    Wrong("ignored", "cotangent ignored", np.tanh,
          lambda v, a: of_tanh(np.ones_like(v), a), of_tanh, (A,)),
    Wrong("cast", "precision", np.tanh, narrow, of_tanh, (A,)),
    Wrong("zero", "zeros", np.tanh, lambda v, a: (0 * a,), of_tanh, (A,)),
    Wrong("None", "form", np.multiply, lambda v, a, b: (times(v, a, b)[0], None), times, (A, B),
          TWO),
    Wrong("swapped", "operands swapped", np.multiply, crossed, times, (A, B), TWO),
    Wrong("reversed", "flipped", np.tanh, lambda v, a: (np.flip(of_tanh(v, a)[0]),), of_tanh,
          (A,)),
    Wrong("running", "flipped", running, lambda v, a: (np.cumsum(v, axis=0),), of_running, (A,),
          ("(n, m)",)),
    Wrong("clipped", "not linear", np.tanh, lambda v, a: of_tanh(np.clip(v, -1, 1), a), of_tanh,
          (A,)),
    Wrong("region", "only where", np.tanh,
          lambda v, a: (of_tanh(v, a)[0] * np.where(a < 0, 1.5, 1.0),), of_tanh, (SIGNED,)),
    Wrong("in place", "mutation", np.tanh, in_place, of_tanh, (A,)),
    Wrong("returned", "cotangent returned", np.tanh, lambda v, a: (v.copy(),), of_tanh, (A,)),
]  # fmt: skip
IDS = [wrong.name for wrong in WRONG]


def causes(findings):
    return {finding.cause.name if finding.cause else "" for finding in findings}


@pytest.mark.parametrize("wrong", WRONG, ids=IDS)
def test_command_and_library_name_the_same_cause(wrong):
    rows = [row for row in wrong.judged() if row.failures]
    assert causes(f.finding for row in rows for f in row.failures) == {wrong.cause}
    report = wrong.checked()
    assert report.findings and causes(report.findings) == {wrong.cause}, str(report)
    assert f"likely cause: {report.findings[0].cause}" in str(report)


@pytest.mark.parametrize("wrong", WRONG, ids=IDS)
def test_its_right_twin_has_no_finding(wrong):
    assert not any(row.failures for row in wrong.judged(right=True))
    assert wrong.checked(right=True).passed


@pytest.mark.parametrize(
    ("vjp", "name"),
    [
        (lambda v, a, b: (3 * v * b, v * a), "ratio"),
        (lambda v, a, b: (v * a, v * b), "operands swapped"),
        (lambda v, a, b: (v * b * (1 + np.sin(7 * a)), v * a), "only input"),
    ],
)
def test_large_arrays_have_causes_too(vjp, name):
    a, b = RNG.uniform(0.5, 2.0, (2, 40, 50))
    assert causes(check_pair(lambda a, b: a * b, vjp, [a, b]).findings) == {name}
    assert check_pair(lambda a, b: a * b, lambda v, a, b: (v * b, v * a), [a, b]).passed


def test_a_part_of_large_arrays_does_not_speak_for_the_whole():
    """The first rows are twice too large, and beyond them everything is."""

    def vjp(v, a):
        factor = np.where(np.arange(len(a)) < 5, 2.0, 3.0)[:, None]
        return (v * np.cos(a) * factor,)

    a = RNG.uniform(0.5, 2.0, (40, 50))
    assert causes(check_pair(np.sin, vjp, [a]).findings) == {""}
    assert causes(check_pair(np.sin, vjp, [a[:3]]).findings) == {"ratio"}


def test_a_failing_diagnosis_costs_the_cause_alone(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("needle_cli.checking.diagnosis.diagnose._pattern", broken)
    wrong = next(w for w in WRONG if w.name == "factor")
    rows = [row for row in wrong.judged() if row.failures]
    assert rows and causes(f.finding for row in rows for f in row.failures) == {""}
    assert causes(wrong.checked().findings) == {""}
