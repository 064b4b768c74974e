"""Operators and values: what people write, and what they hold."""

import gc
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self
from weakref import ref

import numpy

from needle import modes
from needle.backend import cpu, shared_device
from needle.errors import complaint
from needle.node import Node, facts_of, shapes_in

_ndarray = numpy.ndarray
_CPU = cpu()
_LARGE = 2**14  # chosen: below, a call costs more than the memory is worth


class Op:
    """A differentiable function: `compute` on arrays, `gradient` on values.

    Operators are immutable once built; their parameters are attributes. The class attributes say
    what the engine may do without; their defaults hold for every operator.
    """

    differentiable: ClassVar[bool] = True
    """False for steps and comparisons: their results carry no history."""

    closed_over_integers: ClassVar[bool] = True
    """Whether integer inputs with an integer result have integer gradients."""

    moves_values: ClassVar[bool] = False
    """Whether the result holds the inputs' arrays themselves, each in its own dtype."""

    tuple_slot: int | None = None
    """The member of a tuple that this operator takes out, where that is all it does."""

    repeatable: ClassVar[bool] = False
    """Whether `compute` gives the same result every time, so that data may be released."""

    reads_inputs: ClassVar[bool | Literal["others"]] = True
    """Whether `gradient` reads the data of the inputs; "others": of those that the input whose
    gradient it computes is combined with, as in a product. Shapes and dtypes are no data."""

    reads_result: ClassVar[bool] = True
    """Whether `gradient` reads the data of `node`."""

    made_again: ClassVar[bool] = False
    """Whether a large result that others read is computed again from this operator's inputs, which
    its own gradient reads, instead of being kept beside them."""

    def __call__(self, *args: Any) -> Any:
        """Build a node of the graph."""
        raise NotImplementedError(
            f"{type(self).__name__} derives neither TensorOp nor "
            "TensorTupleOp, or does not define __call__"
        )

    def compute(self, *args: Any) -> Any:
        """Return the result for arrays; a `TensorTuple` input arrives as a tuple of arrays."""
        raise NotImplementedError(f"{type(self).__name__} does not define compute")

    def gradient(self, out_grad: Any, node: Any) -> Any:
        """Return the cotangent of each of `node.inputs`, given `out_grad`, that of `node`.

        One value, or a tuple or list of them, one per input, with None for an input that has no
        derivative or requires none. Built from operators, so that it can be differentiated again.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define gradient")

    def gradient_as_tuple(self, out_grad: Any, node: Any) -> tuple[Any, ...]:
        """Return what `gradient` returns, always as a tuple."""
        output = self.gradient(out_grad, node)
        if isinstance(output, (tuple, list)):
            return tuple(output)
        return (output,)


class Value:
    """What a user holds: data, and the node of the graph that it comes from."""

    __slots__ = ("__dict__", "__weakref__", "_data", "_grad", "_node", "_requires_grad")

    num_outputs: ClassVar[int] = 1
    _kind: ClassVar[Any] = None  # the class of values that the graph makes: no subclass of users
    _data: Any
    _node: Node | None
    _grad: "Value | None"
    _requires_grad: bool

    def _init(
        self,
        op: Op | None,
        inputs: Sequence["Value"],
        *,
        cached_data: Any = None,
        requires_grad: bool | None = None,
    ) -> None:
        """Make this a leaf, or the result of `op`: deferred where there is no `cached_data`."""
        self._data = cached_data
        self._grad = None
        self._node = None
        if op is None:
            self._requires_grad = bool(requires_grad)
            return
        if requires_grad is None:
            requires_grad = op.differentiable and _count_wanting(inputs) > 0
        kept = modes.history.get() if requires_grad else modes.NONE
        self._requires_grad = kept != modes.NONE
        if kept == modes.RECORDED or cached_data is None:
            self._record(op, inputs)

    def _record(self, op: Op, inputs: Sequence["Value"]) -> None:
        """Make the node, and let it and those of its inputs own what the gradient reads."""
        reads = op.reads_inputs
        nodes = []
        for given in inputs:
            source = given._node
            if source is None:
                source = given._as_node()
            elif reads and source.data is None and not source.replaced:
                alone = reads == "others" and _count_wanting(inputs) == given._requires_grad
                if not (alone or _is_made_again(source.op, given._data)):
                    source.data = given._data
            nodes.append(source)
        node = Node(self._kind, op, tuple(nodes), self._requires_grad)
        node.value_here = ref(self)
        data = self._data
        if data is None:
            for given, source in zip(inputs, nodes, strict=True):
                source.awaited = True
                if source.data is None and not source.replaced:
                    source.data = given._data
        elif op.reads_result or not op.repeatable:
            node.data = data
        elif type(data) is _ndarray:
            node.facts = (data.shape, data.dtype, _CPU)
        else:
            node.facts = facts_of(data)
        self._node = node

    def _as_node(self) -> Node:
        """Return the node that operators on this value refer to."""
        node = self._node
        if node is None:
            node = self._node = Node(self._kind, None, (), self._requires_grad)
            node.data = self._data
            node.value_here = ref(self)
        return node

    @classmethod
    def make_const(cls, data: Any, requires_grad: bool = False) -> Self:
        """Return a leaf that shares `data`, an array or a value."""
        value = cls.__new__(cls)
        if isinstance(data, Value):
            data = data.realize_cached_data()
        value._init(
            None, (), cached_data=cls._stored(cls.__name__, data), requires_grad=requires_grad
        )
        return value

    @classmethod
    def make_from_op(cls, op: Op, inputs: Sequence["Value"]) -> Self:
        """Return the node `op(*inputs)`: computed now, or in lazy mode when its data is needed.

        A result none of whose inputs requires a gradient keeps no history.
        """
        value = cls.__new__(cls)
        if modes.is_lazy():
            value._init(op, inputs)
            return value
        arrays = []
        for given in inputs:
            data = given._data
            arrays.append(given.realize_cached_data() if data is None else data)
        value._init(op, inputs, cached_data=cls._compute(op, arrays))
        return value

    @classmethod
    def _compute(cls, op: Op, arrays: list[Any]) -> Any:
        """Return what the operator gives for arrays, as it is kept in the graph."""
        try:
            for array in arrays:
                if type(array) is not _ndarray and op.tuple_slot is None:
                    with shared_device(type(op).__name__, arrays).scope():
                        return cls._stored(type(op).__name__, op.compute(*arrays))
            return cls._stored(type(op).__name__, op.compute(*arrays))
        except OverflowError as problem:
            raise ValueError(
                f"{type(op).__name__}: a parameter does not fit the dtype: {problem}"
            ) from problem
        except Exception as problem:
            problem.add_note(
                f"in {type(op).__name__} with inputs {', '.join(map(_describe, arrays))}"
            )
            raise

    @classmethod
    def _stored(cls, name: str, result: Any) -> Any:
        """Return `result` as it is kept in the graph; tensors check what it is."""
        return result

    def realize_cached_data(self) -> Any:
        """Return the data, computing it and what it needs once; without recursion."""
        data = self._data
        if data is None:
            assert self._node is not None, "a leaf always has data"
            data = self._data = self._node.realize()
            if not self._node.requires_grad:
                self._node = None
        return data

    @property
    def cached_data(self) -> Any:
        """The data; None where its computation was deferred and has not happened yet."""
        node = self._node
        if self._data is None and node is not None:
            return None if node.data is None and node.facts is None else self.realize_cached_data()
        return self._data

    @cached_data.setter
    def cached_data(self, data: Any) -> None:
        self._data = data
        node = self._node
        if node is None:
            return
        node.replaced = True
        if node.op is None and node.origin is None:
            # Graphs that were built before keep the old node; those to come get a new one.
            self._node = node.value_here = None
            if not node.awaited:
                node.release()

    def _facts(self) -> Any:
        """Return shape, dtype and device, or a list of them; without data that was released."""
        if self._data is None and self._node is not None:
            return self._node.known_facts()
        return facts_of(self._data)

    @property
    def op(self) -> Op | None:
        """The operator that this value is the result of; None for a leaf."""
        node = self._node
        if node is None:
            return None
        node.expand()
        op: Op | None = node.op
        return op

    @property
    def inputs(self) -> tuple["Value", ...]:
        """The values that the operator was applied to."""
        node = self._node
        if node is None:
            return ()
        node.expand()
        return tuple([source.value() for source in node.inputs])

    @property
    def requires_grad(self) -> bool:
        """Whether `backward` through this value reaches one that asks for a gradient."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self._requires_grad = bool(wanted)
        if self._node is not None:
            self._node.requires_grad = bool(wanted)

    def is_leaf(self) -> bool:
        """Whether this value has no history."""
        return self.op is None

    @property
    def grad(self) -> Any:
        """The gradient that the last `backward` through this value left here, or None.

        `backward` overwrites it, as in the course; PyTorch adds to it. It can be differentiated
        again: its history is made when a reverse pass first goes through it.
        """
        return self._grad

    @grad.setter
    def grad(self, gradient: Any) -> None:
        if gradient is not None:
            if not isinstance(gradient, Value):
                raise TypeError(
                    complaint("grad", "the gradient", "a Tensor or None", type(gradient).__name__)
                )
            self._check_like("grad", "the gradient", gradient)
        self._grad = gradient

    def cast_to(self, facts: Any) -> Self:
        """Return this value in the dtypes of `facts`, see `needle.node.facts_of`."""
        raise NotImplementedError(type(self).__name__)

    def _check_like(self, where: str, argument: str, other: "Value") -> None:
        """Raise `ValueError` unless `other` has the shape of this value."""
        wanted, given = shapes_in(self._facts()), shapes_in(other._facts())
        if wanted != given:
            raise ValueError(complaint(where, argument, f"of shape {wanted}", given))

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles hold the data of a leaf, without its gradient."""
        if self._requires_grad and self.op is not None:
            raise TypeError(
                complaint(
                    "copying",
                    "a value",
                    "a leaf: call detach()",
                    f"the result of {type(self.op).__name__}",
                )
            )
        return {
            "data": self.realize_cached_data(),
            "requires_grad": self._requires_grad,
            "attributes": self.__dict__,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._init(None, (), cached_data=state["data"], requires_grad=state["requires_grad"])
        self.__dict__.update(state["attributes"])


def count_live_values() -> int:
    """Return how many values are alive: held by somebody, or part of a graph that is.

    Counted when it is asked for, by going through all objects of the garbage collector.
    """
    count = 0
    for thing in gc.get_objects():
        kind = type(thing)
        if kind is Node:
            count += 1
        elif issubclass(kind, Value):
            count += getattr(thing, "_node", thing) is None  # a value with a node counts there
    return count


def _count_wanting(inputs: Sequence[Value]) -> int:
    return sum([value._requires_grad for value in inputs])


def _is_made_again(op: Op | None, data: Any) -> bool:
    return op is not None and op.made_again and data is not None and data.nbytes >= _LARGE


def _describe(argument: Any) -> str:
    if isinstance(argument, tuple):
        return f"({', '.join(map(_describe, argument))})"
    return f"{argument.dtype}{list(argument.shape)}"
