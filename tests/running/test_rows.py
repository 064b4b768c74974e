"""Every question that was asked has one answer in the report, whatever a worker answers."""

import pytest

from needle_cli.operators.unit import Unit
from needle_cli.reports import documents
from needle_cli.reports.events import Row
from needle_cli.running.rows import CHANNEL, rows_of
from needle_cli.running.tasks import Outcome, Task
from needle_cli.running.worker_tasks import judge
from tests.helpers import SPECS

CHECKS = ("forward", "gradient")
UNIT = Unit("exponential/exp", str(SPECS / "exponential/exp.toml"), "exponential.py", 3)


class Crumbs:
    """Keeps what an action says before it answers."""

    def __init__(self):
        self.asked, self.rows = [], []

    def __call__(self, check, case):
        self.asked.append(check)

    def found(self, row):
        self.rows.append(row)


def task(**fields):
    return Task("judge", UNIT.name, **{"spec": UNIT.spec, "checks": CHECKS, **fields})


def answer(check="gradient", op=UNIT.name, device="cpu", dtype="float64", status="pass"):
    return documents.row(Row(op, check, device, dtype, status), None)


def reported(rows, **more):
    outcome = Outcome(task(), "answer", data={"rows": rows, **more})
    return {row.check: row for row in rows_of(outcome, UNIT)}


def test_what_was_asked_and_answered_is_reported():
    rows = reported([answer("forward"), answer(status="fail")])
    assert [(row.check, row.status) for row in rows.values()] == [
        ("forward", "pass"), ("gradient", "fail"),
    ]  # fmt: skip


@pytest.mark.parametrize("rows, said", [
    ([answer("forward")], "0 answers"),
    ([answer("forward"), answer(), answer()], "2 answers"),
    ([answer("forward"), answer(op="another/one")], "0 answers"),
    ([answer("forward"), answer(device="cuda")], "0 answers"),
    ([answer("forward"), answer(dtype="float32")], "0 answers"),
], ids=["lost", "doubled", "operator", "device", "dtype"])  # fmt: skip
def test_a_question_without_its_one_answer_is_an_error(rows, said):
    found = reported(rows)
    assert set(found) == set(CHECKS)
    assert found["gradient"].status == "error" and said in found["gradient"].reason


def test_an_answer_that_nobody_asked_for_is_an_error():
    rows = reported([answer("forward"), answer(), answer("linearity")])
    assert set(rows) == set(CHECKS) and rows["forward"].status == "error"
    assert rows["forward"].reason == CHANNEL


@pytest.mark.parametrize("rows", [
    None, 3, "rows", [None], [{}], [[]], [answer() | {"status": "good"}],
    [answer() | {"examples": "many"}], [answer() | {"findings": 3}], [answer() | {"counts": 1}],
])  # fmt: skip
def test_what_is_no_row_is_an_error_of_the_operator(rows):
    found = reported(rows)
    assert [row.status for row in found.values()] == ["error"]
    assert found["forward"].reason == CHANNEL


def test_a_change_of_a_module_is_a_finding_of_purity():
    rows = reported([answer("forward"), answer()], changed=["numpy.exp", "numpy.log"])
    assert rows["purity"].status == "fail" and rows["gradient"].status == "pass"
    assert rows["purity"].reason == "changes what is not its own: numpy.exp, numpy.log"
    assert "purity" not in reported([answer("forward"), answer()], changed=[])


@pytest.mark.parametrize("ending, status", [("timeout", "timeout"), ("crashed", "error")])
def test_what_was_found_before_the_end_is_reported(ending, status):
    found = (answer("gradient", status="fail"),)
    outcome = Outcome(task(), ending, 1.0, {}, "no answer", "forward", found=found)
    rows = {row.check: row for row in rows_of(outcome, UNIT)}
    assert rows["gradient"].status == "fail" and rows["forward"].status == status
    assert rows["gradient"].reason == "found before this: no answer"
    outcome = Outcome(task(), ending, 1.0, {}, "no answer", "gradient", found=found)
    assert [row.status for row in rows_of(outcome, UNIT)] == ["fail"]
    (alone,) = rows_of(Outcome(task(), ending, 1.0, {}, "no answer", "gradient"), UNIT)
    assert alone.status == status


def test_a_finding_is_said_before_the_answer(tmp_path):
    text = (SPECS / "exponential/exp.toml").read_text().replace("numpy:exp", "numpy:expm1")
    (tmp_path / "exp.toml").write_text(text)
    crumbs = Crumbs()
    done = judge(task(spec=str(tmp_path / "exp.toml"), examples=3, shrink=False), crumbs)
    (said,) = [row for row in crumbs.rows if row["check"] == "forward"]
    assert said["status"] == "fail" and said["findings"][0]["smallest"]["inputs"]
    assert next(row for row in done["rows"] if row["check"] == "forward")["status"] == "fail"
    crumbs = Crumbs()
    judge(task(examples=3), crumbs)
    assert crumbs.rows == [] and crumbs.asked
