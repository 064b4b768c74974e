"""Numbers and small arrays in readable form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from needle_cli.records.scripts import written

MOST_SHOWN = 16
"""Entries of an array that a screen shows; of a larger array it shows the shape."""


def brief(value: float | None) -> str:
    """Return a number in six significant digits: 4, 0.333333, 1.5e-09."""
    return "–" if value is None else f"{value:.6g}"


def cell(value: float | None) -> str:
    """Return a number for a column: `4.000000` where that is readable, else `4.0000e+12`."""
    if value is None:
        return "–"
    if not math.isfinite(value) or value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.6f}"
    return f"{value:.5e}"


def small(value: float | None) -> str:
    """Return an error or a bound: two digits and a power of ten."""
    return "–" if value is None else "0" if value == 0 else f"{value:.1e}"


def percent(share: float | None) -> str:
    """Return a share of what is allowed: `44 %`, `4 %`, `> 9999 %`."""
    if share is None or math.isnan(share):
        return "–"
    if share > 99.99:
        return "> 9999 %"
    return f"{100 * share:.0f} %"


def bar(share: float | None) -> str:
    """Return one block for each tenth of what is allowed, at most ten."""
    if share is None or math.isnan(share):
        return ""
    return "█" * min(10, int(10 * share))


def shape_word(shape: Sequence[int]) -> str:
    """Return a shape as Python writes it."""
    return str(tuple(shape))


def array_text(array: Mapping[str, Any]) -> str:
    """Return an array's values in nested brackets, or its shape if there are too many."""
    shape, values = array["shape"], array["values"]
    if len(values) > MOST_SHOWN:
        return f"shape {shape_word(shape)}"
    return nested(shape, [scalar(value) for value in values])


def nested(shape: Sequence[int], words: Sequence[str]) -> str:
    """Return words in the brackets of a shape: `[[1, 2], [3, 4]]`."""
    if not shape:
        return words[0]
    step = len(words) // shape[0] if shape[0] else 0
    rows = [nested(shape[1:], words[i * step : (i + 1) * step]) for i in range(shape[0])]
    return f"[{', '.join(rows)}]"


def scalar(value: Any) -> str:
    """Return one recorded value: a number, a hex float or a word."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return str(value)
    number = float.fromhex(value) if isinstance(value, str) else float(value)
    text = f"{number:.6g}"
    return text if any(c in text for c in ".en") else f"{text}.0"


def param_text(data: Any) -> str:
    """Return a recorded parameter as Python writes it."""
    return written(data, _leaf)


def _leaf(tag: str, content: Any) -> str:
    if tag == "float":
        return str(content)
    if tag == "array":
        return f"array({array_text(content)})"
    return f"{content['dtype']}({array_text(content)})"
