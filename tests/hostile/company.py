"""A folder of hostile and good operators, and the verdicts that they get there."""

import json
import re

from tests.helpers import needle
from tests.hostile.kinds import KINDS, PREAMBLE

SPEC = """op = "{file}:{name}"
reference = "numpy:exp"
args = ["a"]
formula = "y = e^a; da = dy e^a"
source = "calculus"
input.a = {{ shape = "(...)", domain = {{ low = -2.0, high = 2.0 }} }}
"""
GOOD = """

def right(a):
    return Exp()(a)


class Doubled(Exp):
    def gradient(self, out_grad, node):
        return out_grad * (exp(node.inputs[0]) * 2.0)


def wrong(a):
    return Doubled()(a)
"""
GOOD_ONES = {"right": "pass", "wrong": "fail gradient: "}
"""Operators that do no harm, one right and one wrong: nobody may change their verdicts."""

EXPECTED = {name: kind.verdict for name, kind in KINDS.items()} | GOOD_ONES

SECONDS = 20
"""The time limit of slow kinds: enough for a good operator on a busy machine."""


def write(folder, names):
    """Write the files of these kinds and of the good operators; return the files' names."""
    together = [KINDS[name] for name in names if KINDS[name].where != "import"]
    alone = [KINDS[name] for name in names if KINDS[name].where == "import"]
    text = PREAMBLE + "\n\n".join(["", *(kind.source() for kind in together)]) + GOOD
    files = {"company": (text, [*(kind.name for kind in together), *GOOD_ONES])}
    files |= {kind.name: (kind.source(), [kind.name]) for kind in alone}
    for file, (text, functions) in files.items():
        (folder / f"{file}.py").write_text(text)
        (folder / f"{file}.specs").mkdir()
        for name in functions:
            (folder / f"{file}.specs" / f"{name}.toml").write_text(
                SPEC.format(file=file, name=name)
            )
    return [f"{file}.py" for file in files]


ASKED = (
    "--select", "forward,contract,gradient,purity", "-n", 2, "--seed", 1, "--no-shrink",
    "--timeout", SECONDS, "--memory-limit", "512MiB", "--format", "json",
)  # fmt: skip
"""The options of every run: what is hostile shows in the first questions."""


def rows_of(folder, files, *words):
    """Judge files; return the rows of every operator, and the document."""
    code, screen, errors = needle("check", *files, *ASKED, *words, cwd=folder, timeout=1800)
    document = json.loads(screen)
    assert "results" in document, screen + errors
    assert document["summary"]["exit_code"] == code
    return by_operator(document), document


def by_operator(document):
    """Return the rows of a report by the name of their operator."""
    rows = {}
    for row in document["results"]:
        rows.setdefault(row["op"].rpartition("/")[2], []).append(row)
    return rows


def unexpected(rows):
    """Return the verdicts that are not those of the table, by operator."""
    verdicts = {name: verdict_of(those) for name, those in rows.items()}
    return {name: said for name, said in verdicts.items() if not agrees(said, EXPECTED[name])}


def verdict_of(rows):
    """Return the verdict of an operator's rows in one line: the first finding, else the first row
    that is no pass.
    """
    for row in sorted(rows, key=lambda row: row["status"] == "timeout"):
        if row["status"] not in ("pass", "not_applicable"):
            said = [row.get("reason", ""), *(finding["message"] for finding in row["findings"])]
            return f"{row['status']} {row['check']}: {' '.join(said)}"
    return "pass"


def agrees(verdict, expected):
    """Whether a verdict is the expected one: its status and check, and the words in it."""
    start, colon, words = expected.partition(": ")
    return verdict.startswith(start) and words in verdict if colon else verdict.startswith(expected)


def essence(rows):
    """Return what has to be the same in any company: every verdict with its reason.

    The line of an operator in its file is not.
    """
    said = [(row["check"], row["status"], row.get("reason", "")) for row in rows]
    return [(*words, re.sub(r"\.py:\d+", ".py", reason)) for *words, reason in said]
