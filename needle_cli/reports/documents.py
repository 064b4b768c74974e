"""Runs and rows as JSON data and back, for the report and for the answers of workers.

report.schema.json describes the report. A worker sends rows in the same form, with two differences:
it does not know the run, so its findings do not say how to ask again, and it sends whole records.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from needle_cli import stopping
from needle_cli._version import __version__
from needle_cli.problems import FINDINGS, INTERRUPTIONS, PRECEDENCE, UNUSABLE, Problem, worst_code
from needle_cli.records.trusted import TokenError
from needle_cli.reports.events import (
    SEVERITY,
    UNANSWERED,
    CaseView,
    Curve,
    FindingView,
    InternalError,
    Row,
    RunInfo,
    Spot,
    Summary,
)
from needle_cli.reports.schema import fault

Document = dict[str, Any]
SCHEMA = "needle.report"
SCHEMA_VERSION = 1
LARGEST = 256 * 2**20
"""A larger file, in bytes, is refused as a report."""

SHOWN = ("inputs", "params", "cotangent", "seed")
"""The members of a record that a report shows."""


def report(info: RunInfo, summary: Summary) -> Document:
    """Return the whole document of a run."""
    document: Document = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "needle", "version": __version__},
        "run": run(info),
        "summary": totals(summary),
        "results": [row(item, info) for item in summary.rows],
    }
    if summary.internal:
        document["internal_errors"] = [
            {"op": item.op, "message": item.message} for item in summary.internal
        ]
    return document


def failed(error: Mapping[str, Any]) -> Document:
    """Return the document of a run that failed."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "needle", "version": __version__},
        "error": dict(error),
    }


def run(info: RunInfo) -> Document:
    """Return the `run` member: what was asked."""
    return {
        "seed": info.seed,
        "profile": info.profile,
        "argv": list(info.argv),
        "started": info.started,
        "versions": dict(info.versions),
        "devices": list(info.devices),
        "selection": {
            "operators": list(info.operators),
            "checks": list(info.checks),
            "dtypes": list(info.dtypes),
            "max_examples": info.examples,
        },
        "source": info.source,
        "again": info.again,
        "shard": None if info.shard is None else {"k": info.shard[0], "n": info.shard[1]},
    }


def totals(summary: Summary) -> Document:
    """Return counts by status, of rows and of operators."""
    statuses: dict[str, int] = {}
    for item in summary.rows:
        statuses[item.status] = statuses.get(item.status, 0) + 1
    return {
        "exit_code": summary.code,
        "seconds": round(summary.seconds, 3),
        "rows": statuses,
        "operators": len({item.op for item in summary.rows}),
        "operators_with_findings": len({r.op for r in summary.rows if r.is_finding}),
        "operators_unanswered": len({r.op for r in summary.rows if r.status in UNANSWERED}),
        "interrupted": summary.interrupted,
        "left_out": list(summary.left_out),
        "notes": list(summary.notes),
        **({"unasked": list(summary.unasked)} if summary.unasked else {}),
        **({"before": dict(summary.before)} if summary.before else {}),
    }


def row(item: Row, info: RunInfo | None) -> Document:
    """Return one result; `info` is None in a worker."""
    document: Document = {
        "id": item.id,
        "op": item.op,
        "check": item.check,
        "device": item.device,
        "dtype": item.dtype,
        "status": item.status,
    }
    findings = [finding(found, item, info) for found in item.findings]
    if item.reason:
        document["reason"] = item.reason
    if item.formula:
        document["formula"] = item.formula
    document |= {
        "examples": item.examples,
        "probes": sum(item.counts.values()),
        "counts": {k: item.counts.get(k, 0) for k in
                   ("pass", "fail", "no_derivative", "cannot_tell")},
        "worst": None if item.worst is None else _spot(item.worst),
        "location": {"path": item.path, "line": item.line} if item.path else None,
        "spec": item.spec or None,
        "findings": findings,
        "replay": next((found["replay"] for found in findings if found["replay"]), None),
        "seconds": item.seconds,
    }  # fmt: skip
    if item.curve is not None:
        document["curve"] = _curve(item.curve)
    return document


def finding(item: FindingView, owner: Row, info: RunInfo | None) -> Document:
    """Return one finding with its cases."""
    return {
        "message": item.message,
        "code": item.code,
        "cause": item.cause,
        "cause_name": item.cause_name,
        "cause_values": dict(item.cause_values),
        "certainty": item.certainty,
        "probes": item.probes,
        **{k: v for k, v in _spot(item.spot).items() if k != "of_allowed"},
        "smallest": None if item.smallest is None else _case(item.smallest, whole=info is None),
        "typical": None if item.typical is None else _case(item.typical, whole=info is None),
        "add_to_spec": item.add or None,
        "replay": replay(item, owner, info) if info and item.replay_id else None,
        **({"location": {"path": item.path, "line": item.line}} if item.path else {}),
        **({"traceback": item.traceback} if item.traceback else {}),
    }


def replay(item: FindingView, owner: Row, info: RunInfo) -> Document:
    """Return the `replay` member: the ways to ask again."""
    return {
        "id": item.replay_id,
        "token": item.token or None,
        "command": f"needle replay {item.token or item.replay_id}{info.again}",
        "seed_command": seed_line(owner, info),
    }


def seed_line(item: Row, info: RunInfo) -> str:
    """Return the command line that draws exactly the same cases again."""
    device = "" if item.device == "cpu" else f" --device {item.device}"
    dtype = "" if item.dtype == "float64" else f" --dtype {item.dtype}"
    return (
        f"needle check ops {target(item)} --select {item.check} --seed {info.seed} "
        f"-n {info.examples}{device}{dtype}{info.again}"
    )


def target(item: Row) -> str:
    """Return what names the operator on a command line: its name, or its file and a filter."""
    family = item.op.rpartition("/")[0].rpartition("/")[2]
    is_users = item.path.endswith(".py") and item.path.rpartition("/")[2] == f"{family}.py"
    if is_users and "needle/ops/" not in item.path:
        return f"{item.path} -k {item.op.rpartition('/')[2]}"
    return item.op


def _case(item: CaseView, whole: bool) -> Document:
    """Return a case: exact inputs, parameters and output gradient, analytic and numeric entries."""
    record = item.record or {}
    return {
        "label": item.label,
        "message": item.message,
        "shapes": dict(item.shapes),
        **{key: record.get(key) for key in SHOWN},
        "elements": [{**_spot(element), "wrong": element.wrong} for element in item.elements],
        **({"record": {k: v for k, v in record.items() if k not in SHOWN}} if whole else {}),
    }


def _spot(item: Spot) -> Document:
    """Return an entry's numbers; NaN and the infinities as words."""
    return {
        "of_allowed": plain(item.of_allowed),
        "input": item.input,
        "index": None if item.index is None else list(item.index),
        "analytic": plain(item.analytic),
        "numeric": plain(item.numeric),
        "allowed": plain(item.allowed),
    }


def _curve(item: Curve) -> Document:
    errors = [plain(error) for error in item.errors]
    return vars(item) | {"errors": errors, "gradient": plain(item.gradient)}


def plain(value: float | None) -> float | str | None:
    """Return a number for strict JSON: NaN and the infinities as words."""
    if value is None:
        return None
    return float(value) if math.isfinite(value) else str(float(value))


def read(path: Path) -> Document:
    """Return the document in a file; raises `Problem` if it is not a report of this version."""
    try:
        if path.stat().st_size > LARGEST:
            raise Problem("too large for a report", kind="report", path=path.name)
        with stopping.waiting():  # for the writer of a pipe
            text = path.read_text(encoding="utf-8")
        document = json.loads(text, parse_constant=_refused)
    except OSError as error:
        raise Problem(f"cannot read it: {error.strerror}", kind="report", path=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise Problem(f"not a report: {error}", kind="report", path=path.name) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        text = f"not a report: it has no schema {SCHEMA!r} (write one with --report json=FILE)"
        raise Problem(text, kind="report", path=path.name)
    if document.get("schema_version") != SCHEMA_VERSION:
        raise Problem("written by another version of needle", kind="report", path=path.name)
    failed = document.get("error")
    if failed is not None:
        said = failed.get("message") if isinstance(failed, dict) else failed
        raise Problem(f"its run failed: {said}", kind="report", path=path.name)
    return document


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def parsed(document: Document, name: str) -> tuple[RunInfo, Summary]:
    """Return what a run was asked and what it found; raises `Problem` if something is missing.

    `name` stands for the document in that error.
    """
    try:
        found = fault(document)
        if not found:
            return _info(document["run"]), _summary(document)
    except (TokenError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        found = f"{type(error).__name__}: {error}"
    raise Problem(f"not a complete report: {found}", kind="report", path=name)


def _info(run: Mapping[str, Any]) -> RunInfo:
    selection, shard = run["selection"], run.get("shard")
    return RunInfo(
        seed=run["seed"], profile=run["profile"], argv=tuple(run["argv"]), started=run["started"],
        versions=dict(run["versions"]), devices=tuple(run["devices"]),
        dtypes=tuple(selection["dtypes"]), checks=tuple(selection["checks"]),
        examples=selection["max_examples"], operators=tuple(selection["operators"]),
        source=run["source"], again=run["again"],
        shard=None if shard is None else (shard["k"], shard["n"]),
    )  # fmt: skip


def _summary(document: Document) -> Summary:
    totals = document["summary"]
    rows = tuple(row_of(item) for item in document["results"])
    stated = totals["exit_code"]
    codes = {stated} & set(PRECEDENCE)
    if any(row.is_finding for row in rows):
        codes.add(FINDINGS)  # the rows decide, whatever code the file states
    code = stated if stated in INTERRUPTIONS else worst_code(codes or {UNUSABLE})
    internal = tuple(
        InternalError(item["op"], item["message"], "")
        for item in document.get("internal_errors", ())
    )
    return Summary(
        rows, code, totals["seconds"],
        tuple(totals["notes"]), internal, totals["interrupted"], tuple(totals["left_out"]),
        dict(totals.get("before", {})), tuple(totals.get("unasked", ())),
    )  # fmt: skip


def row_of(data: Mapping[str, Any]) -> Row:
    """Return the row of a document; raises `ValueError` for a value that no run writes."""
    kinds = {**dict.fromkeys(("op", "check", "device", "dtype", "status"), str), "examples": int}
    for key, kind in kinds.items():
        if not isinstance(data[key], kind) or (key == "status" and data[key] not in SEVERITY):
            raise ValueError(f"{key} is {data[key]!r}")
    location = data["location"] or {"path": "", "line": 0}
    return Row(
        op=data["op"], check=data["check"], device=data["device"], dtype=data["dtype"],
        status=data["status"], reason=data.get("reason", ""), examples=data["examples"],
        counts=dict(data["counts"]), worst=data["worst"] and _spot_of(data["worst"]),
        path=location["path"], line=location["line"],
        findings=tuple(_finding_of(item, data) for item in data["findings"]),
        seconds=data["seconds"], formula=data.get("formula", ""), spec=data.get("spec") or "",
        curve=_curve_of(data["curve"]) if "curve" in data else None,
    )  # fmt: skip


def _finding_of(data: Mapping[str, Any], owner: Mapping[str, Any]) -> FindingView:
    replay = data["replay"] or {"id": "", "token": None}
    return FindingView(
        data["message"], data["cause"], data["certainty"], _spot_of(data),
        _case_of(data["smallest"], owner), _case_of(data["typical"], owner), data["probes"],
        data.get("add_to_spec") or "", replay["id"], replay["token"] or "",
        data.get("code", ""), data.get("cause_name", ""), data.get("cause_values", {}),
        **data.get("location", {}), traceback=data.get("traceback", ""),
    )  # fmt: skip


def _case_of(data: Mapping[str, Any] | None, owner: Mapping[str, Any]) -> CaseView | None:
    if data is None:
        return None
    record = None
    if data["inputs"] is not None:
        heading = {key: owner[key] for key in ("op", "check", "device", "dtype")}
        values = {key: data[key] for key in SHOWN}
        record = {**heading, **values, "label": data["label"], **data.get("record", {})}
    elements = tuple(_spot_of(element) for element in data["elements"])
    return CaseView(record, data["message"], data["label"], dict(data["shapes"]), elements)


def _spot_of(data: Mapping[str, Any]) -> Spot:
    index = data["index"]
    return Spot(
        data["input"], None if index is None else tuple(index), number(data["analytic"]),
        number(data["numeric"]), number(data["allowed"]), number(data.get("of_allowed")),
        data.get("wrong", True),
    )  # fmt: skip


def _curve_of(data: Mapping[str, Any]) -> Curve:
    errors = tuple(float(error) for error in data["errors"])
    gradient = float(data["gradient"])
    return Curve(tuple(data["steps"]), errors, gradient, data["known"], data["step"])


def number(value: Any) -> float | None:
    """Read a number that JSON may carry as a word."""
    return None if value is None else float(value)
