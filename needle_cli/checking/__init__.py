"""The checking core: numbers in, findings out. It imports no engine, no click, no rich."""

from needle_cli.checking.library.api import check_function, check_pair, register_engine
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
