"""The data types of the checking core: case, operator under test, finding, answer, plan."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from traceback import format_exception
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy.typing as npt
from numpy.linalg import LinAlgError

from needle_cli.causes import Cause
from needle_cli.problems import text_of

Array: TypeAlias = npt.NDArray[Any]
InputValue: TypeAlias = Array | tuple[Array, ...]
"""One argument of an operator: an array, or the arrays of a list or tuple argument."""


class Code(enum.StrEnum):
    """What is wrong, as a stable name: the sentence of a finding may change, its code does not."""

    # The operator raised, or returned something that is no result.
    RAISED = "raised"
    RAISED_FOR_VALUES = "raised_for_values"
    GARBAGE = "garbage"
    REFERENCE = "reference_failed"
    HOST_COPY = "host_copy"
    HOST_OPERAND = "host_operand"
    NO_ARGUMENT = "no_argument_on_device"
    NO_FUNCTION = "no_function_on_device"

    # The form of a gradient.
    COUNT = "gradient_count"
    NONE = "gradient_none"
    NOT_NONE = "gradient_not_none"
    SHAPE = "gradient_shape"
    DTYPE = "gradient_dtype"
    MIXED_DTYPE = "gradient_dtype_mixed"
    KIND = "gradient_kind"
    NAN_LEAK = "nan_leak"
    SYMMETRY = "not_symmetric"
    INDEX_COTANGENT = "index_cotangent"

    # The value.
    OUTPUT_COUNT = "output_count"
    OUTPUT_SHAPE = "output_shape"
    OUTPUT_DTYPE = "output_dtype"
    VALUE = "value"
    LAZY = "lazy_value"
    NOT_RAISED = "not_raised"
    RAISED_OTHER = "raised_other"
    NOT_ELEMENTWISE = "not_elementwise"

    # The numbers of a gradient.
    SLOPE = "slope"
    NOT_LINEAR = "not_linear"
    NOT_EXACT = "not_exact"
    STRUCTURE = "structure"
    ROUNDING = "rounding"
    USES = "uses"
    ORDER = "order"

    # Points without a derivative.
    NOT_FINITE = "not_finite"
    CURVATURE = "curvature"
    OUTSIDE_SLOPES = "outside_slopes"
    CONVENTION = "convention"
    NO_DERIVATIVE = "no_derivative"

    # Side effects, state, and memory layout.
    INPUT_CHANGED = "input_changed"
    COMPUTE_CHANGES_INPUT = "compute_changes_input"
    GRADIENT_CHANGES_INPUT = "gradient_changes_input"
    COTANGENT_CHANGED = "cotangent_changed"
    OUTPUT_CHANGED = "output_changed"
    OUTPUT_REUSED = "output_reused"
    NOT_REPEATABLE = "not_repeatable"
    SECOND_GRADIENT = "second_gradient"
    STALE = "stale"
    LAYOUT = "layout"

    DEVICE = "device"
    FAULT_MISSED = "fault_missed"


class Verdict(enum.StrEnum):
    """The result of one comparison, or of one report."""

    PASS = "pass"
    FAIL = "fail"
    NO_DERIVATIVE = "no_derivative"
    CANNOT_TELL = "cannot_tell"


class Status(enum.StrEnum):
    """The status of a report row: a verdict, or why there is none."""

    PASS = "pass"
    FAIL = "fail"
    NO_DERIVATIVE = "no_derivative"
    CANNOT_TELL = "cannot_tell"
    ERROR = "error"
    TIMEOUT = "timeout"
    NOT_APPLICABLE = "not_applicable"
    KNOWN = "known"


@dataclass(frozen=True)
class Case:
    """An operator's inputs and parameters, with the seed of everything drawn at this case.

    `inputs` are in call order. `cotangent` is given when a case is replayed and drawn from `seed`
    otherwise. `judged` names the inputs whose gradient is compared; `silent` those that are not
    differentiable, for which the operator must return `None`.
    """

    inputs: Mapping[str, InputValue]
    params: Mapping[str, Any] = field(default_factory=dict)
    judged: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    seed: int = 0
    cotangent: tuple[Array, ...] | None = None
    label: str = "given inputs"
    tags: frozenset[str] = frozenset()

    def leaves(self) -> list[Array]:
        """Return every array of the case in call order, with lists and tuples flattened."""
        values = self.inputs.values()
        return flatten(values) if tuple in map(type, values) else list(values)  # type: ignore[arg-type]

    def leaf_names(self) -> list[str]:
        """Return the name of every leaf: `a`, or `xs[1]` for a member."""
        names: list[str] = []
        for name, value in self.inputs.items():
            if isinstance(value, tuple):
                names.extend(f"{name}[{i}]" for i in range(len(value)))
            else:
                names.append(name)
        return names

    def leaf_owners(self) -> list[str]:
        """Return, for every leaf, the name of the input it belongs to."""
        if tuple not in map(type, self.inputs.values()):
            return list(self.inputs)
        return [
            name
            for name, value in self.inputs.items()
            for _ in range(len(value) if isinstance(value, tuple) else 1)
        ]

    def with_leaves(self, leaves: Sequence[Array]) -> Case:
        """Return the same case with its arrays replaced, in the order of `leaves()`."""
        # Called thousands of times: the constructor of a frozen dataclass would be slow.
        tuples = tuple in map(type, self.inputs.values())
        values = regroup(self, leaves) if tuples else leaves
        moved = object.__new__(Case)
        known = moved.__dict__
        known.update(self.__dict__)
        known["inputs"] = dict(zip(self.inputs, values, strict=True))
        return moved

    def size(self) -> int:
        """Return the number of entries of all inputs together."""
        return sum(leaf.size for leaf in self.leaves())


def flatten(values: Iterator[InputValue] | Sequence[InputValue] | Any) -> list[Array]:
    """Return the arrays of `values`, with tuples flattened."""
    leaves: list[Array] = []
    for value in values:
        if isinstance(value, tuple):
            leaves.extend(value)
        else:
            leaves.append(value)
    return leaves


def regroup(case: Case, leaves: Sequence[Array]) -> Sequence[InputValue]:
    """Group flat leaves into the arguments of `case`."""
    source = iter(leaves)
    return [
        tuple(next(source) for _ in value) if isinstance(value, tuple) else next(source)
        for value in case.inputs.values()
    ]


GradientKind: TypeAlias = Literal["tensor", "array", "none"]


class Gradient(NamedTuple):
    """What an operator's `gradient` returned for one input leaf, not judged yet.

    `kind` is its form: a tensor of the engine, a bare array, or `None`. `described` names the type
    for messages ("numpy.ndarray", "needle.Tensor").
    """

    value: Array | None
    kind: GradientKind
    described: str = ""


class Garbage(Exception):
    """An operator returned something that is neither arrays nor gradients; the text says what."""

    def __init__(self, text: str, code: Code = Code.GARBAGE) -> None:
        super().__init__(text)
        self.code = code


class GeneratorError(Exception):
    """No valid case could be drawn: a bug in the generator or the spec, never a finding."""


LONGEST_TRACEBACK = 4000
"""How many characters of an operator's traceback are kept: its end, where it raised."""


class OperatorError(Exception):
    """An operator under test raised; `stage` says where, `original` holds the exception.

    `place` is the line of the operator's own file at which that happened, if it is known. An
    engine's exception may have an attribute `device_fault`, the value of a `Code`, for an operation
    that its device does not support.
    """

    def __init__(self, stage: str, original: BaseException, place: str = "") -> None:
        at = f" (at {place})" if place else ""
        memory = "; more memory than there is, or than --memory-limit allows"
        hint = memory if isinstance(original, MemoryError) else ""
        text = text_of(original)
        super().__init__(f"{stage} raised {type(original).__name__}: {text}{hint}{at}")
        self.stage = stage
        self.original = original
        self.code = Code(getattr(original, "device_fault", Code.RAISED))
        # NumPy raises a ValueError if shapes do not match, but also for a singular matrix.
        shapes = isinstance(original, ValueError) and not isinstance(original, LinAlgError)
        if stage in ("gradient", "vjp") and shapes:
            self.code = Code.RAISED_FOR_VALUES

    @property
    def traceback(self) -> str:
        """The end of the traceback of the original exception."""
        try:
            return "".join(format_exception(self.original))[-LONGEST_TRACEBACK:]
        except Exception:  # of an exception that cannot be printed
            return ""


class Evaluation(Protocol):
    """One forward evaluation, from which gradients can be computed."""

    @property
    def outputs(self) -> tuple[Array, ...]:
        """The output's leaves: one array unless the operator returns a tuple."""

    @property
    def composite(self) -> bool:
        """Whether the output was computed by more than one operator of the engine."""

    def gradient(self, cotangents: Sequence[Array]) -> tuple[Gradient, ...]:
        """Return one `Gradient` per input leaf for cotangents, one per output leaf.

        Raises `OperatorError` if the operator raises, and `Garbage` if it returns anything but one
        gradient per input.
        """


class OpUnderTest(Protocol):
    """An operator as the core sees it: of needle, of another engine, or a pair of functions.

    `needle_cli.checking.abilities` has the optional protocols.
    """

    @property
    def name(self) -> str:
        """`family/function`, or the function's own name."""

    @property
    def gradient_kind(self) -> GradientKind:
        """The form in which the operator has to return gradients."""

    @property
    def abilities(self) -> frozenset[str]:
        """The operator's abilities, of "lazy", "graph", "second_order", "device" and "resident"."""

    def evaluate(self, case: Case) -> Evaluation:
        """Compute the operator on the arrays of `case`, without copying them.

        Raises `OperatorError` if the operator raises, and `Garbage` if it returns no array.
        """


@dataclass(frozen=True)
class Finding:
    """What one check found wrong at one case.

    `code` says what is wrong, `message` says it in a sentence for the reader. `index` is the entry
    of `input`; `analytic`, `numeric` and `allowed` are numbers in the input's own units, or None if
    the finding is not about a number (for example a wrong shape). `cause` is the likely cause, None
    if it is not known. `traceback` is that of an operator that raised.
    """

    check: str
    code: Code
    input: str
    index: tuple[int, ...] | None
    analytic: float | None
    numeric: float | None
    allowed: float | None
    cause: Cause | None = None
    message: str = ""
    traceback: str = ""


@dataclass(frozen=True)
class Answer:
    """The result of one check at one case.

    `share` is the largest error divided by its bound (1.0 is the limit); `probes` is the number of
    comparisons by verdict. A check that does not apply to the case has no probes. `met` are the
    numbers of the declared kinks that were observed.
    """

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    share: float = 0.0
    where: tuple[str, tuple[int, ...] | None] | None = None
    probes: Mapping[Verdict, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: bool = False
    met: frozenset[int] = frozenset()

    @property
    def asked(self) -> bool:
        """Whether the check applied to the case."""
        return bool(self.probes) or bool(self.findings)


@dataclass(frozen=True)
class Element:
    """One row of the element table of a failing case.

    The numbers are slopes of the output entry `of`; if that is "", of all outputs together, each
    times its output gradient.
    """

    input: str
    index: tuple[int, ...]
    analytic: float
    numeric: float
    allowed: float
    wrong: bool
    of: str = ""


@dataclass(frozen=True)
class Structure:
    """Everything of a case except its numbers: it is drawn at random and shrunk.

    `shapes` has one shape per array input and a tuple of shapes per list or tuple input. `layouts`
    names the memory layout of each input: "C", "F", "transposed", "sliced", "reversed" or
    "broadcast". `special` says which special values are mixed in ("none", "zeros", "units",
    "ties", "edges"), `scale` multiplies magnitudes if the domain allows it. `lane` is the name of
    the spec's lane, "" for the main one. The numbers are drawn from `seed`.
    """

    shapes: Mapping[str, tuple[int, ...] | tuple[tuple[int, ...], ...]]
    params: Mapping[str, Any] = field(default_factory=dict)
    lane: str = ""
    layouts: Mapping[str, str] = field(default_factory=dict)
    special: str = "none"
    scale: float = 1.0
    values: str = "generic"
    seed: int = 0
    label: str = ""

    def size(self) -> int:
        """Return the number of entries of all inputs together."""
        shapes: list[tuple[int, ...]] = []
        for shape in self.shapes.values():
            nested: Any = shape
            shapes.extend(nested if nested and isinstance(nested[0], tuple) else (nested,))
        return sum(map(math.prod, shapes))


@dataclass(frozen=True)
class Plan:
    """The settings of a run: the checks, the number of examples, the seed, the device and dtype.

    With `first` the run stops after the first finding. The failing case of a check in `known`, a
    known failure, is not shrunk.
    """

    checks: tuple[str, ...]
    examples: int = 100
    seed: int = 0
    device: str = "cpu"
    dtype: str = "float64"
    order: int = 2
    shrink: bool = True
    first: bool = False
    known: frozenset[str] = frozenset()
