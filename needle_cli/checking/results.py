"""What a run has found of an operator: the row of a check, with its failing cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from needle_cli.checking.claims import Kink
from needle_cli.checking.model import Array, Case, Element, Finding, Status


@dataclass(frozen=True)
class CaseReport:
    """A failing case as it is shown and stored: arrays, message, and the table of entries."""

    case: Case
    cotangent: tuple[Array, ...] | None
    message: str
    elements: tuple[Element, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A finding with its cases: the smallest that still fails clearly, and a typical one.

    `undeclared` are the kinks that the spec should declare.
    """

    finding: Finding
    certainty: str
    smallest: CaseReport
    typical: CaseReport | None = None
    probes: int = 0
    undeclared: tuple[Kink, ...] = ()


@dataclass(frozen=True)
class Worst:
    """The largest error of a check as a share of its bound, and the entry."""

    of_allowed: float
    input: str
    index: tuple[int, ...] | None
    analytic: float | None = None
    numeric: float | None = None
    allowed: float | None = None


@dataclass(frozen=True)
class Location:
    """A line of a source file; `path` is relative if that is possible."""

    path: str
    line: int


@dataclass(frozen=True)
class Result:
    """One row of the report: one operator, check, device and dtype."""

    op: str
    check: str
    device: str
    dtype: str
    status: Status
    reason: str = ""
    examples: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    worst: Worst | None = None
    location: Location | None = None
    failures: tuple[Failure, ...] = ()
    seconds: float = 0.0

    @property
    def id(self) -> str:
        """`op:check:device:dtype`, the row's identifier in every format."""
        return f"{self.op}:{self.check}:{self.device}:{self.dtype}"
