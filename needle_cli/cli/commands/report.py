"""`needle report RUN.json ... [--to FORMAT[=PATH]]`: render again; shards become one report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from needle_cli.cli.commands.options import given, options_of, warn
from needle_cli.problems import FINDINGS, PASSED, Problem
from needle_cli.reports import documents, merge
from needle_cli.reports.events import RunDone
from needle_cli.reports.outputs import Reports
from needle_cli.settings import FORMATS, REPORTS, SCREENS, resolve

OPTIONS = ("color", "no_color", "hints", "verbose", "quiet", "exit_zero", "annotations", "earlier")


def _command(files: tuple[str, ...], to: tuple[str, ...], **parameters: Any) -> int:
    """Render the reports of earlier runs again, in any format.

    Several files have to be the shards of one run; the exit code is that of the whole run. Without
    --to the report is shown as on the screen of the run.
    """
    flags = given(parameters)
    screens = [word for word in to if word in SCREENS]
    written = [word for word in to if word.partition("=")[0] in REPORTS and word not in screens]
    unknown = [word for word in to if word not in screens and word not in written]
    if unknown or len(screens) > 1:
        known = ", ".join(FORMATS)
        raise Problem(f"--to: expected one of {known}, all but one with =PATH, not {to[-1]!r}")
    if screens:
        flags["format"] = screens[0]
    settings = resolve({**flags, "report": written} if written else flags)
    parts = []
    for word in files:
        path = Path(word)
        parts.append((path.name, *documents.parsed(documents.read(path), path.name)))
    info, summary = merge.merged(parts)
    screen = bool(screens) or not written
    with Reports(settings, warn, screen=screen) as reports:
        for listener in reports.listeners:
            listener(RunDone(info, summary))
    excused = summary.code == FINDINGS and settings["exit-zero"]
    return reports.code(PASSED if excused else summary.code)


command = click.Command(
    "report",
    callback=_command,
    params=[
        click.Argument(["files"], nargs=-1, required=True, metavar="RUN.json..."),
        click.Option(["--to"], multiple=True, metavar="FORMAT[=PATH]",
                     help=f"A screen ({', '.join(SCREENS)}), or a file of any format."),
        *options_of(OPTIONS),
    ],
    help=_command.__doc__,
)  # fmt: skip
