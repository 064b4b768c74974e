"""`needle info`: versions, devices, and every setting with where it came from."""

from __future__ import annotations

from typing import Any

import click

from needle_cli import console
from needle_cli.running.devices import device_states
from needle_cli.running.provenance import versions
from needle_cli.settings import PROFILE_NAMES, SETTINGS, Settings, resolve


@click.command("info")
@click.option("--json", "as_json", is_flag=True, help="The same as one JSON object.")
@click.option("--profile", metavar="|".join(PROFILE_NAMES), help="Show the settings of a profile.")
def command(as_json: bool, profile: str | None) -> int:
    """Versions, devices, and every setting with its origin."""
    settings = resolve({"profile": profile} if profile else {})
    if as_json:
        console.write(console.json_text(_document(settings)))
    else:
        console.write("\n".join(_lines(settings)))
    return 0


def _document(settings: Settings) -> dict[str, Any]:
    return {
        "versions": versions(),
        "devices": device_states(),
        "config": settings.config.path.name if settings.config.path else None,
        "settings": {
            setting.name: {
                "value": settings[setting.name],
                "origin": settings.origins[setting.name],
            }
            for setting in SETTINGS
        },
    }


def _lines(settings: Settings) -> list[str]:
    document = _document(settings)
    lines = [f"{name:12} {version}" for name, version in document["versions"].items()]
    lines += ["", *(f"{name:12} {state}" for name, state in document["devices"].items())]
    lines += ["", f"{'settings':18} (configuration: {document['config'] or 'none found'})"]
    for name, entry in document["settings"].items():
        lines.append(f"  {name:18} {_word(entry['value']):20} {entry['origin']}")
    return lines


def _word(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(value) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value in (None, "") else str(value)
