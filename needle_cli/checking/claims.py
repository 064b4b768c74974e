"""The claims about an operator: the parsed content of a spec, immutable, without any file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


class SpecFunctionFailed(Exception):
    """A function that a spec names raises or returns no arrays of numbers: the spec is wrong.

    `name` is `module:function`; the text says what the function did. `call` is the call that was
    made, as far as it is known.
    """

    def __init__(self, function: Callable[..., Any], what: str, call: str = "") -> None:
        super().__init__(what)
        self.name = dotted(function)
        self.call = call


def dotted(function: Callable[..., Any]) -> str:
    """Return the name of a function as a spec gives it."""
    return f"{function.__module__}:{getattr(function, '__name__', '?')}"


def called(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Call a function that a spec names; raises `SpecFunctionFailed`, whatever it raises."""
    try:
        return function(*args, **named)
    except BaseException as error:  # it may even exit
        try:
            text = " ".join(str(error).split())[:LONGEST]
        except Exception:
            text = ""
        kind = type(error).__name__
        what = f"raises {kind}: {text}".rstrip(" :")
        raise SpecFunctionFailed(function, what, _call(function, args, named)) from error


def _call(function: Callable[..., Any], args: Any, named: Mapping[str, Any]) -> str:
    """Return a call as Python would write it, on one line."""
    words = [*map(repr, args), *(f"{name}={value!r}" for name, value in named.items())]
    text = " ".join(f"{getattr(function, '__name__', 'f')}({', '.join(words)})".split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


LONGEST = 200
"""How many characters of an exception's text, or of a call, are told."""


@dataclass(frozen=True)
class Domain:
    """The set of values an input accepts.

    `name` is a name of `domains.registry`, which defines the meaning of `fields`. `hook` is a
    Python callable `(rng, shape, dtype) -> array` for name "hook".
    """

    name: str = "real"
    fields: Mapping[str, Any] = field(default_factory=dict)
    hook: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Spread:
    """A lower bound on the standard deviation along an axis, so that rows are not constant."""

    axis: int
    min_std: float


@dataclass(frozen=True)
class InputClaim:
    """One input: shape pattern, domain, dtype family ("float", "int", "bool"), and its role.

    `members` is (min, max) for a list or tuple argument and None for an array; `is_tuple` is True
    for a `TensorTuple`, False for a Python sequence. `values` restricts entries to these numbers.
    """

    name: str
    shape: str
    domain: Domain = Domain()
    dtype: str = "float"
    differentiable: bool = True
    members: tuple[int, int] | None = None
    is_tuple: bool = False
    values: tuple[float, ...] | None = None
    spread: Spread | None = None
    why: str = ""


@dataclass(frozen=True)
class ParamClaim:
    """One parameter: a kind of `parameters.registry` and its fields."""

    name: str
    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    hook: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Kink:
    """A declared point without a derivative.

    `kind`: "point" (`of` equals `value`), "tie" (entries of `of` equal along `along`), "equal"
    (the inputs named in `of` equal each other), "integer" (`of` is a whole number). `value` and
    `along` may be the name of a parameter. `convention` is a number, "left", "right" or "zero", or
    says which of the tied entries get the gradient: "even", "first", "last", "stable" (the k-th
    entry gets that of the k-th output of the tie).
    """

    kind: str
    of: tuple[str, ...]
    curvature: str
    value: float | str = 0.0
    along: Any = None
    convention: Any = None
    reason: str = ""


@dataclass(frozen=True)
class Lane:
    """A second way to draw inputs: its own claims for some of them, and for some parameters."""

    name: str
    override: Mapping[str, InputClaim]
    params: Mapping[str, ParamClaim] = field(default_factory=dict)


@dataclass(frozen=True)
class Given:
    """An array in a spec: its entries in C order, or None for an array of ones.

    `dtype` is a family, "float", "int" or "bool". The entries are stored as a tuple, so that claims
    can be compared and this module does not need NumPy; `numpy.asarray(given)` converts them.
    """

    shape: tuple[int, ...]
    entries: tuple[float, ...] | None = None
    dtype: str = "float"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy as np

        own = {"float": np.float64, "int": np.int64, "bool": np.bool_}[self.dtype]
        if self.entries is None:
            return np.ones(self.shape, dtype or own)
        return np.array(self.entries, dtype or own).reshape(self.shape)


@dataclass(frozen=True)
class ErrorCase:
    """Arguments that must raise `raises`, the name of an exception.

    `values` maps an input to a `Given` (a tuple of them for a list or tuple argument) and a
    parameter to its value, arrays as tuples. A parameter that is left out takes its default.
    """

    why: str
    raises: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Tolerance:
    """A multiple of the computed bound that the spec allows; empty fields match everything."""

    factor: float
    reason: str
    dtype: str = ""
    device: str = ""
    check: str = ""


@dataclass(frozen=True)
class Nondeterministic:
    """Equal calls may round differently on a device ("" for every device), with the reason."""

    reason: str
    device: str = ""


@dataclass(frozen=True)
class Immune:
    """An injected fault that cannot be caught for this operator, with the reason."""

    fault: str
    reason: str


@dataclass(frozen=True)
class Dim:
    """Bounds of a named dimension; `why` says why it may not be smaller.

    If it is not `bounded`, `max` is the usual largest length and not a claim.
    """

    min: int = 1
    max: int = 5
    why: str = ""
    bounded: bool = True


@dataclass(frozen=True)
class Claims:
    """The content of a spec.

    `reference` computes the forward value in NumPy; `examples` are tokens of recorded cases.
    """

    op: str
    reference: Callable[..., Any]
    args: tuple[str, ...]
    inputs: Mapping[str, InputClaim]
    params: Mapping[str, ParamClaim] = field(default_factory=dict)
    dims: Mapping[str, Dim] = field(default_factory=dict)
    require: tuple[str, ...] = ()
    class_name: str = ""
    formula: str = ""
    source: str = ""
    order: int | None = None
    structure: str = ""
    elementwise: bool = False
    rename: Mapping[str, str] = field(default_factory=dict)
    linear_in: tuple[str, ...] = ()
    no_nan_leak: tuple[str, ...] = ()
    symmetric_gradient: tuple[str, ...] = ()
    mixed_dtypes: tuple[str, ...] = ()
    kinks: tuple[Kink, ...] = ()
    lanes: tuple[Lane, ...] = ()
    errors: tuple[ErrorCase, ...] = ()
    tolerances: tuple[Tolerance, ...] = ()
    nondeterministic: tuple[Nondeterministic, ...] = ()
    immune: tuple[Immune, ...] = ()
    examples: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def function(self) -> str:
        """The operator's function name: the part of `op` after the colon."""
        return self.op.rpartition(":")[2]

    def inputs_of(self, lane: str) -> Mapping[str, InputClaim]:
        """Return the input claims of a lane."""
        for candidate in self.lanes:
            if candidate.name == lane:
                return {**self.inputs, **candidate.override}
        return self.inputs

    def params_of(self, lane: str) -> Mapping[str, ParamClaim]:
        """Return the parameter claims of a lane."""
        for candidate in self.lanes:
            if candidate.name == lane:
                return {**self.params, **candidate.params}
        return self.params

    def inputs_at(self, tags: frozenset[str]) -> Mapping[str, InputClaim]:
        """Return the input claims for a case, whose tags name its lane ("lane:...")."""
        lanes = [tag.removeprefix("lane:") for tag in tags if tag.startswith("lane:")]
        return self.inputs_of(lanes[0] if lanes else "")

    def factor(self, check: str, dtype: str, device: str) -> float:
        """Return the allowed multiple of the computed bound for a check, dtype and device."""
        factor = 1.0
        for entry in self.tolerances:
            if (
                entry.check in ("", check)
                and entry.dtype in ("", dtype)
                and _covers(entry.device, device)
            ):
                factor = max(factor, entry.factor)
        return factor

    def varies(self, device: str) -> bool:
        """Return True if equal calls may round differently on a device."""
        return any(_covers(entry.device, device) for entry in self.nondeterministic)


def _covers(stated: str, device: str) -> bool:
    """Return True if an entry applies to a device: "" means every device, `cuda` every GPU."""
    return stated in ("", device.partition(":")[0])


INTEGERS = 'dtype = "int"'


def whole_floats(claims: Claims) -> list[str]:
    """Return the inputs whose domain is that of whole numbers, and whose dtype is no integer's."""
    return [
        name
        for name, claim in claims.inputs.items()
        if claim.domain.name == "integer" and claim.dtype == "float"
    ]
