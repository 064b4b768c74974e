"""The actions of a worker: find spec and operator, judge, answer in plain data.

Only this module brings specs, an engine and the checking core together. Its functions return JSON
data, so that no object of an operator leaves the worker.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import math
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from needle_cli.checking.claims import SpecFunctionFailed
from needle_cli.checking.model import (
    Case,
    Element,
    Finding,
    OperatorError,
    OpUnderTest,
    Plan,
    Status,
)
from needle_cli.checking.results import CaseReport, Failure, Result, Worst
from needle_cli.checking.search import campaign, judging
from needle_cli.checking.search.error_curve import error_curve
from needle_cli.engines import registry
from needle_cli.engines.facade import run_as_in_training
from needle_cli.operators import catalogue
from needle_cli.problems import Problem, said, shown_path
from needle_cli.records import tokens
from needle_cli.records.encoding import Unstorable, case_of, record_of
from needle_cli.records.tokens import Record
from needle_cli.reports import documents
from needle_cli.reports.events import CaseView, Curve, FindingView, Row, Spot
from needle_cli.running.tasks import Breadcrumb, Data, Task
from needle_cli.specs import Spec, SpecError, as_problems, find_specs_dir, load_spec, load_specs
from needle_cli.specs.entries import kink_text

MOST_STORED = 20_000
"""A case with more entries is sent without its values; the line with the seed replays it."""

GRADIENT = "gradient"

IMPORT = "import"
"""The kind of the problem, and the rule, of a file that cannot be imported."""

FUNCTION = "function"
"""The kind of the problem of a function of a spec that fails at a case drawn late."""

FOR_FINDINGS = ("needle_cli.checking.search.smallest",)
"""Modules that only findings need, which take long to load."""

RIGHT = (Status.PASS, Status.NOT_APPLICABLE)
"""The verdicts that every check must give before faults are planted into a gradient."""

for late in ("numpy.ma", "needle_cli.references", "needle_cli.specs.probing"):
    importlib.import_module(late)  # or every worker would load it anew

run_as_in_training()

with contextlib.suppress(Exception):  # a broken engine is reported operator by operator
    registry.engine().prepare()


def judge(task: Task, breadcrumb: Breadcrumb) -> Data:
    """Ask every check of the task's plan; answer with one row per check."""
    spec, module = _spec(task)
    with as_problems():
        _usable(spec)  # the same words, whichever worker meets the spec first
    with as_problems(FUNCTION), _functions_of(spec):
        return _judged(task, breadcrumb, spec, module)


def _judged(task: Task, breadcrumb: Breadcrumb, spec: Spec, module: ModuleType | None) -> Data:
    op, formula = _operator(task, spec, module), spec.claims.formula

    def found(result: Result) -> None:
        breadcrumb.found(documents.row(replace(row_of(result, task), formula=formula), None))

    results = judging.judge(op, spec.claims, _plan(task), breadcrumb=breadcrumb, found=found)
    results = [_with_examples(result, op, spec, task) for result in results]
    if task.faults and all(result.status in RIGHT for result in results):
        results.append(campaign.plant(op, spec.claims, _plan(task)))
    rows = [replace(row_of(result, task), formula=formula) for result in results]
    drawn = error_curve(op, spec.claims, _plan(task)) if GRADIENT in task.checks else None
    if drawn is not None:
        rows = [_with_curve(row, Curve(**vars(drawn))) for row in rows]
    known = [_pinned(op, spec, task, check, token) for check, token in task.known if token]
    clean = all(row.status != "error" for row in rows)
    return {"rows": [documents.row(row, None) for row in rows], "known": known, "clean": clean}


def _with_curve(row: Row, curve: Curve) -> Row:
    drawn = row.check == GRADIENT and row.status != "error"
    return replace(row, curve=curve) if drawn else row


def again(task: Task, breadcrumb: Breadcrumb) -> Data:
    """Ask one recorded question again; answer with the row of its finding, if any."""
    record = task.record or {}
    case = case_of(record)
    spec, module = _spec(task)
    op = _operator(task, spec, module)
    check = str(record["check"])
    breadcrumb(check, case)
    try:
        with as_problems(), _functions_of(spec):
            failure = judging.ask_again(op, spec.claims, _plan(task), check, case)
    except OperatorError as error:
        text = f"{task.op} raised {said(error.original)}"
        return {"rows": [], "raised": text, "clean": False}
    result = Result(task.op, check, task.device, task.dtype, Status.FAIL)
    rows = [] if failure is None else [row_of(replace(result, failures=(failure,)), task)]
    return {"rows": [documents.row(row, None) for row in rows], "clean": True}


def load(task: Task, breadcrumb: Breadcrumb) -> Data:
    """Load the specs that `task.names` lists; answer with what is wrong with them."""
    paths = [_path(name) for name in task.names]
    module = _module(task.source) if task.source else None
    family = Path(task.source).stem if task.source else None
    problems = []
    for path in paths:
        try:
            _usable(load_spec(path, task.trust, family, module))
        except SpecError as error:
            problems.append(error.problem().document())
    return {"problems": problems, "clean": True}


def _usable(spec: Spec) -> None:
    """Raise the error of a spec whose functions cannot be called."""
    from needle_cli.specs.probing import call_functions

    with _functions_of(spec), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        call_functions(spec.claims)


@contextlib.contextmanager
def _functions_of(spec: Spec) -> Iterator[None]:
    """Turn the failure of a function that a spec names into the error of that spec."""
    from needle_cli.specs.rules import function_error

    try:
        yield
    except SpecFunctionFailed as failed:
        raise function_error(spec, failed) from failed


def lint(task: Task, breadcrumb: Breadcrumb) -> Data:
    """Load and lint every spec of a folder; answer with errors and issues."""
    from needle_cli.specs import lint as rules  # type: ignore[attr-defined,unused-ignore]

    family = Path(task.source).stem if task.source else None
    folder = _path(task.spec) if family else find_specs_dir(Path(task.spec) if task.spec else None)
    try:
        module = _module(task.source) if task.source else None
    except Problem as problem:
        issue = {"op": family, "path": problem.path, "line": problem.line or 1, "rule": IMPORT,
                 "message": problem.message}  # fmt: skip
        return {"problems": [], "issues": [issue], "count": 0, "clean": True}
    specs, errors = load_specs(folder, task.trust, family, module)
    for spec in list(specs):
        try:
            _usable(spec)
        except SpecError as error:
            errors.append(error)
            specs.remove(spec)
    written = [spec.name for spec in specs]
    entries = catalogue.user_file(Path(task.source), written) if family else catalogue.operators()
    names = [entry.name for entry in entries]
    broken = {f"{family or e.path.parent.name}/{e.path.stem}" for e in errors}
    issues = [
        {
            "op": issue.name,
            "path": shown_path(issue.path) if issue.path else "",
            "line": issue.line or 0,
            "rule": issue.rule,
            "message": issue.message,
        }
        for issue in rules(specs, names)
        if issue.name not in broken
    ]
    issues += [
        {
            "op": entry.name, "path": shown_path(Path(entry.path)), "line": entry.line,
            "rule": "unwritten", "message": f"a docstring is still to be written: {entry.summary}",
        }
        for entry in entries
        if entry.summary.startswith("TODO")
    ]  # fmt: skip
    return {
        "problems": [error.problem().document() for error in errors],
        "issues": issues,
        "count": len(specs) + len(errors),
        "clean": True,
    }


def describe(check: str, case: Case, task: Task) -> Record:
    """Return the record of a case at which a check is asked."""
    return record_of(case, None, **_heading(task, check))


def row_of(result: Result, task: Task) -> Row:
    """Return the row of a result."""
    return Row(
        task.op, result.check, result.device, result.dtype, str(result.status), result.reason,
        result.examples, {str(k): int(v) for k, v in result.counts.items()},
        None if result.worst is None else _spot(result.worst, of_allowed=result.worst.of_allowed),
        findings=tuple(_finding(failure, result.check, task) for failure in result.failures),
        seconds=round(result.seconds, 6),
    )  # fmt: skip


def _heading(task: Task, check: str) -> Record:
    return {
        "op": task.op,
        "check": check,
        "device": task.device,
        "dtype": task.dtype,
        "file": task.file,
    }


def _plan(task: Task) -> Plan:
    return Plan(
        checks=task.checks, examples=task.examples, seed=task.seed, device=task.device,
        dtype=task.dtype, order=task.order, shrink=task.shrink,
        known=frozenset(check for check, _ in task.known),
    )  # fmt: skip


def _path(name: str) -> Path:
    """Return the path that a name means before an operator's file may change the folder."""
    return Path(os.path.abspath(name))


def _spec(task: Task) -> tuple[Spec, ModuleType | None]:
    path = _path(task.spec)
    module = _module(task.source) if task.source else None
    family = Path(task.source).stem if task.source else None
    with as_problems():
        return load_spec(path, task.trust, family, module), module


def _operator(task: Task, spec: Spec, module: ModuleType | None) -> OpUnderTest:
    owner = module or _import(spec.claims.op.partition(":")[0])
    function = getattr(owner, spec.claims.function, None)
    if function is None:
        text = f"{owner.__name__} has no function {spec.claims.function!r}, which the spec names"
        raise Problem(text, kind="gone")
    return registry.engine().operator(function, spec.claims, task.op, task.device)


def _with_examples(result: Result, op: OpUnderTest, spec: Spec, task: Task) -> Result:
    """Ask the check also at the spec's recorded examples, which are earlier failures."""
    for token in spec.claims.examples:
        if str(result.status) != "pass":
            continue
        record = tokens.decode(token)
        if (record["check"], record["dtype"]) != (result.check, task.dtype):
            continue
        failure = judging.ask_again(op, spec.claims, _plan(task), result.check, case_of(record))
        if failure is not None:
            result = replace(result, status=Status.FAIL, failures=(failure,))
    return result


def _pinned(op: OpUnderTest, spec: Spec, task: Task, check: str, token: str) -> Data:
    """Ask the case of a known failure again; answer with the fields of `known_failures.Pinned`."""
    answer = {"check": check, "token": token, "fails": True, "message": "", "analytic": None}
    case = case_of(tokens.decode(token))
    try:
        failure = judging.ask_again(op, spec.claims, _plan(task), check, case)
    except OperatorError as error:
        return {**answer, "message": str(error)}
    if failure is None:
        return {**answer, "fails": False}
    found = failure.finding
    analytic = None if found.analytic is None else float(found.analytic)
    known = analytic is not None and math.isfinite(analytic)
    return {**answer, "message": found.message, "analytic": analytic if known else None}


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except BaseException as error:
        raise _not_imported(name, "", error) from error


def _module(source: str) -> ModuleType:
    """Import a user's file under its own name, with its folder on the path."""
    path = Path(os.path.abspath(source))
    loaded = sys.modules.get(path.stem)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    location = importlib.util.spec_from_file_location(path.stem, path)
    if location is None or location.loader is None:
        raise Problem(f"cannot import {path.name}: it is not a Python file")
    module = importlib.util.module_from_spec(location)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent))
    try:
        # Not from the cache: after an edit within the same second the old bytecode looks current.
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    except BaseException as error:
        del sys.modules[path.stem]
        raise _not_imported(path.name, str(path), error) from error
    return module


def _not_imported(name: str, file: str, error: BaseException) -> Problem:
    """Return the problem of a module or file that raises when it is imported."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    at = f" (line {line})" if line else ""
    what = f"SyntaxError: {error.msg}" if isinstance(error, SyntaxError) else said(error)
    text = f"cannot import {name}: {what}{at}"
    return Problem(text, kind=IMPORT, path=shown_path(Path(file)) if file else "", line=line)


def _finding(failure: Failure, check: str, task: Task) -> FindingView:
    typical, finding, cause = failure.typical, failure.finding, failure.finding.cause
    return FindingView(
        finding.message, str(cause or ""), failure.certainty, _spot(finding),
        _case(failure.smallest, check, task),
        None if typical is None else _case(typical, check, task), failure.probes,
        "\n\n".join(kink_text(kink) for kink in failure.undeclared), code=str(finding.code),
        cause_name=cause.name if cause else "", cause_values=cause.values if cause else {},
        traceback=finding.traceback,
    )  # fmt: skip


def _case(report: CaseReport, check: str, task: Task) -> CaseView:
    case = report.case
    record = None
    if case.size() <= MOST_STORED and check != campaign.CHECK:
        with contextlib.suppress(Unstorable):
            record = record_of(case, report.cotangent, **_heading(task, check))
    shapes = zip(case.leaf_names(), (list(leaf.shape) for leaf in case.leaves()), strict=True)
    elements = tuple(_spot(element, wrong=element.wrong) for element in report.elements)
    return CaseView(record, report.message, case.label, dict(shapes), elements)


def _spot(at: Finding | Worst | Element, **more: Any) -> Spot:
    return Spot(at.input, at.index, at.analytic, at.numeric, at.allowed, **more)
