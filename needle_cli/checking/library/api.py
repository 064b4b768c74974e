"""The library: `check_pair` for two functions on arrays, `check_function` for tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from needle_cli.causes import Cause
from needle_cli.checking.checks.context import Question, failed, merge
from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.checks.linearity import TWICE
from needle_cli.checking.checks.registry import CHECKS, NAMES
from needle_cli.checking.diagnosis.one_case import cause_at
from needle_cli.checking.library import given_inputs, perturbations
from needle_cli.checking.library.arrays import on_host
from needle_cli.checking.library.engines import engine_for
from needle_cli.checking.library.fast_path import fast_path
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.library.report import Report
from needle_cli.checking.model import (
    Answer,
    Array,
    Case,
    Code,
    Element,
    Finding,
    Garbage,
    InputValue,
    OperatorError,
    OpUnderTest,
    Plan,
    Verdict,
)
from needle_cli.checking.numerics.localise import elements
from needle_cli.checking.numerics.probes import power_of_two, rms, signed

BASIC = ("contract", "gradient", "linearity", "purity", "precision")
"""The default checks: those that need only few evaluations."""


def check_pair(
    forward: Callable[..., Any],
    vjp: Callable[..., Any],
    inputs: Sequence[Any] | Mapping[str, Any],
    params: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    checks: Sequence[str] | None = None,
    thorough: bool = False,
) -> Report:
    """Judge a vector-Jacobian product against finite differences of its forward function.

    Args:
        forward: `forward(*arrays, **params) -> array`, or a tuple of arrays.
        vjp: `vjp(cotangent, *arrays, **params) -> tuple of arrays`, one per input, each of its
            input's shape and dtype; `None` for an input that has no gradient. The cotangent has
            the output's shape and dtype; it is a tuple if the output is one.
        inputs: Arrays of any shape, float16 to float64, or a mapping of names to
            them; a tuple or list of arrays is one argument. Integer and bool arrays are passed on
            and not differentiated. The functions get copies whose axes lie in memory in the same
            order, so a transposed array stays transposed; other strides are not kept.
        params: Keyword arguments of both functions.
        seed: The seed of directions and cotangents, from 0 on.
        checks: Names of the checks to ask (see `needle list checks`); by default contract,
            gradient, linearity, purity and precision.
        thorough: Also try other cotangents, values and layouts, and calls in between.

    Returns:
        A `Report`. Without `thorough` a right float64 gradient costs three forward and at most
        three backward evaluations, unless something is in doubt.

    Raises:
        TypeError: An input is not an array of real numbers, or `inputs` is not a sequence.
        ValueError: A check is unknown, or the seed is not a non-negative integer.
    """
    selected = _selected(checks, BASIC)
    arrays = _arrays(forward, inputs)
    case = Case(arrays, dict(params or {}), judged=_floating(arrays), seed=_whole(seed))
    return judge_case(Pair(forward, vjp), case, selected, thorough)


def check_function(
    f: Callable[..., Any],
    inputs: Sequence[Any],
    params: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    checks: Sequence[str] | None = None,
    thorough: bool = False,
) -> Report:
    """Judge the gradient of a function of tensors, as its engine computes it.

    Args:
        f: `f(*tensors, **params) -> tensor`, or a tuple of tensors.
        inputs: Tensors of a registered engine, or sequences of them, of any shape and floating
            dtype, on any device (Needle's own engine is always registered). Arrays among them are
            passed to `f` unchanged. A gradient has its input's shape and dtype.
        params: Keyword arguments of `f`.
        seed: The seed of directions and cotangents, from 0 on.
        checks: Names of the checks to ask (see `needle list checks`); by default those of
            `check_pair`, and with `thorough` every check.
        thorough: Also ask second order, the graph, other cotangents, values and layouts.

    Returns:
        A `Report`.

    Raises:
        TypeError: No registered engine knows the inputs, or `inputs` is not a sequence.
        ValueError: A check is unknown, or the seed is not a non-negative integer.
    """
    selected = _selected(checks, NAMES if thorough else BASIC)
    if not isinstance(inputs, Sequence):
        raise TypeError(f"inputs has to be a sequence of tensors, not a {type(inputs).__name__}")
    op, case = engine_for(inputs)(f, inputs)
    case = replace(case, params=dict(params or {}), seed=_whole(seed))
    return judge_case(op, case, selected, thorough)


def entries(
    f: Callable[..., Any], inputs: Sequence[Any], params: Mapping[str, Any]
) -> list[Element]:
    """Return analytic and numeric entries of a function's gradient, at most 64 if all agree."""
    op, case = on_host(*engine_for(inputs)(f, inputs))
    question = Question(op, replace(case, params=dict(params)))
    return elements(question.wide, question.cotangent)


def judge_case(op: OpUnderTest, case: Case, selected: tuple[str, ...], thorough: bool) -> Report:
    """Ask the selected checks at one case, cheaply or thoroughly, and return the report."""
    with np.errstate(all="ignore"):
        fast = fast_path(op, case) if selected == BASIC and not thorough else None
        if fast is not None and fast.accepts():
            return Report(op.name, Verdict.PASS, seed=case.seed, asked=selected)
        op, case = on_host(op, case)
        question = Question(op, case)
        try:
            answers = given_inputs.ask(question, selected)
            if not any(answer.findings for answer in answers):
                if fast is not None and not fast.repeats():
                    answers.append(failed("purity", Code.NOT_REPEATABLE, TWICE))
                if thorough:
                    answers += perturbations.ask(question, selected)
                else:
                    beyond = [name for name in selected if name not in BASIC]
                    answers += [CHECKS[name].ask(question) for name in beyond]
        except OperatorError as error:
            check = "forward" if error.stage in ("forward", "compute") else "contract"
            answers = [failed(check, error.code, str(error), error=True)]
        except Garbage as error:
            answers = [failed("contract", error.code, str(error), error=True)]
    answer = _composition_at_a_kink(question, merge(answers))
    table = _table(question, answer)
    cause = _cause(question, answer, table) if answer.findings else None
    findings = tuple(_placed(replace(f, cause=f.cause or cause), table) for f in answer.findings)
    notes = tuple(dict.fromkeys(answer.notes))
    return Report(op.name, answer.verdict, findings, notes, tuple(table), case.seed, selected)


def _composition_at_a_kink(question: Question, answer: Answer) -> Answer:
    """Withdraw a finding that a composition has only at this point.

    If an operator of a chain has a kink, the gradient of right operators need not be a derivative
    of the whole: `relu(x) - relu(-x)` is x and gets 0 at 0 (Kakade and Lee, 2018). No operator is
    wrong then.
    """
    only_gradient = answer.findings and all(f.check == "gradient" for f in answer.findings)
    if not only_gradient or not question.subject.evaluation.composite:
        return answer
    rng = question.rng("beside")
    beside = [
        leaf + (2.0**-7 * power_of_two(rms(leaf)) * signed(rng, leaf.shape)).astype(leaf.dtype)
        if leaf.dtype.kind == "f"
        else leaf
        for leaf in question.case.leaves()
    ]
    moved = Question(question.op, replace(question.case.with_leaves(beside), cotangent=None))
    with np.errstate(all="ignore"):
        if CHECKS["gradient"].ask(moved).verdict is not Verdict.PASS:
            return answer
    note = "the gradient of this composition is not a derivative here, because a part has a kink"
    return Answer(Verdict.NO_DERIVATIVE, probes={Verdict.NO_DERIVATIVE: 1}, notes=(note,))


def _table(question: Question, answer: Answer) -> list[Element]:
    """Return analytic and numeric entries if there is a gradient finding."""
    if not any(f.check == "gradient" and f.index is None for f in answer.findings):
        return []
    try:
        return elements(question.wide, question.cotangent)
    except (OperatorError, Garbage):
        return []


def _cause(question: Question, answer: Answer, table: Sequence[Element]) -> Cause | None:
    """Return the cause of an answer's findings, by the same diagnosis as the command."""
    case = question.case
    if not answer.error:
        parts = question.wide.cotangents(question.cotangent)
        case = replace(case, cotangent=tuple(parts))
    return cause_at(Inquiry(question.op, None, Plan(NAMES)), case, [answer], table)


def _placed(finding: Finding, table: Sequence[Element]) -> Finding:
    """Return a gradient finding with the entry whose error is largest."""
    wrong = [e for e in table if e.wrong and np.isfinite(e.analytic - e.numeric)]
    if finding.check != "gradient" or finding.index is not None or not wrong:
        return finding
    worst = max(wrong, key=lambda e: abs(e.analytic - e.numeric) / e.allowed if e.allowed else 0.0)
    return replace(
        finding,
        input=worst.input,
        index=worst.index,
        analytic=worst.analytic,
        numeric=worst.numeric,
        allowed=worst.allowed,
    )


def _selected(checks: Sequence[str] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the checks to ask, in the order of the registry."""
    if checks is None:
        return default
    if isinstance(checks, str):
        checks = (checks,)
    for name in checks:
        if name not in NAMES:
            near = get_close_matches(str(name), NAMES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(NAMES)}"
            raise ValueError(f"unknown check {name!r}{hint}")
    return tuple(name for name in NAMES if name in checks)


def _whole(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed has to be a whole number from 0 on, not {seed!r}")
    return int(seed)


def _arrays(
    forward: Callable[..., Any], inputs: Sequence[Any] | Mapping[str, Any]
) -> dict[str, InputValue]:
    if isinstance(inputs, Mapping):
        return {str(name): _array(value, str(name)) for name, value in inputs.items()}
    if isinstance(inputs, np.ndarray) or not isinstance(inputs, Sequence):
        kind = type(inputs).__name__
        raise TypeError(f"inputs has to be a sequence of arrays, not a {kind}; write [x]")
    names = _argument_names(forward, len(inputs))
    return {
        name: tuple(_array(v, name) for v in value)
        if isinstance(value, tuple | list) and any(isinstance(v, np.ndarray) for v in value)
        else _array(value, name)
        for name, value in zip(names, inputs, strict=True)
    }


def _array(value: Any, name: str) -> Array:
    array = np.array(value, order="K", copy=True)
    if array.dtype.kind not in "fiub" or array.dtype == np.longdouble != np.float64:
        raise TypeError(f"input {name} has dtype {array.dtype}; expected float16 to float64")
    return array


def _argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """Return the function's own argument names if it has them, else x0, x1, ..."""
    code = getattr(function, "__code__", None)
    if code is not None:  # `inspect.signature` costs more than a small check
        names = list(code.co_varnames[: code.co_argcount])
        names = names[1:] if inspect.ismethod(function) else names
    else:
        try:
            names = list(inspect.signature(function).parameters)
        except (TypeError, ValueError):
            names = []
    names = names[:count]
    return names if len(names) == count else [f"x{k}" for k in range(count)]


def _floating(arrays: Mapping[str, InputValue]) -> frozenset[str]:
    return frozenset(
        name
        for name, value in arrays.items()
        if any(a.dtype.kind == "f" for a in (value if isinstance(value, tuple) else (value,)))
    )
