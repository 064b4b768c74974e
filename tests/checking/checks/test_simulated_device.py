"""The simulated GPU: right operators pass on it, those that a GPU would refuse do not."""

import pytest

from needle import ops
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.model import Plan, Status
from needle_cli.checking.search.judging import judge
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.running import worker_tasks
from needle_cli.specs import load_spec
from tests.campaign import by_family
from tests.helpers import SAMPLES, SPECS

OURS = sorted(f"{path.parent.name}/{path.stem}" for path in SPECS.glob("*/*.toml"))

RIGHT = ("numpy_alone", "device_constant", "checked", "any_order_declared")
WRONG = {
    "host_copy": "NumPy was asked to make an array of it",
    "python_number": "float() of it",
    "branch": "bool() of it",
    "host_constant": "one operand lives on the device and another is a ndarray on the host",
    "missing": "CuPy has no function spacing",
    "unchecked": "nothing is raised, expected IndexError",
    "last_wins": "is not the reference's",
    "any_order": "different bytes; if the order of additions is not fixed (atomics), declare it",
    "wild_declared": "by more than their rounding",
}


def rows_of(name, device):
    module = worker_tasks._module(str(SAMPLES / "devices.py"))
    path = SAMPLES / "devices.specs" / f"{name}.toml"
    claims = load_spec(path, family="devices", module=module).claims
    op = operator_under_test(getattr(module, name), claims, name=f"devices/{name}", device=device)
    plan = Plan(NAMES, examples=10, device=device, shrink=False)
    return {row.check: row for row in judge(op, claims, plan)}


def bad(rows):
    return [row for row in rows.values() if row.status not in (Status.PASS, Status.NOT_APPLICABLE)]


@pytest.mark.parametrize("name", [*RIGHT, *WRONG])
def test_all_of_them_pass_on_the_host(name):
    assert not bad(rows_of(name, "cpu"))


@pytest.mark.parametrize("name", RIGHT)
def test_an_operator_for_any_device_passes(name):
    rows = rows_of(name, "sim")
    assert not bad(rows)
    assert rows["parity"].status is Status.PASS


@pytest.mark.parametrize("name", WRONG)
def test_an_operator_for_the_host_alone_is_refused_with_the_reason(name):
    found = bad(rows_of(name, "sim"))
    said = [failure.finding.message for row in found for failure in row.failures]
    assert any(WRONG[name] in text for text in said), said


@pytest.mark.parametrize("name", ["host_copy", "python_number", "host_constant", "missing"])
def test_the_line_and_the_cause_are_named(name):
    row = rows_of(name, "sim")["forward"]
    finding = row.failures[0].finding
    assert "(at devices.py:" in finding.message
    assert finding.cause.name == "device"


def test_a_difference_of_devices_is_no_wrong_formula():
    names = {f.finding.cause.name for row in bad(rows_of("last_wins", "sim")) for f in row.failures}
    assert names == {"device"}


@pytest.mark.parametrize("name", by_family(OURS))
def test_our_operators_pass_on_the_look_alike(name):
    claims = load_spec(SPECS / f"{name}.toml").claims
    op = operator_under_test(getattr(ops, claims.function), claims, name=name, device="sim")
    rows = judge(op, claims, Plan(NAMES, examples=5, device="sim", shrink=False))
    assert not bad({row.check: row for row in rows})
    parity = next(row for row in rows if row.check == "parity")
    assert parity.status is Status.PASS and parity.examples > 20
