"""A page of styled lines, rendered to text by rich; names and messages are never markup."""

from __future__ import annotations

import io
import textwrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from needle_cli import console

HEIGHT = 25
"""Always passed to rich: without a height, rich ignores the width under TERM=dumb."""


class Page:
    """Collects lines and tables, and returns them as one text."""

    def __init__(self, colour: bool, columns: int) -> None:
        self.columns = columns
        self._out = io.StringIO()
        self._console = Console(
            file=self._out,
            width=columns,
            height=HEIGHT,
            force_terminal=colour,
            no_color=not colour,
            color_system="standard" if colour else None,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def line(self, text: str = "", style: str = "") -> None:
        """Add one line without wrapping it, so that a command can be copied."""
        self._console.print(
            Text(console.tame(text), style), no_wrap=True, overflow="ignore", crop=False
        )

    def pieces(self, *pieces: tuple[str, str]) -> None:
        """Add one line made of (text, style) pieces."""
        line = Text()
        for text, style in pieces:
            line.append(console.tame(text), style)
        self._console.print(line, no_wrap=True, overflow="ignore", crop=False)

    def entry(self, label: str, text: str, style: str = "", margin: int = 17) -> None:
        """Add a labelled paragraph, wrapped beside its label."""
        room = max(20, self.columns - margin)
        lines = [
            piece
            for line in console.tame(text).splitlines() or [""]
            for piece in textwrap.wrap(line, room, break_long_words=False) or [""]
        ]
        for place, line in enumerate(lines):
            lead = f"  {label}".ljust(margin) if label and not place else " " * margin
            self.pieces((lead, "dim"), (line, style))

    def block(self, label: str, text: str, margin: int = 17) -> None:
        """Add a label and lines that are not wrapped, so that they can be copied."""
        for place, line in enumerate(text.splitlines()):
            lead = f"  {label}".ljust(margin) if not place else " " * margin
            self.pieces((lead, "dim"), (f"  {line}" if line else "", ""))

    def command(self, label: str, text: str, margin: int = 17) -> None:
        """Add a labelled command, never wrapped."""
        self.pieces((f"  {label:{margin - 2}}", "dim"), (text, ""))

    def table(self, table: Table) -> None:
        """Add a table."""
        self._console.print(table)

    def text(self) -> str:
        """Return everything as text, without spaces at the ends of lines."""
        lines = self._out.getvalue().split("\n")
        return console.Drawn("\n".join(line.rstrip() for line in lines))
