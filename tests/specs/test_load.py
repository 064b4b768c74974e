"""What the loader makes of specs: the shipped ones, the design's examples, a user's own."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from needle_cli.checking.claims import Domain
from needle_cli.checking.generation.requirements import parse_requirement
from needle_cli.records import tokens
from needle_cli.specs import (
    SpecError,
    find_specs_dir,
    load_spec,
    load_specs,
    read_header,
    spec_paths,
)
from needle_cli.specs.schema import build
from tests.specs.texts import VALID, after, line, write

SPECS = find_specs_dir()
SCHEMA = json.loads((SPECS / "schema.json").read_text())


def test_there_are_shipped_specs() -> None:
    names = {f"{path.parent.name}/{path.stem}" for path in spec_paths(SPECS)}
    assert len(names) >= 30
    assert names >= {"linalg/matmul", "convolution/conv", "tuples/make_tuple"}


@pytest.mark.parametrize("path", spec_paths(SPECS), ids=lambda path: path.stem)
def test_a_shipped_spec_loads(path: Path) -> None:
    claims = load_spec(path).claims
    assert claims.formula and claims.source and claims.class_name


def test_a_broken_spec_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, VALID)
    write(tmp_path, "x = [", "broken.toml")
    write(tmp_path, "[[known]]\n", "known-failures.toml")
    (tmp_path / "known-failures.toml").write_text("[[known]]\n")
    (tmp_path / "family" / ".#thing.toml").write_text("half = ")
    (tmp_path / "lost.toml").write_text(VALID)
    specs, errors = load_specs(tmp_path)
    assert [spec.name for spec in specs] == ["family/thing"]
    assert sorted(error.path.name for error in errors) == ["broken.toml", "lost.toml"]
    assert "specs/<family>/<function>.toml" in " ".join(map(str, errors))


@pytest.mark.parametrize("path", spec_paths(SPECS), ids=lambda path: path.stem)
def test_shipped_specs_fit_the_schema(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("#:schema ../schema.json\n")
    jsonschema.Draft202012Validator(SCHEMA).validate(tomllib.loads(text))


def test_the_schema_is_the_one_the_loader_describes() -> None:
    assert build() == SCHEMA
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", spec_paths(SPECS), ids=lambda path: path.stem)
def test_the_header_says_what_the_spec_says(path: Path) -> None:
    header, spec = read_header(path), load_spec(path)
    assert header.name == spec.name
    assert header.op == spec.claims.op
    assert header.class_name == spec.claims.class_name
    assert header.tags == spec.claims.tags
    assert header.formula == spec.claims.formula


@pytest.mark.parametrize(
    ("text", "place"),
    [(line(1, "op = 3"), ":1: `op` is 3"), (line(6, "tags = 1"), ":6: "), ("x = [", ":1: not")],
)
def test_a_broken_header_has_its_line(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_header(write(tmp_path, text))
    assert place in str(caught.value)


LIGHT = """
import sys
from needle_cli.specs import find_specs_dir, read_header, spec_paths
headers = [read_header(path) for path in spec_paths(find_specs_dir())]
assert len(headers) >= 30
{more}
heavy = {{"numpy", "scipy", "hypothesis", "rich", "needle", "cupy"}} & set(sys.modules)
sys.exit(", ".join(sorted(heavy)) or 0)
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_listing_loads_nothing_heavy() -> None:
    done = run(LIGHT.format(more=""))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_listing_test_can_fail() -> None:
    done = run(LIGHT.format(more="from needle_cli.specs import load_spec"))
    assert done.returncode == 1
    assert "numpy" in done.stderr


def test_loading_our_specs_does_not_import_the_engine() -> None:
    """A foreign engine is called `needle` too: the judge must not import it by accident."""
    code = (
        "import sys\nfrom needle_cli.specs import *\n"
        "specs, errors = load_specs(find_specs_dir())\nassert len(specs) >= 30\n"
        "sys.exit('needle' in sys.modules)\n"
    )
    assert run(code).returncode == 0


def test_args_are_held_against_the_function(tmp_path: Path) -> None:
    text = (SPECS / "shape" / "transpose.toml").read_text()
    path = tmp_path / "shape" / "transpose.toml"
    path.parent.mkdir()
    path.write_text(text)
    assert load_spec(path).name == "shape/transpose"
    path.write_text(text.replace("axes", "axis_pair"))
    with pytest.raises(SpecError, match=r"transpose\(a, axes\)") as caught:
        load_spec(path)
    assert text.split("\n")[caught.value.line - 1].startswith("args")


def test_a_function_that_is_not_there_is_left_to_the_linter(tmp_path: Path) -> None:
    text = (SPECS / "shape" / "transpose.toml").read_text().replace(":transpose", ":trnspose", 1)
    path = tmp_path / "shape" / "trnspose.toml"
    path.parent.mkdir()
    path.write_text(text)
    assert load_spec(path).name == "shape/trnspose"


TOKEN = tokens.encode({"op": "family/thing", "check": "gradient", "inputs": {}, "judged": []})


def test_everything_is_stored(tmp_path: Path) -> None:
    text = after(
        "[facts]\nlinear_in = 'b'\n"
        f"[[example]]\ntoken = '{TOKEN}'\nwhy = 'once wrong'\n"
        "[[immune]]\nfault = 'sign'\nreason = 'even function'\n"
        "[[nondeterministic]]\ndevice = 'cuda'\nreason = 'atomic additions'\n"
    )
    claims = load_spec(write(tmp_path, text)).claims
    assert claims.inputs["a"].domain == Domain("positive")
    assert (claims.dims["m"].min, claims.dims["m"].max) == (1, 4)
    assert claims.params["stride"].fields == {"min": 1, "max": 3}
    assert claims.inputs_of("small")["a"].values == (1, 2)
    assert claims.inputs_of("small")["a"].domain == Domain("positive")
    assert claims.inputs_of("small")["b"] is claims.inputs["b"]
    assert claims.linear_in == ("b",)
    assert claims.kinks[0].of == ("a", "b")
    assert claims.factor("gradient", "float32", "cpu") == 8.0
    assert claims.factor("gradient", "float64", "cpu") == 1.0
    assert claims.immune[0].fault == "sign"
    assert claims.varies("cuda") and claims.varies("cuda:1")
    assert not claims.varies("cpu") and not claims.varies("sim")
    error = claims.errors[0]
    assert np.asarray(error.values["a"]).shape == (2, 3)
    assert np.asarray(error.values["b"], np.float32).tolist() == [[1.0, 2.0]]
    assert np.asarray(error.values["b"], np.float32).dtype == np.float32
    assert error.values["stride"] == 1
    assert claims.examples == (TOKEN,)


def test_claims_of_the_same_text_are_equal(tmp_path: Path) -> None:
    first = load_spec(write(tmp_path, VALID)).claims
    again = load_spec(write(tmp_path, "# moved\n\n" + VALID)).claims
    other = load_spec(write(tmp_path, line(33, "factor = 9"))).claims
    assert first == again
    assert first != other


def test_integers_and_lists_of_arrays(tmp_path: Path) -> None:
    text = (
        'op = "x:thing"\nreference = "needle_cli.references:make_tuple"\nargs = ["i", "xs", "ax"]\n'
        'input.i = { shape = "(n)", domain = { name = "index", into = "xs" } }\n'
        'input.xs = { shape = "(S...)", tuple = true }\n'
        'param.ax = { kind = "axes", of = "xs" }\n'
        '[[error]]\nwhy = "past the end"\nraises = "IndexError"\n'
        "i = { value = [7] }\nxs = [{ shape = [2] }, { value = [1, 2] }]\nax = [0, [1, 2]]\n"
    )
    claims = load_spec(write(tmp_path, text)).claims
    assert claims.inputs["i"].dtype == "int"
    assert not claims.inputs["i"].differentiable
    assert claims.inputs["xs"].is_tuple
    error = claims.errors[0]
    assert np.asarray(error.values["i"]).dtype == np.int64
    assert [np.asarray(x).tolist() for x in error.values["xs"]] == [[1.0, 1.0], [1.0, 2.0]]
    assert error.values["ax"] == (0, (1, 2))


def test_lanes_may_change_parameters() -> None:
    claims = load_spec(SPECS / "arithmetic" / "power_scalar.toml").claims
    lane = "natural exponents, any base"
    assert claims.params_of(lane)["scalar"].fields["values"] == (2, 3, 1, 0, 4)
    assert claims.params_of("")["scalar"] is claims.params["scalar"]
    assert claims.inputs_of(lane)["a"].domain.name == "real"


def test_a_users_own_file(tmp_path: Path) -> None:
    module = types.ModuleType("my_ops")
    exec("def thing(a, b, stride): ...\ndef ref_fn(a, b, stride): return a * b", module.__dict__)
    text = VALID.replace("elsewhere:thing", "my_ops:thing").replace(
        "needle_cli.references:fused_add_scalars", "my_ops:ref_fn"
    )
    path = write(tmp_path, text)
    spec = load_spec(path, family="my_ops", module=module)
    assert spec.name == "my_ops/thing"
    assert spec.claims.reference(2, 3, 1) == 6
    with pytest.raises(SpecError, match="my_ops"):
        load_spec(path, family="my_ops")
    specs, errors = load_specs(path.parent, family="my_ops", module=module)
    assert (len(specs), errors) == (1, [])


def test_a_users_function_that_does_not_exist(tmp_path: Path) -> None:
    module = types.ModuleType("my_ops")
    exec("def things(a, b, stride): ...", module.__dict__)
    path = write(tmp_path, VALID.replace("elsewhere:thing", "my_ops:thing"))
    with pytest.raises(SpecError, match="did you mean 'things'"):
        load_spec(path, module=module)


def test_directories(tmp_path: Path) -> None:
    assert find_specs_dir(tmp_path) == tmp_path
    with pytest.raises(SpecError, match="no such directory"):
        find_specs_dir(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match="is not a directory"):
        find_specs_dir(tmp_path / "file")
    assert load_specs(tmp_path) == ([], [])


DESIGN = """
log | op = "needle.ops:log"
reference = "numpy:log"
elementwise = true
args = ["a"]
input.a = { shape = "(...)", domain = "positive" }
---
layer_norm | op = "needle.ops:layer_norm"
reference = "needle_cli.references:relu"
args = ["x", "weight", "bias", "eps"]
input.x = { shape = "(..., n)", spread = { axis = -1, min_std = 0.1 } }
input.weight = "(n)"
input.bias = "(n)"
dims.n = { min = 2, max = 5 }
param.eps = { kind = "choice", values = [1e-5, 1e-3] }
[[tolerance]]
dtype = "float32"
factor = 8 # multiplies the computed bound; never an absolute number
reason = "variance of short rows cancels about three digits in float32"
---
cholesky | op = "needle.ops:cholesky"
reference = "numpy.linalg:cholesky"
args = ["a"]
input.a = { shape = "(..., n, n)", domain = { name = "spd", min_eig = 0.2, max_eig = 4.0 } }
[[error]]
why = "not positive definite"
a = { value = [[1.0, 2.0], [2.0, 1.0]] }
raises = "LinAlgError"
---
where | op = "needle.ops:where"
reference = "numpy:where"
args = ["cond", "a", "b"]
input.cond = { shape = "(...)", dtype = "bool" }
input.a = "(...)"
input.b = "(...)"
facts.linear_in = ["a", "b"]
facts.no_nan_leak = ["a", "b"]
---
embedding | op = "needle.ops:embedding"
reference = "needle_cli.references:getitem"
args = ["table", "index"]
input.table = "(v, d)"
dims.v = { min = 1, max = 5 } # v = 0 is an error case, not a sample
facts.linear_in = ["table"]
[input.index]
shape = "(S...)"
domain = { name = "index", into = "table", axis = 0, duplicates = "force" }
[[error]]
why = "past the end (CuPy wraps instead of raising unless the op checks)"
table = { shape = [3, 2] }
index = { value = [3] }
raises = "IndexError"
"""


@pytest.mark.parametrize("example", DESIGN.strip().split("\n---\n"), ids=lambda t: t.split(" ")[0])
def test_examples_of_the_guide_load(tmp_path: Path, example: str) -> None:
    name, _, text = example.partition(" | ")
    spec = load_spec(write(tmp_path, text, f"{name}.toml"))
    assert spec.name == f"family/{name}"
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(tomllib.loads(text))


@pytest.mark.parametrize(
    ("text", "true", "false"),
    [
        ("a + 2*b >= c", (1, 1, 3), (1, 1, 4)),
        ("a % b == 0", (4, 2, 0), (3, 2, 0)),
        ("a // b == c", (7, 2, 3), (7, 2, 4)),
        ("0 < a <= b", (1, 1, 0), (0, 1, 0)),
        ("a == 1 or b == 1", (1, 5, 0), (2, 2, 0)),
        ("a == 1 and b != 1", (1, 2, 0), (1, 1, 0)),
        ("-a < b - c", (1, 1, 1), (0, 0, 0)),
    ],
)
def test_requirements(text: str, true: tuple[int, ...], false: tuple[int, ...]) -> None:
    for numbers, wanted in ((true, True), (false, False)):
        values = dict(zip("abc", numbers, strict=True))
        assert parse_requirement(text).holds(values) is wanted


def test_requirements_with_not_and_division_by_zero() -> None:
    assert parse_requirement("not a == 1").holds({"a": 2})
    assert not parse_requirement("not a == 1").holds({"a": 1})
    assert not parse_requirement("a % b == 0").holds({"a": 1, "b": 0})
