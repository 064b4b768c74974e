"""The engines whose operators can be judged. This is the only list of them.

A new engine is a file in this folder with an `Adapter`, and a line in `FILES`. An engine is only
imported when one of its operators is judged or one of its tensors is an argument.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from needle_cli.checking.library.engines import register_engine
from needle_cli.engines.adapter import Adapter

OWN = "needle"
"""The engine of the operators that specs describe."""

FILES = {OWN: "own"}
"""The file of this folder whose `ADAPTER` serves an engine, by the engine's name."""

OPS = "needle.ops"
"""The module of our own operators."""

OPS_FOLDER = Path(__file__).resolve().parents[2] / "needle" / "ops"
"""Its files, beside this package both in a checkout and in an installation."""


_adapters: dict[str, Adapter] = {}


def engine(name: str = OWN) -> Adapter:
    """Return an engine's adapter.

    Raises `ImportError` if the engine cannot be imported.
    """
    if name not in _adapters:
        _adapters[name] = importlib.import_module(f"needle_cli.engines.{FILES[name]}").ADAPTER
    return _adapters[name]


def announce() -> None:
    """Register every engine with `check_function`; this imports none of them."""
    for name in FILES:
        add(name)


def add(name: str, adapter: Adapter | None = None) -> None:
    """Register an engine by its tensors; `adapter` is for an engine without a file here."""
    if adapter is not None:
        _adapters[name] = adapter
    register_engine(
        name,
        lambda value: engine(name).recognises(value),
        lambda function, inputs: engine(name).from_values(function, inputs),
    )
