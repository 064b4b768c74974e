"""`needle completion SHELL`: the completion script of a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from needle_cli import console
from needle_cli.cli import COMPLETE
from needle_cli.problems import Problem, nearest

SHELLS = ("bash", "zsh", "fish", "powershell")


def _complete(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    return [shell for shell in SHELLS if shell.startswith(word)]


@click.command("completion")
@click.argument("shell", metavar="|".join(SHELLS), shell_complete=_complete)
def command(shell: str) -> int:
    """Print the completion script of a shell, to be evaluated in its start file."""
    if shell not in SHELLS:
        raise Problem(f"unknown shell {shell!r}: there are {', '.join(SHELLS)}",
                      nearest=nearest(shell, SHELLS))  # fmt: skip
    kind = get_completion_class(shell)
    if kind is None:
        raise Problem(f"this version of click cannot complete for {shell}: upgrade click")
    root = click.get_current_context().find_root()
    completer = kind(root.command, {}, "needle", COMPLETE)
    console.write(completer.source_template % completer.source_vars())
    return 0
