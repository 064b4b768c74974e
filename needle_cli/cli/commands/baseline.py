"""`needle baseline show|accept|prune`: known failures, the file that lists them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import click

from needle_cli import console
from needle_cli.cli.commands.options import given, options_of
from needle_cli.operators import known_failures
from needle_cli.operators.known_failures import KnownFailure
from needle_cli.operators.selection import select
from needle_cli.operators.unit import Unit
from needle_cli.problems import NOTHING, PASSED, Problem
from needle_cli.records.store import FOLDER
from needle_cli.reports import documents
from needle_cli.reports.events import Row
from needle_cli.running import replay
from needle_cli.running.last_run import REPORT
from needle_cli.settings import Settings, in_ci, resolve

SHARED = ("specs", "trust", "baseline")
AHEAD = 90
"""Days for which a failure is accepted unless --until says otherwise."""

Words = tuple[str, ...]


def _show(names: Words, as_json: bool, **parameters: Any) -> int:
    """List the known failures."""
    entries = [entry for unit in _units(names, parameters)[0] for entry in unit.known]
    if as_json:
        documents = [{**vars(entry), "until": entry.until.isoformat()} for entry in entries]
        console.write(console.json_text(documents))
        return PASSED
    today = date.today()
    for entry in entries:
        place = "-".join(word for word in (entry.device, entry.dtype) if word)
        where = f"[{place}]" if place else ""
        late = "  EXPIRED" if entry.until < today else ""
        console.write(
            f"{entry.op}{where} {entry.check}: {entry.reason}, {entry.issue}, "
            f"until {entry.until}{late}"
        )
    if not entries:
        console.write("no known failures")
    return PASSED


def _accept(
    names: Words, reason: str, issue: str, until: Any, check: str, **parameters: Any
) -> int:
    """Accept the findings of the last run until a date."""
    if in_ci(os.environ):
        raise Problem("a known failure is accepted by a person, never in CI (CI is set)")
    if not names:
        raise Problem("name the operators whose findings you accept")
    if not reason.strip() or not issue.strip():
        raise Problem("--reason and --issue have to say something")
    end = until.date() if until else date.today() + timedelta(days=AHEAD)
    if not date.today() <= end <= date.today() + timedelta(days=known_failures.LONGEST):
        raise Problem(f"--until {end}: has to be in the future, at most half a year ahead")
    units, settings = _units(names, parameters)
    rows = [row for row in _last(settings) if row.is_finding and check in ("", row.check)]
    accepted = 0
    for unit in units:
        mine = [replace(row, op=unit.own_name) for row in rows if _is_of(row, unit)]
        if not mine:
            continue
        new = [known_failures.from_row(row, issue.strip(), reason.strip(), end) for row in mine]
        _rewrite(unit, add=new)
        accepted += len(new)
        for entry in new:
            console.write(f"accepted until {end}: {entry.op} {entry.check}")
    if not accepted:
        raise Problem("the last run has no finding of these operators; run needle check first",
                      kind="nothing", code=NOTHING)  # fmt: skip
    return PASSED


def _is_of(row: Row, unit: Unit) -> bool:
    """Whether a row is about an operator, whatever other files were judged in the same run."""
    same = row.op == unit.name or f"/{row.op}".endswith(f"/{unit.own_name}")
    return same and row.path == unit.path


def _prune(names: Words, **parameters: Any) -> int:
    """Remove the known failures whose case passes now."""
    units, settings = _units(names, parameters)
    asked: list[tuple[Unit, KnownFailure, replay.Asked]] = []
    for unit in units:
        for entry in unit.known:
            record = known_failures.record_of(entry)
            if record is not None:
                asked.append((unit, entry, replay.Asked(entry.op, record, None)))
    verdicts = replay.ask([case for _, _, case in asked], settings) if asked else []
    removed = 0
    for (unit, entry, _), verdict in zip(asked, verdicts, strict=True):
        if verdict.word == "FIXED":
            _rewrite(unit, drop=entry)
            console.write(f"removed: {entry.op} {entry.check}, {entry.issue}")
            removed += 1
        else:
            console.write(f"still {verdict.word.lower()}: {entry.op} {entry.check}, {entry.issue}")
    unpinned = [entry for unit in units for entry in unit.known if not entry.token]
    for entry in unpinned:
        console.write(f"has no case to ask, remove by hand: {entry.op} {entry.check}")
    if not removed:
        console.write("nothing to remove")
    return PASSED


def _units(names: Words, parameters: dict[str, Any]) -> tuple[list[Unit], Settings]:
    settings = resolve(given(parameters))
    if settings["baseline"] == known_failures.NONE:
        raise Problem("--baseline none leaves no file of known failures")
    return select(names, settings), settings


def _last(settings: Settings) -> Sequence[Row]:
    path = settings.root / FOLDER / "last" / REPORT
    if not path.is_file():
        raise Problem(f"there is no {FOLDER}/last/{REPORT}: run needle check first")
    return documents.parsed(documents.read(path), path.name)[1].rows


def _rewrite(
    unit: Unit, add: Sequence[KnownFailure] = (), drop: KnownFailure | None = None
) -> None:
    """Rewrite the file of an operator's known failures, with entries added or one removed."""
    path = unit.known_failures
    assert path is not None
    before = known_failures.read(path)
    kept = [entry for entry in before if entry != drop]
    replaced = {(entry.op, entry.check, entry.device, entry.dtype) for entry in add}
    kept = [e for e in kept if (e.op, e.check, e.device, e.dtype) not in replaced]
    known_failures.write(path, [*kept, *add])


def _command(name: str, callback: Any, params: Sequence[click.Parameter] = ()) -> click.Command:
    names = click.Argument(["names"], nargs=-1, metavar="[NAME|GLOB|PATH.py]...")
    every = [names, *params, *options_of(SHARED)]
    return click.Command(name, callback=callback, params=every, help=callback.__doc__)


command = click.Group(
    "baseline",
    help="Known failures: show them, accept a finding for a while, remove those that pass.",
    commands=[
        _command("show", _show, [click.Option(["--json", "as_json"], is_flag=True, help="JSON.")]),
        _command("accept", _accept, [
            click.Option(["--reason"], required=True, help="Why it is accepted."),
            click.Option(["--issue"], required=True, help="Where it is being fixed."),
            click.Option(["--until"], type=click.DateTime(["%Y-%m-%d"]), metavar="DATE",
                         help=f"Until when ({AHEAD} days)."),
            click.Option(["--check"], default="", metavar="CHECK", help="Only this check."),
        ]),
        _command("prune", _prune),
    ],
)  # fmt: skip
