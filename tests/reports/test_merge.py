"""Parts of a run put together: equal to the whole, or refused."""

import json
import re

import pytest

from needle_cli.reports import documents, trend
from tests.helpers import needle

ASKED = ("check", "ops", "exp", "log", "logsoftmax", "--seed", 5, "-n", 2,
         "--select", "forward,gradient,contract")  # fmt: skip


def without_times(text):
    text = re.sub(r'"seconds": [\d.e-]+', '"seconds": 0', text)
    return re.sub(r'"started": "[^"]+"', '"started": ""', text)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    place = tmp_path_factory.mktemp("shards")
    needle(*ASKED, f"--report=json={place / 'whole.json'}")
    for k in (1, 2):
        needle(*ASKED, "--shard", f"{k}/2", f"--report=json={place / f'part-{k}.json'}")
    return place


def merge(*words, cwd):
    return needle("report", *words, cwd=cwd)


def test_two_shards_are_the_whole_run(parts):
    merged = parts / "merged.json"
    code, _, _ = merge("part-2.json", "part-1.json", f"--to=json={merged}", cwd=parts)
    assert code == 0
    whole = (parts / "whole.json").read_text()
    assert without_times(merged.read_text()) == without_times(whole)
    assert len(json.loads(whole)["results"]) > 6


def test_a_shard_judges_its_part_alone(parts):
    first, second = (json.loads((parts / f"part-{k}.json").read_text()) for k in (1, 2))
    whole = json.loads((parts / "whole.json").read_text())
    ops = [{row["op"] for row in document["results"]} for document in (first, second, whole)]
    assert ops[0] | ops[1] == ops[2] and not ops[0] & ops[1]
    assert first["run"]["shard"] == {"k": 1, "n": 2}
    assert first["run"]["selection"] == whole["run"]["selection"]


def changed(path, name, **run):
    document = json.loads(path.read_text())
    for key, value in run.items():
        where = document["run"]["selection"] if key in document["run"]["selection"] else None
        (document["run"] if where is None else where)[key] = value
    target = path.with_name(name)
    target.write_text(json.dumps(document))
    return name


@pytest.mark.parametrize(
    "words, said",
    [
        (["part-1.json"], "shard 2 of 2 is missing"),
        (["part-1.json", "part-1.json"], "shard 1 is given twice"),
        (["part-1.json", "whole.json"], "whole.json is not a shard"),
        (["part-1.json", "seed.json"], "by their seed: 5 and 6"),
        (["part-1.json", "examples.json"], "by their examples"),
        (["part-1.json", "operators.json"], "by their operators"),
        (["part-1.json", "cut.json"], "cut.json is not complete"),
        (["torn.json"], "not a report"),
        (["absent.json"], "cannot read it"),
        (["empty.json"], "not a complete report"),
        (["great.json"], "status is 'great'"),
        (["many.json"], "examples is 'many'"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, words, said):
    part = parts / "part-2.json"
    changed(part, "seed.json", seed=6)
    changed(part, "examples.json", max_examples=99)
    changed(part, "operators.json", operators=["exponential/exp"])
    document = json.loads(part.read_text())
    document["summary"]["interrupted"] = True
    (parts / "cut.json").write_text(json.dumps(document))
    (parts / "torn.json").write_text(part.read_text()[:300])
    whole = json.loads((parts / "whole.json").read_text())
    (parts / "empty.json").write_text(json.dumps({**whole, "results": [{}]}))
    for name, value in {"great": {"status": "great"}, "many": {"examples": "many"}}.items():
        rows = [{**whole["results"][0], **value}]
        (parts / f"{name}.json").write_text(json.dumps({**whole, "results": rows}))
    code, _, stderr = merge(*words, cwd=parts)
    assert code == 2
    assert said in stderr


def test_an_empty_shard_is_no_failure(parts):
    code, screen, _ = needle("check", "ops", "exp", "-n", 1, "--shard", "2/2")
    assert code == 0
    assert "this shard has no operators" in screen


@pytest.mark.parametrize("word", ["0/2", "3/2", "1", "a/b", "1/0"])
def test_what_is_no_shard_is_refused(word):
    code, _, stderr = needle("check", "ops", "--shard", word)
    assert code == 2 and "K-th of N parts" in stderr


def test_a_report_is_shown_again_with_its_exit_code(parts):
    target = parts / "wrong.json"
    words = ("check", "canned.py", "-k", "wrong", "--seed", 3)
    first, screen, _ = needle(*words, f"--report=json={target}", stand_in=True)
    code, again, _ = merge("wrong.json", cwd=parts)
    assert (first, code) == (1, 1)
    assert again == screen
    code, _, _ = merge("wrong.json", "--exit-zero", cwd=parts)
    assert code == 0


def test_formats_are_named_by_to(parts):
    code, screen, _ = merge("whole.json", "--to", "concise", "--to", "markdown=m.md", cwd=parts)
    assert code == 0 and screen == ""
    assert "no findings" in (parts / "m.md").read_text()
    code, _, stderr = merge("whole.json", "--to", "pdf", cwd=parts)
    assert code == 2 and "not 'pdf'" in stderr


def test_shrinking_head_room_is_a_warning(parts):
    document = json.loads((parts / "whole.json").read_text())
    for name, share in (("better.json", 0.02), ("worse.json", 0.9)):
        for row in document["results"]:
            if row["worst"]:
                row["worst"]["of_allowed"] = share
        (parts / name).write_text(json.dumps(document))
    better = trend.earlier(str(parts / "better.json"))
    _, summary = documents.parsed(document, "worse.json")
    grown = [op for op, share in better.items() if share]
    said = trend.warnings(summary.rows, better)
    assert len(said) == len(grown) > 0
    assert all(op in line and "was" in line for op, line in zip(grown, said, strict=True))
    assert not trend.warnings(summary.rows, trend.worst_errors(summary.rows))
    code, _, stderr = needle("check", "ops", "exp", "-n", 1, "--earlier=nothing.json")
    assert code == 2 and "nothing.json" in stderr
    code, screen, _ = needle(*ASKED, "--format=json", f"--earlier={parts / 'whole.json'}")
    before = trend.earlier(str(parts / "whole.json"))
    assert code == 0 and json.loads(screen)["summary"]["before"] == before
