"""The checking core: it judges operators and returns findings. It imports no engine, click or rich.

The names listed here are loaded on first use, so that importing the package is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from needle_cli.checking.library.api import check_function, check_pair
    from needle_cli.checking.library.engines import register_engine
    from needle_cli.checking.library.report import GradientError, Report
    from needle_cli.checking.model import Finding, Verdict

__all__ = [
    "Finding",
    "GradientError",
    "Report",
    "Verdict",
    "check_function",
    "check_pair",
    "register_engine",
]

_HOMES = {
    "Finding": "model",
    "GradientError": "library.report",
    "Report": "library.report",
    "Verdict": "model",
    "check_function": "library.api",
    "check_pair": "library.api",
    "register_engine": "library.engines",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
