"""Reports read back: the documents of earlier runs as rows, and the parts of one run as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from needle_cli.problems import FINDINGS, INTERRUPTED, PRECEDENCE, UNUSABLE, Problem, worst_code
from needle_cli.reports.documents import SCHEMA, SCHEMA_VERSION, Document
from needle_cli.reports.events import (
    FINDING,
    CaseView,
    FindingView,
    InternalError,
    Row,
    RunInfo,
    Spot,
    Summary,
    curve_of,
    number,
)

LARGEST = 256 * 2**20
MOST_PARTS = 10_000


def read(path: Path) -> Document:
    """Return the document in a file; raises `Problem` for anything but a report of this version."""
    try:
        if path.stat().st_size > LARGEST:
            raise Problem("too large for a report", kind="report", path=path.name)
        document = json.loads(path.read_text(encoding="utf-8"))
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


def parsed(document: Document, name: str) -> tuple[RunInfo, Summary]:
    """Return what a run was asked and what it found; raises `Problem` where something is missing.

    `name` is what the document is called in that error.
    """
    try:
        return _info(document["run"]), _summary(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = f"not a whole report: {type(error).__name__}: {error}"
        raise Problem(text, kind="report", path=name) from error


def merged(parts: Sequence[tuple[str, RunInfo, Summary]]) -> tuple[RunInfo, Summary]:
    """Return the run that parts of one `--shard` run make up, each given with its name.

    The result is that of the run without shards, but for times. Raises `Problem` where parts belong
    to different runs, where one is missing or there twice, or where one is not whole.
    """
    if len(parts) == 1 and parts[0][1].shard is None:
        return parts[0][1:]
    first_name, first, _ = parts[0]
    seen: dict[int, str] = {}
    for name, info, summary in parts:
        _same_run(first_name, first, name, info)
        assert info.shard is not None
        if info.shard[0] in seen:
            text = f"shard {info.shard[0]} is there twice: {seen[info.shard[0]]} and {name}"
            raise Problem(text, kind="report")
        seen[info.shard[0]] = name
        if summary.interrupted or summary.left_out:
            raise Problem(f"{name} is not whole: its run was cut short", kind="report")
    assert first.shard is not None
    if first.shard[1] > MOST_PARTS:
        raise Problem(f"{first_name} says it is one of {first.shard[1]} shards", kind="report")
    missing = [str(k) for k in range(1, first.shard[1] + 1) if k not in seen]
    if missing:
        raise Problem(f"shard {', '.join(missing)} of {first.shard[1]} is missing", kind="report")
    return _whole(parts)


def _whole(parts: Sequence[tuple[str, RunInfo, Summary]]) -> tuple[RunInfo, Summary]:
    first = parts[0][1]
    place = {name: k for k, name in enumerate(first.operators)}
    rows = [row for _, _, summary in parts for row in summary.rows]
    rows.sort(key=lambda row: place.get(row.op, len(place)))  # stable: checks keep their order
    summaries = [summary for _, _, summary in parts]
    notes = tuple(dict.fromkeys(note for summary in summaries for note in summary.notes))
    internal = tuple(item for summary in summaries for item in summary.internal)
    fields = {**vars(first), "started": min(info.started for _, info, _ in parts), "shard": None}
    code = worst_code(summary.code for summary in summaries)
    seconds = max(summary.seconds for summary in summaries)
    before = {op: share for summary in summaries for op, share in summary.before.items()}
    return RunInfo(**fields), Summary(tuple(rows), code, seconds, notes, internal, before=before)


def _same_run(first_name: str, first: RunInfo, name: str, info: RunInfo) -> None:
    """Refuse parts that were not asked the same."""
    if info.shard is None:
        raise Problem(f"{name} is no shard; only the shards of one run can be merged",
                      kind="report")  # fmt: skip
    asked = (
        ("shard count", lambda i: i.shard and i.shard[1]),
        ("seed", lambda i: i.seed),
        ("examples", lambda i: i.examples),
        ("profile", lambda i: i.profile),
        ("operators", lambda i: i.operators),
        ("checks", lambda i: i.checks),
        ("devices", lambda i: i.devices),
        ("dtypes", lambda i: i.dtypes),
        ("options", lambda i: i.again),
        ("versions", lambda i: dict(i.versions)),
    )
    for what, value in asked:
        one, other = value(first), value(info)
        if one != other:
            short = f": {one} and {other}" if len(f"{one}{other}") < 60 else ""
            text = f"{first_name} and {name} are parts of different runs, by their {what}{short}"
            raise Problem(text, kind="report")


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
    rows = tuple(_row(item) for item in document["results"])
    codes = {code for code in (totals["exit_code"],) if code in (*PRECEDENCE, INTERRUPTED)}
    if any(row.status in FINDING for row in rows):
        codes.add(FINDINGS)  # the rows speak, whatever a file says of itself
    code = INTERRUPTED if INTERRUPTED in codes else worst_code(codes or {UNUSABLE})
    internal = tuple(
        InternalError(item["op"], item["message"], "")
        for item in document.get("internal_errors", ())
    )
    return Summary(
        rows, code, totals["seconds"],
        tuple(totals["notes"]), internal, totals["interrupted"], tuple(totals["left_out"]),
        dict(totals.get("before", {})),
    )  # fmt: skip


def _row(data: Mapping[str, Any]) -> Row:
    location = data["location"] or {"path": "", "line": 0}
    return Row(
        op=data["op"], check=data["check"], device=data["device"], dtype=data["dtype"],
        status=data["status"], reason=data.get("reason", ""), examples=data["examples"],
        counts=dict(data["counts"]), worst=None if data["worst"] is None else _spot(data["worst"]),
        path=location["path"], line=location["line"],
        findings=tuple(_finding(item, data) for item in data["findings"]),
        seconds=data["seconds"], formula=data.get("formula", ""), spec=data.get("spec") or "",
        curve=curve_of(data.get("curve")),
    )  # fmt: skip


def _finding(data: Mapping[str, Any], row: Mapping[str, Any]) -> FindingView:
    replay = data["replay"] or {"id": "", "token": None}
    return FindingView(
        data["message"], data["cause"], data["certainty"], _spot({**data, "of_allowed": None}),
        _case(data["smallest"], data, row), _case(data["typical"], data, row), data["probes"],
        data.get("add_to_spec") or "", replay["id"], replay["token"] or "",
    )  # fmt: skip


def _case(
    data: Mapping[str, Any] | None, finding: Mapping[str, Any], row: Mapping[str, Any]
) -> CaseView | None:
    if data is None:
        return None
    record = None
    if data["inputs"] is not None:
        heading = {key: row[key] for key in ("op", "check", "device", "dtype")}
        values = {key: data[key] for key in ("inputs", "params", "cotangent", "seed")}
        record = {**heading, **values, "label": data["label"]}
    return CaseView(
        record, data["message"], data["label"], dict(data["shapes"]),
        tuple(_spot(element) for element in data["elements"]),
    )  # fmt: skip


def _spot(data: Mapping[str, Any]) -> Spot:
    index = data["index"]
    return Spot(
        data["input"], None if index is None else tuple(index), number(data["analytic"]),
        number(data["numeric"]), number(data["allowed"]), number(data["of_allowed"]),
        data.get("wrong", True),
    )  # fmt: skip
