"""Known failures: they mask one failure each, until a date, and are missed when they are gone."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from needle_cli.causes import Cause
from needle_cli.operators import known_failures
from needle_cli.operators.known_failures import KnownFailure, Pinned
from needle_cli.problems import Problem
from needle_cli.reports.events import FindingView, Row, Spot
from tests.helpers import needle

SOON = date.today() + timedelta(days=30)
PAST = date.today() - timedelta(days=1)
DOUBLE = Cause("ratio", "number", {"factor": "2"})
FLIPPED = Cause("ratio", "number", {"factor": "-1"})
ZERO = Cause("zeros")

OPERATORS = '''
from needle import TensorOp

__all__ = ["double", "right"]


class Square(TensorOp):
    """y = a^2; da = `factor` a dy."""

    def __init__(self, factor):
        self.factor = factor

    def compute(self, a):
        return a * a

    def gradient(self, out_grad, node):
        return out_grad * node.inputs[0] * self.factor


def double(a):
    return Square({factor})(a)


def right(a):
    return Square(2)(a)
'''
SPEC = """op = "mine:{name}"
reference = "numpy:square"
args = ["a"]
formula = "y = a^2; da = 2 a dy"
source = "calculus"
input.a = "(n)"
"""


@pytest.fixture
def project(tmp_path):
    """Return a folder with a wrong operator and a right one."""
    write(tmp_path, 4)
    specs = tmp_path / "mine.specs"
    specs.mkdir()
    for name in ("double", "right"):
        (specs / f"{name}.toml").write_text(SPEC.format(name=name))
    return tmp_path


def write(folder, factor):
    (folder / "mine.py").write_text(OPERATORS.replace("{factor}", str(factor)))


def check(folder, *words):
    return needle("check", "mine.py", "-n", 5, "--select", "contract,gradient", "--seed", 1, *words,
                  cwd=folder)  # fmt: skip


def accept(folder, *words, **environ):
    return needle("baseline", "accept", "mine.py", *words, cwd=folder, **environ)


def known(folder):
    return folder / "mine.specs" / "known-failures.toml"


def test_from_a_finding_to_a_known_failure_and_back(project):
    assert check(project)[0] == 1
    code, screen, _ = accept(project, "--reason", "the factor is being looked for", "--issue", "#7")
    assert code == 0 and "accepted until" in screen
    text = known(project).read_text()
    assert 'cause = "ratio"' in text and 'factor = "2"' in text
    code, screen, _ = check(project)
    assert code == 0, screen
    assert "1 known" in screen and "the factor is being looked for, #7" in screen
    assert "#7" in needle("baseline", "show", "mine.py", cwd=project)[1]
    _, screen, _ = needle("baseline", "prune", "mine.py", cwd=project)
    assert "still fails" in screen and known(project).read_text() == text
    write(project, 2)
    code, screen, _ = check(project)
    assert code == 1 and "passes now; remove it: needle baseline prune mine.py" in screen
    code, _, stderr = accept(project, "--reason", "once more, please", "--issue", "#8")
    assert code == 2 and "passes now" in stderr
    code, screen, _ = needle("baseline", "prune", "mine.py", cwd=project)
    assert "removed: mine/double gradient, #7" in screen
    assert known(project).read_text() == ""
    assert check(project)[0] == 0


def test_another_failure_is_not_masked(project):
    check(project)
    accept(project, "--reason", "the factor is being looked for", "--issue", "#7")
    write(project, -2)
    code, screen, _ = check(project)
    assert code == 1
    assert "not as it did when it was accepted" in screen
    assert check(project, "--baseline", "none")[0] == 1


def test_people_accept_and_machines_do_not(project):
    check(project)
    good = ("--reason", "the factor is being looked for", "--issue", "#7")
    assert accept(project, *good, CI="true")[0] == 2
    assert accept(project, "--reason", " ", "--issue", "#7")[0] == 2
    assert accept(project, "--issue", "#7")[0] == 2
    assert accept(project, *good, "--until", "2001-01-01")[0] == 2
    assert accept(project, *good, "--until", "2999-01-01")[0] == 2
    assert not known(project).exists()
    assert accept(project, *good)[0] == 0


@pytest.mark.parametrize(
    "line, said",
    [
        ('op = "mine/dobule"', "did you mean mine/double?"),
        ('issue = ""', '`known[0].issue` is ""'),
        ('reason = " "', "`known[0].reason`"),
        ('until = "soon"', "a date such as"),
        ('until = "2999-01-01"', "half a year ahead at most"),
        ('check = "gradeint"', "did you mean gradient?"),
        ('token = "AAAA"', "the token cannot be read"),
        ("expires = 3", 'unknown key "expires"'),
        ('cause = "the gradient is exactly 2 × the numeric one"', "needle list causes shows"),
        ('cause = "raito"', "did you mean ratio?"),
        ('cause = "raito"', "accept the finding again with needle baseline accept mine.py"),
        ('cause = "ratio"', "a ratio has no factor, and would mask every other one"),
    ],
)
def test_an_entry_that_is_not_whole_ends_the_run(project, line, said):
    whole = {
        "op": '"mine/double"', "check": '"gradient"', "issue": '"#7"', "reason": '"because"',
        "until": f'"{SOON}"',
    }  # fmt: skip
    key, _, value = line.partition(" = ")
    whole[key] = value
    known(project).write_text("[[known]]\n" + "\n".join(f"{k} = {v}" for k, v in whole.items()))
    code, _, stderr = check(project)
    assert code == 2
    assert said in stderr and "known-failures.toml" in stderr
    for missing in ("issue", "reason", "until"):
        kept = {k: v for k, v in whole.items() if k != missing and k != key}
        known(project).write_text("[[known]]\n" + "\n".join(f"{k} = {v}" for k, v in kept.items()))
        assert check(project)[0] == 2


@pytest.mark.parametrize(
    "text", ["plain", "\U0001f600 ä", 'a "b" \\ c', "tab\t del\x7f esc\x1b", "\udcff"]
)
def test_an_entry_is_read_as_it_was_written(text, tmp_path):
    path = tmp_path / "known-failures.toml"
    written = KnownFailure("f/op", "gradient", text, text, SOON, cause="ratio", factor="2")
    known_failures.write(path, [written])
    (read,) = known_failures.read(path)
    assert read.reason == text.replace("\udcff", "?")
    assert read.factor == "2"


def entry(**fields):
    usual = {"issue": "#7", "reason": "why", "until": SOON, "token": "t", "cause": "ratio",
             "factor": "2"}  # fmt: skip
    return KnownFailure("f/op", "gradient", **{**usual, **fields})


def row(status, cause=None, message="differ", **fields):
    """Return a row; what its cause is called in print must not matter."""
    named = {"cause_name": cause.name, "cause_values": cause.values} if cause else {}
    found = FindingView(message, "in any words" if cause else "", "", Spot("a"), **named)
    findings = (found,) if status == "fail" else ()
    return Row("f/op", "gradient", "cpu", "float64", status, findings=findings, **fields)


def status_of(row, entry, fails, message="differ"):
    pinned = [Pinned("gradient", "t", fails, message)] if fails is not None else []
    (found,) = known_failures.apply([row], [entry], pinned, date.today())
    return found.status, found.reason


def test_what_becomes_of_a_row():
    assert status_of(row("fail", DOUBLE), entry(), True)[0] == "known"
    assert status_of(row("pass"), entry(), True)[0] == "known"
    assert status_of(row("fail"), entry(), True)[0] == "known"
    assert status_of(row("fail", FLIPPED), entry(), True)[0] == "fail"
    assert status_of(row("fail", FLIPPED), entry(factor=""), True)[0] == "known"
    assert status_of(row("fail", ZERO), entry(), True)[0] == "fail"
    assert status_of(row("fail", ZERO), entry(cause="zeros", factor=""), True)[0] == "known"
    assert status_of(row("fail", None, "other"), entry(cause="", factor=""), True)[0] == "fail"
    assert "passes now" in status_of(row("pass"), entry(), False)[1]
    assert status_of(row("pass"), entry(), False)[0] == "fail"
    assert status_of(row("fail", DOUBLE), entry(), False)[0] == "fail"
    assert "expired" in status_of(row("fail", DOUBLE), entry(until=PAST), True)[1]
    assert status_of(row("pass"), entry(until=PAST), True)[0] == "fail"
    assert status_of(row("fail"), entry(token=""), None)[0] == "known"
    assert status_of(row("pass"), entry(token=""), None)[0] == "fail"
    assert status_of(row("not_applicable"), entry(), True)[0] == "not_applicable"


def test_an_entry_is_about_its_device_and_dtype():
    other = entry(device="cuda")
    assert status_of(row("fail", DOUBLE), other, True)[0] == "fail"
    assert status_of(row("fail", DOUBLE), entry(dtype="float32"), True)[0] == "fail"
    assert status_of(row("fail", DOUBLE), entry(device="cpu", dtype="float64"), True)[0] == "known"


def test_the_file_has_one_form(tmp_path):
    path = tmp_path / "known-failures.toml"
    entries = [entry(issue=name, token="") for name in ("b", "a")]
    known_failures.write(path, entries)
    first = path.read_text()
    assert first.index('issue = "a"') < first.index('issue = "b"')
    known_failures.write(path, reversed(known_failures.read(path)))
    assert path.read_text() == first
    assert set(known_failures.read(path)) == set(entries)


def test_too_large_a_case_is_no_known_failure():
    with pytest.raises(Problem, match="cannot be accepted as a known failure"):
        known_failures.from_row(Row("f/op", "spec", "cpu", "float64", "fail"), "#1", "why", SOON)


def test_no_file_is_no_failure(tmp_path):
    assert known_failures.read(Path(tmp_path) / "none.toml") == ()
