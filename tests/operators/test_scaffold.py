"""`needle new op`: what is written, and how the gate leads from there to a right operator."""

import ast
import shutil
import subprocess
import sys

import pytest

from needle_cli.operators import catalogue, scaffold
from needle_cli.problems import Problem
from tests.helpers import ROOT, needle

WRITTEN = {
    '"""TODO: y = ..., with the shapes; da = ..."""': '"""y = (a + sqrt(a^2 + 4)) / 2."""',
    'raise NotImplementedError("TODO: compute y of the array a, with NumPy\'s functions")':
        "root = numpy.sqrt(a * a + 4)\n"
        "        return numpy.where(a < 0, 2 / (root - a), (a + root) / 2)",
    'raise NotImplementedError("TODO: compute da of out_grad and node.inputs, with operators")':
        "a = node.inputs[0]\n        root = ops.power_scalar(a * a + 4, 0.5)\n"
        "        return out_grad * (squareplus(a) / root)",
    '"""TODO: Return ... entry by entry, of a\'s shape and dtype."""': '"""Return squareplus."""',
}  # fmt: skip
SPEC = {
    f'"{scaffold.REFERENCE}"': '"mine:ref"',
    '"TODO: the forward value and the gradient, such as y = ln a; da = dy / a"':
        '"y = (a + sqrt(a^2 + 4)) / 2; da = (1 + a / sqrt(a^2 + 4)) / 2 dy"',
    '"TODO: where the formula comes from: a paper with its equation, a book, calculus"':
        '"Barron, Squareplus (2021)"',
}  # fmt: skip


def check(folder, *words):
    code, screen, stderr = needle("check", "mine.py", "-n", 3, "--seed", 1, *words, cwd=folder)
    return code, screen + stderr


def fill(path, written):
    text = path.read_text()
    for old, new in written.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def test_the_gate_leads_from_nothing_to_a_right_operator(tmp_path):
    code, screen, _ = needle("new", "op", "mine/squareplus", cwd=tmp_path)
    assert code == 0
    assert "wrote mine.py\nwrote mine.specs/squareplus.toml\nnext: needle check mine.py" in screen
    spec = tmp_path / "mine.specs" / "squareplus.toml"
    for (old, new), key in zip(SPEC.items(), ("reference", "formula", "source"), strict=True):
        code, said = check(tmp_path)
        assert code == 2
        assert f"`{key}` is still to be written; expected" in said and "squareplus.toml:" in said
        fill(spec, {old: new})
    fill(
        tmp_path / "mine.py",
        {
            "class Squareplus": (
                "def ref(a):\n    return (a + numpy.sqrt(a * a + 4)) / 2\n\n\nclass Squareplus"
            )
        },
    )
    for old, new in WRITTEN.items():
        code, said = check(tmp_path)
        if "NotImplementedError" in old:
            assert code == 1 and old.partition('"')[2][:20] in said
        fill(tmp_path / "mine.py", {old: new})
    code, said = check(tmp_path)
    assert code == 0, said
    # The reference cancels far below zero as well, and vouches for no digit that it has not.
    fill(tmp_path / "mine.py", {"numpy.where(a < 0, 2 / (root - a), (a + root) / 2)":
                                "(a + root) / 2"})  # fmt: skip
    code, said = check(tmp_path)
    assert code == 1 and "far out in the domain: the value is not the reference's" in said


def test_a_second_one_joins_the_first(tmp_path):
    needle("new", "op", "mine/one", cwd=tmp_path)
    needle("new", "op", "mine/an_other", cwd=tmp_path)
    text = (tmp_path / "mine.py").read_text()
    ast.parse(text)
    assert '__all__ = ["AnOther", "One", "an_other", "one"]' in text
    assert {p.name for p in (tmp_path / "mine.specs").iterdir()} == {"one.toml", "an_other.toml"}


def test_what_is_there_is_not_written_over(tmp_path):
    needle("new", "op", "mine/one", cwd=tmp_path)
    before = (tmp_path / "mine.py").read_text()
    code, _, stderr = needle("new", "op", "mine/one", cwd=tmp_path)
    assert code == 2 and "exists already" in stderr
    (tmp_path / "mine.specs" / "one.toml").unlink()
    code, _, stderr = needle("new", "op", "mine/one", cwd=tmp_path)
    assert code == 2 and "--spec-only" in stderr
    assert needle("new", "op", "mine/one", "--spec-only", cwd=tmp_path)[0] == 0
    assert (tmp_path / "mine.py").read_text() == before
    code, _, stderr = needle("new", "op", "mine/two", "--spec-only", cwd=tmp_path)
    assert code == 2 and "no function two yet" in stderr
    (tmp_path / "torn.py").write_text("def f(:\n")
    assert needle("new", "op", "torn/one", cwd=tmp_path)[0] == 2
    assert (tmp_path / "torn.py").read_text() == "def f(:\n"


@pytest.mark.parametrize(
    "name", ["one", "mine/One", "../mine/one", "mine/one/two", "mine/", "a b/c"]
)
def test_a_bad_name_is_refused(name, tmp_path):
    with pytest.raises(Problem, match="family/function"):
        scaffold.place_of(name, tmp_path)


def test_a_function_of_numpys_name_has_its_reference():
    assert scaffold.reference_of("tanh") == "numpy:tanh"
    assert scaffold.reference_of("erf") == "scipy.special:erf"
    assert scaffold.reference_of("squareplus") == scaffold.REFERENCE


@pytest.mark.parametrize("name", ["activation/squareplus", "brandnew/op"])
def test_an_operator_of_the_engine_is_two_files_and_found_by_its_name(name, tmp_path, monkeypatch):
    for part in ("needle", "specs"):
        shutil.copytree(ROOT / part, tmp_path / part)
    monkeypatch.setattr(catalogue, "ENGINE", tmp_path / "needle")
    place = scaffold.place_of(name, tmp_path)
    assert place.engine
    source, spec = tmp_path / "needle" / "ops" / f"{place.family}.py", tmp_path / "specs"
    assert scaffold.write(place, spec_only=False) == [source, spec / f"{name}.toml"]
    assert name in [entry.name for entry in catalogue.operators(tmp_path / "needle" / "ops")]
    code = f"import needle\nprint(needle.{place.function} is needle.ops.{place.function})"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True,
                          text=True)  # fmt: skip
    assert done.stdout == "True\n", done.stderr
