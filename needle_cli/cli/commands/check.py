"""`needle check [ops|specs] [NAME|GLOB|PATH.py ...]`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from needle_cli import console
from needle_cli.cli.commands.options import Options, given, options_of, warn
from needle_cli.problems import PASSED
from needle_cli.settings import Settings, resolve

if TYPE_CHECKING:
    from needle_cli.operators.unit import Unit


class Check(click.Group, Options):
    """A group that passes everything except the name of a subcommand to `ops`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return `ops` for words that are not a subcommand."""
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "ops", self.commands["ops"], args

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by group, then the subcommands."""
        Options.format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def complete_names(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    """Return the operators whose name or function begins with a word."""
    from needle_cli.operators import catalogue

    try:
        names = [entry.name for entry in catalogue.operators()]
    except catalogue.CatalogueError:
        return []
    return [n for n in names if n.startswith(word) or n.rpartition("/")[2].startswith(word)]


NAMES = click.Argument(
    ["names"], nargs=-1, metavar="[NAME|GLOB|PATH.py]...", shell_complete=complete_names
)


def _group(**parameters: Any) -> Any:
    """Run `ops` if there is no subcommand; otherwise leave the options to the subcommand."""
    context = click.get_current_context()
    context.obj = parameters
    if context.invoked_subcommand is None:
        return check_ops(resolve(given(parameters)), (), bool(parameters["list_only"]))
    return None


def _ops(names: tuple[str, ...], **parameters: Any) -> int:
    """Judge the gradients of operators."""
    flags, listed = _both(parameters)
    return check_ops(resolve(flags), names, listed)


def _specs(names: tuple[str, ...], **parameters: Any) -> int:
    """Read specs only: valid, complete."""
    from needle_cli.cli.commands.check_specs import check_specs

    flags, _ = _both(parameters)
    return check_specs(resolve(flags), names)


def _both(parameters: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return the options given before or after the subcommand; later ones win."""
    context = click.get_current_context()
    outer = context.parent.obj if context.parent is not None and context.parent.obj else {}
    listed = bool(parameters.get("list_only") or outer.get("list_only"))
    return {**given(outer), **given(parameters)}, listed


def check_ops(settings: Settings, names: tuple[str, ...], listed: bool) -> int:
    """Select, judge, report; return the exit code."""
    from needle_cli.operators.selection import select

    def everything() -> list[Unit]:
        return select(names, settings)

    if settings["watch"] and not listed:
        from needle_cli.cli.watch import watch

        return watch(
            lambda: narrowed(everything(), settings),
            lambda units: judged(units, everything(), settings),
        )
    every = everything()
    units = narrowed(every, settings)
    if listed:
        for unit in units:
            console.write(unit.name)
        return PASSED
    return judged(units, every, settings)


def judged(units: list[Unit], every: list[Unit], settings: Settings) -> int:
    """Judge, report; return the exit code."""
    from needle_cli.gate import against
    from needle_cli.reports.outputs import Reports
    from needle_cli.running.last_run import LastRun
    from needle_cli.running.lint import lint
    from needle_cli.running.session import Run

    keep = LastRun(settings.root).handle
    with Reports(settings, warn, keep=keep) as reports:
        run = Run(units, settings, sys.argv[1:], reports.listeners, warn)
        said = against.rows(every, run.units, settings, lambda files: lint(files, settings).issues)
        code = run.go(said).code
    return reports.code(code)


def narrowed(units: list[Unit], settings: Settings) -> list[Unit]:
    """Return the units that --changed and --lf leave, in the order that --ff asks for."""
    from needle_cli.gate import changed
    from needle_cli.running import last_run

    if settings["changed"] is not None:
        units = changed.changed(units, settings["changed"], warn)
    if settings["lf"]:
        units = last_run.only_failed(units, settings.root)
    return last_run.failed_first(units, settings.root) if settings["ff"] else units


SPEC_OPTIONS = ("specs", "trust", "against", "accept_weakening", "format", "color", "no_color",
                "verbose", "quiet", "exit_zero")  # fmt: skip

command = Check(
    "check",
    callback=_group,
    params=options_of(),
    invoke_without_command=True,
    help="Check gradients: of all operators, of those named, or of a file's own.\n\n"
    "Options may stand before or after `ops`; every one can also be set as NEEDLE_NAME or in "
    "[tool.needle] of pyproject.toml (see `needle info`).",
    subcommand_metavar="[ops|specs] [NAME|GLOB|PATH.py]...",
)
command.add_command(
    Options(
        "ops",
        callback=_ops,
        params=[NAMES, *options_of()],
        help="Check the gradients of operators.",
    )
)
command.add_command(
    Options(
        "specs",
        callback=_specs,
        params=[
            click.Argument(["names"], nargs=-1, metavar="[PATH.py]..."),
            *options_of(SPEC_OPTIONS),
        ],
        help="Check specs only: valid and complete. Fast, no arrays.",
    )
)
