"""Read the arrays of tables of a spec: kinks, lanes, error cases, tolerances and the like."""

from __future__ import annotations

import builtins
import json
import math
from collections.abc import Mapping
from typing import Any

from needle_cli.checking.claims import (
    ErrorCase,
    Given,
    Immune,
    InputClaim,
    Kink,
    Lane,
    Nondeterministic,
    ParamClaim,
    Tolerance,
)
from needle_cli.explanations import FAULTS
from needle_cli.records import tokens
from needle_cli.specs.errors import listed, nearest, shown
from needle_cli.specs.fields import Table, is_finite_number
from needle_cli.specs.inputs import Names, inside, read_input
from needle_cli.specs.params import plain, read_param
from needle_cli.specs.vocabulary import (
    CHECKS,
    CONVENTIONS_OF,
    CURVATURES,
    DEVICES,
    ERROR_KEYS,
    EXAMPLE_KEYS,
    FLOAT_DTYPES,
    GIVEN_KEYS,
    IMMUNE_KEYS,
    KINK_KEYS,
    KINKS,
    LANE_KEYS,
    NONDETERMINISTIC_KEYS,
    TOLERANCE_KEYS,
)

EXCEPTIONS = (
    "AxisError",
    "LinAlgError",
    *(
        name
        for name, value in sorted(vars(builtins).items())
        if isinstance(value, type) and issubclass(value, Exception)
    ),
)
MAX_ENTRIES = 4096
NUMBER_KINDS = ("int", "float", "choice")


def read_kinks(
    top: Table, inputs: Mapping[str, InputClaim], params: Mapping[str, ParamClaim]
) -> tuple[Kink, ...]:
    """Read `[[kink]]`: declared points without a derivative."""
    return tuple(_kink(table, inputs, params) for table in top.tables("kink"))


def _kink(table: Table, inputs: Mapping[str, InputClaim], params: Mapping[str, ParamClaim]) -> Kink:
    table.only(KINK_KEYS)
    for key, what in (
        ("kind", listed(KINKS)),
        ("of", listed(inputs)),
        (
            "curvature",
            f"{listed(CURVATURES)}: without it a wrong slope could hide behind a wrong convention",
        ),
    ):
        table.need(key, what)
    kind = table.word("kind", KINKS)
    of = table.names("of", tuple(inputs), "input")
    if not of or (kind != "equal" and len(of) != 1) or (kind == "equal" and len(of) < 2):
        wanted = "two inputs or more" if kind == "equal" else "one input"
        raise table.error("of", f"a kink of kind {shown(kind)} names {len(of)} inputs", wanted)
    curvature = table.word("curvature", CURVATURES)
    if curvature == "none":
        table.need("reason", 'why the kink is neither convex nor concave (curvature is "none")')
    if kind != "point" and "value" in table:
        raise table.error("value", f"a kink of kind {shown(kind)} takes no value", 'kind = "point"')
    value = _kink_value(table, params)
    if kind == "point":
        table.need("value", "where the kink lies: a number, or the parameter that says it")
        if not isinstance(value, str) and not inside(inputs[of[0]].domain, value):
            raise table.error(
                "value",
                f"{value} lies outside the domain of {shown(of[0])}",
                "a value of the domain",
            )
    return Kink(
        kind,
        of,
        curvature,
        value,
        _along(table, params),
        _convention(table, kind),
        table.text("reason"),
    )


def kink_text(kink: Kink) -> str:
    """Return the `[[kink]]` that `read_kinks` reads as `kink`."""
    keys: dict[str, Any] = {
        "kind": kink.kind,
        "of": list(kink.of) if len(kink.of) > 1 else kink.of[0],
    }
    if kink.kind == "point":
        keys["value"] = kink.value
    if kink.along is not None:
        keys["along"] = kink.along
    if kink.convention is not None:
        keys["convention"] = kink.convention
    keys["curvature"] = kink.curvature
    if kink.reason:
        keys["reason"] = kink.reason
    written = (
        # TOML writes strings and lists of them as JSON does, numbers as Python does.
        f"{key} = {json.dumps(value) if isinstance(value, str | list) else repr(value)}"
        for key, value in keys.items()
    )
    return "\n".join(["[[kink]]", *written])


def _kink_value(table: Table, params: Mapping[str, ParamClaim]) -> float | str:
    """Read where a kink lies: a number, or the name of a parameter that is one."""
    value = table.data.get("value")
    if isinstance(value, str):
        numbers = [name for name, claim in params.items() if claim.kind in NUMBER_KINDS]
        if value not in numbers:
            expected = "a number" + (f", or {listed(numbers)}" if numbers else "")
            raise table.wrong("value", expected, nearest(value, numbers))
        return value
    return table.number("value", 0.0)


def _along(table: Table, params: Mapping[str, ParamClaim]) -> Any:
    """Read along which axes entries tie: numbers, or the parameter that says them."""
    value = plain(table.data.get("along"))
    axes = value if isinstance(value, tuple | list) else (value,)
    if value is None or all(isinstance(a, int) and not isinstance(a, bool) for a in axes):
        return value
    named = [name for name, claim in params.items() if claim.kind in ("axis", "axes")]
    if not isinstance(value, str) or value not in named:
        wanted = "an axis" + (f", or {listed(named)}" if named else "")
        raise table.wrong("along", wanted, nearest(str(value), named))
    return value


def _convention(table: Table, kind: str) -> Any:
    """Read what the gradient is on the kink: a number, or a word for how ties share."""
    if "convention" not in table:
        return None
    value = table.data["convention"]
    if isinstance(value, str):
        return table.word("convention", CONVENTIONS_OF[kind])
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not numeric or math.isnan(value):
        raise table.wrong("convention", f"a number, or {listed(CONVENTIONS_OF[kind])}")
    return value


def read_lanes(
    top: Table, names: Names, inputs: Mapping[str, InputClaim], params: Mapping[str, ParamClaim]
) -> tuple[Lane, ...]:
    """Read `[[lane]]`: other ways of drawing inputs and parameters."""
    lanes: list[Lane] = []
    for table in top.tables("lane"):
        table.only(LANE_KEYS)
        table.need("name", "a name that says what is special")
        table.need("override", "override.NAME for an input or a parameter")
        name = table.text("name")
        if name in [lane.name for lane in lanes]:
            raise table.error("name", f"two lanes are called {shown(name)}", "different names")
        override = table.table("override")
        if not override.data:
            raise table.error("override", "the lane overrides nothing", listed([*inputs, *params]))
        override.only((*inputs, *params))
        lanes.append(
            Lane(
                name,
                {
                    n: read_input(override, n, names, inputs[n])
                    for n in override.data
                    if n in inputs
                },
                {n: read_param(override, n, names) for n in override.data if n in params},
            )
        )
    return tuple(lanes)


def read_errors(
    top: Table, inputs: Mapping[str, InputClaim], params: Mapping[str, ParamClaim]
) -> tuple[ErrorCase, ...]:
    """Read `[[error]]`: arguments that must raise."""
    cases = []
    for table in top.tables("error"):
        table.only((*inputs, *params, *ERROR_KEYS))
        table.need("why", "why these arguments have no value")
        table.need("raises", 'the name of an exception such as "ValueError"')
        for name in inputs:
            table.need(name, "every input: { shape = [2, 3] } or { value = [1.0] }")
        raises = table.text("raises")
        if raises not in EXCEPTIONS:
            raise table.error(
                "raises",
                f"there is no exception {shown(raises)}",
                'a built-in exception such as "ValueError", or "LinAlgError"',
                nearest(raises, EXCEPTIONS),
            )
        cases.append(ErrorCase(table.text("why"), raises, read_arguments(table, inputs, params)))
    return tuple(cases)


def read_arguments(
    table: Table, inputs: Mapping[str, InputClaim], params: Mapping[str, ParamClaim]
) -> dict[str, Any]:
    """Read fixed arguments: arrays for the inputs, plain values for the parameters."""
    values: dict[str, Any] = {}
    for name, claim in inputs.items():
        if name in table:
            many = claim.members is not None
            values[name] = _members(table, claim) if many else _given(table, name, claim)
    values.update({name: plain(table.data[name]) for name in params if name in table})
    return values


def _members(table: Table, claim: InputClaim) -> tuple[Given, ...]:
    value = table.data[claim.name]
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise table.wrong(claim.name, "an array of { shape = [...] } or { value = [...] }")
    members = {f"{claim.name}[{i}]": item for i, item in enumerate(value)}
    parent = Table(table.document, table.path, members)
    return tuple(_given(parent, key, claim) for key in members)


def _given(parent: Table, key: str, claim: InputClaim) -> Given:
    """Read an array: its shape alone, or its value."""
    if not isinstance(parent.data[key], Mapping):
        raise parent.wrong(key, "{ shape = [2, 3] } or { value = [1.0, 2.0] }")
    table = parent.table(key)
    table.only(GIVEN_KEYS)
    if ("shape" in table) == ("value" in table):
        raise table.error("", f"`{table.path}` needs one of shape and value", "one of the two")
    if "value" in table:
        entries: list[float] = []
        shape = _flatten(table, table.data["value"], claim.dtype, entries)
        return Given(shape, tuple(entries), claim.dtype)
    sizes = table.data["shape"]
    if not isinstance(sizes, list) or not all(type(n) is int and 0 <= n <= 1024 for n in sizes):
        raise table.wrong("shape", "an array of sizes from 0 to 1024")
    if math.prod(sizes) > MAX_ENTRIES:
        raise table.error("shape", f"{math.prod(sizes)} entries", f"at most {MAX_ENTRIES}")
    return Given(tuple(sizes), None, claim.dtype)


def _flatten(table: Table, value: Any, dtype: str, entries: list[float]) -> tuple[int, ...]:
    """Append the entries of a nested array and return its shape; a ragged one is refused."""
    if not isinstance(value, list):
        fits = {"float": int | float, "int": int, "bool": bool}[dtype]
        if not isinstance(value, fits) or (isinstance(value, bool) and dtype != "bool"):
            raise table.error(
                "value", f"`{table.path}.value` holds {shown(value)}", f"{dtype} values"
            )
        entries.append(value)
        if len(entries) > MAX_ENTRIES:
            raise table.error("value", "too many entries", f"at most {MAX_ENTRIES}")
        return ()
    shapes = [_flatten(table, item, dtype, entries) for item in value]
    if len(set(shapes)) > 1:
        raise table.error(
            "value", f"the rows of `{table.path}.value` differ in shape", "rows of one length"
        )
    return (len(value), *(shapes[0] if shapes else ()))


def read_tolerances(top: Table) -> tuple[Tolerance, ...]:
    """Read `[[tolerance]]`: stated multiples of the computed bound, each with its reason."""
    tolerances = []
    for table in top.tables("tolerance"):
        table.only(TOLERANCE_KEYS)
        table.need("factor", "a multiple of the computed bound, 1 or more")
        table.need("reason", "why this operator needs more than the computed bound")
        factor = table.data["factor"]
        if not is_finite_number(factor) or factor < 1:
            raise table.wrong("factor", "a finite multiple of the computed bound, 1 or more")
        tolerances.append(
            Tolerance(
                float(factor),
                table.text("reason", what="a reason"),
                table.word("dtype", FLOAT_DTYPES),
                table.word("device", DEVICES),
                table.word("check", CHECKS),
            )
        )
    return tuple(tolerances)


def read_nondeterministic(top: Table) -> tuple[Nondeterministic, ...]:
    """Read `[[nondeterministic]]`: devices on which equal calls may round differently."""
    entries = []
    for table in top.tables("nondeterministic"):
        table.only(NONDETERMINISTIC_KEYS)
        table.need("reason", "what makes the order of additions vary")
        reason = table.text("reason", what="a reason")
        entries.append(Nondeterministic(reason, table.word("device", DEVICES)))
    return tuple(entries)


def read_immune(top: Table) -> tuple[Immune, ...]:
    """Read `[[immune]]`: planted faults that cannot be caught for this operator."""
    immune = []
    for table in top.tables("immune"):
        table.only(IMMUNE_KEYS)
        table.need("fault", "the name of a planted fault: needle list faults")
        table.need("reason", "why no case can show this fault")
        fault = table.word("fault", tuple(FAULTS))
        immune.append(Immune(fault, table.text("reason", what="a reason")))
    return tuple(immune)


def read_examples(top: Table) -> tuple[str, ...]:
    """Read `[[example]]`: the tokens of recorded cases, which are asked again in every run."""
    found = []
    for table in top.tables("example"):
        table.only(EXAMPLE_KEYS)
        table.need("token", "a recorded case: needle replay ID --to-spec writes it")
        table.text("why")
        token = table.text("token")
        try:
            tokens.decode(token)
        except tokens.TokenError as error:
            raise table.error("token", f"the token cannot be read: {error.message}") from error
        found.append(token)
    return tuple(found)
