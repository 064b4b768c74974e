"""Reports that no run wrote: refused with what is wrong, or rendered in every format."""

import copy
import json
import random

import jsonschema
import pytest

from needle_cli.problems import Problem
from needle_cli.reports import documents
from needle_cli.reports.events import RunDone
from needle_cli.reports.outputs import format_class
from needle_cli.reports.schema import fault, schema
from needle_cli.settings import FORMATS, Config, resolve
from tests.campaign import late
from tests.helpers import needle

JUNK = (None, True, 0, -1, 1.5, 10**30, 10**400, "x", "::error::", "\x1b[2J\n", [], {}, [1],
        {"a": 1}, [[]], "nan", float("inf"))  # fmt: skip
SETTINGS = resolve({}, {}, Config(None, {}))
SHOWN = [name for name in FORMATS if name != "html"]


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """Return a report with every kind of row."""
    path = tmp_path_factory.mktemp("forged") / "r.json"
    needle("check", "canned.py", "-k", "not broken and not slow", f"--report=json={path}",
           "--select", "forward,gradient,purity", stand_in=True)  # fmt: skip
    return json.loads(path.read_text("utf-8"))


def places(node, path=()):
    """Yield the paths of everything in a document, without the whole of long lists."""
    if path:
        yield path
    items = node.items() if isinstance(node, dict) else ()
    items = list(enumerate(node))[:3] if isinstance(node, list) else items
    for key, item in items:
        yield from places(item, (*path, key))


def forged(document, rng):
    """Return a report with one or two changes."""
    changed = copy.deepcopy(document)
    for _ in range(rng.randint(1, 2)):
        *way, last = rng.choice(list(places(changed)))
        node = changed
        for key in way:
            node = node[key]
        if isinstance(node, dict) and rng.random() < 0.2:
            del node[last]
        else:
            node[last] = rng.choice(JUNK)
    return changed


def rendered(document):
    """Render a report in every format; return whether it was accepted."""
    try:
        info, summary = documents.parsed(document, "r.json")
    except Problem as problem:
        assert problem.code == 2 and len(str(problem)) < 400
        return False
    for name in SHOWN:
        format_class(name)(lambda text: None, SETTINGS).handle(RunDone(info, summary))
    return True


@pytest.mark.parametrize("seed", [0, *map(late, range(1, 8))])
def test_a_forged_report_is_refused_or_rendered(seed, document):
    rng = random.Random(seed)
    told = [rendered(forged(document, rng)) for _ in range(400)]
    assert 20 < sum(told) < 380


def test_a_whole_report_is_rendered(document):
    """Twin."""
    assert rendered(document) and fault(document) == ""


def test_the_judge_of_forms_agrees_with_a_library(document):
    validator = jsonschema.Draft202012Validator(schema())
    rng = random.Random(5)
    for _ in range(150):
        changed = forged(document, rng)
        if "10000000" in repr(changed) or "inf" in repr(changed):
            continue  # numbers that fit no machine are refused here alone
        try:
            ours = fault(changed) == ""
        except Problem:
            continue  # a case that fits the schema and is no case
        assert ours == validator.is_valid(changed)


@pytest.mark.parametrize("text", ["NaN", "[" * 100_000, '{"schema": "needle.report"', "\xff"])
def test_what_is_no_json_is_refused(text, tmp_path):
    path = tmp_path / "r.json"
    path.write_bytes(text.encode("latin-1"))
    code, _, errors = needle("report", path)
    assert code == 2 and errors.count("\n") == 1 and "r.json" in errors
