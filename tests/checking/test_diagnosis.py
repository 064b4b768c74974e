"""The printed cause: it names what was done, fits everywhere, and is silent where nothing does."""

import pytest

from benchmarks.diagnosis import ACCEPTED, cause_of, mistakes
from needle import ops
from needle_cli.checking.faults import FAULTS
from needle_cli.checking.planted import Planted
from needle_cli.explanations import CAUSES, cause_name, usual_fix
from tests.checking.mistakes import VOCABULARY
from tests.checking.planted import Plant


def ours(spec):
    return Plant("ours", spec, getattr(ops, spec.partition("/")[2]), ()).judged()


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("arithmetic/multiply", "scaled"),
        ("arithmetic/multiply", "sign"),
        ("arithmetic/multiply", "cotangent ignored"),
        ("arithmetic/multiply", "cotangent clipped"),
        ("arithmetic/multiply", "leading axis not summed"),
        ("arithmetic/multiply", "operands swapped"),
        ("arithmetic/multiply", "negative inputs"),
        ("arithmetic/multiply", "cotangent changed"),
        ("arithmetic/multiply", "overwritten"),
        ("arithmetic/multiply", "mean for sum"),
        ("trigonometric/tanh", "graph cut"),
        ("trigonometric/tanh", "stale state"),
        ("trigonometric/tanh", "NaN at one point"),
        ("trigonometric/tanh", "wide dtype"),
        ("activation/relu", "convention plus one"),
        ("linalg/matmul", "transposed"),
    ],
)
def test_a_planted_fault_is_named(spec, fault):
    op, claims = ours(spec)
    cause = cause_of(Planted(op, claims, fault), claims, 20)
    assert cause_name(cause) in ACCEPTED[fault], cause


def test_a_right_gradient_has_no_cause():
    assert cause_of(*ours("arithmetic/multiply"), 20) is None


def test_every_fault_has_a_word_and_every_word_a_page():
    assert set(ACCEPTED) == set(FAULTS)
    words = {word for accepted in ACCEPTED.values() for word in accepted if word}
    assert words <= set(CAUSES)
    assert set(VOCABULARY) - {"device"} <= set(CAUSES)


def test_mistakes_as_people_make_them_are_named_and_hardly_ever_misnamed():
    answers = mistakes(20)
    right = [a for a in answers if a.right]
    misnamed = [a.what for a in answers if not a.right and a.printed]
    assert len(right) >= 32, [a.what for a in answers if not a.right]
    assert len(misnamed) <= 1, misnamed


def test_a_fix_belongs_to_its_cause():
    assert "sum_to" in usual_fix("missing sum over broadcast axis 0")
    assert usual_fix("something else") == usual_fix("") == ""
