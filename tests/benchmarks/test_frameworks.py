import importlib.util
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.frameworks import run as runner
from benchmarks.frameworks.cases import FRAMEWORKS, Unsupported, case, operators_of
from benchmarks.frameworks.draws import (
    DECADES,
    DTYPES,
    Operator,
    above,
    apart,
    between,
    exponents,
    ordinary,
    positive,
    real,
    within,
)
from benchmarks.frameworks.run import portion, run

SINE = Operator(np.sin, (ordinary,), ((4,),))


def nowhere(x):
    raise NotImplementedError("no sine of narrow numbers")


def toy_pair(call):
    slope = {np.sin: np.cos, np.exp: np.sin}.get(call)
    return call, lambda v, x: (v * slope(x),)


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Install a framework with a right sine, a wrong exponential, and one of no dtype."""
    operators = {
        "sin": SINE,
        "exp": Operator(np.exp, SINE.domains, SINE.shapes),
        "none": Operator(nowhere, SINE.domains, SINE.shapes),
    }
    module = SimpleNamespace(OPERATORS=operators, pair=toy_pair)
    monkeypatch.setitem(sys.modules, "benchmarks.frameworks.of_toy", module)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "toy" or None)
    monkeypatch.setattr(runner, "KEPT", tmp_path)
    units = []

    def in_turn(work, left, jobs):
        for unit in left:
            units.append(unit)
            yield unit, work(*unit)

    monkeypatch.setattr(runner, "in_processes", in_turn)
    return units


def test_a_right_operator_passes_and_a_wrong_one_is_found(toy):
    assert portion("toy", "sin", "float64", 0, 0, 5)["answers"] == {"passed": 5}
    assert portion("toy", "exp", "float64", 0, 0, 5)["answers"] == {"finding": 5}
    assert portion("toy", "none", "float64", 0, 0, 5)["answers"] == {"unsupported": 1}


def test_an_exception_of_the_tool_is_its_fault(toy, monkeypatch):
    monkeypatch.setattr(runner, "check_pair", lambda *_, **__: 1 / 0)
    assert portion("toy", "sin", "float64", 0, 0, 2)["answers"] == {"fault": 2}


def test_a_finding_is_printed_with_lines_that_show_it_again(toy, capsys):
    assert run(["toy"], ["exp"], ["float64"], 1, 0, 1, False, False) == 1
    said = capsys.readouterr().out
    assert "finding: toy exp float64, case 0" in said
    lines = [line.strip() for line in said.splitlines()]
    start = lines.index("from benchmarks.frameworks.cases import case")
    exec("\n".join(lines[start : start + 4]))
    assert "exp: fail" in capsys.readouterr().out


def test_a_run_without_findings_says_so(toy):
    assert run(["toy"], ["sin"], ["float64", "float32"], 2, 0, 1, False, False) == 0


def test_a_stopped_run_goes_on_where_it_stopped(toy, tmp_path):
    asked = (["toy"], ["sin"], ["float64", "float32"], 2, 0, 1, False, False)
    run(*asked)
    assert [unit[2] for unit in toy] == ["float64", "float32"]
    kept = tmp_path / "frameworks.json"
    done = json.loads(kept.read_text())
    kept.write_text(json.dumps({key: one for key, one in done.items() if "float64" in key}))
    run(*asked)
    assert [unit[2] for unit in toy] == ["float64", "float32", "float32"]


def test_an_absent_framework_is_named_in_one_line(toy, capsys):
    run(["elsewhere"], [], ["float64"], 1, 0, 1, False, False)
    assert "elsewhere is not installed: pip install -e '.[peers]'" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("domain", "inside"),
    [
        (real(), lambda x: (x != 0) & np.isfinite(x)),
        (positive(0.5), lambda x: x > 0),
        (within(3.0), lambda x: (x != 0) & (np.abs(x) <= 3)),
        (between(-1, 1), lambda x: np.abs(x) < 1),
        (above(1), lambda x: x > 1),
        (exponents, lambda x: np.isfinite(np.exp(x))),
        (apart, lambda x: np.unique(x).size == x.size),
    ],
)
def test_domains_hold_in_every_dtype(domain, inside, dtype):
    for seed in range(200):
        drawn = domain(np.random.default_rng(seed), (2, 3), dtype).astype(dtype)
        assert np.all(inside(drawn)), drawn


def test_magnitudes_reach_the_ends_of_the_dtype():
    sizes = [np.abs(real()(np.random.default_rng(seed), (5,), "float64")) for seed in range(99)]
    assert np.min(sizes) < 10.0 ** (0.9 - DECADES["float64"])
    assert np.max(sizes) > 10.0 ** (DECADES["float64"] * 0.9)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_each_framework_has_sixty_operators_and_a_first_case(framework):
    pytest.importorskip(framework, reason=f"{framework} is missing: pip install -e '.[peers]'")
    assert len(operators_of(framework)) >= 60
    forward, vjp, inputs = case(framework, "exp", "float32", 0, 0)
    found = vjp(np.ones_like(inputs[0]), *inputs)[0]
    assert found.dtype == np.float32
    assert np.allclose(found, forward(*inputs))


def test_a_dtype_with_a_fault_of_the_framework_is_left_out(toy):
    operators = sys.modules["benchmarks.frameworks.of_toy"].OPERATORS
    operators["narrow"] = Operator(np.sin, SINE.domains, SINE.shapes, dtypes=("float32",))
    case("toy", "narrow", "float32", 0, 0)
    with pytest.raises(Unsupported, match=r"found\.md"):
        case("toy", "narrow", "float64", 0, 0)


def test_inputs_without_a_finite_output_are_not_asked(toy):
    sys.modules["benchmarks.frameworks.of_toy"].OPERATORS["inf"] = Operator(
        lambda x: x / 0.0, SINE.domains, SINE.shapes
    )
    with pytest.raises(Unsupported, match="finite"):
        case("toy", "inf", "float64", 0, 0)
