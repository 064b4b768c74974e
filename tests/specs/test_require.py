"""Whatever `require` the loader accepts can be drawn, and what it refuses is impossible."""

from __future__ import annotations

import itertools
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from needle_cli.checking.claims import Claims
from needle_cli.checking.generation import requirements
from needle_cli.checking.generation.corners import corner_structures
from needle_cli.checking.generation.sampling import sample
from needle_cli.checking.generation.structure_space import LaneSpace
from needle_cli.specs import SpecError, load_spec
from tests.samples.matching import match

SPEC = """\
op = "elsewhere:thing"
reference = "elsewhere:reference"
args = ["a", "b", "s", "c"]
require = [{require}]
input.a = "(m, n)"
input.b = "(m, n)"
dims.m = {{ min = 0, max = 4 }}
dims.n = {{ min = 1, max = 5 }}
param.s = {{ kind = "int", min = -1, max = 3 }}
param.c = {{ kind = "choice", values = [0, 2] }}
{more}"""
RANGES = {"m": range(5), "n": range(1, 6), "s": range(-1, 4), "c": (0, 2)}


def claims_of(folder: Path, *require: str, more: str = "") -> Claims:
    path = folder / "thing.toml"
    written = ", ".join(f'"{text}"' for text in require)
    path.write_text(SPEC.format(require=written, more=more))
    module = types.ModuleType("elsewhere")
    exec("def thing(a, b, s, c): ...\ndef reference(a, b, s, c): return a * b", vars(module))
    return load_spec(path, module=module).claims


def by_python(text: str, values: dict[str, int]) -> bool:
    try:
        return bool(eval(text, {}, values))
    except ZeroDivisionError:
        return False


def drawn(claims: Claims, count: int = 12) -> Iterator[dict[str, int]]:
    """Yield dimensions and parameters of the corner cases and of cases drawn at random."""
    for structure in [*corner_structures(claims), *sample(claims, count, seed=1)]:
        solution = match(LaneSpace(claims, structure.lane).system, structure.shapes)
        assert solution is not None
        yield {**solution.dims, **structure.params}


def broken(claims: Claims) -> list[dict[str, int]]:
    """Return the drawn cases that do not meet the requirements."""
    return [v for v in drawn(claims) if not all(by_python(text, v) for text in claims.require)]


TABLE = (
    "m <= n",
    "m != n",
    "not m == n",
    "not not m == n",
    "not (m < n or n == 5)",
    "(m == 2 and n == 3) or (m == 3 and not n <= 4)",
    "m == 1 or (n == 1 or not (s > 1 and c == 2))",
    "0 < m <= n < 5",
    "m + 2*s >= n - c",
    "-m < s",
    "m * n == 6",
    "n // 2 == m",
    "m % 2 == 0",
    "n % s == 0",
    "n // m >= 2",
    "n % (m - 2) != 0",
    "m == 0 or n % m == 0",
    "not n % m == 0",
    "c == 2",
    "1 < 2",
)


@pytest.mark.parametrize("text", TABLE)
def test_what_is_loaded_is_drawn(tmp_path: Path, text: str) -> None:
    claims = claims_of(tmp_path, text)
    assert broken(claims) == []
    assert len({tuple(values.items()) for values in drawn(claims)}) > 1  # more than one case


def test_several_requirements_hold_together(tmp_path: Path) -> None:
    claims = claims_of(tmp_path, "m < n", "n % s == 0", "not c == s")
    assert broken(claims) == []


def test_a_generator_that_ignores_requirements_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twin: the test above can fail."""
    claims = claims_of(tmp_path, "not n % m == 0")
    monkeypatch.setattr(LaneSpace, "tables", [])
    assert broken(replace(claims))  # a copy, of which nothing is remembered


@pytest.mark.parametrize("text", ["n % (m - m) == 0", "not 1 // 0 == 1", "m // 0 == 1 or 1 == 1"])
def test_a_division_by_zero_makes_a_requirement_false(tmp_path: Path, text: str) -> None:
    with pytest.raises(SpecError, match="no sizes within their bounds meet"):
        claims_of(tmp_path, text)


def test_a_lane_in_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    lane = '[[lane]]\nname = "few"\noverride.s = {{ kind = "int", min = 0, max = {most} }}'
    assert broken(claims_of(tmp_path, "s > 1", more=lane.format(most=2))) == []
    with pytest.raises(SpecError, match=r'meet "s > 1" in the lane "few"') as caught:
        claims_of(tmp_path, "m < n", "s > 1", more=lane.format(most=1))
    assert caught.value.line == 4


def test_a_lane_without_the_name_is_refused(tmp_path: Path) -> None:
    lane = '[[lane]]\nname = "real"\noverride.s = { kind = "float" }'
    with pytest.raises(SpecError, match=r'names "s", which is neither .* in the lane "real"'):
        claims_of(tmp_path, "s > 1", more=lane)


NUMBERS = st.recursive(
    st.sampled_from(("m", "n", "s", "c")) | st.integers(0, 5).map(str),
    lambda inner: (
        st.tuples(inner, st.sampled_from(("+", "-", "*", "//", "%")), inner).map(
            lambda parts: "({} {} {})".format(*parts)
        )
        | inner.map(lambda text: f"-{text}")
    ),
    max_leaves=4,
)
COMPARISON = st.sampled_from(("<", "<=", ">", ">=", "==", "!="))
SINGLE = st.tuples(NUMBERS, COMPARISON, NUMBERS).map(" ".join)
CHAIN = st.tuples(SINGLE, COMPARISON, NUMBERS).map(" ".join)
CONDITIONS = st.recursive(
    SINGLE | CHAIN,
    lambda inner: (
        st.tuples(inner, st.sampled_from(("and", "or")), inner).map(
            lambda parts: "({} {} {})".format(*parts)
        )
        | inner.map(lambda text: f"not {text}")
    ),
    max_leaves=3,
)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(require=st.lists(CONDITIONS, min_size=1, max_size=2, unique=True))
def test_every_requirement_of_the_grammar_is_drawn_or_impossible(
    tmp_path: Path, require: list[str]
) -> None:
    assume(all(len(text) <= requirements.LONGEST for text in require))
    possible = any(
        all(by_python(text, dict(zip(RANGES, row, strict=True))) for text in require)
        for row in itertools.product(*RANGES.values())
    )
    try:
        claims = claims_of(tmp_path, *require)
    except SpecError as error:
        assert "no sizes within their bounds meet" in str(error)
        assert not possible
    else:
        assert possible
        assert broken(claims) == []


def test_many_names_with_few_values_end() -> None:
    """Two values of each of twenty names are a million assignments; only some are tried."""
    names = "abcdefghijklmnopqrst"
    (table,) = requirements.tables(["+".join(names) + " >= 1"], dict.fromkeys(names, (0, 1)))
    assert 0 < len(table.rows) <= requirements.LIMIT
    with pytest.raises(requirements.Unmet) as caught:
        requirements.tables(["+".join(names) + " > 20"], dict.fromkeys(names, (0, 1)))
    assert caught.value.thinned


INDEX = """\
op = "elsewhere:pick"
reference = "operator:getitem"
args = ["a", "i"]
input.a = "(v)"
input.i = {{ shape = "(n)", domain = {{ name = "index", into = "a", duplicates = "forbid" }} }}
dims.v = {{ min = 1, max = 4 }}
dims.n = {{ min = {least}, max = 5 }}
"""


def index_spec(folder: Path, least: int, more: str = "") -> Path:
    path = folder / "pick.toml"
    path.write_text(more + INDEX.format(least=least))
    return path


def test_an_index_without_enough_positions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="enough positions") as caught:
        load_spec(index_spec(tmp_path, 5))
    assert caught.value.line == 6 and "n <= v" in caught.value.expected


def test_a_requirement_leaves_an_index_enough_positions(tmp_path: Path) -> None:
    """Twin: the same operator with bounds that fit is loaded and drawn."""
    claims = load_spec(index_spec(tmp_path, 1, 'require = ["n <= v"]\n')).claims
    assert all(values["n"] <= values["v"] for values in drawn(claims))
