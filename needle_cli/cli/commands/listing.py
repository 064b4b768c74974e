"""`needle list KIND [--json]`: operators, checks and so on, without importing the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from needle_cli import console
from needle_cli.causes import CAUSES
from needle_cli.explanations import CHECKS, FAULTS
from needle_cli.problems import Problem, nearest, shown_path
from needle_cli.settings import Settings, resolve

Rows = list[dict[str, Any]]


def _ops(settings: Settings) -> Rows:
    from needle_cli.operators.unit import ours

    return [
        {
            "op": unit.name,
            "formula": unit.formula,
            "location": f"{unit.path}:{unit.line}",
            "tags": list(unit.tags),
            "status": "" if unit.spec and unit.exists else "no spec" if unit.exists else "stale",
        }
        for unit in ours(settings)
    ]


def _specs(settings: Settings) -> Rows:
    from pathlib import Path

    from needle_cli.operators.unit import ours

    return [
        {
            "spec": shown_path(Path(unit.spec)),
            "op": unit.name,
            "tags": list(unit.tags),
            "status": "" if unit.exists else "stale",
        }
        for unit in ours(settings)
        if unit.spec
    ]


def _checks(settings: Settings) -> Rows:
    return [{"check": name, "asks": entry.line} for name, entry in CHECKS.items()]


def _causes(settings: Settings) -> Rows:
    return [{"cause": name, "usual_fix": entry.fix} for name, entry in CAUSES.items()]


def _faults(settings: Settings) -> Rows:
    return [{"fault": name, "plants": line} for name, line in FAULTS.items()]


def _devices(settings: Settings) -> Rows:
    from needle_cli.running.devices import device_states

    return [{"device": name, "status": state} for name, state in device_states().items()]


KINDS: Mapping[str, Callable[[Settings], Rows]] = {
    "ops": _ops, "checks": _checks, "causes": _causes, "devices": _devices, "specs": _specs,
    "faults": _faults,
}  # fmt: skip


def _complete(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
    return [kind for kind in KINDS if kind.startswith(word)]


@click.command("list")
@click.argument("kind", metavar="|".join(KINDS), shell_complete=_complete)
@click.option("--json", "as_json", is_flag=True, help="A JSON array of objects.")
@click.option("--specs", metavar="DIR", help="Folder of the specifications.")
def command(kind: str, as_json: bool, specs: str | None) -> int:
    """List operators, checks, causes, devices, specs or planted faults."""
    if kind not in KINDS:
        raise Problem(f"cannot list {kind!r}: expected one of {', '.join(KINDS)}",
                      nearest=nearest(kind, KINDS))  # fmt: skip
    rows = KINDS[kind](resolve({"specs": specs} if specs else {}))
    if as_json:
        console.write(console.json_text(rows))
    else:
        console.write(_columns(rows))
    return 0


def _columns(rows: Rows) -> str:
    """Return the rows in columns of the needed width; empty columns are left out."""
    cells = [[_cell(value) for value in row.values()] for row in rows]
    used = [i for i in range(len(cells[0])) if any(line[i] for line in cells)] if cells else []
    widths = {i: max(len(line[i]) for line in cells) for i in used}
    lines = ["  ".join(f"{line[i]:{widths[i]}}" for i in used).rstrip() for line in cells]
    return console.tame("\n".join(lines))


def _cell(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)
