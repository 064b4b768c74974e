"""Which of the long sweeps a change has to run."""

import pytest

from tests.campaign import ROOT, by_family, concerns, may_sweep, of_families, swept

CHECKS = "tests/checking/checks/test_kink.py"


@pytest.mark.parametrize(
    ("file", "parameters", "touched"),
    [
        (CHECKS, ["activation/relu"], "needle/ops/activation.py"),
        (CHECKS, ["activation/relu"], "specs/activation/relu.toml"),
        (CHECKS, ["activation/relu"], CHECKS),
        (CHECKS, ["relu_half"], "needle_cli/checking/checks/kink.py"),
        (CHECKS, [], CHECKS),
        ("tests/checking/test_mistakes.py", ["loss/huber"], "needle_cli/checking/point.py"),
        ("tests/needle/test_programs.py", [], "needle/tensor.py"),
        ("tests/test_references.py", [], "needle_cli/references.py"),
    ],
)
def test_a_change_bears_on_what_it_is_about(file, parameters, touched):
    assert concerns(file, parameters, {"README.md", touched})


@pytest.mark.parametrize(
    ("file", "parameters", "touched"),
    [
        (CHECKS, ["activation/relu"], "needle/ops/linalg.py"),
        (CHECKS, ["activation/relu"], "needle_cli/checking/checks/kink.py"),
        (CHECKS, ["relu_half"], "needle_cli/checking/domains/sets.py"),
        (CHECKS, ["relu_half"], "needle_cli/checking/checks/notes.md"),
        ("tests/needle/test_programs.py", [], "needle_cli/needle/tensor.py"),
    ],
)
def test_and_on_nothing_else(file, parameters, touched):
    assert not concerns(file, parameters, {"README.md", touched})


def test_a_file_without_a_sweep_is_known_by_its_text():
    assert may_sweep(ROOT / CHECKS) and may_sweep(ROOT / "tests" / "checking")
    assert not may_sweep(ROOT / "tests" / "test_references.py")


def campaign(parameters):
    return {p.values[0] for p in parameters if not isinstance(p, str)}


def test_one_of_every_kind_is_ordinary():
    assert campaign(swept(["a", "b", "c"], ["b"])) == {"a", "c"}
    assert campaign(by_family(["a/x", "a/y", "b/z"])) == {"a/y"}
    with pytest.raises(AssertionError):
        swept(["a"], ["gone"])


def test_an_ordinary_run_does_not_grow_with_the_families():
    names = [f"{family}/{k}" for family in "abcdefghijklmnopqrstu" for k in range(5)]
    chosen = of_families(names)
    assert len(chosen) == len(set(chosen)) == 5
    assert {name[-1] for name in chosen} == {"0"} and chosen[0] == "a/0" and chosen[-1] > "p"
    assert of_families(names[:12]) == ["a/0", "b/0", "c/0"]
