"""Two versions of an operator compared by value: gradients of first, second and third order.

An edit changes nothing if the two agree everywhere: on the cases that the spec allows and on cases
beyond it (kinks, numbers that are not finite, inputs of different dtypes, one input that asks for a
gradient alone). Agreement is equality, of dtypes and shapes too; NaN agrees with NaN here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings

from needle_cli.checking.claims import Claims
from needle_cli.checking.domains.registry import domain_of
from needle_cli.checking.generation.corners import corner_structures
from needle_cli.checking.generation.realise import realise
from needle_cli.checking.model import Array, Case, Garbage, Gradient, OperatorError, Structure
from needle_cli.checking.point import narrow
from needle_cli.checking.search.smallest import structures
from needle_cli.engines.course_shaped import EngineOperator

WITHIN = "within the spec"
KINK = "at a declared kink"
DTYPES = "inputs of different dtypes"
ALONE = "one input alone asks for a gradient"
OUTSIDE = "outside the domain"
INFINITE = "not finite"
ROUNDING = 64.0
"""Roundings of the largest entry up to which a difference may be one of the order of work."""

LARGEST_SECOND = 128
Answer: TypeAlias = list[Array | None] | str
"""What an operator gave: arrays and None, or the name of what it raised."""


def compare(
    original: EngineOperator, edited: EngineOperator, claims: Claims, budget: int, number: int
) -> dict[str, Any]:
    """Return how much was compared, the largest difference, and the smallest case of each kind."""
    tally = _Tally()
    with np.errstate(all="ignore"):
        for where, case in _cases(claims, budget, number):
            for order, ask in QUESTIONS.items():
                place = where if order in ("first order", "second order") else order
                if where != WITHIN and place == order:
                    continue
                if order != "first order" and not 0 < case.size() <= LARGEST_SECOND:
                    continue
                if order == "third order" and (case.size() > 16 or tally.cases % 3):
                    continue
                if place == WITHIN and claims.kinks and _may_touch(case):
                    place = KINK
                tally.add(place, order, case, ask(original, case), ask(edited, case))
            tally.cases += 1
    return tally.document()


def _may_touch(case: Case) -> bool:
    """Tell whether whole numbers, or no room, may have put a case on a kink."""
    return bool(case.tags & {"exact", "near kink", "kink"}) or any(
        leaf.dtype.kind == "f" and np.any(leaf == np.round(leaf)) for leaf in case.leaves()
    )


class _Tally:
    def __init__(self) -> None:
        self.cases = self.values = 0
        self.largest = self.roundings = 0.0
        self.smallest: dict[str, tuple[int, dict[str, Any]]] = {}

    def add(self, where: str, order: str, case: Case, a: Answer, b: Answer) -> None:
        """Count one answer of both, and keep what differs."""
        for what, value, other in _paired(a, b):
            if order != "first order":
                value, other = _with_zeros(value, other)
            if isinstance(value, np.ndarray):
                self.values += value.size
            said = _difference(value, other, _eps(case))
            if said is None:
                continue
            text, size, roundings = said
            self.largest = max(self.largest, size)
            self.roundings = max(self.roundings, roundings)
            if roundings <= ROUNDING:
                continue
            if where not in self.smallest or case.size() < self.smallest[where][0]:
                shown = {"where": where, "order": order, "what": what, "difference": text,
                         "case": described(case)}  # fmt: skip
                self.smallest[where] = (case.size(), shown)

    def document(self) -> dict[str, Any]:
        """Return the tally as plain data."""
        return {
            "cases": self.cases, "values": self.values, "largest": _plain(self.largest),
            "roundings": _plain(self.roundings),
            "differences": [shown for _, shown in self.smallest.values()],
        }  # fmt: skip


def _plain(size: float) -> float | str:
    return size if np.isfinite(size) else str(size)


def described(case: Case) -> str:
    """Return a case on one line: its inputs, short ones with their numbers, and parameters."""
    words = []
    for name, leaf in zip(case.leaf_names(), case.leaves(), strict=True):
        numbers = np.array2string(leaf, precision=4, separator=", ").replace("\n", "")
        small = leaf.size <= 6
        words.append(f"{name} = {numbers if small else list(leaf.shape)} {leaf.dtype}")
    words += [f"{name} = {value!r}" for name, value in case.params.items()]
    return ", ".join(words) + f" ({case.label})"


def _paired(a: Answer, b: Answer) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(a, str) or isinstance(b, str) or len(a) != len(b):
        yield "the answer", a if isinstance(a, str) else len(a), b if isinstance(b, str) else len(b)
        return
    for i, (value, other) in enumerate(zip(a, b, strict=True)):
        yield f"part {i}", value, other


def _eps(case: Case) -> float:
    """Return the coarsest rounding among the inputs of a case."""
    floats = [leaf.dtype for leaf in case.leaves() if leaf.dtype.kind == "f"]
    return max((float(np.finfo(dtype).eps) for dtype in floats), default=0.0)


def _difference(a: Any, b: Any, eps: float) -> tuple[str, float, float] | None:
    """Return what differs, by how much, and by how many roundings; None if nothing does."""
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
        same = type(a) is type(b) and (a is None or a == b)
        return None if same else (f"{_worded(b)} instead of {_worded(a)}", np.inf, np.inf)
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"{b.dtype}{list(b.shape)} instead of {a.dtype}{list(a.shape)}", np.inf, np.inf
    unequal = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    if not unequal.any():
        return None
    gaps = np.where(unequal, np.abs(a.astype(float) - b.astype(float)), 0.0)
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    at = np.unravel_index(int(np.argmax(gaps)), gaps.shape)
    sizes = np.abs(a[np.isfinite(a)]).astype(float)
    unit = eps * float(sizes.max(initial=0.0))
    roundings = float(gaps[at]) / unit if unit else np.inf
    return f"{float(b[at])!r} instead of {float(a[at])!r}", float(gaps[at]), roundings


def _with_zeros(a: Any, b: Any) -> tuple[Any, Any]:
    """Put zeros where one of two has no gradient at all: in a sum the two are the same."""
    if a is None and isinstance(b, np.ndarray):
        return np.zeros_like(b), b
    if b is None and isinstance(a, np.ndarray):
        return a, np.zeros_like(a)
    return a, b


def _worded(value: Any) -> str:
    return f"{value.dtype}{list(value.shape)}" if isinstance(value, np.ndarray) else str(value)


def _answered(ask: Callable[[], Sequence[Any]]) -> Answer:
    try:
        return [part.value if isinstance(part, Gradient) else part for part in ask()]
    except OperatorError as error:
        return type(error.original).__name__
    except Garbage as error:
        return str(error)


def _cotangents(case: Case, outputs: Sequence[Array]) -> list[Array]:
    rng = np.random.default_rng(case.seed)
    return [
        rng.standard_normal(out.shape).astype(out.dtype if out.dtype.kind == "f" else np.float64)
        for out in outputs
    ]


def _first(op: EngineOperator, case: Case) -> Answer:
    """Outputs, and gradients for a random cotangent."""

    def ask() -> list[Any]:
        evaluation = op.evaluate(case)
        given = _cotangents(case, evaluation.outputs)
        return [*evaluation.outputs, *_asked_for(case, evaluation.gradient(given))]

    return _answered(ask)


def _asked_for(case: Case, gradients: Sequence[Gradient]) -> list[Gradient]:
    """Leave out gradients that the case does not judge: its lane says nothing about them."""
    wanted = case.judged | case.silent
    pairs = zip(case.leaf_owners(), gradients, strict=False)
    return [gradient for owner, gradient in pairs if owner in wanted]


def _second(op: EngineOperator, case: Case) -> Answer:
    """Gradients of the gradients."""
    try:
        return _first(op.second_order(), _lifted(op, case, "cotangent"))
    except (OperatorError, Garbage) as error:
        return str(error)


def _third(op: EngineOperator, case: Case) -> Answer:
    """Gradients of the gradients of the gradients."""
    try:
        lifted = _lifted(op, case, "cotangent")
        second = op.second_order()
        return _first(second.second_order(), _lifted(second, lifted, "cotangent2"))
    except (OperatorError, Garbage) as error:
        return str(error)


def _lifted(op: EngineOperator, case: Case, name: str) -> Case:
    outputs = op.evaluate(case).outputs
    parts = _cotangents(replace(case, seed=case.seed + 1), outputs)
    given = parts[0] if len(parts) == 1 else tuple(parts)
    return replace(case, inputs={name: given, **case.inputs}, judged=case.judged | {name})


class _OneAsks(EngineOperator):
    """The operator with a single leaf that requires a gradient."""

    wanted = 0

    def lift(self, case: Case, share: bool = False, judged_only: bool = False) -> list[Any]:
        """Wrap the leaves; all but one are constants."""
        lifted = super().lift(case, share, judged_only)
        return [
            self.engine.constant(leaf, requires_grad=i == self.wanted) if leaf.dtype.kind == "f"
            else value
            for i, (leaf, value) in enumerate(zip(case.leaves(), lifted, strict=True))
        ]  # fmt: skip


def _one_asks(op: EngineOperator, case: Case) -> Answer:
    """What the walk back leaves where one input after the other alone asks for a gradient."""
    alone = copy.copy(op)
    alone.__class__ = _OneAsks
    floats = [i for i, owner in enumerate(case.leaf_owners()) if owner in case.judged]
    found: list[Array | None] = []
    for i in floats if len(floats) > 1 else ():
        alone.wanted = i  # type: ignore[attr-defined]
        given = _answered(lambda: op.evaluate(case).outputs)
        if isinstance(given, str):
            return given
        outputs = _cotangents(case, [out for out in given if out is not None])
        part = _answered(lambda c=outputs: alone.graph_gradients(case, c, 1, False))  # type: ignore[misc]
        if isinstance(part, str):
            return part
        found += part
    return found


QUESTIONS: dict[str, Callable[[EngineOperator, Case], Answer]] = {
    "first order": _first,
    "second order": _second,
    "third order": _third,
    ALONE: _one_asks,
}


def _cases(claims: Claims, budget: int, number: int) -> Iterator[tuple[str, Case]]:
    """Yield cases of the spec and beyond it: about `budget`, the smallest number of each kind 6."""
    corners = corner_structures(claims)
    for structure in _spread(corners, budget // 2):
        yield WITHIN, realise(claims, structure, "float64", "generic")
    for structure in _spread(corners, max(6, budget // 8)):
        for kind, dtype in (("integer", "float64"), ("extreme", "float64"),
                            ("generic", "float32"), ("generic", "float16")):  # fmt: skip
            yield WITHIN, realise(claims, structure, dtype, kind)
    for structure in _examples(claims, max(6, budget // 4), number):
        yield WITHIN, realise(claims, structure, "float64", "generic")
    for structure in _spread(corners, max(6, budget // 8)):
        case = realise(claims, structure, "float64", "generic")
        yield from _beyond(claims, case)
        if claims.kinks:
            yield KINK, realise(claims, structure, "float64", "kink")


def _spread(found: Sequence[Structure], count: int) -> Sequence[Structure]:
    """Return about `count` structures from all over a list, the first one always."""
    step = max(1, -(-len(found) // max(1, count)))
    return found[::step]


def _examples(claims: Claims, count: int, number: int) -> list[Structure]:
    drawn: list[Structure] = []

    @seed(number)
    @settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(structures(claims))
    def collect(structure: Structure) -> None:
        drawn.append(structure)

    collect()
    return drawn


def _beyond(claims: Claims, case: Case) -> Iterator[tuple[str, Case]]:
    """Yield variants of a case that specs say nothing about."""
    leaves = case.leaves()
    floats = [i for i, leaf in enumerate(leaves) if leaf.dtype.kind == "f"]
    if len(floats) > 1:
        for last in (0, -1):
            mixed = list(leaves)
            mixed[floats[last]] = leaves[floats[last]].astype("float32")
            yield DTYPES, case.with_leaves(mixed)
        lower = narrow(case, "float16").leaves()
        lower[floats[0]] = lower[floats[0]].astype("float32")
        yield DTYPES, case.with_leaves(lower)
    rng = np.random.default_rng(case.seed)
    for words in ((0.0,), (np.inf, -np.inf, np.nan, 0.0)):
        changed = case.with_leaves([
            np.where(rng.random(leaf.shape) < 0.4, rng.choice(words, leaf.shape), leaf)
            if leaf.dtype.kind == "f" else leaf
            for leaf in leaves
        ])  # fmt: skip
        yield (INFINITE if len(words) > 1 else _place(claims, changed)), changed
    whole = [np.full_like(leaf, -np.inf) if leaf.dtype.kind == "f" else leaf for leaf in leaves]
    yield INFINITE, case.with_leaves(whole)


def _place(claims: Claims, case: Case) -> str:
    """Say whether a case is one that the spec allows."""
    inputs = claims.inputs_at(case.tags)
    for owner, leaf in zip(case.leaf_owners(), case.leaves(), strict=True):
        claim = inputs[owner]
        if leaf.dtype.kind != "f" or (
            claim.values is None and domain_of(claim.domain).contains(leaf)
        ):
            continue
        return OUTSIDE
    return KINK if claims.kinks else WITHIN
