"""Recorded failures asked again, as files, tokens, scripts and examples."""

import json
import re
import subprocess
import sys

import pytest

from needle_cli.operators.unit import Unit
from needle_cli.running import replay
from needle_cli.running.tasks import Outcome, Task
from tests.helpers import environment, needle

WRONG = """
import os

import numpy

import needle
from needle import TensorOp
from needle.ops import exp


class Wrong(TensorOp):
    def compute(self, a):
        return numpy.exp(a)

    def gradient(self, out_grad, node):
        {trouble}
        return out_grad * {factor} * exp(node.inputs[0])


def wrong(a):
    return Wrong()(a)
"""
SPEC = """
op        = "mine:wrong"
reference = "numpy:exp"
args      = ["a"]
formula   = "y = e^a"
input.a   = { shape = "(...)", domain = { low = -2.0, high = 2.0 } }
"""


def write(folder, factor="2", trouble="pass"):
    text = WRONG.replace("{factor}", factor).replace("{trouble}", trouble)
    (folder / "mine.py").write_text(text)
    (folder / "mine.specs").mkdir(exist_ok=True)
    if not (folder / "mine.specs" / "wrong.toml").exists():
        (folder / "mine.specs" / "wrong.toml").write_text(SPEC)


def run(folder, *words):
    return needle("check", "mine.py", "-n", 5, "--seed", 1, *words, cwd=folder)


@pytest.fixture
def failed(tmp_path):
    """A folder with a recorded gradient failure; returns folder, ID and token."""
    write(tmp_path)
    code, screen, errors = run(tmp_path, "--select", "gradient")
    assert code == 1, screen + errors
    identity = re.search(r"Ask again +needle replay (\S+)", screen)[1]
    token = re.search(r"Without files +needle replay (\S+)", screen)[1]
    return tmp_path, identity, token


def test_fails_then_fixed(failed):
    folder, identity, token = failed
    path = folder / ".needle" / "failures" / f"{identity}.json"
    for word in (identity, token, path, folder / ".needle" / "failures"):
        code, screen, _ = needle("replay", word, cwd=folder)
        assert code == 1 and screen.startswith(f"FAILS  {identity}")
        assert "analytic" in screen
    assert needle("replay", cwd=folder)[0] == 1
    write(folder, factor="1")
    code, screen, _ = needle("replay", token, cwd=folder)
    assert code == 0 and screen.startswith("FIXED")
    assert needle("replay", identity, "--keep", cwd=folder)[0] == 0
    assert path.exists()
    code, screen, _ = needle("replay", cwd=folder)
    assert code == 0 and screen.startswith("FIXED") and not path.exists()
    code, screen, _ = needle("replay", cwd=folder)
    assert code == 0 and "no recorded failures" in screen


NO = {"rows": [], "raised": "ValueError: no"}
YES = {"rows": []}


@pytest.mark.parametrize(
    ("tries", "word", "code"),
    [
        ([YES, YES, YES], "FIXED", 0),
        ([NO, NO, NO], "FAILS", 1),
        ([YES, NO, YES], "FLAKY", 1),
        ([NO, NO, YES], "FLAKY", 1),
        ([YES, {"internal": "KeyError"}, YES], "CANNOT", 2),
        ([{"problem": {"message": "gone"}}] * 3, "CANNOT", 2),
        ([{"rows": [], "printed": "hello"}] * 3, "FAILS", 1),
    ],
)
def test_three_tries_make_a_verdict(tries, word, code):
    asked = replay.Asked("abcdef", {"op": "a/b", "check": "gradient"}, None)
    unit = Unit("a/b", "s.toml", "a.py", 1)
    done = [Outcome(Task("again", "a/b"), "answer", data=data) for data in tries]
    verdict = replay.judged(asked, unit, done)
    assert (verdict.word, verdict.code) == (word, code)


def test_a_crash_is_replayed_without_harm(failed):
    folder, _, _ = failed
    write(folder, trouble="os._exit(5)")
    code, screen, _ = run(folder, "--select", "gradient")
    identity = re.search(r"needle replay (\S+)", screen)[1]
    assert code == 1
    code, screen, _ = needle("replay", identity, cwd=folder)
    assert code == 1 and screen.startswith("FAILS") and "exit code 5" in screen
    write(folder, factor="1")
    assert needle("replay", identity, cwd=folder)[0] == 0


def test_a_hang_is_replayed_once(failed):
    folder, identity, _ = failed
    write(folder, trouble="import time; time.sleep(1000)")
    code, screen, _ = needle("replay", identity, "--timeout", "2", cwd=folder)
    assert code == 1 and "no answer within 2 s" in screen


def test_cannot(failed):
    folder, identity, token = failed
    (folder / "mine.py").write_text("def other(a):\n    return a\n")
    code, screen, _ = needle("replay", identity, cwd=folder)
    assert code == 2 and screen.startswith("CANNOT")
    assert "there is no operator mine/wrong" in screen and "any more" not in screen
    (folder / "mine.py").unlink()
    code, screen, _ = needle("replay", token, cwd=folder)
    assert code == 2 and "mine.py is not here" in screen


def test_json(failed):
    folder, identity, _ = failed
    code, screen, _ = needle("replay", identity, "--format", "json", cwd=folder)
    (result,) = json.loads(screen)["results"]
    assert code == 1 and result["outcome"] == "FAILS"
    assert result["finding"]["smallest"]["elements"]


def test_the_script_shows_the_disagreement(failed):
    folder, identity, _ = failed
    code, script, _ = needle("replay", identity, "--script", cwd=folder)
    assert code == 0 and "needle_cli" not in script
    assert len(script.splitlines()) < 30
    (folder / "script.py").write_text(script)
    done = subprocess.run([sys.executable, "script.py"], cwd=folder, env=environment(),
                          capture_output=True, text=True, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    pairs = re.findall(r"^a\[.*\]: analytic (\S+), numeric (\S+)$", done.stdout, re.MULTILINE)
    assert pairs
    for analytic, numeric in pairs:
        assert float(analytic) == pytest.approx(2 * float(numeric), rel=1e-6)


def test_an_example_in_the_spec_is_asked_from_then_on(failed):
    folder, identity, _ = failed
    spec = folder / "mine.specs" / "wrong.toml"
    code, screen, errors = needle("replay", identity, "--to-spec", cwd=folder)
    assert code == 0 and "[[example]]" in spec.read_text(), screen + errors
    assert needle("replay", identity, "--to-spec", cwd=folder)[0] == 2
    write(folder, factor="1")
    code, screen, errors = run(folder, "--select", "gradient")
    assert code == 0, screen + errors


def test_a_token_cannot_name_a_file_elsewhere(failed):
    from needle_cli.records import tokens

    folder, _, token = failed
    record = tokens.decode(token)
    for path in ("/etc/passwd", "../mine.py", "mine.txt"):
        code, _, _ = needle("replay", tokens.encode({**record, "file": path}), cwd=folder)
        assert code == 2


def test_numbers_are_the_same_from_file_and_token(failed):
    folder, identity, token = failed
    seen = []
    for word in (identity, token):
        _, screen, _ = needle("replay", word, "--format", "json", "--keep", cwd=folder)
        seen.append(json.loads(screen)["results"][0]["finding"])
    assert seen[0] == seen[1]


@pytest.mark.parametrize("device, dtype", [("cpu", "float32"), ("sim", "float64")])
def test_the_script_has_the_dtype_and_the_device_of_the_case(tmp_path, device, dtype):
    (tmp_path / "mine.py").write_text(WHOLE.replace("a[0]", "a"))
    (tmp_path / "mine.specs").mkdir()
    (tmp_path / "mine.specs" / "twice.toml").write_text(WHOLE_SPEC)
    needle("check", "mine.py", "--select=gradient", "-n3", f"--device={device}",
           f"--dtype={dtype}", cwd=tmp_path)  # fmt: skip
    code, script, _ = needle("replay", "--script", cwd=tmp_path)
    assert code == 0 and f"# {dtype} on {device}, engine needle" in script
    assert ("device=ndl.sim()" in script) == (device == "sim")
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, env=environment(),
                          capture_output=True, text=True)  # fmt: skip
    assert "analytic 3, numeric 2" in done.stdout, done.stderr


WHOLE = """
from needle import TensorOp

__all__ = ["twice"]


class Twice(TensorOp):
    def compute(self, a):
        return a[0] * 2

    def gradient(self, out_grad, node):
        return out_grad * 3


def twice(a):
    return Twice()(a)
"""
WHOLE_SPEC = """
op = "mine:twice"
reference = "operator:pos"
args = ["a"]
formula = "y = 2 a"
source = "calculus"
input.a = { shape = "(n)", domain = "integer" }
"""


def test_whole_floats_where_integers_are_wanted_get_a_hint(tmp_path):
    (tmp_path / "mine.py").write_text(WHOLE.replace("a[0]", "[1, 2, 3, 4, 5][a[0]]"))
    (tmp_path / "mine.specs").mkdir()
    (tmp_path / "mine.specs" / "twice.toml").write_text(WHOLE_SPEC)
    code, screen, _ = needle("check", "mine.py", "-n3", "-vv", cwd=tmp_path)
    assert code == 1
    assert 'a holds whole floats: dtype = "int" in the spec' in " ".join(screen.split())
    assert "Traceback (most recent call last):" in screen and "in compute" in screen
    assert "Traceback" not in needle("check", "mine.py", "-n3", cwd=tmp_path)[1]
    code, screen, _ = needle("check", "specs", "mine.py", cwd=tmp_path)
    assert code == 1 and 'for integers say dtype = "int"' in screen
    (tmp_path / "mine.specs" / "twice.toml").write_text(WHOLE_SPEC.replace('"integer"', '"real"'))
    assert "dtype =" not in needle("check", "mine.py", "-n3", cwd=tmp_path)[1]
