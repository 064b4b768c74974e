"""Structures drawn by Hypothesis: valid, rarely rejected, cheap, reaching their corner cases."""

import importlib
import json
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis import strategies as st

from needle_cli.checking.choosing import SeededChooser
from needle_cli.checking.claims import Domain, InputClaim, ParamClaim
from needle_cli.checking.generation.corners import corner_structures
from needle_cli.checking.generation.realise import realise
from needle_cli.checking.generation.sampling import Drawer, sample
from needle_cli.checking.generation.structure_space import space_of
from needle_cli.checking.model import GeneratorError
from needle_cli.checking.parameters import axes as params_axes
from needle_cli.checking.parameters import registry as params
from needle_cli.checking.parameters.base import IMPOSSIBLE, Context
from needle_cli.checking.reference import values as reference
from needle_cli.checking.search.smallest import structures
from tests.samples.claims import ALL, add, conv, make, matmul, power, summation
from tests.samples.coverage import corner_keys, reached


def examples(claims, count=100, number=0, **rest):
    """Return `count` structures as Hypothesis draws them."""
    found = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(structures(claims, **rest))
    def collect(structure):
        found.append(structure)

    collect()
    return found


@pytest.mark.parametrize("name", ALL)
def test_what_is_drawn_is_accepted_by_the_reference(name):
    claims = ALL[name]()
    for structure in examples(claims, 60):
        case = realise(claims, structure)
        reference(claims, case)


@pytest.mark.parametrize("name", ALL)
def test_corners_and_a_hundred_examples_reach_every_corner_case(name):
    claims = ALL[name]()
    seen = set()
    for structure in [*corner_structures(claims), *sample(claims, 100, 0)]:
        seen |= reached(claims, structure)
    assert corner_keys(claims) - seen == set()


def missed(claims):
    seen = set()
    for structure in [*corner_structures(claims), *sample(claims, 100, 0)]:
        seen |= reached(claims, structure)
    return corner_keys(claims) - seen


class NeverNone(params_axes.AxesKind):
    """A strategy with the fault of a published suite: one value is never drawn."""

    def build(self, key, claim, ctx, chooser):
        return IMPOSSIBLE if key == "None" else super().build(key, claim, ctx, chooser)


class OnlySorted(params_axes.AxesKind):
    def build(self, key, claim, ctx, chooser):
        value = super().build(key, claim, ctx, chooser)
        if not isinstance(value, tuple):
            return value
        return tuple(sorted(value, key=lambda axis: axis % max(1, len(ctx.shape(claim)))))


@pytest.mark.parametrize(
    ("crippled", "key"), [(NeverNone(), "axes: None"), (OnlySorted(), "axes: unsorted")]
)
def test_a_crippled_strategy_is_found_out(monkeypatch, crippled, key):
    monkeypatch.setitem(params.KINDS, "axes", crippled)
    assert missed(summation()) == {key}


def test_a_corner_case_that_no_rank_allows_is_not_asked_for():
    axis = ParamClaim("axis", "axis", {"of": "x"})
    matrix = make(lambda x, axis: np.cumsum(x, axis), params=(axis,), x="(m, n)")
    assert corner_keys(matrix) >= {"axis: first", "axis: last", "axis: negative"}
    assert "axis: middle" not in corner_keys(matrix)
    assert missed(matrix) == set()


@pytest.mark.parametrize("word", ["axis", "axes", "axis_pair", "permutation", "index"])
def test_the_written_ranks_are_those_from_which_a_case_can_be_built(word):
    claim = claim_of(word)
    kind = params.kind_of(claim)
    for key in kind.keys(claim):
        least = kind.rank_for(key, claim)
        for rank in range(kind.least_rank(claim), 4):
            shape = (2, 3, 4)[:rank]
            built = kind.build(key, claim, Context({"x": shape}), SeededChooser("s"))
            assert (built is not IMPOSSIBLE) == (rank >= least), (key, rank)


def test_a_strategy_that_never_broadcasts_is_found_out(monkeypatch):
    from needle_cli.checking import shapes
    from needle_cli.checking.generation import shape_plans

    def together(self, chooser, ranks):
        result = self._extents(chooser, "...", ranks)
        return dict.fromkeys(self.batched, result)

    monkeypatch.setattr(shapes.System, "_batches", together)
    monkeypatch.setattr(shape_plans.Planner, "_broadcasts", lambda self: iter(()))
    assert {"leading broadcast: a", "interior broadcast: b"} <= missed(add())


KINDS = {
    "int": {"min": -1, "max": 2},
    "long int": {"min": 0, "max": 20},
    "some ints": {"values": [1, 4]},
    "float": {},
    "bounded float": {"min": 0.0, "max": 2.0},
    "some floats": {"values": [0.1, 0.5]},
    "bool": {},
    "choice": {"values": ["mean", "sum", [1, 2]]},
    "axis": {"of": "x", "optional": True},
    "axes": {"of": "x"},
    "axes no none": {"of": "x", "optional": False, "int": False, "empty": False},
    "axis_pair": {"of": "x", "optional": True},
    "permutation": {"of": "x", "optional": True},
    "reshape_target": {"of": "x"},
    "broadcast_target": {"of": "x"},
    "index": {"of": "x", "arrays": True, "duplicates": "force"},
    "index plain": {"of": "x"},
    "pad_widths": {"of": "x"},
    "split_sections": {"of": "x", "axis": -1},
    "repeats": {"of": "x", "axis": 0},
    "repeats all": {"of": "x"},
}
SHAPES = [(), (1,), (4,), (2, 3), (1, 3), (3, 1, 2), (2, 3, 4), (1, 1, 1)]


def claim_of(word):
    names = {**{k: k for k in params.KINDS}, "long int": "int", "some ints": "int"}
    names |= {"bounded float": "float", "some floats": "float", "axes no none": "axes"}
    names |= {"index plain": "index", "repeats all": "repeats"}
    return ParamClaim("p", names[word], KINDS[word])


@pytest.mark.parametrize("word", KINDS)
@given(number=st.integers(0, 10**6), shape=st.sampled_from(SHAPES))
def test_what_is_built_for_a_corner_case_is_that_corner_case(word, number, shape):
    claim = claim_of(word)
    kind = params.kind_of(claim)
    if len(shape) < kind.least_rank(claim):
        return
    context = Context({"x": shape})
    for key in kind.keys(claim):
        value = kind.build(key, claim, context, SeededChooser(f"{number}{key}"))
        if value is not IMPOSSIBLE:
            assert key in kind.classify(value, claim, context), (key, value, shape)


@pytest.mark.parametrize("word", KINDS)
def test_every_corner_case_is_possible_for_some_shape(word):
    claim = claim_of(word)
    kind = params.kind_of(claim)
    for key in kind.keys(claim):
        values = [
            kind.build(key, claim, Context({"x": shape}), SeededChooser(str(shape)))
            for shape in SHAPES
            if len(shape) >= kind.least_rank(claim)
        ]
        assert any(value is not IMPOSSIBLE for value in values), key


@given(number=st.integers(0, 10**6), shape=st.sampled_from(SHAPES[1:]))
def test_indices_index_and_targets_fit(number, shape):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    context = Context({"x": shape})
    chooser = SeededChooser(number)
    x[params.draw(claim_of("index"), context, chooser)]
    x.reshape(params.draw(claim_of("reshape_target"), context, chooser))
    np.broadcast_to(x, params.draw(claim_of("broadcast_target"), context, chooser))
    np.pad(x, params.draw(claim_of("pad_widths"), context, chooser))
    x.transpose(params.draw(claim_of("permutation"), context, chooser))
    np.sum(x, axis=params.draw(claim_of("axes"), context, chooser))
    np.repeat(x, params.draw(claim_of("repeats"), context, chooser), axis=0)
    np.split(x, params.draw(claim_of("split_sections"), context, chooser), axis=-1)


def test_unknown_words_and_inputs_are_errors_of_the_spec():
    with pytest.raises(GeneratorError, match="is not one of int, float"):
        params.kind_of(ParamClaim("p", "axxis"))
    with pytest.raises(GeneratorError, match="of = 'y' is not an input"):
        params.draw(ParamClaim("p", "axis", {"of": "y"}), Context({"x": (2,)}), SeededChooser(0))
    with pytest.raises(GeneratorError, match="no value exists for shapes"):
        params.draw(ParamClaim("p", "axis", {"of": "x"}), Context({"x": ()}), SeededChooser(0))


def test_what_is_simplest_is_contiguous_plain_and_small():
    plain = find(
        structures(power()),
        lambda s: True,
        settings=settings(
            database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
        ),
    )
    assert plain.lane == ""
    assert set(plain.layouts.values()) == {"C"}
    assert (plain.special, plain.scale, plain.seed) == ("none", 1.0, 0)
    assert plain.shapes == {"a": (), "b": ()}


def test_cases_do_not_depend_on_what_else_is_imported(tmp_path, monkeypatch):
    # Hypothesis mixes constants of the project's modules into integers(); bits have none.
    before = examples(summation(), 60)
    (tmp_path / "full_of_constants.py").write_text("X = [2, 3, 5, 1234567, 7654321, 4, 11, 13]\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    importlib.import_module("full_of_constants")
    assert examples(summation(), 60) == before
    assert examples(summation(), 60, number=1) != before


def test_a_failure_of_one_corner_shrinks_to_little_else():
    found = find(
        structures(summation()),
        lambda s: isinstance(s.params["axes"], tuple) and min(s.params["axes"], default=0) < 0,
        settings=settings(
            max_examples=2000,
            database=None,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert len(found.shapes["x"]) <= 2
    assert max(found.shapes["x"]) == 1
    assert found.params["keepdims"] is False
    assert set(found.layouts.values()) == {"C"}


def test_draws_are_hardly_ever_rejected_and_counted_when_they_are():
    rejected = Counter()
    for claims in (conv(), matmul(), ALL["embedding"]()):
        examples(claims, 100, rejected=rejected)
    assert rejected["rejected"] == 0
    distinct = Domain("index", {"into": "table", "duplicates": "forbid"})
    narrow = make(table="(v)", index=InputClaim("index", "(S...)", domain=distinct, dtype="int"))
    for structure in examples(narrow, 50, rejected=rejected):
        realise(narrow, structure)
    assert rejected["redrawn"] > 0


def calls_of(function):
    """Return how many calls of Python functions a call makes: its cost on any machine."""
    count = 0

    def count_calls(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(count_calls)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


def test_a_draw_costs_a_few_hundred_calls():
    drawer = Drawer(matmul())
    choosers = [SeededChooser(number) for number in range(200)]
    assert calls_of(lambda: [drawer.structure(chooser) for chooser in choosers]) / 200 < 400


def test_a_draw_that_plans_anew_costs_more_than_that():
    choosers = [SeededChooser(number) for number in range(200)]
    made = [replace(matmul(), op=f"tests:made_up_{number}") for number in range(200)]
    pairs = list(zip(made, choosers, strict=True))
    assert calls_of(lambda: [Drawer(one).structure(chooser) for one, chooser in pairs]) / 200 > 400


def test_structures_are_plain_data():
    def plain(value):
        if isinstance(value, slice):
            return [value.start, value.stop, value.step]
        return "..." if value is Ellipsis else value

    for name in ALL:
        for structure in examples(ALL[name](), 20):
            json.dumps({"p": list(map(plain, _items(structure.params))), "s": structure.shapes})


def _items(given):
    for value in given.values():
        yield from value if isinstance(value, tuple) else (value,)


def test_the_exact_lane_gets_parameters_that_do_not_round():
    scalar = ParamClaim("scalar", "float")
    claims = make(lambda x, scalar: x * scalar, params=(scalar,), x="(...)")
    for structure in examples(claims, 50, values="integer"):
        assert "exact" in realise(claims, structure).tags
    assert any("exact" not in realise(claims, s, kind="integer").tags for s in examples(claims, 50))


def test_the_space_is_made_once_per_claims_and_forgotten_with_them():
    from needle_cli.checking.generation import structure_space

    claims = add()
    assert space_of(claims) is space_of(claims)
    key = id(claims)
    del claims
    import gc

    gc.collect()
    assert key not in structure_space._SPACES


def test_a_sample_is_no_series_of_variations():
    claims = make(
        lambda a, k: np.asarray(np.trace(a, k)), a="(m, n)",
        params=(ParamClaim("k", "int", {"min": -1, "max": 1}),),
    )  # fmt: skip

    def different(found):
        return len({(str(s.shapes), str(s.params)) for s in found})

    independent = sample(claims, 60, 1)
    assert len(independent) == 60 and different(independent) >= 30
    assert different(examples(claims, 60, 1)) < different(independent)
    tall = [s for s in independent if s.shapes["a"][0] > s.shapes["a"][1]]
    assert {s.params["k"] for s in tall} == {-1, 0, 1}
    assert sample(claims, 60, 1) == independent != sample(claims, 60, 2)
