"""The command tree; each command is one file, imported when it is used."""

from __future__ import annotations

import importlib

import click

from needle_cli._version import __version__
from needle_cli.problems import Problem, nearest

COMMANDS = {
    "check": ("check", "Check operators (the same as `check ops`), files or specs."),
    "replay": ("replay", "Ask recorded failures again."),
    "new": ("new", "Start an operator and its spec."),
    "baseline": ("baseline", "Known failures: show, accept, prune."),
    "report": ("report", "Render a report again; merge shards."),
    "list": ("listing", "List operators, checks, devices or specs."),
    "explain": ("explain", "What a check asks, why it fails, how to fix it."),
    "info": ("info", "Versions, devices, and every setting with its origin."),
    "completion": ("completion", "Print the completion script of a shell."),
}


class Tree(click.Group):
    """A group whose commands are imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"needle_cli.cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was meant."""
        if args[0] not in COMMANDS:
            raise Problem(f"unknown command {args[0]!r}", nearest=nearest(args[0], COMMANDS))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=Tree, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="needle", message="%(prog)s %(version)s")
def needle() -> None:
    """Check the gradients of operators against finite differences.

    `needle check ops` checks all of them. Exit codes: 0 right, 1 findings, 2 could not start,
    3 internal error, 4 a question stayed unanswered, 5 nothing selected.
    """
