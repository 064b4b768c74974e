"""The options of `check`, made from the table of settings; values are validated there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import click

from needle_cli import console
from needle_cli.settings import GROUPS, SETTINGS, Setting

F = TypeVar("F", bound=Callable[..., Any])
NEGATED = {"shrink", "progress"}
"""Switches that are on by default and only have a --no- form."""


OPTIONAL = "--changed"
"""The value of this option may be left out; with a value it is --changed=REF."""


class Options(click.Command):
    """A command whose help lists options by group."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `--changed` as `--changed=`: a name that follows it is that of an operator."""
        return super().parse_args(ctx, [f"{w}=" if w == OPTIONAL else w for w in args])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section per group."""
        for group in (*GROUPS, ""):
            lines = [
                line
                for parameter in self.get_params(ctx)
                if getattr(parameter, "group", "") == group
                and (line := parameter.get_help_record(ctx)) is not None
            ]
            if lines:
                with formatter.section(group or "Other"):
                    formatter.write_dl(lines)


class Grouped(click.Option):
    """An option that knows its section of the help page."""

    def __init__(self, *args: Any, group: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group


def options_of(names: Collection[str] | None = None) -> list[Grouped]:
    """Return new click options for all settings, or for the named ones."""
    found = [option for setting in SETTINGS for option in _options(setting)]
    found.append(
        Grouped(["--list", "list_only"], is_flag=True, help="Name the operators, judge nothing.",
                group="WHAT")
    )  # fmt: skip
    return [option for option in found if names is None or option.name in names]


def given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings given on the command line, from click's parameters."""
    flags: dict[str, Any] = {}
    for setting in SETTINGS:
        name = setting.name.replace("-", "_")
        value = parameters.get(name)
        if setting.name == "verbosity":
            value = parameters.get("verbose", 0) - parameters.get("quiet", 0) or None
        elif setting.name in NEGATED:
            value = False if parameters.get(f"no_{name}") else None
        elif setting.name == "max-failures" and parameters.get("fail_fast"):
            value = 1
        elif setting.name == "color" and parameters.get("no_color"):
            value = "never"
        if value is not None and setting.name == "changed":
            flags[setting.name] = value
        elif value not in (None, (), False) or (setting.name in NEGATED and value is False):
            flags[setting.name] = list(value) if isinstance(value, tuple) else value
    return flags


def _options(setting: Setting) -> list[Grouped]:
    name, group = setting.name, setting.group
    if name == "verbosity":
        return [
            Grouped(["-q", "--quiet"], count=True, group=group, help="Failures; -qq: nothing."),
            Grouped(["-v", "--verbose"], count=True, group=group,
                    help="One row per check; -vv: tracebacks too."),
        ]  # fmt: skip
    if name in NEGATED:
        words = {"shrink": "Report the first failing case as it is.", "progress": "No progress."}
        return [Grouped([f"--no-{name}"], is_flag=True, group=group, help=words[name])]
    if setting.kind == "switch":
        return [Grouped([f"--{name}"], is_flag=True, group=group, help=setting.help)]
    metavar = setting.metavar or ("|".join(setting.choices) if setting.choices else name.upper())
    declared = list(setting.flags) + ([f"--{name}"] if len(name) > 1 else [])
    option = Grouped([*declared, name.replace("-", "_")], metavar=metavar, group=group,
                     help=setting.help, multiple=setting.kind == "words",
                     shell_complete=_completer(setting))  # fmt: skip
    extra = []
    if name == "max-failures":
        extra = [Grouped(["-x", "--fail-fast"], is_flag=True, group=group,
                         help="Stop after the first failing operator.")]  # fmt: skip
    if name == "color":
        extra = [Grouped(["--no-color"], is_flag=True, group=group, help="The same as never.")]
    return [option, *extra]


def _completer(setting: Setting) -> Callable[..., Any] | None:
    if not setting.choices:
        return None

    def complete(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
        head, comma, last = word.rpartition(",")
        return [f"{head}{comma}{c}" for c in setting.choices if c.startswith(last)]

    return complete


def warn(text: str) -> None:
    """Print a warning on stderr, which is not part of the report."""
    console.tell(f"needle: warning: {text}")
