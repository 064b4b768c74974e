"""The graph: operators, values as its nodes, and when their data is computed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Self

from needle.backend import shared_device
from needle.errors import complaint
from needle.lifetime import ReleaseQueue, WeaklyHeldGradient, live_values

LAZY_MODE = False
"""Whether every computation waits until data, shape or print is asked for."""

_lazy_here: ContextVar[bool | None] = ContextVar("needle_lazy_here", default=None)

_release_queue = ReleaseQueue()


@contextmanager
def lazy_mode(enabled: bool = True) -> Iterator[None]:
    """Defer (or, with False, do not defer) computations within the block, in this thread only.

    A deferred value is computed when its data, shape, dtype or device is asked for; `backward`
    asks. The results are those of eager mode, bit for bit.
    """
    token = _lazy_here.set(enabled)
    try:
        yield
    finally:
        _lazy_here.reset(token)


def is_lazy() -> bool:
    """Whether operators called now defer their computation."""
    here = _lazy_here.get()
    return LAZY_MODE if here is None else here


class Op:
    """A differentiable function: `compute` on arrays, `gradient` on values.

    Operators are immutable once built; their parameters are attributes.
    """

    differentiable: ClassVar[bool] = True
    """False for steps and comparisons: their results carry no history."""

    closed_over_integers: ClassVar[bool] = True
    """Whether integer inputs with an integer result have integer gradients."""

    moves_values: ClassVar[bool] = False
    """Whether the result holds the inputs' arrays themselves, each in its own dtype."""

    tuple_slot: int | None = None
    """The member of a tuple that this operator takes out, where that is all it does."""

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
    """A node of the graph: an operator with its inputs, or a leaf; and its data once computed."""

    op: Op | None
    inputs: tuple["Value", ...]
    cached_data: Any
    requires_grad: bool
    num_outputs: int
    _grad: "Value | WeaklyHeldGradient | None"
    _captured: tuple[Any, ...] | None  # inputs' data when a deferred node was built
    _version: int  # how often the storage was replaced
    _input_versions: tuple[int, ...]

    def _init(
        self,
        op: Op | None,
        inputs: Sequence["Value"],
        *,
        num_outputs: int = 1,
        cached_data: Any = None,
        requires_grad: bool | None = None,
    ) -> None:
        live_values.append(None)
        self.op = op
        self.inputs = tuple(inputs)
        if requires_grad is None:
            requires_grad = any(i.requires_grad for i in inputs) and (
                op is None or op.differentiable
            )
        self.num_outputs = num_outputs
        self.cached_data = cached_data
        self.requires_grad = requires_grad
        self._grad = None
        self._captured = None
        self._version = 0
        self._input_versions = tuple([i._version for i in inputs])

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
        value._init(op, inputs)
        if is_lazy():
            value._captured = tuple([i.cached_data for i in value.inputs])
        else:
            value.realize_cached_data()
        return value

    def realize_cached_data(self) -> Any:
        """Return the data, computing it and what it needs once; without recursion."""
        if self.cached_data is not None:
            return self.cached_data
        stack = [self]
        while stack:
            node = stack[-1]
            waiting = (
                []
                if node.cached_data is not None
                else [i for i in node.inputs if i.cached_data is None]
            )
            if waiting:
                stack.extend(waiting)
                continue
            if node.cached_data is None:
                node._compute()
            stack.pop()
        return self.cached_data

    def _compute(self) -> None:
        op = self.op
        assert op is not None, "a leaf always has data"
        name = type(op).__name__
        arguments = self._arguments(name)
        try:
            with shared_device(name, arguments).scope():
                result = self._stored(name, op.compute(*arguments))
        except OverflowError as problem:
            raise ValueError(f"{name}: a parameter does not fit the dtype: {problem}") from problem
        except Exception as problem:
            problem.add_note(f"in {name} with inputs {', '.join(map(_describe, arguments))}")
            raise
        self.cached_data = result
        self._captured = None
        if not self.requires_grad:
            self.op, self.inputs = None, ()

    def _arguments(self, name: str) -> list[Any]:
        """The inputs' data as they were when this node was built."""
        if self._captured is None:
            return [i.cached_data for i in self.inputs]
        arguments = []
        for value, built, captured in zip(
            self.inputs, self._input_versions, self._captured, strict=True
        ):
            if captured is None and value._version != built:
                raise ValueError(
                    f"{name}: the data of an input was replaced before this deferred "
                    "result was computed; ask for its data before replacing"
                )
            arguments.append(value.cached_data if captured is None else captured)
        return arguments

    @classmethod
    def _stored(cls, name: str, result: Any) -> Any:
        """Return `result` as it is kept in the graph; tensors check what it is."""
        return result

    def is_leaf(self) -> bool:
        """Whether this value has no history."""
        return self.op is None

    @property
    def grad(self) -> Any:
        """The gradient that the last `backward` through this value left here, or None.

        It can be differentiated again. A value with history keeps the graph of its gradient only
        while that graph is in use elsewhere; after that it keeps the gradient's data alone.
        """
        held = self._grad
        return held.restore() if isinstance(held, WeaklyHeldGradient) else held

    @grad.setter
    def grad(self, gradient: Any) -> None:
        if gradient is not None and not isinstance(gradient, Value):
            raise TypeError(
                complaint("grad", "the gradient", "a Tensor or None", type(gradient).__name__)
            )
        self._grad = gradient

    def _keep_gradient(self, gradient: "Value") -> None:
        both_have_history = self.op is not None and gradient.op is not None
        self._grad = WeaklyHeldGradient(gradient) if both_have_history else gradient

    def sum_cotangents(self, parts: Sequence[Any]) -> Any:
        """Add up what the users of this value contribute to its cotangent, with operators.

        So the sum can be differentiated again.
        """
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def _is_stale(self) -> bool:
        """Whether the storage of this node or of an input was replaced after it was built."""
        return self._version > 0 or self._input_versions != tuple([i._version for i in self.inputs])

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles hold the data of a leaf, without its gradient."""
        if self.op is not None and self.requires_grad:
            raise TypeError(
                complaint(
                    "copying",
                    "a value",
                    "a leaf: call detach()",
                    f"the result of {type(self.op).__name__}",
                )
            )
        return {
            **self.__dict__,
            "cached_data": self.realize_cached_data(),
            "op": None,
            "inputs": (),
            "_grad": None,
            "_captured": None,
            "_input_versions": (),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        live_values.append(None)
        self.__dict__.update(state)

    def __del__(
        self, _pop: Any = live_values.pop, _release_queue: ReleaseQueue = _release_queue
    ) -> None:
        if "_grad" not in self.__dict__:
            return  # never initialised, never counted
        _pop()
        if self.inputs or self._grad is not None:
            _release_queue.release(self)


def _describe(argument: Any) -> str:
    if isinstance(argument, tuple):
        return f"({', '.join(map(_describe, argument))})"
    return f"{argument.dtype}{list(argument.shape)}"
