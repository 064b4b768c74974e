"""An operator that has what the protocols state, and nothing else, is asked every check."""

import pytest

from needle_cli.checking.abilities import (
    has_graph,
    has_second_order,
    is_lazy,
    is_on_device,
    is_resident,
)
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.model import Plan, Status
from needle_cli.checking.search.judging import judge
from tests.samples.toy_engine import CLAIMS, Operator, product

REFUSED = (Status.FAIL, Status.ERROR)


def rows_of(flaw="", checks=NAMES):
    plan = Plan(checks, examples=12, device="toy", shrink=False)
    return {row.check: row for row in judge(Operator(product, flaw=flaw), CLAIMS, plan)}


def test_what_is_written_against_the_protocols_alone_passes_every_check():
    rows = rows_of()
    assert {row.status for row in rows.values()} == {Status.PASS}, {
        name: (row.status, row.reason, row.failures) for name, row in rows.items()
    }


@pytest.mark.parametrize("check", NAMES)
def test_its_wrong_twin_is_refused_by_each_check(check):
    rows = rows_of(check, (check,))
    assert rows[check].status in REFUSED, (rows[check].status, rows[check].reason)


def test_what_an_operator_does_not_offer_is_not_asked():
    op = Operator(product, abilities=frozenset())
    rows = {row.check: row for row in judge(op, CLAIMS, Plan(NAMES, examples=3))}
    apart = [name for name, row in rows.items() if row.status is Status.NOT_APPLICABLE]
    assert apart == ["second_order", "graph", "parity"]
    assert {rows[name].status for name in NAMES if name not in apart} == {Status.PASS}


def test_a_plain_pair_offers_nothing_beyond_the_protocol():
    offered = (is_lazy, has_graph, has_second_order, is_on_device, is_resident)
    pair = Pair(lambda a: a, lambda v, a: (v,))
    assert not any(asks(pair) for asks in offered)
    assert [asks(Operator(product)) for asks in offered] == [True, True, True, True, False]
