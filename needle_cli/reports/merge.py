"""Merge the reports of one run that was judged in parts with `--shard`."""

from __future__ import annotations

from collections.abc import Sequence

from needle_cli.problems import Problem, worst_code
from needle_cli.reports.events import RunInfo, Summary

MOST_PARTS = 10_000
"""A report that claims more parts is refused, since each missing part is named in an error."""


def merged(parts: Sequence[tuple[str, RunInfo, Summary]]) -> tuple[RunInfo, Summary]:
    """Return the whole run from its parts, each given with its name.

    The result is that of the run without shards, except for times. Raises `Problem` if parts belong
    to different runs, or if one is missing, given twice, or incomplete.
    """
    if len(parts) == 1 and parts[0][1].shard is None:
        return parts[0][1:]
    first_name, first, _ = parts[0]
    seen: dict[int, str] = {}
    for name, info, summary in parts:
        _same_run(first_name, first, name, info)
        assert info.shard is not None
        if info.shard[0] in seen:
            text = f"shard {info.shard[0]} is given twice: {seen[info.shard[0]]} and {name}"
            raise Problem(text, kind="report")
        seen[info.shard[0]] = name
        if summary.interrupted or summary.left_out:
            raise Problem(f"{name} is not complete: its run was cut short", kind="report")
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
    unasked = tuple(dict.fromkeys(text for summary in summaries for text in summary.unasked))
    whole = Summary(tuple(rows), code, seconds, notes, internal, before=before, unasked=unasked)
    return RunInfo(**fields), whole


def _same_run(first_name: str, first: RunInfo, name: str, info: RunInfo) -> None:
    """Refuse parts of runs that were asked different things."""
    if info.shard is None:
        raise Problem(f"{name} is not a shard; only the shards of one run can be merged",
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
