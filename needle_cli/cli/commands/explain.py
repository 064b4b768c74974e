"""`needle explain CHECK|CAUSE`: what a check asks or a cause means, why, and how to fix it."""

from __future__ import annotations

import click

from needle_cli import console
from needle_cli.causes import CAUSES
from needle_cli.explanations import CHECKS, text_of
from needle_cli.problems import Problem, nearest

PAGES = (*CHECKS, *CAUSES)


def _complete(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    return [name for name in PAGES if name.startswith(word)]


@click.command("explain")
@click.argument("words", metavar="CHECK|CAUSE", nargs=-1, required=True, shell_complete=_complete)
def command(words: tuple[str, ...]) -> int:
    """What a check asks or a likely cause means, and how to fix it, with an example."""
    name = " ".join(words)
    if name not in PAGES:
        raise Problem(
            f"unknown check {name!r}: there are the checks {', '.join(CHECKS)}, "
            f"and the causes {', '.join(CAUSES)}",
            nearest=nearest(name, PAGES),
        )
    console.write(text_of(name))
    return 0
