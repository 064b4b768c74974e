"""A function that a spec names and that raises is an error of the spec, in every command."""

import json

import pytest

from needle_cli.records import tokens
from tests.helpers import needle

SOURCE = """
import numpy as np
from needle import ops


def right(a):
    return np.exp(a)


def in_doubles(a):
    if a.dtype == np.longdouble:
        raise RuntimeError("only double")
    return np.exp(a)


def raises(a):
    raise ValueError("on purpose,\\nin two lines")


def leaves(a):
    raise SystemExit(0)


def recurses(a):
    return recurses(a)


class Hostile(Exception):
    def __str__(self):
        raise KeyError


def unspeakable(a):
    raise Hostile


def nothing(a):
    return None


def objects(a):
    return np.array([object()])


def ragged(a):
    return [[[1.0], [1.0, 2.0]]]


def late(a):
    if np.abs(a).max(initial=0) > 100:
        raise ValueError("large numbers")
    return np.exp(a)


calls = []


def tires(a):
    calls.append(a)
    if len(calls) > 60:
        raise ValueError("too often")
    return np.exp(a)


def draws(rng, shape, dtype):
    return rng.standard_normal(shape)


def draws_wrongly(rng, shape, dtype):
    return np.zeros((7, 7, 7))


def no_draw(rng, shape, dtype):
    raise LookupError("no draw")
"""
SPEC = """\
op = "mine:{name}_op"
formula = "y = e^a"
args = ["a"]
reference = "mine:{reference}"
source = "calculus"
input.a = {{ shape = "(n)", domain = {domain} }}
"""
SMALL = "{ low = -2.0, high = 2.0 }"
GOOD = {
    "right": SMALL,
    "in_doubles": SMALL,
    "drawn": '{ name = "mine:draws" }',
}
BROKEN = {
    "raises": (4, "the reference raises ValueError: on purpose, in two lines"),
    "leaves": (4, "the reference raises SystemExit: 0"),
    "recurses": (4, "the reference raises RecursionError"),
    "unspeakable": (4, "the reference raises Hostile"),
    "nothing": (4, "the reference returns an array of object"),
    "objects": (4, "the reference returns an array of object"),
    "ragged": (4, "the reference "),
    "draws_wrongly": (6, "`input.a.domain`: the function mine:draws_wrongly returns float64"),
    "no_draw": (6, "`input.a.domain`: the function mine:no_draw raises LookupError: no draw"),
}


def project(folder, names):
    """Write operators that are right, each with a spec of its own."""
    source = SOURCE + f"\n__all__ = {[f'{name}_op' for name in names]}\n"
    (folder / "mine.specs").mkdir()
    for name in names:
        source += f"\n\ndef {name}_op(a):\n    return ops.exp(a)\n"
        hook, domain = BROKEN.get(name, ("", ""))[0] == 6, GOOD.get(name, SMALL)
        text = SPEC.format(
            name=name, reference="right" if hook or name == "drawn" else name,
            domain=f'{{ name = "mine:{name}" }}' if hook else domain,
        )  # fmt: skip
        (folder / "mine.specs" / f"{name}_op.toml").write_text(text)
    (folder / "mine.py").write_text(source)
    return folder


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    return project(tmp_path_factory.mktemp("broken"), [*BROKEN, "right"])


@pytest.fixture(scope="module")
def told(broken):
    """Return code and lines of the errors, by command."""
    quick = ("-n", 1, "--select", "gradient")
    told = {}
    for words in (("check", "mine.py", *quick), ("check", "specs", "mine.py")):
        code, screen, errors = needle(*words, cwd=broken)
        assert screen == "" and "Traceback" not in errors and "internal" not in errors
        told[words[1]] = code, errors.splitlines()
    return told


@pytest.mark.parametrize("command", ["mine.py", "specs"])
@pytest.mark.parametrize("name", BROKEN)
def test_it_is_a_spec_error_with_file_and_line(name, command, told):
    line, said = BROKEN[name]
    code, lines = told[command]
    assert code == 2
    (found,) = [text for text in lines if f"mine.specs/{name}_op.toml:" in text]
    assert f"mine.specs/{name}_op.toml:{line}: {said}" in found
    assert not [text for text in lines if "right_op" in text]


def test_what_works_is_judged(tmp_path):
    """Twin: a reference that refuses longdouble alone, and a function that draws."""
    project(tmp_path, GOOD)
    code, screen, errors = needle("check", "mine.py", "-n", 2, "--select", "gradient,forward",
                                  cwd=tmp_path)  # fmt: skip
    assert code == 0, screen + errors
    code, screen, errors = needle("check", "specs", "mine.py", cwd=tmp_path)
    assert (code, errors) == (1, "") and "raises" not in screen  # its domain is too narrow


def test_one_that_raises_at_usual_numbers_is_one_too(tmp_path):
    project(tmp_path, ["late"])
    spec = tmp_path / "mine.specs" / "late_op.toml"
    spec.write_text(spec.read_text().replace(SMALL, "{ low = -700.0, high = 700.0 }"))
    code, screen, errors = needle("check", "mine.py", cwd=tmp_path)
    assert (code, screen) == (2, "")
    assert "mine.specs/late_op.toml:4: the reference raises ValueError" in errors


def test_one_that_raises_later_is_called_the_reference(tmp_path):
    project(tmp_path, ["tires", "right"])
    code, screen, errors = needle("check", "mine.py", "--format=json", cwd=tmp_path)
    rows = {(row["op"], row["check"]): row for row in json.loads(screen)["results"]}
    row = rows["mine/tires_op", "forward"]
    assert (code, row["status"], errors) == (1, "error", "")
    text = row["findings"][0]["message"]
    assert "not the operator but mine:tires, which the spec names, raises ValueError: too" in text
    assert "the call was tires(array([" in text and row["findings"][0]["code"] == "reference_failed"
    assert rows["mine/right_op", "forward"]["status"] == "pass"


SINGULAR = """
import numpy
from needle import TensorOp

__all__ = ["turned", "summed"]


def regular(rng, shape, dtype):
    if SHRINKING():
        raise numpy.linalg.LinAlgError("no regular matrix of this shape")
    return rng.standard_normal(shape) + 4 * numpy.eye(shape[-1])


drawn = []


def SHRINKING():
    drawn.append(1)
    return len(drawn) > 30


class Turned(TensorOp):
    def compute(self, a):
        return numpy.linalg.inv(a)

    def gradient(self, out_grad, node):
        return out_grad * 3


def turned(a):
    return Turned()(a)


class Summed(TensorOp):
    def compute(self, a):
        return a * 2

    def gradient(self, out_grad, node):
        return out_grad * 3


def summed(a):
    return Summed()(a)


def double(a):
    if a.size > 1 and numpy.ptp(numpy.asarray(a, float)) == 0:
        raise numpy.linalg.LinAlgError("all alike")
    return a * 2
"""


@pytest.mark.parametrize("op", ["turned", "summed"])
def test_a_function_that_fails_while_a_case_is_made_small_loses_no_finding(tmp_path, op):
    (tmp_path / "mine.py").write_text(SINGULAR)
    (tmp_path / "mine.specs").mkdir()
    domain = {"turned": '{ name = "mine:regular" }', "summed": '"real"'}[op]
    text = SPEC.format(name="x", reference="double", domain=domain)
    text = text.replace("mine:x_op", f"mine:{op}").replace('"(n)"', '"(n, n)"')
    if op == "turned":
        text = text.replace("mine:double", "numpy.linalg:inv")
    (tmp_path / "mine.specs" / f"{op}.toml").write_text(text)
    code, screen, errors = needle("check", "mine.py", "-k", op, "-n40", "--select=gradient,forward",
                                  "--format=json", cwd=tmp_path)  # fmt: skip
    (row,) = [row for row in json.loads(screen)["results"] if row["check"] == "gradient"]
    assert (code, row["status"], errors) == (1, "fail", "")
    assert row["findings"][0]["analytic"] is not None
    assert "raise" not in row["findings"][0]["message"]


def test_replay_says_so(broken):
    array = {"dtype": "float64", "shape": [1], "values": [1.0]}
    record = {"op": "mine/raises_op", "check": "forward", "file": "mine.py", "inputs": {"a": array},
              "judged": ["a"], "cotangent": [array]}  # fmt: skip
    code, screen, _ = needle("replay", tokens.encode(record), cwd=broken)
    assert code == 2 and screen.startswith("CANNOT")
    assert "mine.specs/raises_op.toml:4: the reference raises ValueError" in " ".join(
        screen.split()
    )
