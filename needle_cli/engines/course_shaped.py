"""Functions of tensors as operators under test, for our engine and others of its shape."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from needle_cli.checking.claims import Claims
from needle_cli.checking.model import (
    Array,
    Case,
    Code,
    Garbage,
    Gradient,
    GradientKind,
    OperatorError,
)
from needle_cli.engines.arguments import Signature
from needle_cli.engines.facade import Engine, checked_array, described, stage
from needle_cli.engines.placing import is_on_device, on_host, on_host_together, placed_together
from needle_cli.problems import counted

Slot = int | tuple[int, ...] | None
"""The leaf, or the members of a tuple, that one input of a node is; None for a constant."""


class EngineOperator:
    """A function of tensors as an `OpUnderTest`."""

    gradient_kind: GradientKind = "tensor"

    def __init__(
        self,
        function: Callable[..., Any],
        engine: Engine,
        name: str,
        args: Sequence[str] = (),
        tuples: frozenset[str] = frozenset(),
    ) -> None:
        self.function = function
        self.engine = engine
        self._name = name
        self._args = tuple(args)
        self._tuples = tuples
        self._signature = Signature(function, self._args)

    @property
    def name(self) -> str:
        """`family/function`, or the function's own name."""
        return self._name

    @cached_property
    def on_host(self) -> EngineOperator:
        """The same function evaluated on the host."""
        host = Engine(self.engine.module)
        return EngineOperator(self.function, host, self._name, self._args, self._tuples)

    @property
    def device(self) -> Any:
        """The device of a resident operator; None if arrays come back to the host."""
        return self.engine.place if self.engine.resident else None

    def moved_to_host(self, case: Case) -> tuple[EngineOperator, Case]:
        """Return the same operator for cases on the host, and the case on the host."""
        engine = Engine(self.engine.module, self.engine.device)
        home = EngineOperator(self.function, engine, self._name, self._args, self._tuples)
        return home, case.with_leaves([on_host(leaf) for leaf in case.leaves()])

    def outputs_together(self, cases: Sequence[Case]) -> list[tuple[Array, ...] | None]:
        """Evaluate many cases of equal shapes and parameters at once, on a device.

        Return the outputs of every case; None for a case where the operator raises.
        """
        found: list[tuple[Array, ...] | None] = [None] * len(cases)
        computed: dict[int, list[Any]] = {}
        try:
            with stage("compute"):
                sent = placed_together([case.leaves() for case in cases], self.engine.place)
                for k, (case, arrays) in enumerate(zip(cases, sent, strict=True)):
                    with contextlib.suppress(OperatorError, Garbage), stage("compute"):
                        leaves = self.lift(case.with_leaves(arrays))
                        tensors = self.outputs_of(self.apply(leaves, case))
                        computed[k] = [tensor.realize_cached_data() for tensor in tensors]
                brought = on_host_together(list(computed.values()), self.engine.place)
        except (OperatorError, Garbage):
            return found
        for k, outputs in zip(computed, brought, strict=True):
            found[k] = tuple(checked_array(out, f"the output of {self.name}") for out in outputs)
        return found

    @cached_property
    def abilities(self) -> frozenset[str]:
        """The optional protocols that it supports; lazy mode only if the engine has one."""
        held = {
            "graph": True,
            "second_order": True,
            "lazy": hasattr(self.engine.autograd, "LAZY_MODE"),
            "device": self.engine.device != "cpu",
            "resident": self.engine.resident,
        }
        return frozenset(ability for ability, holds in held.items() if holds)

    def evaluate(self, case: Case) -> EngineEvaluation:
        """Compute the function on tensors that wrap the arrays of `case` without copies."""
        leaves = self.lift(case)
        with stage("compute"):
            result = self.apply(leaves, case)
            return EngineEvaluation(self, case, leaves, result)

    def lazy_outputs(self, case: Case, reverse: bool) -> tuple[Array, ...]:
        """Compute in lazy mode, realising the output's leaves in order or reversed."""
        with self.engine.lazy(), stage("compute"):
            tensors = self.outputs_of(self.apply(self.lift(case), case))
            order = range(len(tensors))
            found = {
                i: self.engine.read(tensors[i].realize_cached_data(), f"the output of {self.name}")
                for i in (reversed(order) if reverse else order)
            }
        return tuple(found[i] for i in order)

    def graph_gradients(
        self, case: Case, cotangents: Sequence[Array], uses: int, share: bool
    ) -> tuple[Gradient, ...]:
        """Return the gradients that the engine's reverse pass gives for `uses` applications."""
        leaves = self.lift(case, share, judged_only=True)
        with stage("compute"):
            total = self.outputs_of(self.apply(leaves, case))
            for _ in range(uses - 1):
                again = self.outputs_of(self.apply(leaves, case))
                total = [a + b for a, b in zip(total, again, strict=True)]
        with stage("gradient"):
            starts = [self.engine.constant(c, requires_grad=False) for c in cotangents]
            found = self.engine.walk(total, starts, leaves)
            return tuple(self.as_gradient(value) for value in found)

    def second_order(self) -> EngineOperator:
        """Return `(cotangents, inputs) -> gradients of the judged inputs`."""
        return SecondOrder(self)

    def lift(self, case: Case, share: bool = False, judged_only: bool = False) -> list[Any]:
        """Wrap the leaves of a case: floats as tensors, index and bool arrays as they are.

        With `judged_only` the inputs that are not judged are constants without a gradient.
        """
        shared: dict[tuple[Any, ...], Any] = {}
        lifted = []
        for owner, leaf in zip(case.leaf_owners(), case.leaves(), strict=True):
            if leaf.dtype.kind != "f":
                lifted.append(self.engine.bare(leaf))
                continue
            tensor = None
            if share and owner in case.judged:
                tensor = shared.get((leaf.shape, leaf.dtype))
            if tensor is None:
                wanted = owner in case.judged or not judged_only
                tensor = self.engine.constant(leaf, requires_grad=wanted)
                if share and owner in case.judged:
                    shared[(leaf.shape, leaf.dtype)] = tensor
            lifted.append(tensor)
        return lifted

    def apply(self, leaves: Sequence[Any], case: Case) -> Any:
        """Call the function with lifted leaves and the parameters of a case."""
        source = iter(leaves)
        inputs: dict[str, Any] = {}
        for name, value in case.inputs.items():
            if not isinstance(value, tuple):
                inputs[name] = next(source)
                continue
            members = [next(source) for _ in value]
            inputs[name] = self.engine.make_tuple(members) if name in self._tuples else members
        positional, keywords = self._signature.bind(inputs, case.params)
        return self.function(*positional, **keywords)

    def outputs_of(self, result: Any) -> list[Any]:
        """Return the tensors a function returned, or raise `Garbage`."""
        if self.engine.is_tensor(result):
            return [result]
        if self.engine.is_tuple(result):
            return [result[i] for i in range(len(result))]
        if isinstance(result, tuple | list) and result:
            if all(self.engine.is_tensor(part) for part in result):
                return list(result)
            strange = next(part for part in result if not self.engine.is_tensor(part))
            raise Garbage(
                f"{self.name} returned a {type(result).__name__} with {described(strange)} in it"
            )
        raise Garbage(f"{self.name} returned {described(result)}, not a tensor")

    def pull_back(self, result: Any, leaves: Sequence[Any], starts: Sequence[Any]) -> list[Any]:
        """Return, for every leaf, what the gradient returns for cotangent tensors `starts`.

        If the result is a single node over the leaves, its `gradient` is called directly, so that
        what it returns is seen unchanged; a composite goes through the engine's reverse pass.
        """
        slots = self._slots(result, leaves)
        if slots is None:
            return list(self.engine.walk(self.outputs_of(result), starts, leaves))
        start = self.engine.make_tuple(starts) if self.engine.is_tuple(result) else starts[0]
        returned = result.op.gradient(start, result)
        values = self._one_per_input(returned, slots)
        found: list[Any] = [None] * len(leaves)
        for slot, value in zip(slots, values, strict=True):
            if isinstance(slot, tuple):
                members = self._members(value, len(slot))
                for index, member in zip(slot, members, strict=True):
                    found[index] = member
            elif slot is not None:
                found[slot] = value
        return found

    def _slots(self, result: Any, leaves: Sequence[Any]) -> list[Slot] | None:
        """Match a node's inputs to the leaves; None if it is not a single node over them."""
        if not isinstance(result, self.engine.value) or result.op is None:
            return None
        places = {id(leaf): i for i, leaf in enumerate(leaves)}
        slots: list[Slot] = []
        used: set[int] = set()
        for value in result.inputs:
            slot: Slot
            if id(value) in places:
                slot = places[id(value)]
                seen = [slot]
            elif self.engine.is_tuple(value) and all(id(v) in places for v in value.inputs):
                slot = tuple(places[id(v)] for v in value.inputs)
                seen = list(slot)
            elif value.requires_grad:
                return None
            else:
                slot = _bare_leaf(value, leaves)
                seen = [] if slot is None else [slot]
            if len(set(seen)) < len(seen) or used & set(seen):
                return None
            used |= set(seen)
            slots.append(slot)
        return slots

    def _one_per_input(self, returned: Any, slots: Sequence[Slot]) -> list[Any]:
        """Return the gradient's values, one per input, or raise `Garbage`."""
        count = len(slots)
        needed = counted(count, "input")
        if isinstance(returned, tuple | list):
            if len(returned) != count:
                given = counted(len(returned), "gradient")
                raise Garbage(f"gradient returned {given} for {needed}", Code.COUNT)
            return list(returned)
        if count != 1:
            raise Garbage(f"gradient returned {described(returned)} alone for {needed}", Code.COUNT)
        return [returned]

    def _members(self, value: Any, count: int) -> list[Any]:
        """Return the members of the gradient of a tuple input."""
        if value is None:
            return [None] * count
        if not self.engine.is_tuple(value):
            raise Garbage(
                f"gradient returned {described(value)} for a tuple input, not a TensorTuple"
            )
        if len(value) != count:
            raise Garbage(f"gradient returned a tuple of {len(value)} for a tuple of {count}")
        return [value[i] for i in range(count)]

    def as_gradient(self, value: Any) -> Gradient:
        """Return what came for one leaf as a `Gradient`, or raise `Garbage`."""
        if value is None:
            return Gradient(None, "none", "None")
        name = described(value).partition(" ")[2]
        if self.engine.is_tensor(value):
            data = self.engine.read(value.realize_cached_data(), "the gradient's tensor")
            return Gradient(data, "tensor", name)
        if isinstance(value, np.ndarray) or is_on_device(value):
            return Gradient(self.engine.read(value, "the gradient"), "array", name)
        raise Garbage(f"gradient returned {described(value)}, not a tensor")


class EngineEvaluation:
    """One forward evaluation: its cached outputs, and gradients on request."""

    def __init__(
        self, operator: EngineOperator, case: Case, leaves: Sequence[Any], result: Any
    ) -> None:
        self._operator = operator
        self._case = case
        self._leaves = leaves
        self._result = result
        what = f"the output of {operator.name}"
        self._tensors = operator.outputs_of(result)
        read = operator.engine.read
        self._outputs = tuple(read(t.realize_cached_data(), what) for t in self._tensors)
        operator.engine.mirror(leaves, case.leaves())

    @property
    def outputs(self) -> tuple[Array, ...]:
        """The leaves of the output, as the engine caches them."""
        return self._outputs

    @property
    def composite(self) -> bool:
        """Whether the result is more than one operator applied to the inputs."""
        return self._operator._slots(self._result, self._leaves) is None

    def gradient(self, cotangents: Sequence[Array]) -> tuple[Gradient, ...]:
        """Return one `Gradient` per input leaf."""
        operator = self._operator
        with stage("gradient"):
            starts = [operator.engine.constant(c, requires_grad=False) for c in cotangents]
            found = operator.pull_back(self._result, self._leaves, starts)
            gradients = tuple(operator.as_gradient(value) for value in found)
            operator.engine.mirror(
                [*starts, *self._leaves, *self._tensors],
                [*cotangents, *self._case.leaves(), *self._outputs],
            )
        return gradients


class SecondOrder(EngineOperator):
    """The gradient of an operator as a function of `(cotangents, inputs)`; nests to any order.

    The cotangent is the first input of its cases. Its name does not matter, so that two nested ones
    can have different names. Outputs are the gradients of the other judged inputs; a `None` of the
    inner operator counts as zeros.
    """

    def __init__(self, base: EngineOperator) -> None:
        super().__init__(base.function, base.engine, f"{base.name}'", base._args, base._tuples)
        self._base = base

    def apply(self, leaves: Sequence[Any], case: Case) -> Any:
        """Return the gradients as tensors of the graph."""
        first, *others = case.inputs
        given = case.inputs[first]
        count = len(given) if isinstance(given, tuple) else 1
        inner = replace(case, inputs={name: case.inputs[name] for name in others})
        result = self._base.apply(leaves[count:], inner)
        found = self._base.pull_back(result, leaves[count:], leaves[:count])
        return tuple(
            self._differentiable(value, leaf)
            for value, leaf, owner in zip(found, inner.leaves(), inner.leaf_owners(), strict=True)
            if owner in case.judged
        )

    def _differentiable(self, value: Any, leaf: Array) -> Any:
        """Return a gradient as a tensor, or raise if it cannot be differentiated again."""
        if value is None:
            return self.engine.constant(np.zeros_like(leaf), requires_grad=False)
        if not self.engine.is_tensor(value):
            raise Garbage(
                f"gradient returned {described(value)}, which cannot be differentiated again"
            )
        return value


def _bare_leaf(value: Any, leaves: Sequence[Any]) -> int | None:
    """Return the index of the bare array that a constant node input was made from."""
    data = value.cached_data
    for i, leaf in enumerate(leaves):
        same = isinstance(leaf, np.ndarray) and isinstance(data, np.ndarray) and data.size
        if data is leaf or (same and np.may_share_memory(data, leaf)):
            return i
    return None


def operator_under_test(
    function: Callable[..., Any],
    claims: Claims,
    engine: ModuleType | Engine | None = None,
    name: str = "",
    device: str = "cpu",
) -> EngineOperator:
    """Return the operator that a spec describes, ready to be judged.

    Args:
        function: the public function of tensors.
        claims: the content of its spec, which has the call order and says which inputs are tuples.
        engine: the engine's module; our `needle` by default.
        name: `family/function`; the function's own name by default.
        device: where to evaluate; arrays are moved there and back.
    """
    if not isinstance(engine, Engine):
        engine = Engine(engine or importlib.import_module("needle"), device)
    tuples = frozenset(claim.name for claim in claims.inputs.values() if claim.is_tuple)
    return EngineOperator(function, engine, name or claims.function, claims.args, tuples)


def operator_from_tensors(
    function: Callable[..., Any],
    engine: ModuleType | Engine,
    tuples: frozenset[str] = frozenset(),
) -> EngineOperator:
    """Return any function of tensors, composites included, as an operator under test.

    `tuples` are the names of the inputs that are `TensorTuple`s.
    """
    wrapped = engine if isinstance(engine, Engine) else Engine(engine)
    name = getattr(function, "__name__", type(function).__name__)
    return EngineOperator(function, wrapped, name, tuples=tuples)
