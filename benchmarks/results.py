"""Store figures: one JSON file per benchmark, with date, versions and kind of machine."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from needle_cli.running.local import usable_cores

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("numpy", "scipy", "hypothesis", "torch", "jax", "autograd")


def machine() -> str:
    """Return a line that describes the machine without naming it."""
    return f"Python {platform.python_version()}, {usable_cores()} cores, {_versions()}"


def _versions() -> str:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} missing")
    return ", ".join(found)


def store(name: str, content: Any) -> str:
    """Write a benchmark's figures to results/ and return the file's name."""
    RESULTS.mkdir(exist_ok=True)
    document = {
        "benchmark": name,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "rows": content,
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return f"{RESULTS.name}/{path.name}"
