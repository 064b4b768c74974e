"""The library: `check_pair` for two functions on arrays, `check_function` for tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import numpy as np

from needle_cli.causes import Cause
from needle_cli.checking.checks.context import Question, failed, merge
from needle_cli.checking.checks.gradient import DIFFER
from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.diagnosis.one_case import cause_at
from needle_cli.checking.domains.base import DomainKind
from needle_cli.checking.domains.registry import DOMAINS, domain_as_written, tangent_in
from needle_cli.checking.library import careful, invented
from needle_cli.checking.library.arrays import as_given, on_host
from needle_cli.checking.library.engines import engine_for
from needle_cli.checking.library.entries import table_of
from needle_cli.checking.library.fast_path import FastPath, fast_path
from needle_cli.checking.library.pair import Pair
from needle_cli.checking.library.report import Report, slope
from needle_cli.checking.model import (
    Answer,
    Array,
    Case,
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
from needle_cli.checking.point import is_floating

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
    domain: Any = None,
) -> Report:
    """Judge a vector-Jacobian product against finite differences of its forward function.

    Args:
        forward: `forward(*arrays, **params) -> array`, or a tuple of arrays.
        vjp: `vjp(cotangent, *arrays, **params) -> tuple of arrays`, one per input, each of its
            input's shape and dtype; `None` for an input that has no gradient. The cotangent has
            the output's shape and dtype; it is a tuple if the output is one.
        inputs: Arrays of any shape, float16 to float64 or bfloat16, or a mapping of names to
            them; a tuple or list of arrays is one argument. Integer and bool arrays are passed on
            and not differentiated. At the given inputs the functions get copies in the same memory
            layout, with strides of 0 and below; at other points the layout is free.
        params: Keyword arguments of both functions.
        seed: The seed of directions and cotangents, from 0 on.
        checks: Names of the checks to ask (see `needle list checks`); by default contract,
            gradient, linearity, purity and precision.
        thorough: Also try other cotangents, every memory layout of inputs and cotangent, and
            invented values. What is found at invented values is a note, unless there is a `domain`.
        domain: What values an input may have, in the words of a spec: "positive", "spd", or
            {"low": -1, "high": 1}. A mapping by input, a sequence with one or None for each input,
            or one word for all floating inputs. Directions stay inside, and with `thorough` the
            inputs that have a domain get other values of it, at which findings count.

    Returns:
        A `Report`. Without `thorough` a right float64 gradient costs four forward and at most
        three backward evaluations, unless something is in doubt. The first call is made at another
        point, so that a gradient that remembers it is found.

    Raises:
        TypeError: An input is not an array of real numbers, or `inputs` is not a sequence.
        ValueError: A check or a domain is unknown, an input is outside its domain, `checks` is
            empty, or the seed is not a non-negative integer.
    """
    selected = _selected(checks, BASIC)
    arrays = _arrays(forward, inputs)
    case = Case(arrays, dict(params or {}), judged=_floating(arrays), seed=_whole(seed))
    return judge_case(Pair(forward, vjp), case, selected, thorough, domain)


def check_function(
    f: Callable[..., Any],
    inputs: Sequence[Any],
    params: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    checks: Sequence[str] | None = None,
    thorough: bool = False,
    domain: Any = None,
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
        thorough: Also ask second order, the graph, other cotangents, layouts and invented values.
        domain: As in `check_pair`.

    Returns:
        A `Report`.

    Raises:
        TypeError: No registered engine knows the inputs, or `inputs` is not a sequence.
        ValueError: As in `check_pair`.
    """
    selected = _selected(checks, NAMES if thorough else BASIC)
    if not isinstance(inputs, Sequence):
        raise TypeError(f"inputs has to be a sequence of tensors, not a {type(inputs).__name__}")
    op, case = engine_for(inputs)(f, inputs)
    case = replace(case, params=dict(params or {}), seed=_whole(seed))
    return judge_case(op, case, selected, thorough, domain)


def entries(
    f: Callable[..., Any], inputs: Sequence[Any], params: Mapping[str, Any]
) -> list[Element]:
    """Return analytic and numeric entries of a function's gradient, at most 64 if all agree."""
    op, case = on_host(*engine_for(inputs)(f, inputs))
    question = Question(op, replace(case, params=dict(params)))
    return elements(question.wide, question.cotangent)


def judge_case(
    op: OpUnderTest, case: Case, selected: tuple[str, ...], thorough: bool, domain: Any = None
) -> Report:
    """Ask the selected checks at one case, cheaply or thoroughly, and return the report."""
    with np.errstate(all="ignore"):
        domains = {} if domain is None else _domains(domain, case)
        tangent = tangent_in(domains) if domains else None
        fast: FastPath | None = None
        if selected == BASIC and not thorough:
            fast = fast_path(op, case, tangent)
            if fast.accepts():
                return _passed(op.name, case.seed, selected)
        op, case = on_host(op, case)

        def asked_at(there: Case) -> list[Answer]:
            return _answers(Question(op, there, tangent=tangent), selected, None, thorough)

        copied = case.with_leaves([as_given(leaf) for leaf in case.leaves()])
        question = Question(op, copied, tangent=tangent)
        answers = _answers(question, selected, fast, thorough)
        answers = careful.by_layout(asked_at, case, answers)
        if thorough and not any(answer.findings for answer in answers):
            question, more = invented.at_other_cases(question, selected, domains)
            answers += more
        answer = _composition_at_a_kink(question, merge(answers))
        return _report(question, answer, selected)


@lru_cache(maxsize=64)
def _passed(name: str, seed: int, asked: tuple[str, ...]) -> Report:
    """Return the report of the fast path; making one costs as much as a small evaluation."""
    return Report(name, Verdict.PASS, seed=seed, asked=asked)


def _answers(
    question: Question, selected: tuple[str, ...], fast: FastPath | None, thorough: bool
) -> list[Answer]:
    """Return the answers of the checks; one answer if the operator raises."""
    try:
        return careful.ask(question, selected, fast, thorough)
    except OperatorError as error:
        check = "forward" if error.stage in ("forward", "compute") else "contract"
        return [failed(check, error.code, str(error), error=True)]
    except Garbage as error:
        return [failed("contract", error.code, str(error), error=True)]


def _composition_at_a_kink(question: Question, answer: Answer) -> Answer:
    """Withdraw a finding that a composition has only at this point.

    If an operator of a chain has a kink, the gradient of right operators need not be a derivative
    of the whole: `relu(x) - relu(-x)` is x and gets 0 at 0 (Kakade and Lee, 2018). No operator is
    wrong then.
    """
    only_gradient = answer.findings and all(f.check == "gradient" for f in answer.findings)
    if not only_gradient or not question.subject.evaluation.composite:
        return answer
    if careful.wrong_beside(question):
        return answer
    note = "the gradient of this composition is not a derivative here, because a part has a kink"
    return Answer(Verdict.NO_DERIVATIVE, probes={Verdict.NO_DERIVATIVE: 1}, notes=(note,))


def _report(question: Question, answer: Answer, selected: tuple[str, ...]) -> Report:
    """Return the report: findings with their entries and their cause, notes, and what is open."""
    projected = any(f.check == "gradient" and f.index is None for f in answer.findings)
    table = table_of(question) if projected else []
    cause = _cause(question, answer, table) if answer.findings else None
    findings = [_placed(replace(f, cause=f.cause or cause), table) for f in answer.findings]
    findings = [f for k, f in enumerate(findings) if f not in findings[:k]]
    said = " ".join(finding.message for finding in answer.findings)
    notes = [note for note in dict.fromkeys(answer.notes) if note not in said]
    if not answer.error:
        notes += careful.not_judged(question)
    if answer.verdict is Verdict.CANNOT_TELL:
        notes.append(careful.would_settle(question))
    case = question.case
    return Report(
        question.op.name,
        answer.verdict,
        tuple(findings),
        tuple(notes),
        tuple(table),
        case.seed,
        selected,
    )


def _cause(question: Question, answer: Answer, table: Sequence[Element]) -> Cause | None:
    """Return the cause of an answer's findings, by the same diagnosis as the command."""
    case = question.case
    if not answer.error:
        parts = question.wide.cotangents(question.cotangent)
        case = replace(case, cotangent=tuple(parts))
    return cause_at(Inquiry(question.op, None, Plan(NAMES)), case, [answer], table)


def _placed(finding: Finding, table: Sequence[Element]) -> Finding:
    """Return a gradient finding with the entry whose error is largest, in its slope."""
    wrong = [e for e in table if e.wrong]
    if finding.check != "gradient" or finding.index is not None or not wrong:
        return finding

    def excess(e: Element) -> float:
        error = abs(e.analytic - e.numeric) / e.allowed if e.allowed else 0.0
        return error if np.isfinite(error) else np.inf

    worst = max(wrong, key=excess)
    known = np.isfinite(worst.numeric)
    says = slope(worst) + finding.message.removeprefix(DIFFER) if worst.of else finding.message
    return replace(
        finding,
        input=worst.input,
        index=worst.index,
        analytic=worst.analytic,
        numeric=worst.numeric if known else None,
        allowed=worst.allowed if known else None,
        message=says,
    )


def _selected(checks: Sequence[str] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the checks to ask, in the order of the registry."""
    if checks is None:
        return default
    if isinstance(checks, str):
        checks = (checks,)
    if not checks:
        raise ValueError(
            f"checks is empty, so nothing would be asked; pass some of {', '.join(NAMES)}, "
            f"or leave it out for {', '.join(default)}"
        )
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
    array = np.asarray(value)
    real = array.dtype.kind in "iub" or is_floating(array)
    if not real or array.dtype == np.longdouble != np.float64:
        wanted = "expected float16 to float64, or bfloat16"
        raise TypeError(f"input {name} has dtype {array.dtype}; {wanted}")
    return array


def _domains(domain: Any, case: Case) -> dict[str, DomainKind]:
    """Return the domains by the names of the inputs that have one; the given inputs are inside."""
    names = list(case.inputs)
    if isinstance(domain, str):
        domain = dict.fromkeys(sorted(case.judged), domain)
    if not isinstance(domain, Mapping):
        if not isinstance(domain, Sequence) or len(domain) != len(names):
            raise ValueError(f"domain needs one word or None for each of {', '.join(names)}")
        domain = dict(zip(names, domain, strict=True))
    found: dict[str, DomainKind] = {}
    for name, written in domain.items():
        if name not in names:
            raise ValueError(f"domain names the input {name!r}; the inputs are {', '.join(names)}")
        if written is None:
            continue
        kind = domain_as_written(written)
        wrong = kind.problem() if kind is not None else ((), "", f"one of {', '.join(DOMAINS)}")
        if kind is None or wrong is not None:
            raise ValueError(f"the domain {written!r} of {name} is no domain: {wrong}")
        for leaf, owner in zip(case.leaves(), case.leaf_owners(), strict=True):
            if owner == name and not kind.contains(np.asarray(leaf)):
                raise ValueError(f"the input {name} is outside its domain {written!r}")
        found[name] = kind
    return found


def _argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """Return the function's own argument names if it has them, else x0, x1, ..."""
    if isinstance(function, np.ufunc):
        return ["x"] if count == 1 else [f"x{k + 1}" for k in range(count)]
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
    """Return the names of the inputs that hold floating numbers."""
    found = []
    for name, value in arrays.items():
        for array in value if isinstance(value, tuple) else (value,):
            if is_floating(array):
                found.append(name)
                break
    return frozenset(found)
