"""The linter: what a readable spec lacks is found, and a complete one has no finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from needle_cli.specs import (
    Spec,
    SpecIssue,
    find_specs_dir,
    lint,
    load_spec,
    load_specs,
    spec_paths,
)
from tests.helpers import complete_operators
from tests.specs.texts import line, write

COMPLETE = line(6, 'source = "a book"').replace(
    'domain = "positive" }', 'domain = "positive", why = "negative numbers come in another lane" }'
)


@pytest.fixture(scope="module")
def shipped() -> list[Spec]:
    complete = complete_operators()
    return [spec for spec in load_specs(find_specs_dir())[0] if spec.name in complete]


def issues(folder: Path, text: str, catalogue: list[str] | None = None) -> list[SpecIssue]:
    return lint([load_spec(write(folder, text))], catalogue)


@pytest.mark.parametrize("path", spec_paths(find_specs_dir()), ids=lambda path: path.stem)
def test_a_shipped_spec_is_complete(path: Path) -> None:
    spec = load_spec(path)
    assert [str(issue) for issue in lint([spec], [spec.name])] == []


def test_no_three_shipped_specs_need_a_function_for_the_same_thing(shipped: list[Spec]) -> None:
    assert [i for i in lint(shipped, probe=False) if i.rule == "hooks"] == []


def test_a_complete_spec_has_no_finding(tmp_path: Path) -> None:
    assert issues(tmp_path, COMPLETE, ["family/thing"]) == []


def test_an_operator_without_spec(shipped: list[Spec]) -> None:
    names = [spec.name for spec in shipped]
    found = lint(shipped, [*names, "activation/gelu"])
    assert [str(issue) for issue in found] == [
        "activation/gelu: the operator has no spec; start one: "
        "needle new op activation/gelu --spec-only [no-spec]"
    ]


def test_a_spec_without_operator(shipped: list[Spec]) -> None:
    names = [spec.name for spec in shipped if spec.name != "linalg/matmul"]
    (found,) = lint(shipped, [*names, "linalg/matmull"])[1:]
    assert (found.rule, found.name, found.line) == ("no-operator", "linalg/matmul", 2)
    assert "did you mean 'linalg/matmull'" in str(found)


def test_without_a_catalogue_nothing_is_missing(shipped: list[Spec]) -> None:
    assert lint(shipped[:3], None, probe=False) == []


@pytest.mark.parametrize(
    ("old", "new", "rule", "key_line"),
    [
        ('formula = "y = a b; da = dy b, db = dy a"', "", "formula", 1),
        ('formula = "y = a b; da = dy b, db = dy a"', 'formula = "todo"', "formula", 5),
        ('source = "a book"', "", "source", 1),
        ("cancellation in short rows", "flaky", "reason", 34),
        ("cancellation in short rows", "float32 gradient", "reason", 34),
        ("cancellation in short rows", "thing fails for a, b", "reason", 34),
        ("neither convex nor concave", "none", "reason", 18),
        ('"none"\nreason = "neither convex nor concave"', '"convex"', "convention", 15),
        (', why = "negative numbers come in another lane"', "", "narrow", 9),
        ("negative numbers come in another lane", "see the tests", "reason", 9),
    ],
)
def test_findings(tmp_path: Path, old: str, new: str, rule: str, key_line: int) -> None:
    assert old in COMPLETE
    (found,) = issues(tmp_path, COMPLETE.replace(old, new))
    assert (found.rule, found.line, found.name) == (rule, key_line, "family/thing")
    assert str(found).startswith(f"{found.path}:{key_line}: family/thing: ")


def test_a_class_that_does_not_exist(tmp_path: Path) -> None:
    text = (find_specs_dir() / "exponential" / "log.toml").read_text()
    folder = tmp_path / "exponential"
    folder.mkdir()
    (folder / "log.toml").write_text(text.replace('"Log"', '"Logg"'))
    (found,) = lint([load_spec(folder / "log.toml")])
    assert found.rule == "class"
    assert "did you mean 'Log'" in found.message


def test_the_third_use_of_a_hook(tmp_path: Path) -> None:
    hook = 'param.stride = { kind = "needle_cli.references:relu" }'
    text = COMPLETE.replace(COMPLETE.split("\n")[11], hook).replace(
        'require = ["m + 2*stride >= n", "m != 2 or n == 2"]', ""
    )
    specs = []
    for name in ("thing", "second", "third"):
        own = text.replace("elsewhere:thing", f"elsewhere:{name}")
        specs.append(load_spec(write(tmp_path, own, f"{name}.toml")))
        found = lint(specs, probe=False)
        assert [issue.rule for issue in found] == (["hooks"] if name == "third" else [])
    assert "needle_cli.references:relu is used by family/second, family/thing" in found[0].message


@pytest.mark.parametrize(
    ("reference", "piece"),
    [
        ("numpy:multiply", "raises TypeError"),
        ("needle_cli.references:conv2d_nhwc", "raises"),
    ],
)
def test_a_reference_that_cannot_be_called(tmp_path: Path, reference: str, piece: str) -> None:
    text = COMPLETE.replace("needle_cli.references:fused_add_scalars", reference)
    (found,) = issues(tmp_path, text)
    assert (found.rule, found.line) == ("reference", 3)
    assert piece in found.message


NARROW = """\
op = "elsewhere:thing"
reference = "{reference}"
args = ["a"]
formula = "y = ..."
source = "a book"
input.a = {claim}
{more}"""


@pytest.mark.parametrize(
    ("reference", "claim", "more", "point"),
    [
        ("numpy:abs", '{ shape = "(...)", domain = { low = 1, high = 2 } }', "", "-1"),
        ("numpy:exp", '{ shape = "(...)", domain = "nonzero" }', "", "0"),
        ("numpy:exp", '{ shape = "(...)", values = [1, 2, 3] }', "", "-1"),
        ("numpy:sqrt", '{ shape = "(...)", domain = "positive" }', "", "0"),
        ("numpy:arcsin", '{ shape = "(...)", domain = { low = -0.5, high = 0.5 } }', "", "-1"),
        ("numpy.linalg:norm", '{ shape = "(n)" }', "dims.n = { min = 2 }", "n = 1"),
    ],
)
def test_a_narrow_claim(tmp_path: Path, reference: str, claim: str, more: str, point: str) -> None:
    text = NARROW.format(reference=reference, claim=claim, more=more)
    (found,) = issues(tmp_path, text)
    assert found.rule == "narrow"
    assert point in found.message
    assert found.line == (7 if more else 6)


@pytest.mark.parametrize(
    ("reference", "claim", "more"),
    [
        ("numpy:abs", '"(...)"', ""),
        ("numpy:log", '{ shape = "(...)", domain = "positive" }', ""),
        ("numpy:sqrt", '{ shape = "(...)", domain = "nonnegative" }', ""),
        ("numpy:reciprocal", '{ shape = "(...)", domain = "nonzero" }', ""),
        ("numpy:arcsin", '{ shape = "(...)", domain = { low = -1, high = 1 } }', ""),
        ("numpy.linalg:cholesky", '{ shape = "(n, n)", domain = "spd" }', ""),
        (
            "numpy.linalg:norm",
            '{ shape = "(n)" }',
            'dims.n = { min = 2, why = "one entry is abs" }',
        ),
        (
            "numpy:abs",
            '{ shape = "(...)", domain = "positive" }',
            '[[lane]]\nname = "below"\noverride.a = { domain = "real" }',
        ),
        (
            "numpy:abs",
            '{ shape = "(...)", domain = "positive", why = "the other half mirrors it" }',
            "",
        ),
    ],
)
def test_a_wide_claim(tmp_path: Path, reference: str, claim: str, more: str) -> None:
    assert issues(tmp_path, NARROW.format(reference=reference, claim=claim, more=more)) == []
