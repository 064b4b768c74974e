"""The checks by name, in the order in which they run. This is the only list of them."""

from __future__ import annotations

from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.contract import Contract
from needle_cli.checking.checks.exact import Exact
from needle_cli.checking.checks.extremes import Extremes
from needle_cli.checking.checks.forward import Forward
from needle_cli.checking.checks.gradient import GradientCheck
from needle_cli.checking.checks.graph import Graph
from needle_cli.checking.checks.kink import KinkCheck
from needle_cli.checking.checks.linearity import Linearity
from needle_cli.checking.checks.parity import Parity
from needle_cli.checking.checks.precision import Precision
from needle_cli.checking.checks.purity import Purity
from needle_cli.checking.checks.second_order import SecondOrder

CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Forward(),
        Contract(),
        GradientCheck(),
        Linearity(),
        SecondOrder(),
        Purity(),
        Graph(),
        Exact(),
        KinkCheck(),
        Precision(),
        Extremes(),
        Parity(),
    )
}

NAMES = tuple(CHECKS)
