"""Rows as JSON: the members of the report, described by report.schema.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from needle_cli._version import __version__
from needle_cli.reports.events import (
    FINDING,
    UNANSWERED,
    CaseView,
    FindingView,
    Row,
    RunInfo,
    Spot,
    Summary,
    curve_data,
    plain,
)

Document = dict[str, Any]
SCHEMA = "needle.report"
SCHEMA_VERSION = 1


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
    """Return the document of a run that came to nothing."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "needle", "version": __version__},
        "error": dict(error),
    }


def run(info: RunInfo) -> Document:
    """Return what was asked for."""
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
        "operators_with_findings": len({r.op for r in summary.rows if r.status in FINDING}),
        "operators_unanswered": len({r.op for r in summary.rows if r.status in UNANSWERED}),
        "interrupted": summary.interrupted,
        "left_out": list(summary.left_out),
        "notes": list(summary.notes),
        **({"before": dict(summary.before)} if summary.before else {}),
    }


def row(item: Row, info: RunInfo) -> Document:
    """Return one result."""
    document: Document = {
        "id": item.id,
        "op": item.op,
        "check": item.check,
        "device": item.device,
        "dtype": item.dtype,
        "status": item.status,
    }
    if item.reason:
        document["reason"] = item.reason
    if item.formula:
        document["formula"] = item.formula
    document |= {
        "examples": item.examples,
        "probes": sum(item.counts.values()),
        "counts": {k: item.counts.get(k, 0) for k in
                   ("pass", "fail", "no_derivative", "cannot_tell")},
        "worst": None if item.worst is None else spot(item.worst),
        "location": {"path": item.path, "line": item.line} if item.path else None,
        "spec": item.spec or None,
        "findings": [finding(found, item, info) for found in item.findings],
        "replay": next(
            (replay(found, item, info) for found in item.findings if found.replay_id), None
        ),
        "seconds": item.seconds,
    }  # fmt: skip
    if item.curve is not None:
        document["curve"] = curve_data(item.curve)
    return document


def finding(item: FindingView, owner: Row, info: RunInfo) -> Document:
    """Return one finding with its cases."""
    return {
        "message": item.message,
        "cause": item.cause,
        "certainty": item.certainty,
        "probes": item.probes,
        **{k: v for k, v in spot(item.spot).items() if k != "of_allowed"},
        "smallest": None if item.smallest is None else case(item.smallest),
        "typical": None if item.typical is None else case(item.typical),
        "add_to_spec": item.add or None,
        "replay": replay(item, owner, info) if item.replay_id else None,
    }


def replay(item: FindingView, owner: Row, info: RunInfo) -> Document:
    """Return the ways to ask again."""
    return {
        "id": item.replay_id,
        "token": item.token or None,
        "command": f"needle replay {item.token or item.replay_id}{info.again}",
        "seed_command": seed_line(owner, info),
    }


def seed_line(item: Row, info: RunInfo) -> str:
    """Return the line that draws the same cases again, exactly."""
    device = "" if item.device == "cpu" else f" --device {item.device}"
    dtype = "" if item.dtype == "float64" else f" --dtype {item.dtype}"
    return (
        f"needle check ops {target(item)} --select {item.check} --seed {info.seed} "
        f"-n {info.examples}{device}{dtype}{info.again}"
    )


def target(item: Row) -> str:
    """Return what names the operator on a command line: its name, or its file and a filter."""
    is_users = item.path.endswith(".py") and item.path.rpartition("/")[2] == (
        item.op.partition("/")[0] + ".py"
    )
    if is_users and "needle/ops/" not in item.path:
        return f"{item.path} -k {item.op.rpartition('/')[2]}"
    return item.op


def case(item: CaseView) -> Document:
    """Return a case: exact inputs, parameters and output gradient, entries side by side."""
    record = item.record or {}
    return {
        "label": item.label,
        "message": item.message,
        "shapes": dict(item.shapes),
        "inputs": record.get("inputs"),
        "params": record.get("params"),
        "cotangent": record.get("cotangent"),
        "seed": record.get("seed"),
        "elements": [{**spot(element), "wrong": element.wrong} for element in item.elements],
    }


def spot(item: Spot) -> Document:
    """Return an entry's numbers; NaN and the infinities as words."""
    return {
        "of_allowed": plain(item.of_allowed),
        "input": item.input,
        "index": None if item.index is None else list(item.index),
        "analytic": plain(item.analytic),
        "numeric": plain(item.numeric),
        "allowed": plain(item.allowed),
    }


def sorted_rows(rows: Sequence[Row]) -> list[Row]:
    """Return rows in the order of their IDs."""
    return sorted(rows, key=lambda item: item.id)
