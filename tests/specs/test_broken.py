"""Broken specs: each gives the file, the line, what was expected, and never a traceback."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest

from needle_cli.specs import SpecError, find_specs_dir, load_spec
from tests.specs.texts import VALID, after, line, without, write

SCHEMA = json.loads((find_specs_dir() / "schema.json").read_text())

# what breaks: text, line, pieces of the message; whether the schema for editors sees it as well
FORM = {
    "unknown key": (line(6, 'tag = ["hw1"]'), 6, ["unknown key", "did you mean 'tags'"]),
    "capital key": (line(6, 'Tags = ["hw1"]'), 6, ["did you mean 'tags'"]),
    "no op": (without(1), 1, ["the spec has no `op`"]),
    "no reference": (without(3), 1, ["no `reference`", "numpy:log"]),
    "no args": (without(4), 1, ["no `args`"]),
    "op not dotted": (line(1, 'op = "thing"'), 1, ["module:function"]),
    "op of a wrong type": (line(1, "op = 3"), 1, ["`op` is 3", "expected module:function"]),
    "class with a dot": (line(2, 'class = "a.Thing"'), 2, ["the name of a class"]),
    "empty formula": (line(5, 'formula = " "'), 5, ["a string (not empty)"]),
    "args a string": (line(4, 'args = "a, b"'), 4, ["expected an array"]),
    "args twice": (line(4, 'args = ["a", "b", "stride", "a"]'), 4, ['"a" twice']),
    "tag with spaces": (line(6, 'tags = ["home work"]'), 6, ["is not a tag"]),
    "structure": (line(7, 'structure = "lineer"'), 7, ["one of linear", "did you mean 'linear'"]),
    "structure a boolean": (line(7, "structure = true"), 7, ["`structure` is true"]),
    "require a string": (line(8, 'require = "m >= 1"'), 8, ["array of comparisons"]),
    "shape without parentheses": (line(10, 'input.b = "..., m, n"'), 10, ["is not a shape"]),
    "shape a list": (line(10, 'input.b = ["m"]'), 10, ["`input.b` is an array", "shape string"]),
    "input without shape": (line(10, 'input.b = { domain = "real" }'), 10, ["has no `shape`"]),
    "input key": (
        line(10, 'input.b = { shap = "(n)" }'), 10, ["unknown key", "did you mean 'shape'"],
    ),
    "domain": (
        line(10, 'input.b = { shape = "(n)", domain = "postive" }'), 10,
        ["did you mean 'positive'"],
    ),
    "domain field": (
        line(10, 'input.b = { shape = "(m,n)", domain = { low = 1.0, hihg = 2.0 } }'), 10,
        ['unknown key "hihg"', "did you mean 'high'"],
    ),
    "domain without bounds": (
        line(10, 'input.b = { shape = "(n)", domain = { open_low = true } }'), 10, ["bounds"],
    ),
    "dtype": (
        line(10, 'input.b = { shape = "(n)", dtype = "float32" }'), 10, ["one of float, int, bool"],
    ),
    "differentiable a number": (
        line(10, 'input.b = { shape = "(n)", differentiable = 0 }'), 10, ["true or false"],
    ),
    "values empty": (line(10, 'input.b = { shape = "(n)", values = [] }'), 10, ["not empty"]),
    "values not numbers": (
        line(10, 'input.b = { shape = "(n)", values = [true] }'), 10, ["holds true", "finite"],
    ),
    "spread": (
        line(10, 'input.b = { shape = "(n)", spread = { min_std = 0 } }'), 10, ["above zero"],
    ),
    "too many members": (
        line(10, 'input.b = { shape = "(n)", list = { min = 1, max = 99 } }'), 10, ["max <= 16"],
    ),
    "dims a number": (line(11, "dims.m = 4"), 11, ["`dims.m` is 4", "a table such as"]),
    "dims a boolean": (line(11, "dims.m = { min = true }"), 11, ["`dims.m.min` is true"]),
    "dims negative": (line(11, "dims.m = { min = -1 }"), 11, ["at least 0"]),
    "dims too large": (line(11, "dims.m = { max = 100000 }"), 11, ["at most 64"]),
    "param without kind": (line(12, "param.stride = { min = 1 }"), 12, ["has no `kind`"]),
    "param kind": (
        line(12, 'param.stride = { kind = "integer" }'), 12, ["one of int", "did you mean 'int'"],
    ),
    "param field": (
        line(12, 'param.stride = { kind = "int", of = "a" }'), 12, ['unknown key "of"'],
    ),
    "param without of": (line(12, 'param.stride = { kind = "axis" }'), 12, ["has no `of`"]),
    "param a float": (
        line(12, 'param.stride = { kind = "int", min = 1.5 }'), 12, ["`param.stride.min` is 1.5"],
    ),
    "choice without values": (
        line(12, 'param.stride = { kind = "choice", values = [] }'), 12, ["not empty"],
    ),
    "kink without curvature": (without(17), 14, ["`kink[0]` has no `curvature`", "convex"]),
    "kink without reason": (without(18), 14, ["has no `reason`"]),
    "kink kind": (line(15, 'kind = "ties"'), 15, ["did you mean 'tie'"]),
    "kink convention": (after("convention = 1"), 36, ['unknown key "convention"']),
    "lane without name": (without(21), 20, ["`lane[0]` has no `name`"]),
    "lane without override": (without(22), 20, ["has no `override`"]),
    "error without why": (without(25), 24, ["has no `why`"]),
    "error without raises": (without(29), 24, ["has no `raises`"]),
    "error shape": (line(26, "a = { shape = [2, -3] }"), 26, ["sizes from 0"]),
    "error shape and value": (
        line(26, "a = { shape = [1], value = [1.0] }"), 26, ["one of shape and value"],
    ),
    "factor below one": (line(33, "factor = 0.5"), 33, ["factor` is 0.5", "1 or more"]),
    "factor a boolean": (line(33, "factor = true"), 33, ["is true"]),
    "tolerance without reason": (without(34), 31, ["has no `reason`"]),
    "tolerance reason empty": (line(34, 'reason = ""'), 34, ["a reason (not empty)"]),
    "tolerance dtype": (line(32, 'dtype = "float23"'), 32, ["did you mean 'float32'"]),
    "absolute tolerance": (line(33, "atol = 0.42"), 33, ['unknown key "atol"', "factor"]),
    "tolerance not an array": (after("[immune]\n"), 36, ["an array of tables", "[[immune]]"]),
    "nondeterministic without reason": (
        after("[[nondeterministic]]\ndevice = 'cuda'\n"), 36, ["has no `reason`"],
    ),
    "nondeterministic device": (
        after("[[nondeterministic]]\ndevice = 'cude'\nreason = 'x'\n"), 37,
        ["did you mean 'cuda'"],
    ),
    "immune without reason": (after('[[immune]]\nfault = "sign"\n'), 36, ["has no `reason`"]),
    "key order after [[tolerance]]": (
        after('elementwise = true\n'), 36,
        ["`elementwise` belongs to the whole spec", "tolerance[0]", "above the first [table]"],
    ),
    "key order after [facts]": (
        after('[facts]\nlinear_in = ["a"]\norder = 1\n'), 38, ["`order` belongs to the whole spec"],
    ),
    "example without token": (after('[[example]]\nwhy = "x"\n'), 36, ["has no `token`"]),
    "facts": (after('[facts]\nlinear = ["a"]\n'), 37, ["did you mean 'linear_in'"]),
    "order zero": (line(6, "order = 0"), 6, ["at least 1"]),
    "a word that left": (line(6, 'outputs = "tuple"'), 6, ['unknown key "outputs"']),
}  # fmt: skip

# only the loader can see these: they need other keys, Python, or TOML's own types
MEANING = {
    "reference does not exist": (
        line(3, 'reference = "numpy:multipli"'), 3,
        ['has no "multipli"', "did you mean 'multiply'"],
    ),
    "reference module": (
        line(3, 'reference = "numpi:exp"'), 3, ["not allowed", "did you mean 'numpy'", "--trust"],
    ),
    "reference is the operator": (line(3, 'reference = "elsewhere:thing"'), 3, ["own reference"]),
    "file name": (line(1, 'op = "elsewhere:other"'), 1, ["thing.toml", "other.toml"]),
    "args name": (
        line(4, 'args = ["a", "b", "strid"]'), 4, ['"strid"', "did you mean 'stride'"],
    ),
    "args too few": (line(4, 'args = ["a", "b"]'), 12, ['"stride" is missing in `args`']),
    "require with a call": (
        line(8, 'require = ["max(m, n) > 1"]'), 8, ["a call, `max(m, n)`", "integer comparisons"],
    ),
    "require attribute": (line(8, 'require = ["m.real > 1"]'), 8, ["`m.real`"]),
    "require power": (line(8, 'require = ["9**9**9**9 > m"]'), 8, ["`9 ** 9"]),
    "require no comparison": (line(8, 'require = ["m"]'), 8, ["where a comparison should stand"]),
    "require membership": (line(8, 'require = ["m in n"]'), 8, ["is not a comparison"]),
    "require syntax": (line(8, 'require = ["m >"]'), 8, ["is not an expression"]),
    "require nested": (
        line(8, f'require = ["{"(" * 99}m{")" * 99} > 1 "]'), 8, ["longer than 200"],
    ),
    "require unknown name": (
        line(8, 'require = ["m >= strid"]'), 8, ['"strid"', "did you mean 'stride'"],
    ),
    "require unsatisfiable": (line(8, 'require = ["m > 4"]'), 8, ["no sizes within their bounds"]),
    "require contradiction": (
        line(8, 'require = [\n  "m >= 3",\n  "m <= 2",\n]'), 10, ["and the ones before it"],
    ),
    "shape twice batch": (line(10, 'input.b = "(..., S...)"'), 10, ["is not a shape"]),
    "shape with a sign": (line(10, 'input.b = "(m, n+1)"'), 10, ["is not a shape", "n+1"]),
    "optional in one shape": (line(10, 'input.b = "(m?, n)"'), 10, ['"m" may be absent']),
    "dims unknown": (
        line(11, "dims.k = { max = 4 }"), 11, ['no input has a dimension "k"', "expected one of"],
    ),
    "dims empty": (line(11, "dims.m = { min = 4, max = 2 }"), 11, ["no size lies between 4 and 2"]),
    "dims name of an input": (
        line(10, 'input.b = "(..., m, n)"\ninput.m = "(n)"'), 12,
        ['"m" is the name of an entry under `input` as well'],
    ),
    "param empty range": (
        line(12, 'param.stride = { kind = "int", min = 3, max = 1 }'), 12, ["no int lies between"],
    ),
    "param of": (
        line(12, 'param.stride = { kind = "axis", of = "aa" }'), 12, ['no input "aa"', "'a'"],
    ),
    "param float kind": (
        line(12, 'param.stride = { kind = "int", min = 1.0 }'), 12, ["is 1.0", "an integer"],
    ),
    "interval": (
        line(10, 'input.b = { shape = "(m, n)", domain = { low = 2, high = 1 } }'), 10,
        ["no number lies between 2.0 and 1.0"],
    ),
    "interval nan": (
        line(10, 'input.b = { shape = "(m, n)", domain = { low = nan } }'), 10, ["finite number"],
    ),
    "index into": (
        line(10, 'input.b = { shape = "(n)", domain = { name = "index", into = "c" } }'), 10,
        ['no input "c"'],
    ),
    "integers differentiable": (
        line(10, 'input.b = { shape = "(n)", dtype = "int", differentiable = true }'), 10,
        ["is declared differentiable"],
    ),
    "spd not square": (
        line(10, 'input.b = { shape = "(m, n)", domain = "spd" }'), 10, ["square matrices"],
    ),
    "values outside the domain": (line(22, "override.a = { values = [-2] }"), 22, ["outside"]),
    "lane of nothing": (line(22, "override.c = { values = [1] }"), 22, ['unknown key "c"']),
    "kink of": (line(16, 'of = ["a", "c"]'), 16, ['no input "c"']),
    "kink of one": (line(16, 'of = "a"'), 16, ["names 1 inputs", "two inputs or more"]),
    "kink outside the domain": (
        after('[[kink]]\nkind = "point"\nof = "a"\nvalue = -1.0\ncurvature = "convex"\n'), 39,
        ["-1.0 lies outside the domain"],
    ),
    "kink along nothing": (
        after('[[kink]]\nkind = "tie"\nof = "a"\nalong = "axis"\ncurvature = "convex"\n'), 39,
        ["an axis"],
    ),
    "kink convention of another kind": (
        after('[[kink]]\nkind = "tie"\nof = "a"\nconvention = "left"\ncurvature = "convex"\n'),
        39, ["even, first, last"],
    ),
    "kink value infinite": (
        after('[[kink]]\nkind = "point"\nof = "a"\nvalue = inf\ncurvature = "convex"\n'), 39,
        ["a finite number"],
    ),
    "exception": (line(29, 'raises = "ValueErro"'), 29, ["did you mean 'ValueError'"]),
    "exception that exits": (line(29, 'raises = "SystemExit"'), 29, ["there is no exception"]),
    "error without an input": (without(26), 24, ["has no `a`"]),
    "error ragged": (line(27, "b = { value = [[1.0], [1.0, 2.0]] }"), 27, ["differ in shape"]),
    "error unknown argument": (line(28, "strid = 1"), 28, ["did you mean 'stride'"]),
    "key order after [[error]]": (
        line(28, 'require = ["m >= 1"]'), 28,
        ["`require` belongs to the whole spec", "error[0]", "key order"],
    ),
    "factor nan": (line(33, "factor = nan"), 33, ["1 or more"]),
    "factor infinite": (line(33, "factor = inf"), 33, ["1 or more"]),
    "facts input": (after('[facts]\nlinear_in = ["c"]\n'), 37, ['no input "c"']),
    "lane twice": (
        after('[[lane]]\nname = "small"\noverride.a = { values = [1] }\n'), 37, ["two lanes"],
    ),
    "rename": (line(6, 'rename = { strid = "s" }'), 6, ["did you mean 'stride'"]),
    "hook": (
        line(12, 'param.stride = { kind = "os:system" }'), 12, ["not allowed", "--trust os"],
    ),
    "example token": (
        after('[[example]]\ntoken = "abc"\n'), 37, ["the token cannot be read"],
    ),
    "name of two things": (
        line(12, 'param.stride = { kind = "int" }\nparam.a = { kind = "int" }'), 13,
        ['"a" is the name of an entry under `input` as well'],
    ),
}  # fmt: skip

SYNTAX: dict[str, tuple[str | bytes, int | None, list[str]]] = {
    "value missing": (line(6, "tags ="), 6, ["not valid TOML"]),
    "string not closed": (line(5, 'formula = "y'), 5, ["not valid TOML"]),
    "key twice": (line(6, 'op = "elsewhere:thing"'), 6, ["given twice"]),
    "table twice": (after("[facts]\n[facts]\n"), 37, ["[facts] stands twice"]),
    "table and dotted key": (after('[input]\nc = "(n)"\n'), 36, ["[input] stands twice"]),
    "value after value": (line(6, "tags = [] []"), 6, ["not valid TOML"]),
    "nested too deep": ("x = " + "[" * 20_000, 1, ["nested too deeply"]),
    "digits": ("x = " + "9" * 5000, 1, ["a number cannot be read"]),
    "empty": ("", 1, ["the spec is empty", "op ="]),
    "only comments": ("# nothing\n", 1, ["the spec is empty"]),
    "byte order mark": (b"\xef\xbb\xbf" + VALID.encode(), 1, ["byte order mark"]),
    "latin-1": (line(5, 'formula = "y = é"').encode("latin-1"), 5, ["0xe9 is not UTF-8"]),
    "utf-16": (VALID.encode("utf-16"), 1, ["is not UTF-8"]),
    "nul": (line(6, 'tags = ["a\0"]'), 6, ["not valid TOML"]),
    "huge": ("#" * (300 * 1024), None, ["too large", "256 KiB"]),
}


def broken(path: Path) -> SpecError:
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    return caught.value


@pytest.mark.parametrize("name", [*FORM, *MEANING])
def test_names_file_line_and_remedy(tmp_path: Path, name: str) -> None:
    text, number, pieces = FORM.get(name) or MEANING[name]
    path = write(tmp_path, text)
    error = broken(path)
    assert str(error).startswith(f"{path}:{number}: ")
    assert error.line == number
    assert "\n" not in str(error)
    for piece in pieces:
        assert piece in str(error)


@pytest.mark.parametrize("name", SYNTAX)
def test_syntax_and_files(tmp_path: Path, name: str) -> None:
    text, number, pieces = SYNTAX[name]
    path = write(tmp_path, text)
    error = broken(path)
    assert error.line == number
    assert str(error).startswith(str(path))
    for piece in pieces:
        assert piece in str(error)


@pytest.mark.parametrize("name", FORM)
def test_the_schema_sees_errors_of_form(name: str) -> None:
    data = tomllib.loads(FORM[name][0])
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(data)


def test_the_unbroken_spec_is_fine(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path, VALID))
    assert spec.name == "family/thing"
    assert spec.claims.args == ("a", "b", "stride")
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(tomllib.loads(VALID))


def test_a_misspelt_key_is_reported_at_its_own_line(tmp_path: Path) -> None:
    plain = [
        (number, text)
        for number, text in enumerate(VALID.split("\n"), start=1)
        if "=" in text and "." not in text.partition(" ")[0]
    ]
    assert len(plain) > 20
    for number, text in plain:
        error = broken(write(tmp_path, line(number, "zz" + text)))
        assert error.line == number
        assert "unknown key" in str(error)


def test_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    folder = tmp_path / "x.toml"
    folder.mkdir()
    assert str(broken(folder)) == f"{folder}: is a directory; expected a TOML file"
    missing = tmp_path / "none.toml"
    assert str(broken(missing)) == f"{missing}: no such file; expected a TOML file"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no device files")
def test_a_device_is_not_read() -> None:
    assert "is not a regular file" in str(broken(Path("/dev/zero")))


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_an_unreadable_file(tmp_path: Path) -> None:
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    assert "cannot be read" in str(broken(loop))


def test_a_value_with_line_breaks_and_markup_stays_on_one_line(tmp_path: Path) -> None:
    error = broken(write(tmp_path, line(7, 'structure = "[/]\\n\\u001b[31m' + "x" * 500 + '"')))
    assert "\n" not in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 400
