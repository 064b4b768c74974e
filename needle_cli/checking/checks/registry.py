"""The questions by name, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable

from needle_cli.checking.checks import (
    contract,
    exact,
    extremes,
    forward,
    gradient,
    graph,
    kink,
    linearity,
    parity,
    precision,
    purity,
    second_order,
)
from needle_cli.checking.checks.context import Question
from needle_cli.checking.model import Answer

Check = Callable[[Question], Answer]

CHECKS: dict[str, Check] = {
    "forward": forward.ask,
    "contract": contract.ask,
    "gradient": gradient.ask,
    "linearity": linearity.ask,
    "second_order": second_order.ask,
    "purity": purity.ask,
    "graph": graph.ask,
    "exact": exact.ask,
    "kink": kink.ask,
    "precision": precision.ask,
    "extremes": extremes.ask,
    "parity": parity.ask,
}

NAMES = tuple(CHECKS)
