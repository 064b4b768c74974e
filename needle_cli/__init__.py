"""The gate: `needle check` and everything behind it."""

from typing import Any

from needle_cli._version import __version__
from needle_cli.engines import registry

__all__ = ["__version__", "gradient_check"]

registry.announce()


def __getattr__(name: str) -> Any:
    """Import `gradient_check` on first use: the command line starts without NumPy."""
    if name == "gradient_check":
        from needle_cli.integrations.course import gradient_check

        return gradient_check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
