"""`needle replay [ID|TOKEN|DIR]`: ask recorded failures again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from needle_cli import console
from needle_cli._version import __version__
from needle_cli.cli.commands.options import given, options_of, warn
from needle_cli.problems import NOTHING, PASSED, Problem, cut, worst_code
from needle_cli.records import store, tokens
from needle_cli.records.store import Store
from needle_cli.records.tokens import Record
from needle_cli.reports import documents
from needle_cli.reports.events import FindingView, Row, RunInfo
from needle_cli.running import replay
from needle_cli.running.provenance import versions
from needle_cli.settings import Settings, resolve

OPTIONS = ("specs", "trust", "timeout", "format", "color", "no_color", "hints", "jobs",
           "memory_limit", "verbose", "quiet")  # fmt: skip


def _command(what: str | None, script: bool, keep: bool, to_spec: bool, **parameters: Any) -> int:
    """Ask recorded failures again: FIXED, FAILS, FLAKY or CANNOT."""
    settings = resolve(given(parameters))
    failures = Store(settings.root, warn)
    found = find(what, failures)
    if script or to_spec:
        if len(found) != 1:
            raise Problem("--script and --to-spec need one case: give its ID or token")
        return _one(found[0].record, script, settings)
    if not found:
        console.write("no recorded failures")
        return NOTHING if what else PASSED
    verdicts = replay.ask(found, settings)
    if settings["format"] == "json":
        console.write(console.json_text(_document(verdicts)))
    elif settings["verbosity"] > -2:
        console.write(_screen(verdicts, settings))
    for verdict in verdicts:
        if verdict.word == "FIXED" and verdict.asked.path is not None and not keep:
            failures.remove(verdict.asked.path)
    return worst_code(verdict.code for verdict in verdicts)


def find(what: str | None, failures: Store) -> list[replay.Asked]:
    """Return the recorded cases for a word (an ID, a token, a file or a folder), or all."""
    if what is None:
        return [_read(path) for path in failures.paths()]
    path = Path(what)
    if what.endswith(".json"):
        return [_read(path)]
    if what and os.path.isdir(what):
        return [_read(item) for item in sorted(path.glob("*.json"))]
    if os.sep in what or what.startswith("."):  # in no ID, and in no token
        raise Problem(f"no such file or folder: {cut(what)}", kind="token")
    if tokens.is_id(what):
        record = failures.load(what)
        return [replay.Asked(what, record, failures.folder / f"{what}.json")]
    record = tokens.decode(what)
    return [replay.Asked(tokens.identify(record), record, None)]


def _read(path: Path) -> replay.Asked:
    return replay.Asked(path.stem, store.read(path), path)


def _one(record: Record, script: bool, settings: Settings) -> int:
    from needle_cli.records import scripts

    if script:
        console.write(scripts.script(record))
        return PASSED
    path = scripts.add_to_spec(record, Path(replay.unit_of(record, settings).spec))
    console.write(f"added [[example]] to {path}")
    return PASSED


def _document(verdicts: Sequence[replay.Verdict]) -> dict[str, Any]:
    """Return verdicts as JSON data."""
    info = _info(verdicts)
    return {
        "schema": "needle.replay",
        "schema_version": 1,
        "tool": {"name": "needle", "version": __version__},
        "results": [
            {
                "id": verdict.asked.identity,
                "op": verdict.asked.record["op"],
                "check": verdict.asked.record["check"],
                "outcome": verdict.word,
                "message": verdict.message,
                "finding": None
                if verdict.finding is None
                else documents.finding(verdict.finding, _row(verdict), info),
            }
            for verdict in verdicts
        ],
    }


def _screen(verdicts: Sequence[replay.Verdict], settings: Settings) -> str:
    """Return verdicts as text: one line each, with the entries if there is one case."""
    from needle_cli.reports.terminal import details
    from needle_cli.reports.terminal.page import Page

    page = Page(console.coloured(settings["color"]), console.width())
    for verdict in verdicts:
        record = verdict.asked.record
        style = {"FIXED": "green", "CANNOT": "yellow"}.get(verdict.word, "red")
        words = f" {verdict.asked.identity} · {record['op']} · {record['check']}"
        page.pieces((f"{verdict.word:6}", f"bold {style}"), (words, ""))
        if verdict.finding is not None and (len(verdicts) == 1 or settings["verbosity"] > 0):
            details.one(page, _row(verdict), verdict.finding, _info(verdicts), settings["hints"])
        elif verdict.message:
            page.entry("", verdict.message, margin=7)
    return page.text()


def _row(verdict: replay.Verdict) -> Row:
    record, unit = verdict.asked.record, verdict.unit
    return Row(
        str(record["op"]), str(record["check"]), str(record["device"]), str(record["dtype"]),
        "fail", path=unit.path if unit else "", line=unit.line if unit else 0,
        findings=(verdict.finding or FindingView(""),),
    )  # fmt: skip


def _info(verdicts: Sequence[replay.Verdict]) -> RunInfo:
    names = tuple(str(verdict.asked.record["op"]) for verdict in verdicts)
    return RunInfo(0, "", (), "", versions(), ("cpu",), (), (), 0, names, "")


def _params() -> Sequence[click.Parameter]:
    return [
        click.Argument(["what"], required=False, metavar="[ID|TOKEN|DIR]"),
        click.Option(["--script"], is_flag=True, help="Print a script of numpy and needle only."),
        click.Option(["--keep"], is_flag=True, help="Keep the files of cases that are fixed."),
        click.Option(["--to-spec"], is_flag=True, help="Add the case to the spec's [[example]]s."),
        *options_of(OPTIONS),
    ]


command = click.Command("replay", callback=_command, params=list(_params()), help=_command.__doc__)
