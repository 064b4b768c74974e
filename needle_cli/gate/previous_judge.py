"""What the judge of another commit says of the current operators.

Specs, settings and known failures are taken from that commit, and the tool itself if the same
repository contains it, so that no change brings its own judge.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import needle_cli
from needle_cli import stopping
from needle_cli.gate.git import Change
from needle_cli.operators.unit import Unit
from needle_cli.reports.events import FINDING
from needle_cli.settings import Settings

CONFIG = "pyproject.toml"
"""The name under which the settings of the base are written down."""


def refusals(
    change: Change, config: str, units: Sequence[Unit], settings: Settings
) -> Iterator[tuple[str, str]]:
    """Yield operator and text for everything that the judge of the base refuses.

    `config` is the text of the pyproject.toml that was in force there. The operator is "" if the
    judge could not run at all.
    """
    groups: dict[str, list[Unit]] = {}
    for unit in units:
        if unit.exists and unit.spec:
            groups.setdefault(unit.source, []).append(unit)
    for source, members in groups.items():
        with _judge(change, config, members) as (folder, specs):
            document = {} if specs is None else _run(folder, specs, source, members, settings)
        if "error" in document:
            yield "", f"its judge cannot run with this change: {document['error']['message']}"
        for item in document.get("results", ()):
            if item["status"] in FINDING:
                first = item["findings"][0] if item["findings"] else {}
                said = first.get("cause") or first.get("message") or item.get("reason", "")
                yield item["op"], f"{item['check']}: {said}"


@contextlib.contextmanager
def _judge(
    change: Change, config: str, units: Sequence[Unit]
) -> Iterator[tuple[Path, Path | None]]:
    """Write the judge of a commit into a folder; return that folder and its specs, if any."""
    with tempfile.TemporaryDirectory(prefix="needle-against-") as name:
        folder = Path(name)
        specs = units[0].specs or Path()
        inside = [p for p in change.below(specs) if p.suffix == ".toml"]
        for path in inside:
            _write(folder / "specs" / path, change.text(specs / path))
        _write(folder / CONFIG, config)
        known = units[0].known_failures
        if known is not None and not known.is_absolute():
            text = change.text(known)
            if text is not None:
                _write(folder / known, text)
        tool = Path(needle_cli.__file__).resolve().parent
        if not units[0].source and tool.is_relative_to(change.top):
            for path in change.below(tool):
                _write(folder / "needle_cli" / path, change.text(tool / path))
        yield folder, folder / "specs" if inside else None


def _run(
    folder: Path, specs: Path, source: str, units: Sequence[Unit], settings: Settings
) -> Mapping[str, Any]:
    """Run the judge over the current operators that it has a spec for."""
    at = [p.relative_to(specs).with_suffix("").as_posix() for p in specs.rglob("*.toml")]
    names = [u.name for u in units if u.name in at or (source and u.function in at)]
    if not names:
        return {}
    words = ["-k", " or ".join(u.function for u in units if u.name in names)] if source else names
    asked = [os.path.abspath(source), *words] if source else words
    command = [
        sys.executable, "-m", "needle_cli", "check", "ops", *asked, "--specs", str(specs),
        "--format", "json", "--seed", str(settings["seed"]), "-n", str(settings["max-examples"]),
    ]  # fmt: skip
    command += [f"--device={device}" for device in settings["device"]]
    command += [f"--dtype={dtype}" for dtype in settings["dtype"]]
    command += [f"--trust={module}" for module in settings["trust"]]
    engine = str(Path(needle_cli.__file__).resolve().parent.parent)
    path = os.pathsep.join([str(folder), engine, os.environ.get("PYTHONPATH", "")])
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("NEEDLE_", "GITHUB_"))}
    with stopping.waiting():
        done = subprocess.run(
            command, cwd=folder, env={**environ, "PYTHONPATH": path}, capture_output=True,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no answer"])[-1]
        return {"error": {"message": last}}
    return found


def _write(path: Path, text: str | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text or "", encoding="utf-8")
