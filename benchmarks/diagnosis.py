"""How often the printed cause is right, for planted faults and for mistakes that people make.

Every fault of `needle list faults` is planted into every operator in which it is visible. The forty
operators of tests/samples/mistakes are judged by their own specs. Every operator also gets wrong
values with a right gradient. A printed cause is right if its name describes what was done; if the
vocabulary has no such name, it is right to print no cause.
"""

from __future__ import annotations

import importlib
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from benchmarks.parallel import in_processes
from benchmarks.results import machine, store
from benchmarks.subjects import ROOT, of_file, ours
from needle_cli.causes import Cause
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.faults.operator import FaultyOperator
from needle_cli.checking.faults.vocabulary import FAULTS
from needle_cli.checking.model import Array, Case, OpUnderTest, Plan, Status
from needle_cli.checking.search.judging import judge
from needle_cli.specs import load_specs

SAMPLES = ROOT / "tests" / "samples"

ACCEPTED: dict[str, tuple[str, ...]] = {
    "scaled": ("ratio",),
    "sign": ("ratio",),
    "cotangent ignored": ("cotangent ignored",),
    "second operand without cotangent": ("cotangent ignored", "only input", "not linear"),
    "cotangent clipped": ("not linear",),
    "transposed": ("transposed", "wrong axis"),
    "wrong axis": ("wrong axis", "transposed"),
    "flipped": ("flipped", "cotangent returned", "operands swapped", "transposed"),
    "leading axis not summed": ("missing sum",),
    "size-1 axis not summed": ("missing sum",),
    "leading axis kept": ("shape", "missing sum"),
    "mean for sum": ("ratio",),
    "operands swapped": ("operands swapped",),
    "overwritten": ("duplicates",),
    "last row dropped": ("only where", "zeros"),
    "every tie gets all": ("only where",),
    "no tie gets any": ("only where",),
    "convention plus one": ("only where",),
    "NaN at a kink": ("only where", "nan"),
    "NaN at one point": ("nan",),
    "one entry": ("only where", "not linear", ""),  # which one depends on the output gradient
    "negative inputs": ("only where",),
    "large inputs": ("only where",),
    "beyond 1000 entries": ("only where", ""),
    "order of memory": ("only where",),
    "float32 inside": ("precision",),
    "narrow dtype": ("precision",),
    "wide dtype": ("precision",),
    "stale state": ("stale state",),
    "not repeatable": ("stale state",),
    "input changed": ("mutation",),
    "cotangent changed": ("mutation",),
    "output changed": ("mutation",),
    "bare array": ("form",),
    "None": ("form",),
    "graph cut": ("graph cut",),
}
"""The names of causes that describe a planted fault or an equal one; "" means no cause."""


@dataclass(frozen=True)
class Answer:
    """What was printed for one wrong operator."""

    what: str
    printed: str
    word: str
    right: bool


def answer_of(what: str, cause: Cause | None, accepted: Sequence[str]) -> Answer:
    """Return the answer for a printed cause; "" stands for no cause."""
    word = cause.name if cause is not None else ""
    return Answer(what, str(cause or ""), word, word in accepted)


HOST_ONLY = (
    "branch", "host_constant", "host_copy", "last_wins", "missing", "python_number", "unchecked",
)  # fmt: skip
"""Operators of tests/samples/devices.py that are right on the host and not on a GPU."""


def cause_of(
    op: OpUnderTest, claims: object, examples: int, device: str = "cpu"
) -> tuple[bool, Cause | None]:
    """Return whether anything was found, and the cause that a report prints first."""
    plan = Plan(NAMES, examples=examples, shrink=False, device=device)
    rows = judge(op, claims, plan)  # type: ignore[arg-type]
    bad = [row for row in rows if row.status in (Status.FAIL, Status.ERROR)]
    causes = [f.finding.cause for row in bad for f in row.failures if f.finding.cause]
    return bool(bad), next(iter(causes), None)


def of_faults(name: str, examples: int) -> list[Answer]:
    """Return one answer per fault that is visible in one of our operators."""
    warnings.simplefilter("ignore")
    op, claims = ours(name)
    found = []
    for fault in FAULTS:
        wrong = FaultyOperator(op, claims, fault)
        refused, cause = cause_of(wrong, claims, examples)
        if refused and wrong.changed_at is not None:
            found.append(answer_of(f"{name}: {fault}", cause, ACCEPTED[fault]))
    return found


def of_mistake(function: str, examples: int) -> list[Answer]:
    """Return the answer for one operator of tests/samples/mistakes."""
    warnings.simplefilter("ignore")
    listed = importlib.import_module("tests.samples.mistakes").MISTAKES
    mistake = next(m for m in listed if f"{m.file}/{m.function}" == function)
    family = Path(mistake.file).stem
    op, claims = of_file(SAMPLES / "mistakes" / f"{family}.py", mistake.function)
    _, cause = cause_of(op, claims, examples)
    return [answer_of(f"{op.name}: {mistake.person}", cause, mistake.accepts or ("",))]


def of_host(name: str, examples: int) -> list[Answer]:
    """Return the answer for one operator of the host, judged on the simulated GPU."""
    warnings.simplefilter("ignore")
    op, claims = of_file(SAMPLES / "devices.py", name, "sim")
    return [answer_of(op.name, cause_of(op, claims, examples, "sim")[1], ("device",))]


class WrongValue:
    """An operator whose values are 1.5 times the right ones; its gradient is right."""

    def __init__(self, op: OpUnderTest) -> None:
        self._op = op

    def evaluate(self, case: Case) -> Any:
        """Return the operator's evaluation with other outputs."""
        evaluation = self._op.evaluate(case)
        wrong = tuple(out * out.dtype.type(1.5) for out in evaluation.outputs)
        return SimpleNamespace(outputs=wrong, gradient=evaluation.gradient)

    def lazy_outputs(self, case: Case, reverse: bool) -> tuple[Array, ...]:
        """Return the values that `evaluate` gives."""
        return tuple(out * out.dtype.type(1.5) for out in self._op.lazy_outputs(case, reverse))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._op, name)


def of_value(name: str, examples: int) -> list[Answer]:
    """Return the answer for one of our operators with wrong values."""
    warnings.simplefilter("ignore")
    op, claims = ours(name)
    _, cause = cause_of(WrongValue(op), claims, examples)
    return [answer_of(f"{name}: wrong value", cause, ("compute",))]


def shares(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return how many were asked, how many were named rightly, and which were not."""
    count = Counter("right" if a.right else "none" if not a.printed else "other" for a in answers)
    return {
        "asked": len(answers),
        "right": count["right"],
        "no cause": count["none"],
        "another cause": count["other"],
        "words": dict(sorted(Counter(a.word for a in answers if a.word).items())),
        "not named rightly": [asdict(answer) for answer in answers if not answer.right],
    }


def run(names: list[str], examples: int, jobs: int, write: bool) -> int:
    """Judge all wrong operators; print the shares and what was not named rightly."""
    listed = load_specs(ROOT / "specs")[0]
    chosen = [spec.name for spec in listed if not names or spec.name in names]
    made = () if names else importlib.import_module("tests.samples.mistakes").MISTAKES
    faults = in_processes(of_faults, [(name, examples) for name in chosen], jobs)
    people = in_processes(of_mistake, [(f"{m.file}/{m.function}", examples) for m in made], jobs)
    values = in_processes(of_value, [(name, examples) for name in chosen], jobs)
    rows = {
        "planted faults": shares([a for _, found in faults for a in found]),
        "mistakes as people make them": shares([a for _, found in people for a in found]),
        "a right gradient of wrong values": shares([a for _, found in values for a in found]),
    }
    if not names:
        hosts = in_processes(of_host, [(name, examples) for name in HOST_ONLY], jobs)
        rows["right on the host alone"] = shares([a for _, found in hosts for a in found])
    console = Console(width=140)
    for title, row in rows.items():
        for missed in row["not named rightly"]:
            console.print(f"{missed['what']}\n    {missed['printed'] or 'no cause'}", markup=False)
        console.print(
            f"{title}: {row['right']} of {row['asked']} named rightly, {row['no cause']} without"
            f" a cause, {row['another cause']} with another one",
            markup=False,
        )
    console.print(machine(), markup=False)
    if write:
        console.print(f"written to {store('diagnosis', {'examples': examples, **rows})}")
    return 0
