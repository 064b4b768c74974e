"""`needle new op FAMILY/NAME`: start an operator and its spec."""

from __future__ import annotations

from pathlib import Path

import click

from needle_cli import console
from needle_cli.operators import scaffold
from needle_cli.problems import PASSED, shown_path


@click.group("new", help="Start something new.")
def command() -> None:
    """Start something new."""


@command.command("op")
@click.argument("name", metavar="FAMILY/NAME")
@click.option("--spec-only", is_flag=True, help="The operator exists: write only its spec.")
def op(name: str, spec_only: bool) -> int:
    """Write class, function and spec of an operator, with a TODO for all that is missing."""
    place = scaffold.place_of(name, Path.cwd())
    for path in scaffold.write(place, spec_only):
        console.write(f"wrote {shown_path(path)}")
    asked = place.name if place.engine else f"{place.source.name} -k {place.function}"
    console.write(f"next: needle check {asked}    (it says what is still to be written)")
    return PASSED
