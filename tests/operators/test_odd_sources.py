"""Source files with odd content: read as Python reads them, or a finding beside the others."""

import json

import pytest

from needle_cli.gate import changed
from needle_cli.operators import catalogue, scaffold
from needle_cli.operators.catalogue import CatalogueError
from needle_cli.operators.selection import select
from needle_cli.problems import Problem
from needle_cli.settings import Config, resolve
from tests.helpers import git, needle, settle

DEEP = 100_000
OPERATOR = '''
from needle import TensorOp


class Double(TensorOp):
    """y = 2 a; da = 2 dy."""

    def compute(self, a):
        return 2 * a

    def gradient(self, out_grad, node):
        return out_grad * {factor}


def double(a):
    return Double()(a)
'''
PLAIN = OPERATOR.format(factor=2).encode()
SPEC = """op = "{stem}:double"
class = "Double"
reference = "numpy:{reference}"
args = ["a"]
formula = "y = 2 a; da = 2 dy"
source = "calculus"
input.a = "(n)"
"""
READ = {
    "plain": PLAIN,
    "byte order mark": b"\xef\xbb\xbf" + PLAIN,
    "coding cookie": b"# -*- coding: latin-1 -*-\n# \xe4\xf6\xfc" + PLAIN,
    "carriage returns": PLAIN.replace(b"\n", b"\r\n"),
    "form feed": b"\x0c" + PLAIN,
    "deep annotation": PLAIN + b"\ndef g(a: " + b"-" * 90 + b"1): return a\n",
    "long sum": PLAIN + b"\nx = " + b"1 and " * DEEP + b"1\n",
}
UNREADABLE = {
    "null byte": b"x = 1\0",
    "not utf-8": b"x = '\xff'\n",
    "unknown coding": b"# coding: klingon\n",
    "parentheses": b"x = " + b"(" * DEEP + b"1" + b")" * DEEP,
    "signs": b"x = " + b"-" * DEEP + b"1",
    "sum": b"x = " + b"1 + " * DEEP + b"1",
    "attributes": b"x = a" + b".b" * DEEP,
    "calls": b"x = a" + b"()" * DEEP,
    "lambdas": b"x = " + b"lambda: " * DEEP + b"1",
    "indentation": b"if 1:\n" + b"".join(b" " * i + b"if 1:\n" for i in range(1, 200)),
    "syntax": b"def f(a:\n",
}


@pytest.mark.parametrize("name", READ)
def test_it_is_read_as_python_reads_it(name, tmp_path):
    path = tmp_path / "mine.py"
    path.write_bytes(READ[name])
    assert "mine/double" in [entry.name for entry in catalogue.user_file(path)]
    compile(READ[name], "mine.py", "exec")


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_one_line(name, tmp_path):
    path = tmp_path / "mine.py"
    path.write_bytes(UNREADABLE[name])
    with pytest.raises(CatalogueError, match="cannot be read as Python") as caught:
        catalogue.user_file(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    (unit,) = select([str(path)], resolve({}, {}, Config(None, {})))
    assert unit.name == "mine/mine.py" and unit.fault.startswith("cannot be read as Python")


@pytest.mark.parametrize("name", ["byte order mark", "coding cookie", "carriage returns"])
def test_the_gate_reads_it_in_the_same_way(name, tmp_path, monkeypatch):
    path = committed(tmp_path, READ[name], monkeypatch)
    units = select(["mine.py"], resolve({}, {}, Config(None, {})))
    path.write_bytes(READ[name] + b"\n# a comment\n")
    assert changed.changed(units, "main", pytest.fail) == []
    path.write_bytes(READ[name].replace(b"2 * a", b"3 * a"))
    assert [unit.name for unit in changed.changed(units, "main", pytest.fail)] == ["mine/double"]


@pytest.mark.parametrize("name", UNREADABLE)
def test_the_gate_minds_nothing_that_cannot_be_read(name, tmp_path, monkeypatch):
    path = committed(tmp_path, PLAIN, monkeypatch)
    path.write_bytes(UNREADABLE[name])
    units = select(["mine.py"], resolve({}, {}, Config(None, {})))
    assert units and changed.changed(units, "main", pytest.fail) == units
    with pytest.raises(Problem):
        scaffold.write(scaffold.place_of("mine/fresh", tmp_path), False)


def committed(folder, source, monkeypatch):
    """Write an operator with this source, commit it, and go to its folder; return its path."""
    path = add(folder, "mine")
    path.write_bytes(source)
    git(folder, "init", "-q", "-b", "work")
    settle(folder, "one")
    monkeypatch.chdir(folder)
    return path


def add(folder, stem, factor=2, source=None):
    """Write a file with an operator and its spec; return its path."""
    folder.mkdir(exist_ok=True)
    (folder / f"{stem}.specs").mkdir()
    text = SPEC.format(stem=stem, reference="positive").replace("numpy:positive", f"{stem}:ref")
    (folder / f"{stem}.specs" / "double.toml").write_text(text)
    plain = OPERATOR.format(factor=factor) + "\n\ndef ref(a):\n    return 2 * a\n\n\n"
    (folder / f"{stem}.py").write_text(source or plain + '__all__ = ["double"]\n')
    return folder / f"{stem}.py"


def judged(folder, *words):
    code, screen, errors = needle(
        "check", *words, "-n", 2, "--select", "contract,gradient", "--seed", 1, "--format", "json",
        cwd=folder,
    )  # fmt: skip
    document = json.loads(screen)
    assert "error" not in document, document
    return code, {row["id"]: row for row in document["results"]}, errors


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """Return a folder, and the run of a broken file, one that cannot be imported, and others."""
    folder = tmp_path_factory.mktemp("company")
    add(folder / "one", "same", factor=2)
    add(folder / "two", "same", factor=3)
    add(folder, "broken", source="def double(a:\n")
    add(folder, "imports", source='import nowhere\n\ndef double(a: "Tensor"):\n    return a\n')
    words = ("broken.py", "one/same.py", "imports.py", "two/same.py", "./one/../one/same.py")
    return folder, judged(folder, *words, "-j", "2")


def statuses(rows, op):
    return {row["check"]: row["status"] for row in rows.values() if row["op"] == op}


def test_files_of_one_name_have_operators_of_different_names(company):
    _, (code, rows, _) = company
    assert code == 1
    assert statuses(rows, "one/same/double") == {"contract": "pass", "gradient": "pass"}
    assert statuses(rows, "two/same/double") == {"contract": "pass", "gradient": "fail"}
    found = rows["two/same/double:gradient:cpu:float64"]
    assert found["location"]["path"] == "two/same.py"
    assert "two/same.py -k double" in found["replay"]["seed_command"]


@pytest.mark.parametrize("name", ["one", "two"])
def test_an_operator_is_judged_as_it_is_alone(name, company):
    folder, (_, rows, _) = company
    _, alone, _ = judged(folder, f"{name}/same.py")
    assert statuses(alone, "same/double") == statuses(rows, f"{name}/same/double")
    for row in alone.values():
        other = rows[row["id"].replace("same/", f"{name}/same/")]
        for key in ("worst", "counts", "examples"):
            assert row[key] == other[key]
        assert (row["replay"] or {}).get("token") == (other["replay"] or {}).get("token")


def test_a_case_of_such_a_file_is_asked_again(company):
    folder, (_, rows, _) = company
    token = rows["two/same/double:gradient:cpu:float64"]["replay"]["token"]
    code, screen, _ = needle("replay", token, cwd=folder)
    assert code == 1 and screen.startswith("FAILS")


@pytest.mark.parametrize("asked", [("two/same.py",), ("one/same.py", "two/same.py")])
def test_a_finding_of_such_a_file_can_be_accepted(asked, company):
    folder, _ = company
    file = folder / "two" / "same.specs" / "known-failures.toml"
    judged(folder, "one/same.py", "two/same.py")
    code, screen, errors = needle("baseline", "accept", *asked, "--reason", "it is looked into",
                                  "--issue", "#1", cwd=folder)  # fmt: skip
    assert code == 0, screen + errors
    assert 'op = "same/double"' in file.read_text()
    assert judged(folder, "one/same.py", "two/same.py")[0] == 0
    file.unlink()
    assert judged(folder, "one/same.py", "two/same.py")[0] == 1


@pytest.mark.parametrize(
    ("op", "line", "said"),
    [
        ("broken/double", 1, "cannot be read as Python: '(' was never closed (line 1)"),
        ("imports/double", 3, "cannot import imports.py: ModuleNotFoundError: No module named"),
    ],
)
def test_a_file_that_python_refuses_is_a_finding_and_stops_no_other(op, line, said, company):
    _, (_, rows, _) = company
    row = rows[f"{op}:forward:cpu:float64"]
    assert row["status"] == "error" and said in row["reason"]
    assert row["location"] == {"path": f"{op.partition('/')[0]}.py", "line": line}
    assert row["findings"][0]["message"] == row["reason"]


def test_check_specs_says_so_of_every_file(company):
    folder, _ = company
    code, screen, errors = needle("check", "specs", "broken.py", "one/same.py", "imports.py",
                                  cwd=folder)  # fmt: skip
    assert (code, errors) == (1, "")
    assert "broken.py:1: broken: cannot import broken.py: SyntaxError" in screen
    assert "imports.py:1: imports: cannot import imports.py: ModuleNotFoundError" in screen
    assert "1 spec, 2 findings" in screen


def test_an_operator_without_a_spec_is_a_finding(tmp_path):
    (tmp_path / "mine.py").write_bytes(PLAIN)
    code, rows, _ = judged(tmp_path, "mine.py")
    assert code == 1
    assert rows["mine/double:spec:cpu:float64"]["status"] == "fail"
    assert judged(tmp_path, str(add(tmp_path / "good", "mine")))[0] == 0
