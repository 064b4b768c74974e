"""`needle explain CHECK`: what a check asks, why it fails, how to mend it."""

from __future__ import annotations

import click

from needle_cli import console
from needle_cli.explanations import CHECKS, text_of
from needle_cli.problems import Problem, nearest


def _complete(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    return [name for name in CHECKS if name.startswith(word)]


@click.command("explain")
@click.argument("check", metavar="CHECK", shell_complete=_complete)
def command(check: str) -> int:
    """What a check asks, why it fails, how to mend it, with an example."""
    if check not in CHECKS:
        raise Problem(f"unknown check {check!r}: there are {', '.join(CHECKS)}",
                      nearest=nearest(check, CHECKS))  # fmt: skip
    console.write(text_of(check))
    return 0
