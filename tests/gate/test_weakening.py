"""What a change asks less: every way of it listed, and nothing that asks more, or the same."""

import tomllib

import pytest

from needle_cli.gate import weakening

SPEC = tomllib.loads("""
op = "needle.ops:mul"
reference = "numpy:multiply"
args = ["a", "b", "n"]
formula = "y = a b"
source = "calculus"
structure = "multilinear"
elementwise = true
require = ["m >= n"]
facts.linear_in = ["a", "b"]
input.a = "(..., m)"
input.b = { shape = "(..., m)", domain = { low = -2.0, high = 3.0 } }
dims.m = { min = 1, max = 4 }
param.n = { kind = "int", min = 0, max = 3 }

[[kink]]
kind = "point"
of = "a"
value = 0.0
convention = 0.0
curvature = "convex"

[[error]]
why = "shapes that do not fit"
a = { shape = [2] }
b = { shape = [3] }
raises = "ValueError"

[[tolerance]]
dtype = "float32"
factor = 4
reason = "sums of many terms"

[[example]]
why = "once wrong"
token = "AQ"
""")


def edited(**changes):
    spec = {**SPEC, **changes}
    return {key: value for key, value in spec.items() if value is not None}


def told(**changes):
    return [text for _, text in weakening.of_spec(SPEC, edited(**changes))]


KINK = SPEC["kink"][0]
LESS = {
    "reference": ({"reference": "mine:ref"}, "numpy:multiply → mine:ref"),
    "structure": ({"structure": None}, "structure: multilinear → not stated"),
    "elementwise": ({"elementwise": None}, "elementwise is no longer claimed"),
    "order": ({"order": 1}, "order"),
    "fact": ({"facts": {"linear_in": "a"}}, "no longer claimed of b"),
    "facts": ({"facts": {}}, "no longer claimed of a, b"),
    "require": ({"require": ["m >= n", "m == 2"]}, "require 'm == 2'"),
    "positive": ({"input": {**SPEC["input"], "a": {"shape": "(..., m)", "domain": "positive"}}},
                 "domain of a: real → positive"),
    "interval": ({"input": {**SPEC["input"], "a": {"shape": "(..., m)",
                                                   "domain": {"low": 1.0, "high": 2.0}}}},
                 "low = 1.0, high = 2.0"),
    "inner": ({"input": {**SPEC["input"], "b": {"shape": "(..., m)",
                                                "domain": {"low": -1.0, "high": 3.0}}}}, "= -1"),
    "open": ({"input": {**SPEC["input"], "b": {"shape": "(..., m)", "domain": {
        "low": -2.0, "high": 3.0, "open_high": True}}}}, "open_high"),
    "values": ({"input": {**SPEC["input"], "a": {"shape": "(..., m)", "values": [1.0]}}}, "only"),
    "shape": ({"input": {**SPEC["input"], "a": "(m)"}}, "(..., m) → (m)"),
    "silent": ({"input": {**SPEC["input"], "a": {"shape": "(..., m)", "differentiable": False}}},
               "is no longer asked for"),
    "spread": ({"input": {**SPEC["input"], "a": {"shape": "(..., m)", "spread": {"axis": -1}}}},
               "kept from being alike"),
    "no input": ({"input": {"a": "(..., m)"}}, "b is gone"),
    "dims": ({"dims": {"m": {"min": 2, "max": 4}}}, "from 1 to 4 → from 2 to 4"),
    "new dims": ({"dims": {**SPEC["dims"], "k": {"min": 3}}}, "k from 1 on → from 3 on"),
    "largest": ({"dims": {**SPEC["dims"], "k": {"max": 5}}}, "k from 1 on → from 1 to 5"),
    "param": ({"param": {"n": {"kind": "int", "min": 0, "max": 2}}}, "max of n: 3 → 2"),
    "param kind": ({"param": {"n": {"kind": "choice", "values": [1]}}}, "kind of n"),
    "kink": ({"kink": [KINK, {**KINK, "value": 1.0, "of": "b"}]}, "one more kink"),
    "convention": ({"kink": [{**KINK, "convention": 7.0}]}, "declared differently"),
    "error": ({"error": []}, "an error case is gone: shapes that do not fit"),
    "example": ({"example": []}, "a recorded case is gone: once wrong"),
    "factor": ({"tolerance": [{**SPEC["tolerance"][0], "factor": 8}]}, "factor 4 → 8"),
    "new factor": ({"tolerance": [*SPEC["tolerance"], {"check": "exact", "factor": 2,
                                                       "reason": "why"}]}, "1 → 2 for exact"),
    "immune": ({"immune": [{"fault": "sign", "reason": "even"}]}, "sign is left out"),
    "varies": ({"nondeterministic": [{"reason": "atomics"}]}, "may differ"),
}  # fmt: skip


@pytest.mark.parametrize("name", LESS)
def test_less_is_listed(name):
    changes, text = LESS[name]
    assert any(text in line for line in told(**changes)), told(**changes)


MORE = {
    "the same": {},
    "words": {"formula": "y = b a", "source": "a book", "tags": ["hw1"]},
    "wider": {"input": {**SPEC["input"], "b": {"shape": "(..., m)", "domain": "real"}}},
    "wider interval": {"input": {**SPEC["input"], "b": {"shape": "(..., m)", "domain": {
        "low": -3.0, "high": 3.0}}}},
    "stated as it was": {"input": {**SPEC["input"], "a": {"shape": "(..., m)"}}},
    "dims": {"dims": {"m": {"min": 0, "max": 9}}},
    "no dims": {"dims": {"m": {}}},
    "param": {"param": {"n": {"kind": "int", "min": -1, "max": 5}}},
    "no kink": {"kink": []},
    "no factor": {"tolerance": []},
    "lower factor": {"tolerance": [{**SPEC["tolerance"][0], "factor": 2}]},
    "error": {"error": [*SPEC["error"], {"why": "more", "raises": "TypeError"}]},
    "require": {"require": []},
    "fact": {"facts": {"linear_in": ["a", "b"], "no_nan_leak": ["a"]}},
    "order": {"order": 3},
}  # fmt: skip


@pytest.mark.parametrize("name", MORE)
def test_more_is_not(name):
    assert told(**MORE[name]) == []


@pytest.mark.parametrize(
    "old, new, less",
    [
        ("real", "nonnegative", True), ("nonnegative", "real", False), ("real", "nonzero", True),
        ("nonzero", "real", False), ("nonzero", "positive", True), ("positive", "nonzero", False),
        ("nonnegative", "positive", True), ("positive", "nonnegative", False),
        ("spd", "symmetric", True), ("spd", "spd", False), ("real", {"name": "spd"}, True),
        ({"low": 0.0}, "positive", True), ("positive", {"low": 0.0}, False),
        ({"low": 0.0, "open_low": True}, "positive", False),
        ({"low": -1.0, "high": 1.0}, {"high": 1.0}, False),
    ],
)  # fmt: skip
def test_domains_are_compared_as_sets(old, new, less):
    assert weakening.narrower(old, new) is less


def test_an_operator_without_its_spec_is_listed():
    (found,) = weakening.of_specs({"f/op": SPEC}, {})
    assert found.text == "the spec is gone"
    assert weakening.of_specs({}, {"f/op": SPEC}) == []


def known(**fields):
    return {"op": "f/op", "check": "exact", "issue": "#1", "until": "2030-01-01", **fields}


def test_known_failures_more_or_longer():
    def said(before, after, new=()):
        return [(item.text, item.refused) for item in weakening.of_known(before, after, new)]

    assert said([known()], [known()]) == []
    assert said([known()], []) == []
    assert said([known()], [known(until="2029-01-01")]) == []
    pinned = known(token="abc", device="cpu")
    assert "one more known failure" in said([pinned], [known(device="cpu")])[0][0]
    assert "one more known failure" in said([pinned], [known(token="abc")])[0][0]
    assert "lasts longer" in said([known()], [known(until="2031-01-01")])[0][0]
    assert "one more known failure" in said([], [known()])[0][0]
    ((text, refused),) = said([], [known()], ["f/op"])
    assert "has to be right" in text and refused


@pytest.mark.parametrize(
    "before, after, count",
    [
        ({"ignore": []}, {"ignore": ["kink"]}, 1),
        ({"profile": {"ci": {"max-examples": 300}}}, {"profile": {"ci": {"max-examples": 3}}}, 1),
        ({"profile": {"ci": {"max-examples": 3}}}, {"profile": {"ci": {"max-examples": 300}}}, 0),
        ({}, {"exit-zero": True}, 1),
        ({"device": ["cpu", "cuda"]}, {"device": ["cpu"]}, 1),
        ({"color": "auto", "report": ["json"]}, {"color": "never"}, 0),
    ],
)
def test_settings_that_alter_findings(before, after, count):
    assert len(weakening.of_settings(before, after)) == count
