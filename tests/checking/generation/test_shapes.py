"""Shape strings, their solver, and the table of `require`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from needle_cli.checking.choosing import SeededChooser
from needle_cli.checking.claims import Dim
from needle_cli.checking.generation.requirements import parse_requirement, tables
from needle_cli.checking.model import GeneratorError
from needle_cli.checking.shapes import LONGER, Solution, System, concrete, parse
from tests.samples.matching import broadcast, match


def test_a_shape_string_is_read_part_by_part():
    parts = parse("(S..., m?, n, 3)").parts
    assert [(p.kind, p.name, p.size) for p in parts] == [
        ("group", "S", 0),
        ("optional", "m", 0),
        ("dim", "n", 0),
        ("fixed", "", 3),
    ]
    assert parse("(...)").has_batch
    assert parse("()").parts == ()
    assert len(parse("(n,)").parts) == 1


@pytest.mark.parametrize("text", ["n", "(n", "(n-1)", "(..., ...)", "(2*n)", "(S..., T...)"])
def test_a_bad_shape_string_says_what_is_wrong(text):
    with pytest.raises(ValueError, match="shape string"):
        parse(text)


def test_an_absent_dimension_takes_the_batch_with_it():
    solution = Solution({"m": 3, "n": 2}, {}, {"a": (4, 5)}, frozenset({"m"}))
    assert concrete(parse("(..., m?, n)"), solution, "a") == (2,)
    solution.absent = frozenset()
    assert concrete(parse("(..., m?, n)"), solution, "a") == (4, 5, 3, 2)


SYSTEMS = {
    "matmul": System({"a": parse("(..., m?, n)"), "b": parse("(..., n, p?)")}, {}),
    "binary": System({"a": parse("(...)"), "b": parse("(...)")}, {}),
    "group": System({"a": parse("(S..., n)"), "b": parse("(n, S...)")}, {"n": Dim(2, 3)}),
    "three": System({n: parse("(..., k)") for n in "abc"}, {}),
    "fixed": System({"a": parse("(n, n, 3)"), "b": parse("(3, n)")}, {}),
}


@pytest.mark.parametrize("name", SYSTEMS)
@given(seed=st.integers(0, 10**9))
def test_solutions_fit_their_patterns_and_are_found_back(name, seed):
    system = SYSTEMS[name]
    solution = system.draw(SeededChooser(seed), {})
    shapes = system.shapes(solution)
    broadcast(list(solution.batches.values()))
    found = match(system, shapes)
    assert found is not None
    assert system.shapes(found) == shapes
    for dim in system.dims:
        most = system.bound(dim).max if dim in system.bounds else LONGER[1]
        assert system.bound(dim).min <= solution.dims[dim] <= most


@given(seed=st.integers(0, 10**9))
def test_drawn_operands_of_matmul_multiply(seed):
    shapes = SYSTEMS["matmul"].shapes(SYSTEMS["matmul"].draw(SeededChooser(seed), {}))
    np.matmul(np.zeros(shapes["a"]), np.zeros(shapes["b"]))


def test_matching_refuses_shapes_that_no_solution_has():
    assert match(SYSTEMS["matmul"], {"a": (2, 3), "b": (4, 5)}) is None
    assert match(SYSTEMS["binary"], {"a": (2, 3), "b": (4,)}) is None
    assert match(SYSTEMS["fixed"], {"a": (2, 3, 3), "b": (3, 2)}) is None
    assert match(SYSTEMS["matmul"], {"a": (2, 3), "b": (3, 5)}) is not None


def test_every_kind_of_broadcast_is_drawn():
    seen = set()
    for seed in range(300):
        shapes = SYSTEMS["binary"].shapes(SYSTEMS["binary"].draw(SeededChooser(seed), {}))
        a, b = shapes["a"], shapes["b"]
        result = broadcast([a, b])
        seen.add(len(result))
        for name, shape in shapes.items():
            if len(shape) < len(result):
                seen.add(f"leading {name}")
            if any(m == 1 < n for m, n in zip(shape[::-1], result[::-1], strict=False)):
                seen.add(f"interior {name}")
        if a != result and b != result:
            seen.add("both")
    wanted = {0, 1, 2, 3, "leading a", "leading b", "interior a", "interior b", "both"}
    assert wanted <= seen


def test_broadcast_refuses_what_numpy_refuses():
    assert broadcast([(2, 1), (3,)]) == (2, 3)
    with pytest.raises(ValueError, match="do not broadcast"):
        broadcast([(2,), (3,)])


CONV = ["h + 2*padding >= k", "w + 2*padding >= k"]
RANGES = {"h": range(1, 7), "w": range(1, 7), "k": range(1, 5), "padding": range(3), "o": range(9)}


def test_the_table_has_exactly_the_assignments_that_satisfy_the_requirements():
    (table,) = tables(CONV, RANGES)
    assert table.names == ("h", "k", "padding", "w")
    rows = [table.assignment(i) for i in range(len(table.rows))]
    assert all(parse_requirement(text).holds(row) for text in CONV for row in rows)
    count = sum(
        h + 2 * p >= k and w + 2 * p >= k
        for h in range(1, 7)
        for w in range(1, 7)
        for k in range(1, 5)
        for p in range(3)
    )
    assert len(rows) == count
    assert rows[0] == {"h": 1, "k": 1, "padding": 0, "w": 1}


def test_requirements_without_common_names_have_tables_of_their_own():
    found = tables([*CONV, "o % 3 == 0"], RANGES)
    assert sorted(len(table.names) for table in found) == [1, 4]


def test_a_large_table_is_thinned_and_still_right():
    ranges = {name: range(40) for name in "abcd"}
    (table,) = tables(["a + b + c + d <= 60"], ranges)
    assert 0 < len(table.rows) <= 60_000
    assert all(sum(row) <= 60 for row in table.rows)


def test_impossible_requirements_are_errors_of_the_spec():
    with pytest.raises(GeneratorError, match="no solution"):
        tables(["h > 10"], RANGES)


@pytest.mark.parametrize("text", ["h.real > 1", "abs(h) > 1", "h > 1.5", "[h]"])
def test_only_integer_comparisons_stand_in_requirements(text):
    with pytest.raises(ValueError, match=r"^it holds (a call, )?`[^`]*`"):
        parse_requirement(text)


def test_requirements_follow_pythons_rules():
    assert parse_requirement("1 <= h < 3 and (h != 2 or k == 4)").holds({"h": 2, "k": 4})
    assert not parse_requirement("1 <= h < 3 and (h != 2 or k == 4)").holds({"h": 2, "k": 5})
    assert parse_requirement("-h % 3 == h // 2").holds({"h": 2})
    assert set(parse_requirement("h + 2*padding >= k").names) == {"h", "padding", "k"}


def test_longer_axes_are_drawn_where_nothing_bounds_them():
    drawn = [SYSTEMS["matmul"].draw(SeededChooser(seed), {}) for seed in range(3000)]
    assert {n for solution in drawn for n in solution.dims.values()} >= set(range(1, 18))
    assert {n for s in drawn for batch in s.batches.values() for n in batch} >= set(range(1, 18))
    bounded = System({"a": parse("(..., n)")}, {"n": Dim(2, 3), "...": Dim(1, 2)})
    for solution in (bounded.draw(SeededChooser(seed), {}) for seed in range(400)):
        assert solution.dims["n"] in (2, 3) and set(solution.batches["a"]) <= {1, 2}
