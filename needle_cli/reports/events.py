"""The events of a run, to which reporters listen; all of them are plain and frozen.

Everything here is numbers and text, without arrays or objects of an operator: rows come out of
worker processes as JSON, so that the tool's process never unpickles what an operator made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from needle_cli.causes import CAUSES
from needle_cli.records.tokens import Record

FINDING = frozenset({"fail", "error", "no_derivative"})
"""Statuses that are findings: exit code 1."""

OF_THE_GATE = frozenset({"spec", "against"})
"""Checks without a case: a missing spec, and the comparison with another commit."""

GATE = "gate/settings"
"""Stands for the operator in rows about all operators: settings, and the judge itself."""

ACCEPTED, NOTED = "accepted", "noted"
"""Codes of what the gate says and does not refuse: what a reason excuses, and what is only told."""

UNANSWERED = frozenset({"timeout", "cannot_tell"})
"""Statuses that leave a question open: exit code 4."""

SEVERITY = (
    "error", "fail", "no_derivative", "timeout", "cannot_tell", "known", "pass", "not_applicable",
)  # fmt: skip


@dataclass(frozen=True)
class Spot:
    """An entry of an input with its numbers, which are None for findings without numbers."""

    input: str
    index: tuple[int, ...] | None = None
    analytic: float | None = None
    numeric: float | None = None
    allowed: float | None = None
    of_allowed: float | None = None
    wrong: bool = True

    @property
    def name(self) -> str:
        """`a[0, 1]`, or the input's name if no single entry is meant."""
        if self.index is None:
            return self.input
        return f"{self.input}[{', '.join(map(str, self.index))}]" if self.index else self.input


@dataclass(frozen=True)
class CaseView:
    """A failing case for display: its record, its message, analytic and numeric entries."""

    record: Record | None
    message: str = ""
    label: str = ""
    shapes: Mapping[str, Any] = field(default_factory=dict)
    elements: tuple[Spot, ...] = ()


@dataclass(frozen=True)
class FindingView:
    """One finding: where, why if known, its cases, and how to ask again.

    `path` and `line` are its place, if that is not its row's. `add` is what the spec lacks, in
    TOML. `code` says what is wrong and `cause_name` why, as stable names (`checking.model.Code`,
    `causes.CAUSES`; `ACCEPTED` and `NOTED` for what the gate only tells); `cause_values` are the
    numbers of the cause. `traceback` is that of an operator that raised.
    """

    message: str
    cause: str = ""
    certainty: str = ""
    spot: Spot = Spot("")
    smallest: CaseView | None = None
    typical: CaseView | None = None
    probes: int = 0
    add: str = ""
    replay_id: str = ""
    token: str = ""
    code: str = ""
    cause_name: str = ""
    cause_values: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    line: int = 0
    traceback: str = ""

    @property
    def refuses(self) -> bool:
        """Whether it is a finding, and nothing that the gate only tells."""
        return self.code not in (ACCEPTED, NOTED)

    @property
    def fix(self) -> str:
        """The usual fix of the cause, "" if there is none."""
        return CAUSES[self.cause_name].fix if self.cause_name in CAUSES else ""


@dataclass(frozen=True)
class Curve:
    """Errors of slopes at one typical case, relative to the best known slope.

    `errors` are those of the numeric slope, step by step, and `gradient` is the error of the
    analytic slope; `known` is the error of the best slope, and `step` the step of the verdict.
    """

    steps: tuple[float, ...]
    errors: tuple[float, ...]
    gradient: float
    known: float
    step: float


@dataclass(frozen=True)
class Row:
    """One line of the report: one operator, check, device and dtype.

    `path` and `line` are the place of `def gradient`; `spec` is the path of the operator's spec.
    """

    op: str
    check: str
    device: str
    dtype: str
    status: str
    reason: str = ""
    examples: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    worst: Spot | None = None
    path: str = ""
    line: int = 0
    findings: tuple[FindingView, ...] = ()
    seconds: float = 0.0
    formula: str = ""
    spec: str = ""
    curve: Curve | None = None

    @property
    def id(self) -> str:
        """`op:check:device:dtype`."""
        return f"{self.op}:{self.check}:{self.device}:{self.dtype}"

    @property
    def is_finding(self) -> bool:
        """Whether the row is a finding."""
        return self.status in FINDING

    @property
    def is_open(self) -> bool:
        """Whether the row is a finding or an unanswered question."""
        return self.status in FINDING | UNANSWERED

    @property
    def severity(self) -> int:
        """The index in `SEVERITY`; 0 is worst."""
        return SEVERITY.index(self.status)


@dataclass(frozen=True)
class RunInfo:
    """What a run was asked to do; `again` holds the options that a replay also needs.

    `operators` are all that were selected; `shard` is (K, N) if only every N-th of them, from the
    K-th on, is judged here.
    """

    seed: int
    profile: str
    argv: tuple[str, ...]
    started: str
    versions: Mapping[str, str]
    devices: tuple[str, ...]
    dtypes: tuple[str, ...]
    checks: tuple[str, ...]
    examples: int
    operators: tuple[str, ...]
    source: str
    again: str = ""
    shard: tuple[int, int] | None = None

    @property
    def here(self) -> tuple[str, ...]:
        """The operators that this run judges."""
        return self.operators if self.shard is None else share_of(self.operators, self.shard)


@dataclass(frozen=True)
class InternalError:
    """The tool itself failed while an operator was judged."""

    op: str
    message: str
    traceback: str


@dataclass(frozen=True)
class Summary:
    """The result of a run: rows in catalogue order, and what else happened.

    `before` are the worst errors of an earlier report, by operator, if one was given. `unasked`
    says of every device on which nothing was judged why not.
    """

    rows: tuple[Row, ...]
    code: int
    seconds: float
    notes: tuple[str, ...] = ()
    internal: tuple[InternalError, ...] = ()
    interrupted: bool = False
    left_out: tuple[str, ...] = ()
    before: Mapping[str, float] = field(default_factory=dict)
    unasked: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader is told besides the rows."""
        return (*self.unasked, *self.notes, *self.told)

    @property
    def told(self) -> tuple[str, ...]:
        """What the gate says and does not refuse, operator by operator."""
        return tuple(
            f"{row.op}: {finding.message}"
            for row in self.rows
            for finding in row.findings
            if not finding.refuses
        )


@dataclass(frozen=True)
class RunFailed:
    """The run failed: what the `error` member of the report says."""

    error: Mapping[str, Any]


@dataclass(frozen=True)
class RunStarted:
    """The operators are selected; workers start."""

    info: RunInfo


@dataclass(frozen=True)
class OperatorStarted:
    """An operator was handed to a worker."""

    op: str


@dataclass(frozen=True)
class OperatorDone:
    """An operator is judged; these events come in the order in which workers finish."""

    op: str
    rows: tuple[Row, ...]
    seconds: float


@dataclass(frozen=True)
class RunDone:
    """Nothing more will come."""

    info: RunInfo
    summary: Summary


Event: TypeAlias = RunStarted | OperatorStarted | OperatorDone | RunDone | RunFailed

T = TypeVar("T")


def share_of(items: Sequence[T], shard: tuple[int, int]) -> tuple[T, ...]:
    """Return the K-th of N parts: every N-th item, so that slow neighbours are separated."""
    return tuple(items[shard[0] - 1 :: shard[1]])
