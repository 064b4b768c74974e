"""Prove the wanted answers without the tool: differences with many digits, and calls in turn."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.detection.corpus import Case, cases_of
from benchmarks.detection.digits import common_slopes, float_slopes, slopes

SEEN = {"float64": 1e-8, "float32": 1e-4, "float16": 5e-2}
"""The relative error of an entry from which on it counts as wrong, by its input's dtype."""

FLOAT_SEEN = 1e-6
"""The same where the true slope is known by differences in float64."""

DIGITS = (60, 900)
"""Digits to compute with, and those for terms of very unlike size."""

ENTRIES = 24
"""Entries of an input that are looked at."""


def run(categories: Sequence[str], corpus: str) -> int:
    """Prove the answers of a corpus, print a line for each, and return 1 if one is not proved."""
    failed = False
    for case in cases_of(corpus):
        if categories and case.name.partition("/")[0] not in categories:
            continue
        said = mistake(case)
        proved = bool(said) != case.right
        failed |= not proved and not case.proof
        known = "" if proved else f"; known by: {case.proof}" if case.proof else "; NOT PROVED"
        print(f"{case.name}: {'right' if case.right else 'wrong'}; {said or 'none seen'}{known}")
    return int(failed)


def tuple_of(outputs: Any) -> tuple[Any, ...]:
    """Return the outputs as a tuple of arrays."""
    return tuple(map(np.asarray, outputs if isinstance(outputs, tuple | list) else (outputs,)))


def cotangent_of(forward: Any, inputs: list[Any], seed: int = 0) -> Any:
    """Return normal cotangents in the form of the output."""
    outputs = forward(*copy.deepcopy(inputs))
    rng = np.random.default_rng(seed)
    drawn = tuple(
        np.asarray(rng.normal(size=np.shape(out)), np.asarray(out).dtype)
        for out in tuple_of(outputs)
    )
    return drawn if isinstance(outputs, tuple) else drawn[0]


def mistake(case: Case) -> str:
    """Return what is wrong with a pair and by how much, or "" if nothing is seen."""
    with np.errstate(all="ignore"):
        said = _behaviour(case) or _value(case, 1e-14)
        return said if said or case.right else _value(case, 0.0) or _common(case)


def _behaviour(case: Case) -> str:
    forward, vjp, inputs = case.pair()
    v = cotangent_of(forward, inputs)
    kept, kept_v = copy.deepcopy(inputs), copy.deepcopy(v)
    try:
        first = vjp(v, *inputs)
    except Exception as error:  # whatever a vjp raises is what is wrong with it
        return f"raises {type(error).__name__}"
    if not isinstance(first, tuple | list) or len(first) != len(inputs):
        return "not a tuple of one gradient per input"
    for number, (gradient, array) in enumerate(zip(first, kept, strict=True)):
        if np.asarray(array).dtype.kind != "f":
            continue
        if gradient is None or np.shape(gradient) != np.shape(array):
            return f"shape of gradient {number}"
        if np.asarray(gradient).dtype != np.asarray(array).dtype:
            return f"dtype of gradient {number}"
    if not all(map(_same, tuple_of(tuple(kept)), tuple_of(tuple(inputs)))):
        return "changes an input"
    if not all(map(_same, tuple_of(kept_v), tuple_of(v))):
        return "changes the cotangent"
    first = _floats(first)
    if not all(map(_same, first, _floats(vjp(copy.deepcopy(v), *copy.deepcopy(kept))))):
        return "another answer at the second call"
    return _linear(case) or _stale(case)


def _linear(case: Case) -> str:
    forward, vjp, inputs = case.pair()
    v, w = (cotangent_of(forward, inputs, seed) for seed in (0, 1))
    both = tuple(a + 2 * b for a, b in zip(tuple_of(v), tuple_of(w), strict=True))
    whole = _floats(vjp(both if isinstance(v, tuple) else both[0], *copy.deepcopy(inputs)))
    one = _floats(vjp(v, *copy.deepcopy(inputs)))
    two = _floats(vjp(w, *copy.deepcopy(inputs)))
    for a, b, c in zip(whole, one, two, strict=True):
        size = np.max(np.abs(b) + 2 * np.abs(c), initial=0)
        allowed = 1e3 * np.finfo(a.dtype).eps * (size if np.isfinite(size) else 0)
        if np.any(np.abs(a.astype(float) - b - 2.0 * c) > allowed):
            return "not linear in the cotangent"
    return ""


def _stale(case: Case) -> str:
    """Compare a pair that has been called elsewhere before with a fresh one."""
    forward, vjp, inputs = case.pair()
    near = [a * np.asarray(1 + 2**-7, a.dtype) if a.dtype.kind == "f" else a for a in inputs]
    v = cotangent_of(forward, inputs)
    vjp(copy.deepcopy(v), *copy.deepcopy(inputs))
    after = _floats(vjp(copy.deepcopy(v), *copy.deepcopy(near)))
    fresh_forward, fresh, _ = case.pair()
    fresh_forward(*copy.deepcopy(near))
    if not all(map(_same, after, _floats(fresh(v, *near)))):
        return "depends on earlier calls"
    return ""


def _value(case: Case, floor: float) -> str:
    """Return the largest error relative to an entry or to `floor` times the largest entry."""
    worst, where = 0.0, ""
    for seed in (0, 1):
        forward, vjp, inputs = case.pair()
        v = cotangent_of(forward, inputs, seed)
        found = vjp(v, *copy.deepcopy(inputs))
        for number, array in enumerate(inputs):
            if np.asarray(array).dtype.kind != "f" or not np.size(array):
                continue
            entries = _entries(np.size(array), case.at if number == 0 else ())
            true, least = _true(forward, inputs, tuple_of(v), number, entries)
            got = np.asarray(found[number], float).ravel()
            limit = max(least, SEEN[np.asarray(array).dtype.name])
            largest = max(max(abs(a), abs(b)) for a, b in true)
            for entry, (low, high) in zip(entries, true, strict=True):
                low, high = min(low, high), max(low, high)
                off = max(low - got[entry], got[entry] - high)
                size = max(abs(low), abs(high), floor * largest, 1e-307)
                error = off / size if off == off else np.inf
                if error > limit and error > worst:
                    worst, where = error, f"input {number} entry {entry}"
    return f"relative error {worst:.1e} at {where}" if where else ""


def _common(case: Case) -> str:
    """Compare the sum of all gradients, which ties between entries leave without a kink."""
    forward, vjp, inputs = case.pair()
    v = cotangent_of(forward, inputs)
    low, high = common_slopes(forward, inputs, tuple_of(v), DIGITS[0])
    found = _floats(vjp(v, *copy.deepcopy(inputs)))
    got = sum(float(np.sum(a, dtype=float)) for a in found)
    size = sum(float(np.sum(np.abs(a), dtype=float)) for a in found) + abs(low)
    error = abs(got - low) / size if size else 0.0
    seen = abs(high - low) <= 1e-9 * size and error > max(SEEN[a.dtype.name] for a in found)
    return f"relative error {error:.1e} of the sum of all gradients" if seen else ""


def _true(*question: Any) -> tuple[list[tuple[float, float]], float]:
    """Return slopes to both sides, with more digits if they differ; in float64 at worst."""
    for digits in DIGITS:
        try:
            found = slopes(*question, digits)
        except TypeError:
            return float_slopes(*question), FLOAT_SEEN
        if all(abs(a) > 0 and abs(a - b) <= 1e-9 * abs(a) for a, b in found):
            break
    return found, 0.0


def _entries(size: int, wanted: tuple[int, ...]) -> list[int]:
    if size <= ENTRIES:
        return list(range(size))
    drawn = np.random.default_rng(0).choice(size, ENTRIES, replace=False)
    return [*wanted, *map(int, drawn)]


def _floats(arrays: Any) -> list[Any]:
    return [np.asarray(a) for a in arrays if a is not None and np.asarray(a).dtype.kind == "f"]


def _same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f"))
