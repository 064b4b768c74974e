"""Forged tokens: what is not exactly a case is refused, so that no text of it becomes code."""

import ast
import contextlib
import io
import json
import random
import re

import pytest

from needle_cli.records import scripts, tokens
from needle_cli.records.store import read
from needle_cli.records.trusted import TokenError
from tests.helpers import needle

LIVE = "__import__('os').system('x')"
HOSTILE = (
    LIVE, f"\n{LIVE}\n", f"a\r{LIVE}", f"a;{LIVE}", f"'){LIVE}#", f'"""{LIVE}', f"a={LIVE}", "a b",
    "", "lambda", "../a", "/a/b", "a\x1b[2J", "a\u2028b", "::error::a", "##[command]a", "\u202ea",
    "1", 7, -1, 1.5, None, True, [], {}, [LIVE], {LIVE: LIVE}, {"float": LIVE}, {"tuple": [LIVE]},
    10**400,
)  # fmt: skip
ARRAY = {"dtype": "float64", "shape": [2], "values": [1.0, -0.5]}
GOOD = {
    "op": "mine/square", "check": "gradient", "device": "cpu", "dtype": "float64",
    "file": "mine.py", "inputs": {"a": ARRAY, "xs": [ARRAY, ARRAY]},
    "params": {"axes": {"tuple": [0, {"slice": [None, 1, None]}, {"float": "inf"}]}},
    "cotangent": [ARRAY], "judged": ["a"], "silent": [], "seed": 3, "tags": ["error"], "label": "x",
}  # fmt: skip
NAMES = {"op", "check", "device", "dtype", "file", "inputs", "judged", "silent", "seed"}


def places(node, path=()):
    """Yield the paths of everything in a record."""
    yield path
    if isinstance(node, dict):
        for key in node:
            yield from places(node[key], (*path, key))
    if isinstance(node, list):
        for place, item in enumerate(node):
            yield from places(item, (*path, place))


def changed(node, path, value):
    """Return a record with a part replaced; a path that ends with `KEY` renames that key."""
    if not path:
        return value
    node = dict(node) if isinstance(node, dict) else list(node)
    if path[1:] == (KEY,):
        node[value] = node.pop(path[0])
    else:
        node[path[0]] = changed(node[path[0]], path[1:], value)
    return node


KEY = object()


def live(script):
    """Return what a script would run of a hostile text."""
    tree = ast.parse(script)
    names = {getattr(n, "id", getattr(n, "attr", getattr(n, "arg", ""))) for n in ast.walk(tree)}
    return names & {"__import__", "system", "os"}


def script_of(record):
    """Return the script of a record's token, "" if the token is refused."""
    try:
        return scripts.script(tokens.decode(tokens.encode(record)))
    except TokenError as error:
        assert str(error).isprintable() and len(str(error)) < 250
        return ""


def forgeries():
    for path in places(GOOD):
        for value in HOSTILE:
            yield path, changed(GOOD, path, value)
        if path and isinstance(path[-1], str):
            for value in HOSTILE:
                if isinstance(value, str):
                    yield (*path, KEY), changed(GOOD, (*path, KEY), value)


def test_no_forged_text_becomes_code():
    refused = 0
    for path, record in forgeries():
        try:
            script = script_of(record)
        except (AttributeError, TypeError, ValueError, KeyError):
            continue  # our own encoding does not take it
        refused += not script
        if script:
            assert not live(script), (path, record)
            assert script.isprintable() or all(line.isprintable() for line in script.split("\n"))
    assert refused > 500


def test_a_case_that_is_whole_has_its_script():
    """Twin: nothing of the good record is refused."""
    script = script_of(GOOD)
    assert "from mine import square" in script and not live(script)
    assert live(script + f"\n{LIVE}\n")


def test_an_input_may_be_called_as_the_script_calls_its_own():
    """The slope of x y in every input is the other one, whatever the inputs are called."""
    for names in (("a", "b"), ("x", "y"), ("v", "t"), ("f", "total"), ("i", "h")):
        one, other = ({"dtype": "float64", "shape": [1], "values": [n]} for n in (3.0, 5.0))
        record = {
            **GOOD, "op": "arithmetic/multiply", "file": "", "params": {}, "judged": list(names),
            "inputs": dict(zip(names, (one, other), strict=True)),
            "cotangent": [{"dtype": "float64", "shape": [1], "values": [1.0]}],
        }  # fmt: skip
        script = script_of(record)
        # ndl.multiply calls its arguments a and b
        for name, own in zip(names, "ab", strict=True):
            script = re.sub(rf"(ndl\.multiply\(.*?)\b{name}=", rf"\1{own}=", script)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(script, "script", "exec"), {})
        assert re.findall(r"analytic (\S+), numeric (\S+)", printed.getvalue()) == [
            ("5", "5"), ("3", "3"),
        ]  # fmt: skip


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_forged_name_is_refused_by_the_command(name, tmp_path):
    forged = {**GOOD, name: f"a\n{LIVE}\x1b[2J"}
    file = tmp_path / "case.json"
    file.write_text(json.dumps({**forged, "schema": "needle.case", "schema_version": 1}))
    with pytest.raises(TokenError):
        read(file)
    code, screen, errors = needle("replay", file, "--script", cwd=tmp_path)
    assert (code, screen) == (2, "")
    assert errors.startswith("needle: ") and errors.count("\n") == 1
    assert errors.rstrip("\n").isprintable()


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(10))
def test_random_forgeries(seed):
    rng = random.Random(seed)
    for _ in range(3000):
        record = GOOD
        for _ in range(rng.randint(1, 4)):
            path = rng.choice(list(places(record)))
            record = changed(record, path, rng.choice(HOSTILE))
            if not isinstance(record, dict):
                break
        try:
            script = script_of(record)
        except (AttributeError, TypeError, ValueError, KeyError):
            continue
        assert not script or not live(script)
