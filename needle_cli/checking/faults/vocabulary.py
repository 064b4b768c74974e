"""The faults: each makes a wrong gradient of a right one, and the checks must catch it.

A fault is a function of one call of `gradient`: it gets the right gradients and returns wrong ones,
or the right ones if it has nothing to change. Right and wrong gradients are compared by value, so a
fault that changes nothing for an operator is not counted. `needle_cli.explanations.FAULTS`
describes each fault in words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from needle_cli.checking.claims import Claims
from needle_cli.checking.kinks.registry import kink_of
from needle_cli.checking.model import (
    Array,
    Case,
    Evaluation,
    Gradient,
    OpUnderTest,
)
from needle_cli.checking.point import Subject, narrow

MOST_OVERWRITTEN = 256
"""Most outputs for the fault "overwritten", which needs one gradient per output. Chosen."""


@dataclass
class Call:
    """One call of `gradient`: the operator, the case, the cotangents and the right gradients.

    `memory` persists between calls, for the faults with state.
    """

    op: OpUnderTest
    claims: Claims
    case: Case
    evaluation: Evaluation
    cotangents: Sequence[Array]
    right: tuple[Gradient, ...]
    memory: dict[Any, Any]
    judged: list[int] = field(init=False)
    leaves: list[Array] = field(init=False)

    def __post_init__(self) -> None:
        subject = Subject(self.op, self.case)
        self.judged, self.leaves = subject.judged, subject.leaves

    @property
    def outputs(self) -> tuple[Array, ...]:
        """The output's leaves."""
        return self.evaluation.outputs

    def each(self, change: Callable[[int, Array], Array | None]) -> tuple[Gradient, ...]:
        """Return the gradients, with that of every judged leaf changed."""
        found = list(self.right)
        for i in self.judged:
            value = found[i].value
            if value is not None:
                found[i] = found[i]._replace(value=change(i, value))
        return tuple(found)

    def vjp(self, cotangents: Sequence[Array], case: Case | None = None) -> tuple[Gradient, ...]:
        """Return the right gradient for another cotangent, or at another case."""
        evaluation = self.evaluation if case is None else self.op.evaluate(case)
        return tuple(evaluation.gradient(cotangents))


Change = Callable[[Call], "tuple[Gradient, ...]"]


def _scaled(factor: float) -> Change:
    return lambda call: call.each(lambda i, g: g * g.dtype.type(factor))


def _ones_like(call: Call) -> list[Array]:
    return [np.ones_like(c) for c in call.cotangents]


def _without_cotangent(call: Call) -> tuple[Gradient, ...]:
    return call.vjp(_ones_like(call))


def _second_without_cotangent(call: Call) -> tuple[Gradient, ...]:
    if len(call.judged) < 2:
        return call.right
    found, other = list(call.right), call.vjp(_ones_like(call))
    for i in call.judged[1:]:
        found[i] = other[i]
    return tuple(found)


def _clipped(call: Call) -> tuple[Gradient, ...]:
    return call.vjp([np.clip(c, -8, 8) for c in call.cotangents])


def _transposed(call: Call) -> tuple[Gradient, ...]:
    def change(i: int, g: Array) -> Array:
        square = g.ndim >= 2 and g.shape[-1] == g.shape[-2]
        return g.swapaxes(-1, -2).copy() if square else g

    return call.each(change)


def _wrong_axis(call: Call) -> tuple[Gradient, ...]:
    """Return the gradient for a cotangent with exchanged axes: a broadcast along another axis."""
    turned = [
        c.swapaxes(-1, -2).copy() if c.ndim >= 2 and c.shape[-1] == c.shape[-2] else c
        for c in call.cotangents
    ]
    return call.vjp(turned)


def _flipped(call: Call) -> tuple[Gradient, ...]:
    return call.each(lambda i, g: np.flip(g).copy() if g.ndim else g)


def _leading_axis_unsummed(call: Call) -> tuple[Gradient, ...]:
    out = call.outputs[0]

    def change(i: int, g: Array) -> Array:
        return np.broadcast_to(g, (out.shape[0], *g.shape)).copy() if g.ndim < out.ndim else g

    return call.each(change)


def _short_axis_unsummed(call: Call) -> tuple[Gradient, ...]:
    out = call.outputs[0]

    def change(i: int, g: Array) -> Array:
        for axis in range(-min(g.ndim, out.ndim), 0):
            if g.shape[axis] == 1 and out.shape[axis] > 1:
                return np.repeat(g, out.shape[axis], axis=axis)
        return g

    return call.each(change)


def _mean_for_sum(call: Call) -> tuple[Gradient, ...]:
    out = max((o.size for o in call.outputs), default=1)

    def change(i: int, g: Array) -> Array:
        low, high = sorted((g.size, out))
        return g * g.dtype.type(low / high) if low else g

    return call.each(change)


def _swapped(call: Call) -> tuple[Gradient, ...]:
    found = list(call.right)
    for a, b in zip(call.judged, call.judged[1:], strict=False):
        one, two = found[a].value, found[b].value
        if one is not None and two is not None and one.shape == two.shape:
            found[a], found[b] = found[b], found[a]
            break
    return tuple(found)


def _overwritten(call: Call) -> tuple[Gradient, ...]:
    """Keep only the last of the contributions that several outputs make to one entry."""
    places = [(k, j) for k, out in enumerate(call.outputs) for j in range(out.size)]
    finite = all(g.value is None or np.isfinite(g.value).all() for g in call.right)
    if len(places) > MOST_OVERWRITTEN or not finite:
        return call.right  # zero times infinity would be a different fault
    kept = {i: np.zeros(call.leaves[i].shape) for i in call.judged if _is_array(call, i)}
    for k, j in places:
        alone = [np.zeros(c.shape, c.dtype) for c in call.cotangents]
        weight = call.cotangents[k].reshape(-1)[j]
        alone[k].reshape(-1)[j] = 1  # a zero overwrites too
        part = call.vjp(alone)
        for i, total in kept.items():
            value = part[i].value
            if value is not None and value.shape == total.shape:
                kept[i] = np.where(value != 0, value * weight, total)
    return call.each(lambda i, g: kept[i].astype(g.dtype))


def _is_array(call: Call, i: int) -> bool:
    return call.right[i].value is not None


def _last_row_dropped(call: Call) -> tuple[Gradient, ...]:
    def change(i: int, g: Array) -> Array:
        kept = g.copy()
        if kept.ndim and kept.shape[0] > 1:
            kept[-1] = 0
        return kept

    return call.each(change)


def _on_kinks(
    change: Callable[[Array, Call], Array], shared: Collection[bool] = (False, True)
) -> Change:
    """Change the gradient on declared kinks: on those with shared entries, the others, or all."""

    def planted(call: Call) -> tuple[Gradient, ...]:
        places = [
            place
            for kink in call.claims.kinks
            if kink_of(kink).shared in shared
            for place in kink_of(kink).places(call.case)
        ]

        def at(i: int, g: Array) -> Array:
            mine = [j for leaf, j in places if leaf == i and g.size == call.leaves[i].size]
            kept = g.copy()
            kept.reshape(-1)[mine] = change(kept.reshape(-1)[mine], call)
            return kept

        return call.each(at) if places else call.right

    return planted


def _plus_one(entries: Array, call: Call) -> Array:
    largest = max((float(np.max(np.abs(c), initial=0.0)) for c in call.cotangents), default=0.0)
    moved: Array = entries + entries.dtype.type(largest)
    return moved


def _narrow_inside(call: Call) -> tuple[Gradient, ...]:
    case = narrow(call.case, "float32")
    found = call.vjp([c.astype("float32") for c in call.cotangents], case)
    values = [gradient.value for gradient in found]
    return call.each(lambda i, g: g if values[i] is None else values[i].astype(g.dtype))  # type: ignore[union-attr]


def _narrow_dtype(call: Call) -> tuple[Gradient, ...]:
    return call.each(lambda i, g: g.astype("float32"))


def _wide_dtype(call: Call) -> tuple[Gradient, ...]:
    return call.each(lambda i, g: g.astype("float64"))


def _stale(call: Call) -> tuple[Gradient, ...]:
    """Store the first inputs of every shape and use them at every later call."""
    key = tuple((leaf.shape, str(leaf.dtype)) for leaf in call.leaves)
    own = repr(sorted(call.case.params.items(), key=repr))
    held = call.memory.setdefault(
        (key, own), call.case.with_leaves([a.copy() for a in call.leaves])
    )
    return call.vjp(call.cotangents, held)


def _overwriting(pick: Callable[[Call], Sequence[Array]]) -> Change:
    """Write into arrays that `gradient` must not change."""

    def planted(call: Call) -> tuple[Gradient, ...]:
        for array in pick(call):
            if array.dtype.kind == "f" and array.size and array.flags.writeable:
                call.memory["overwrote"] = True
                array += 1
        return call.right

    return planted


def _bare(call: Call) -> tuple[Gradient, ...]:
    if call.op.gradient_kind != "tensor":
        return call.right
    return tuple(
        g._replace(kind="array", described="ndarray") if g.value is not None else g
        for g in call.right
    )


def _none(call: Call) -> tuple[Gradient, ...]:
    found = list(call.right)
    for i in call.judged[-1:]:
        found[i] = Gradient(None, "none", "None")
    return tuple(found)


def _nan_at_one_point(call: Call) -> tuple[Gradient, ...]:
    def change(i: int, g: Array) -> Array:
        kept = g.copy()
        if kept.size and kept.shape == call.leaves[i].shape:
            kept.reshape(-1)[int(np.argmax(call.leaves[i]))] = np.nan
        return kept

    return call.each(change)


def _one_entry(call: Call) -> tuple[Gradient, ...]:
    def change(i: int, g: Array) -> Array:
        kept = g.copy()
        if kept.size:
            at = int(np.argmax(np.abs(kept)))
            kept.reshape(-1)[at] *= kept.dtype.type(1 + 1e-6)
        return kept

    return call.each(change)


def _unsteady(call: Call) -> tuple[Gradient, ...]:
    count = call.memory["calls"] = call.memory.get("calls", 0) + 1
    return call.each(lambda i, g: g * g.dtype.type(1 + 1e-6 * (count % 3)))


def _where(region: Callable[[Array], Array], factor: float) -> Change:
    """Multiply the gradient by a factor in a region of the inputs."""

    def planted(call: Call) -> tuple[Gradient, ...]:
        def change(i: int, g: Array) -> Array:
            if g.shape != call.leaves[i].shape:
                return g
            return np.where(region(call.leaves[i]), g * g.dtype.type(factor), g)

        return call.each(change)

    return planted


def _beyond_a_thousand(call: Call) -> tuple[Gradient, ...]:
    def change(i: int, g: Array) -> Array:
        kept = g.copy()
        kept.reshape(-1)[1000:] = 0
        return kept

    return call.each(change)


def _by_memory(call: Call) -> tuple[Gradient, ...]:
    """Flip the gradient of an input that is not contiguous."""

    def change(i: int, g: Array) -> Array:
        leaf = call.leaves[i]
        if leaf.flags.c_contiguous or leaf.shape != g.shape:
            return g
        return np.flip(g).copy()

    return call.each(change)


def _leading_axis_kept(call: Call) -> tuple[Gradient, ...]:
    return call.each(lambda i, g: g[None])


FAULTS: Mapping[str, Change] = {
    "scaled": _scaled(1.001),
    "sign": _scaled(-1.0),
    "cotangent ignored": _without_cotangent,
    "second operand without cotangent": _second_without_cotangent,
    "cotangent clipped": _clipped,
    "transposed": _transposed,
    "wrong axis": _wrong_axis,
    "flipped": _flipped,
    "leading axis not summed": _leading_axis_unsummed,
    "size-1 axis not summed": _short_axis_unsummed,
    "leading axis kept": _leading_axis_kept,
    "mean for sum": _mean_for_sum,
    "operands swapped": _swapped,
    "overwritten": _overwritten,
    "last row dropped": _last_row_dropped,
    "every tie gets all": _on_kinks(lambda g, call: g * 2, (True,)),
    "no tie gets any": _on_kinks(lambda g, call: g * 0, (True,)),
    "convention plus one": _on_kinks(_plus_one, (False,)),
    "NaN at a kink": _on_kinks(lambda g, call: g * np.nan),
    "NaN at one point": _nan_at_one_point,
    "one entry": _one_entry,
    "negative inputs": _where(lambda x: x < 0, 1.5),
    "large inputs": _where(lambda x: np.abs(x) > 1e3, 0.9),
    "beyond 1000 entries": _beyond_a_thousand,
    "order of memory": _by_memory,
    "float32 inside": _narrow_inside,
    "narrow dtype": _narrow_dtype,
    "wide dtype": _wide_dtype,
    "stale state": _stale,
    "not repeatable": _unsteady,
    "input changed": _overwriting(lambda call: call.leaves),
    "cotangent changed": _overwriting(lambda call: call.cotangents),
    "output changed": _overwriting(lambda call: call.outputs),
    "bare array": _bare,
    "None": _none,
    "graph cut": lambda call: call.right,
}
"""Every fault by name. "graph cut" changes no first gradient: see `operator.FaultyOperator`."""
